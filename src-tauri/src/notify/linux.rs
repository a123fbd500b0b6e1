//! The desktop's notification service, by D-Bus (Desktop Notifications Specification).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use gtk::{
    gio::{BusType, Cancellable, DBusCallFlags, bus_get_sync},
    glib::{self, ToVariant as _},
};
use notify_rust::Notification;
use omlx_mcp::{PRODUCT, ServerId};
use tauri::AppHandle;

use super::{Answer, Call, answered};
use crate::words::Words;

const ACT: &str = "act";
const LOOK: &str = "default";

/// How long the service may take to close one, in milliseconds.
const PATIENCE: i32 = 5_000;

/// Shows and takes away.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    app: AppHandle,
    /// The service's number of what is to be seen of a server.
    shown: Arc<Mutex<BTreeMap<ServerId, u32>>>,
}

impl Notifier {
    /// With nothing shown.
    pub(super) fn begin(app: &AppHandle) -> Self {
        Self {
            app: app.clone(),
            shown: Arc::default(),
        }
    }

    /// Shows it, in the place of an earlier one of the server, and waits on a thread of its own for what is pressed.
    pub(super) fn show(&self, call: Call, words: &'static Words) {
        self.withdraw(&call.server);
        let notifier = self.clone();
        on_a_thread(move || notifier.wait(&call, words));
    }

    /// Takes away what was shown of a server.
    pub(super) fn withdraw(&self, server: &ServerId) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = shown.remove(server) {
            on_a_thread(move || {
                if let Err(error) = close(number) {
                    tracing::info!(%error, "a notification could not be taken away");
                }
            });
        }
    }

    fn wait(&self, call: &Call, words: &Words) {
        let shown = Notification::new()
            .appname(PRODUCT)
            .summary(&call.title(words))
            .body(&call.text())
            .icon("omlx-connect")
            .action(ACT, call.button(words))
            .action(LOOK, words.notice_show)
            .show();
        let notification = match shown {
            Ok(notification) => notification,
            Err(error) => return tracing::info!(%error, "there is no notification service here"),
        };
        let number = notification.id();
        self.remember(&call.server, number);
        notification.wait_for_action(|action| match action {
            ACT => answered(&self.app, &call.server, Answer::Act),
            LOOK => answered(&self.app, &call.server, Answer::Look),
            _ => {}
        });
        self.forget(&call.server, number);
    }

    fn remember(&self, server: &ServerId, number: u32) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(server.clone(), number);
    }

    /// It is gone; another one of the server may have come.
    fn forget(&self, server: &ServerId, number: u32) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.get(server) == Some(&number) {
            shown.remove(server);
        }
    }
}

fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("notification".to_owned());
    if let Err(error) = thread.spawn(work) {
        tracing::warn!(%error, "nobody could be notified");
    }
}

/// Whoever waits for an answer to it hears that it is closed, and ends.
fn close(number: u32) -> Result<(), glib::Error> {
    let bus = bus_get_sync(BusType::Session, Cancellable::NONE)?;
    bus.call_sync(
        Some("org.freedesktop.Notifications"),
        "/org/freedesktop/Notifications",
        "org.freedesktop.Notifications",
        "CloseNotification",
        Some(&(number,).to_variant()),
        None,
        DBusCallFlags::NO_AUTO_START,
        PATIENCE,
        Cancellable::NONE,
    )
    .map(drop)
}

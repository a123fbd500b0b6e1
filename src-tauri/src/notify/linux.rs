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
use omlx_mcp::PRODUCT;
use tauri::AppHandle;

use super::{Answer, Notice, Subject, answered};
use crate::words::Words;

const ACT: &str = "act";
const LOOK: &str = "default";

/// How long the service may take to close one, in milliseconds.
const PATIENCE: i32 = 5_000;

/// Shows and takes away.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    app: AppHandle,
    /// The service's number of what is to be seen of each subject.
    shown: Arc<Mutex<BTreeMap<Subject, u32>>>,
}

impl Notifier {
    /// With nothing shown.
    pub(super) fn begin(app: &AppHandle) -> Self {
        Self {
            app: app.clone(),
            shown: Arc::default(),
        }
    }

    /// Shows it, in the place of an earlier one of the subject, and waits on a thread of its own for what is pressed.
    pub(super) fn show(&self, notice: Notice, words: &'static Words) {
        self.withdraw(&notice.subject);
        let notifier = self.clone();
        on_a_thread(move || notifier.wait(&notice, words));
    }

    /// Takes away what was shown of a subject.
    pub(super) fn withdraw(&self, subject: &Subject) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = shown.remove(subject) {
            on_a_thread(move || {
                if let Err(error) = close(number) {
                    tracing::info!(%error, "a notification could not be taken away");
                }
            });
        }
    }

    fn wait(&self, notice: &Notice, words: &Words) {
        let shown = Notification::new()
            .appname(PRODUCT)
            .summary(&notice.title)
            .body(&notice.text)
            .icon("omlx-connect")
            .action(ACT, notice.button)
            .action(LOOK, words.notice_show)
            .show();
        let notification = match shown {
            Ok(notification) => notification,
            Err(error) => return tracing::info!(%error, "there is no notification service here"),
        };
        let number = notification.id();
        self.remember(&notice.subject, number);
        notification.wait_for_action(|action| match action {
            ACT => answered(&self.app, &notice.subject, Answer::Act),
            LOOK => answered(&self.app, &notice.subject, Answer::Look),
            _ => {}
        });
        self.forget(&notice.subject, number);
    }

    fn remember(&self, subject: &Subject, number: u32) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(subject.clone(), number);
    }

    /// It is gone; another one of the subject may have come.
    fn forget(&self, subject: &Subject, number: u32) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.get(subject) == Some(&number) {
            shown.remove(subject);
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

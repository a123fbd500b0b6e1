//! The desktop's notification service, by D-Bus (Desktop Notifications Specification).

use std::thread;

use notify_rust::Notification;
use omlx_mcp::PRODUCT;
use tauri::AppHandle;

use super::{Answer, Call, answered};

const ACT: &str = "act";
const LOOK: &str = "default";

/// Shows it, and waits on a thread of its own for what is pressed.
pub(super) fn show(app: &AppHandle, call: Call) {
    let app = app.clone();
    let waiting = thread::Builder::new().name("notification".to_owned());
    let started = waiting.spawn(move || wait(&app, &call));
    if let Err(error) = started {
        tracing::warn!(%error, "nobody could be notified");
    }
}

fn wait(app: &AppHandle, call: &Call) {
    let shown = Notification::new()
        .appname(PRODUCT)
        .summary(&call.title())
        .body(&call.text())
        .icon("omlx-connect")
        .action(ACT, call.button())
        .action(LOOK, "Show")
        .show();
    match shown {
        Ok(notification) => notification.wait_for_action(|action| match action {
            ACT => answered(app, call, Answer::Act),
            LOOK => answered(app, call, Answer::Look),
            _ => {}
        }),
        Err(error) => tracing::info!(%error, "there is no notification service here"),
    }
}

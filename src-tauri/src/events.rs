//! The core's truth and news, to the tray and to the panel if there is one.

use omlx_mcp::{Snapshot, access::AccessSnapshot, settings::Settings};
use serde::Serialize;
use tauri::{AppHandle, Emitter as _, Manager as _};
use tokio::sync::broadcast::error::RecvError;

use crate::{autostart, desk::Desk, panel, tray};

/// Forwards from now on.
pub(crate) fn forward(app: &AppHandle) {
    tauri::async_runtime::spawn(snapshots(app.clone()));
    tauri::async_runtime::spawn(news(app.clone()));
    tauri::async_runtime::spawn(choices(app.clone()));
    tauri::async_runtime::spawn(clients(app.clone()));
    tauri::async_runtime::spawn(calls(app.clone()));
}

async fn snapshots(app: AppHandle) {
    let mut board = app.state::<Desk>().handle.snapshot();
    loop {
        let snapshot = board.borrow_and_update().clone();
        tell::<Snapshot>(&app, "snapshot", &snapshot);
        tray::refresh(&app);
        if board.changed().await.is_err() {
            return;
        }
    }
}

async fn news(app: AppHandle) {
    let mut events = app.state::<Desk>().handle.events();
    loop {
        match events.recv().await {
            Ok(event) => tell(&app, "event", &event),
            // The snapshot is the truth; news that was missed is old.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn choices(app: AppHandle) {
    let mut chosen = app.state::<Desk>().chosen.clone();
    loop {
        let settings = *chosen.borrow_and_update();
        autostart::apply(&app, settings);
        tell::<Settings>(&app, "settings", &settings);
        tray::refresh(&app);
        if chosen.changed().await.is_err() {
            return;
        }
    }
}

/// Who else uses the servers.
async fn clients(app: AppHandle) {
    let mut clients = app.state::<Desk>().clients.clone();
    while clients.changed().await.is_ok() {
        let now = clients.borrow_and_update().clone();
        tell::<AccessSnapshot>(&app, "access", &now);
    }
}

/// That they called something; what, the panel asks for.
async fn calls(app: AppHandle) {
    let mut calls = app.state::<Desk>().access.activity();
    while calls.changed().await.is_ok() {
        tell(&app, "calls", &());
    }
}

fn tell<T: Serialize + Clone>(app: &AppHandle, name: &str, news: &T) {
    if app.get_webview_window(panel::LABEL).is_none() {
        return;
    }
    if let Err(error) = app.emit_to(panel::LABEL, name, news) {
        tracing::warn!(%error, "the panel was not told");
    }
}

//! A redirect that comes by link (RFC 8252 §7.1): handed to the core, which compares its `state` and drops a stranger's.

use omlx_mcp::Explain as _;
use tauri::{AppHandle, Manager as _, Url};
use tauri_plugin_deep_link::DeepLinkExt as _;

use crate::{desk::Desk, panel};

/// Hears every link, also the one this process was started by. One that comes twice finds nobody waiting.
pub(crate) fn listen(app: &AppHandle) {
    let links = app.deep_link();
    let listener = app.clone();
    links.on_open_url(move |event| {
        for url in event.urls() {
            arrived(&listener, url);
        }
    });
    if let Ok(Some(urls)) = links.get_current() {
        for url in urls {
            arrived(app, url);
        }
    }
}

fn arrived(app: &AppHandle, url: Url) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let handle = app.state::<Desk>().handle.clone();
        match handle.redirected(url.as_str()).await {
            Ok(true) => panel::come_forward(&app),
            Ok(false) => tracing::warn!("a link was dropped: no sign-in waits for it"),
            Err(error) => tracing::warn!(code = error.code(), "a link was dropped: {error}"),
        }
    });
}

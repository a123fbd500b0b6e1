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
    receive(app);
    if let Ok(Some(urls)) = links.get_current() {
        for url in urls {
            arrived(app, url);
        }
    }
}

/// Sees to it that the desktop sends links here, and tells the core once it does (decision 0022).
fn receive(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        if is_registered(&app) {
            app.state::<Desk>().handle.receive_links();
        } else {
            tracing::info!("links of our own do not reach this app: sign-ins come back by loopback");
        }
    });
}

/// The bundle's Info.plist is all macOS goes by.
#[cfg(target_os = "macos")]
fn is_registered(_: &AppHandle) -> bool {
    crate::macos::is_bundled()
}

/// Elsewhere there is only `xdg-open`'s own search, which starts nothing from a quoted `Exec`.
#[cfg(not(target_os = "macos"))]
fn is_registered(app: &AppHandle) -> bool {
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    if cfg!(target_os = "linux") && !has_an_opener(&desktop) {
        return false;
    }
    let registered = app.deep_link().register_all();
    registered
        .inspect_err(|error| tracing::info!(%error, "the desktop was not told of our links"))
        .is_ok()
}

/// Desktops that come with an opener of their own, which `xdg-open` hands a link to.
#[cfg(not(target_os = "macos"))]
const DESKTOPS: [&str; 9] = [
    "Cinnamon",
    "Deepin",
    "GNOME",
    "KDE",
    "LXQt",
    "MATE",
    "Unity",
    "X-Cinnamon",
    "XFCE",
];

/// `XDG_CURRENT_DESKTOP` is a list: a desktop, then what it is made of.
#[cfg(not(target_os = "macos"))]
fn has_an_opener(desktop: &str) -> bool {
    desktop.split(':').any(|name| DESKTOPS.contains(&name))
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

#[cfg(all(test, not(target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_on_desktops_that_bring_them() {
        for desktop in ["GNOME", "ubuntu:GNOME", "KDE", "XFCE", "Budgie:GNOME"] {
            assert!(has_an_opener(desktop), "{desktop}");
        }
        for desktop in ["", "sway", "i3", "Hyprland", "openbox"] {
            assert!(!has_an_opener(desktop), "{desktop}");
        }
    }
}

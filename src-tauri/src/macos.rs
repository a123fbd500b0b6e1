//! What only macOS has: the Dock, which the app is in while its window is there and not otherwise.
//!
//! The app starts as an ordinary one and leaves the Dock when the icon is in the menu bar. Born as an agent
//! (`LSUIElement`) and switched while running, macOS 26 was seen to hide the icon.

use std::time::Duration;

use tauri::{ActivationPolicy, AppHandle, Manager as _};
use tokio::time::sleep;

use crate::{panel, tray};

/// How long after the start the icon must be there.
const PROBE: Duration = Duration::from_secs(3);

/// Leaves the Dock, and looks whether the icon came; once more if it did not.
pub(crate) fn settle(app: &AppHandle) {
    leave_dock(app);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        sleep(PROBE).await;
        if tray::is_visible(&app) {
            return;
        }
        tracing::warn!("the icon is not in the menu bar; it is put there again");
        tray::put_back(&app);
        sleep(PROBE).await;
        if !tray::is_visible(&app) {
            tracing::warn!("the menu bar has no room for the icon: take another one out, then start again");
            panel::show(&app, None);
        }
    });
}

/// While a window is there, the app is one like any other: in the Dock, in the switcher, with a menu.
pub(crate) fn show_in_dock(app: &AppHandle) {
    apply(app, ActivationPolicy::Regular);
}

/// Without a window only the icon is left.
pub(crate) fn leave_dock(app: &AppHandle) {
    let window = app.get_webview_window(panel::LABEL);
    if window.is_none() {
        apply(app, ActivationPolicy::Accessory);
    }
}

fn apply(app: &AppHandle, policy: ActivationPolicy) {
    if let Err(error) = app.set_activation_policy(policy) {
        tracing::warn!(%error, "the Dock could not be left or entered");
    }
}

/// Whether this process is a bundle's: only then do links reach it, and may it tell anything.
pub(crate) fn is_bundled() -> bool {
    std::env::current_exe().is_ok_and(|program| {
        let mut folders = program.ancestors().skip(1);
        folders
            .next()
            .is_some_and(|folder| folder.ends_with("Contents/MacOS"))
            && folders
                .nth(1)
                .is_some_and(|bundle| bundle.extension().is_some_and(|ending| ending == "app"))
    })
}

//! Starting with the session: the user's choice, carried out.

use omlx_mcp::settings::Settings;
use tauri::{AppHandle, Runtime, plugin::TauriPlugin};
use tauri_plugin_autostart::{MacosLauncher, ManagerExt as _};

use crate::launch;

/// The plugin; a session starts the app without a window.
pub(crate) fn plugin<R: Runtime>() -> TauriPlugin<R> {
    tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![launch::BACKGROUND]))
}

/// Makes the session do what was chosen.
pub(crate) fn apply(app: &AppHandle, settings: Settings) {
    let session = app.autolaunch();
    let outcome = match (session.is_enabled(), settings.launch_at_login) {
        (Ok(is), wanted) if is == wanted => return,
        (_, true) => session.enable(),
        (_, false) => session.disable(),
    };
    if let Err(error) = outcome {
        tracing::warn!(%error, "starting with the session could not be changed");
    }
}

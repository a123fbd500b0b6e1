//! The app itself.

use omlx_mcp::{Action, Explain as _, Problem, settings::Settings, store::KeySource};
use serde::Serialize;
use tauri::{AppHandle, State};

use crate::{
    browser,
    desk::{Desk, Place},
};

/// The user's choices.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings(desk: State<'_, Desk>) -> Result<Settings, Problem> {
    Ok(*desk.chosen.borrow())
}

/// Keeps the user's choices. Done when the gateway listens where they say, or is known not to.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_settings(desk: State<'_, Desk>, settings: Settings) -> Result<(), Problem> {
    desk.settings.write(settings).map_err(|error| error.problem())?;
    desk.lending.settled(settings.gateway_port).await;
    Ok(())
}

/// Where a window that was just made should begin; told once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place(desk: State<'_, Desk>) -> Result<Option<Place>, Problem> {
    Ok(desk.replace_place(None))
}

/// Opens the config file in the user's editor.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_config(app: AppHandle, desk: State<'_, Desk>) -> Result<(), Problem> {
    let path = desk.file.path().display().to_string();
    browser::open(&app, &path).map_err(|error| Problem {
        code: "config_not_opened".into(),
        message: format!("nothing here opens {path}: {}", error.kind()),
        action: Action::None,
    })
}

/// What the app is made of.
#[derive(Clone, Debug, Serialize, specta::Type)]
pub(crate) struct About {
    version: &'static str,
    config_path: String,
    data_path: String,
    key_source: KeySource,
    gateway_url: Option<String>,
    gateway_problem: Option<Problem>,
}

/// Says what the app is made of.
#[tauri::command]
#[specta::specta]
pub(crate) async fn about(desk: State<'_, Desk>) -> Result<About, Problem> {
    let (gateway_url, gateway_problem) = match desk.lending.url() {
        Some(Ok(url)) => (Some(url), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    Ok(About {
        version: env!("CARGO_PKG_VERSION"),
        config_path: desk.file.path().display().to_string(),
        data_path: desk.home.data().display().to_string(),
        key_source: desk.handle.key_source().unwrap_or(KeySource::Keychain),
        gateway_url,
        gateway_problem,
    })
}

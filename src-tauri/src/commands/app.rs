//! The app itself.

use omlx_mcp::{Action, Explain as _, Problem, settings::Settings};
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

/// Keeps the user's choices.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_settings(desk: State<'_, Desk>, settings: Settings) -> Result<(), Problem> {
    desk.settings.write(settings).map_err(|error| error.problem())
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

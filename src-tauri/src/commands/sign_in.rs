//! Signing in and out.

use omlx_mcp::{
    Action, AuthStatus, Explain, Problem, browser::Browser as _, connection::SignInOptions,
    event::SignInPrompt, handle::Server, sign_out::SignOutReport,
};
use tauri::{AppHandle, State, Url};

use crate::{browser::ShellBrowser, clipboard, desk::Desk};

/// Starts a sign-in; how it goes shows in the snapshot.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_in(desk: State<'_, Desk>, id: String) -> Result<(), Problem> {
    desk.server(&id).map(start)
}

/// Gives a sign-in up.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_sign_in(desk: State<'_, Desk>, id: String) -> Result<(), Problem> {
    desk.server(&id)?.cancel_sign_in().await;
    Ok(())
}

/// Signs out, and says what that did.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_out(desk: State<'_, Desk>, id: String) -> Result<SignOutReport, Problem> {
    desk.server(&id)?.sign_out().await
}

/// Asks for the scopes that are missing.
#[tauri::command]
#[specta::specta]
pub(crate) async fn allow_scopes(desk: State<'_, Desk>, id: String) -> Result<(), Problem> {
    desk.server(&id).map(start)
}

/// Starts a sign-in that nobody waits for.
pub(crate) fn start(server: Server) {
    tauri::async_runtime::spawn(async move {
        if let Err(problem) = server.sign_in(SignInOptions::default()).await {
            tracing::info!(server = %server.id(), code = %problem.code, "the sign-in came to nothing");
        }
    });
}

/// Opens the page of a sign-in under way in the browser, again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_link(app: AppHandle, desk: State<'_, Desk>, id: String) -> Result<(), Problem> {
    let link = link(&desk, &id)?;
    ShellBrowser::new(&app)
        .open(&link)
        .map_err(|error| error.problem())
}

/// Puts the address of a sign-in under way on the clipboard.
#[tauri::command]
#[specta::specta]
pub(crate) async fn copy_link(app: AppHandle, desk: State<'_, Desk>, id: String) -> Result<(), Problem> {
    let link = link(&desk, &id)?;
    clipboard::put(&app, link.into()).map_err(|error| error.problem())
}

/// Tries every server again whose grant the keychain kept to itself; that asks for it to be unlocked.
#[tauri::command]
#[specta::specta]
pub(crate) async fn unlock_keychain(desk: State<'_, Desk>) -> Result<(), Problem> {
    let snapshot = desk.handle.snapshot().borrow().clone();
    let locked = snapshot
        .servers
        .iter()
        .filter(|server| server.auth == AuthStatus::Locked);
    for server in locked {
        desk.server(server.id.as_str())?.retry().await;
    }
    Ok(())
}

/// No sign-in waits for the browser.
#[derive(Debug, thiserror::Error)]
#[error("no sign-in to {server} waits for the browser")]
struct NoLink {
    server: String,
}

impl Explain for NoLink {
    fn code(&self) -> &'static str {
        "no_sign_in_waiting"
    }

    fn action(&self) -> Action {
        Action::Connect
    }
}

fn link(desk: &Desk, id: &str) -> Result<Url, Problem> {
    let address = match desk.server(id)?.snapshot().prompt {
        Some(SignInPrompt::Browser { url }) => Some(url),
        Some(SignInPrompt::DeviceCode {
            verification_uri,
            verification_uri_complete,
            ..
        }) => Some(verification_uri_complete.unwrap_or(verification_uri)),
        None => None,
    };
    let link = address.and_then(|address| Url::parse(&address).ok());
    let server = id.to_owned();
    link.ok_or_else(|| NoLink { server }.problem())
}

//! Signing in and out.

use omlx_mcp::{Problem, connection::SignInOptions, handle::Server, sign_out::SignOutReport};
use tauri::State;

use crate::desk::Desk;

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

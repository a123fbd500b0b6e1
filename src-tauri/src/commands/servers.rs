//! How the servers are.

use omlx_mcp::{Problem, Snapshot, connection::LogLine, oauth::timeline::Step};
use tauri::State;

use super::tool::Tool;
use crate::desk::Desk;

/// The truth at this moment.
#[tauri::command]
#[specta::specta]
pub(crate) async fn snapshot(desk: State<'_, Desk>) -> Result<Snapshot, Problem> {
    Ok(Snapshot::clone(&desk.handle.snapshot().borrow()))
}

/// Connects again now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry(desk: State<'_, Desk>, id: String) -> Result<(), Problem> {
    desk.server(&id)?.retry().await;
    Ok(())
}

/// The tools, as soon as they are known.
#[tauri::command]
#[specta::specta]
pub(crate) async fn tools(desk: State<'_, Desk>, id: String) -> Result<Vec<Tool>, Problem> {
    Ok(desk.server(&id)?.tools().await?.iter().map(Tool::from).collect())
}

/// The evidence of the last sign-in and what followed it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn timeline(desk: State<'_, Desk>, id: String) -> Result<Vec<Step>, Problem> {
    Ok(desk.server(&id)?.timeline())
}

/// The last lines the server wrote.
#[tauri::command]
#[specta::specta]
pub(crate) async fn log(desk: State<'_, Desk>, id: String) -> Result<Vec<LogLine>, Problem> {
    Ok(desk.server(&id)?.log())
}

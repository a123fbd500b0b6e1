//! Who else uses the servers, and what each of them may do.

use omlx_mcp::{
    Explain as _, Problem, ServerId,
    access::{AccessSnapshot, HeldTool, LoggedCall, ReviewedTool, Rules},
    clients::OtherApp,
};
use tauri::State;

use super::clients::use_in;
use crate::desk::Desk;

/// How many calls are shown.
const CALLS: usize = 200;

/// Every client at this moment.
#[tauri::command]
#[specta::specta]
pub(crate) async fn access(desk: State<'_, Desk>) -> Result<AccessSnapshot, Problem> {
    Ok(desk.access.snapshot())
}

/// Every tool that is held back, with what changed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn held_tools(desk: State<'_, Desk>) -> Result<Vec<HeldTool>, Problem> {
    desk.access.held().map_err(|error| error.problem())
}

/// Lets a client have tools as they were reviewed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn approve_tools(
    desk: State<'_, Desk>,
    client: String,
    server: ServerId,
    tools: Vec<ReviewedTool>,
) -> Result<(), Problem> {
    let approved = desk.access.approve(&client, &server, &tools);
    approved.map(drop).map_err(|error| error.problem())
}

/// Takes a client's key away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn revoke_client(desk: State<'_, Desk>, client: String) -> Result<(), Problem> {
    desk.access.revoke(&client).map_err(|error| error.problem())
}

/// Calls a client something else; its key, its rules and what it approved stay.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rename_client(
    desk: State<'_, Desk>,
    client: String,
    name: String,
) -> Result<(), Problem> {
    let renamed = desk.access.rename(&client, &name);
    renamed.map_err(|error| error.problem())
}

/// Says what a client may use from now on.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_client_rules(
    desk: State<'_, Desk>,
    client: String,
    rules: Rules,
) -> Result<(), Problem> {
    let set = desk.access.set_rules(&client, rules);
    set.map_err(|error| error.problem())
}

/// The last calls, the newest first; those of one client, or all.
#[tauri::command]
#[specta::specta]
pub(crate) async fn calls(desk: State<'_, Desk>, client: Option<String>) -> Result<Vec<LoggedCall>, Problem> {
    let is_wanted = |call: &LoggedCall| client.as_ref().is_none_or(|client| call.client == *client);
    let mut calls = desk
        .access
        .calls(CALLS, is_wanted)
        .map_err(|error| error.problem())?;
    calls.reverse();
    Ok(calls)
}

/// Makes a key for an app of any kind. It crosses to the panel as the answer to this, once, and is kept nowhere.
#[tauri::command]
#[specta::specta]
pub(crate) async fn other_app(
    desk: State<'_, Desk>,
    name: String,
    id: Option<ServerId>,
) -> Result<OtherApp, Problem> {
    let made = use_in(&desk).other(&name, id.as_ref());
    made.map_err(|error| error.problem())
}

//! The config file's entries.

use omlx_mcp::{
    Explain as _, Problem, ServerId,
    clients::NotRenamed,
    config::{Change, ClientCredentials, Draft, EditError, ServerChanges, ServerEntry},
    handle::UnknownServer,
    probe::Probe,
    removal::{self, Removed},
    renaming,
    undo::UndoToken,
};
use tauri::State;

use crate::desk::Desk;

/// Asks a URL what it is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn probe(desk: State<'_, Desk>, url: String) -> Result<Probe, Problem> {
    Ok(desk.handle.probe(&url).await)
}

/// Adds a server, and keeps the client that came with it. Done when the core knows the server: what the panel asks of
/// it next finds it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_server(desk: State<'_, Desk>, server: Draft) -> Result<(), Problem> {
    let (id, client) = (server.id.clone(), server.client.clone());
    let added = desk.file.add(&id, server.into());
    added.map_err(|error| error.problem())?;
    let appeared = desk.handle.appeared(&id).await;
    match (client, appeared) {
        (None, _) => Ok(()),
        (Some(client), Some(server)) => server.enter_client(client).await,
        (Some(client), None) => desk.server(id.as_str())?.enter_client(client).await,
    }
}

/// Keeps the client that a provider gave out.
#[tauri::command]
#[specta::specta]
pub(crate) async fn enter_client(
    desk: State<'_, Desk>,
    id: String,
    client: ClientCredentials,
) -> Result<(), Problem> {
    desk.server(&id)?.enter_client(client).await
}

/// An entry as it stands, without what may be a credential.
#[tauri::command]
#[specta::specta]
pub(crate) async fn entry(desk: State<'_, Desk>, id: String) -> Result<ServerEntry, Problem> {
    let config = desk.config();
    let unknown = UnknownServer {
        server: id.clone(),
        similar: None,
    };
    let found = config
        .config
        .servers
        .values()
        .find(|server| server.id.as_str() == id);
    found.map(ServerEntry::from).ok_or_else(|| unknown.problem())
}

/// Changes an entry; another name takes its sign-in along. What is left to be done in other clients comes back.
#[tauri::command]
#[specta::specta]
pub(crate) async fn edit_server(
    desk: State<'_, Desk>,
    id: ServerId,
    changes: ServerChanges,
) -> Result<Vec<NotRenamed>, Problem> {
    renaming::amend(&desk.handle, (&desk.file, &desk.home), &id, changes).await
}

/// Uses a server, or lets it rest.
#[tauri::command]
#[specta::specta]
#[expect(clippy::fn_params_excessive_bools, reason = "the panel's switch is on or off")]
pub(crate) async fn set_enabled(desk: State<'_, Desk>, id: ServerId, enabled: bool) -> Result<(), Problem> {
    let change = if enabled { Change::Enable } else { Change::Disable };
    edit(&desk, &change(id))
}

/// Takes an entry out; its sign-in is kept as long as that can be undone.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_server(desk: State<'_, Desk>, id: ServerId) -> Result<Removed, Problem> {
    removal::remove(&desk.handle, (&desk.file, &desk.home), &desk.undo, &id)
}

/// Takes something back, once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn undo(desk: State<'_, Desk>, token: UndoToken) -> Result<(), Problem> {
    desk.undo.redeem(&token).map_err(|error| error.problem())
}

fn edit(desk: &Desk, change: &Change) -> Result<(), Problem> {
    let outcome: Result<_, EditError> = desk.file.edit(change);
    outcome.map(drop).map_err(|error| error.problem())
}

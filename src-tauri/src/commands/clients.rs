//! Other clients on this machine: their servers taken over, ours lent to them.

use std::env;

use omlx_mcp::{
    Explain as _, Problem, ServerId,
    clients::{
        Bridge, ClientApp, Import, ImportPreview, ImportReport, ImportSource, Machine, TakeOver, TakenOver,
        Target, UseIn, UseInPreview, Wish,
    },
    config::Environment,
    undo::{UndoToken, Undoable},
};
use tauri::State;

use crate::desk::Desk;

/// Every client whose servers can be taken over.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_sources(desk: State<'_, Desk>) -> Result<Vec<ImportSource>, Problem> {
    Ok(import(&desk).sources())
}

/// What would be taken over from a client.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_preview(desk: State<'_, Desk>, source: String) -> Result<ImportPreview, Problem> {
    import(&desk).preview(&source).map_err(|error| error.problem())
}

/// Takes servers over, by their names in the other client, with the sign-ins that it keeps.
#[tauri::command]
#[specta::specta]
pub(crate) async fn import_apply(
    desk: State<'_, Desk>,
    source: String,
    names: Vec<String>,
) -> Result<ImportReport, Problem> {
    let import = import(&desk);
    let sign_ins = desk.handle.sign_ins(import.machine.clone());
    let taken = Box::pin(TakeOver { import, sign_ins }.apply(&source, &names)).await;
    let TakenOver {
        imported,
        signed_in,
        not_signed_in,
    } = taken.map_err(|error| error.problem())?;
    Ok(ImportReport {
        signed_in,
        not_signed_in: not_signed_in.into_iter().map(|(id, _)| id).collect(),
        undo: (!imported.edits.is_empty()).then(|| {
            desk.undo.offer(Undoable::Config {
                file: desk.file.clone(),
                edits: imported.edits,
            })
        }),
        added: imported.added.into_iter().map(|(_, id)| id).collect(),
    })
}

/// Every client our servers can be used in.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_in_clients(desk: State<'_, Desk>) -> Result<Vec<ClientApp>, Problem> {
    Ok(use_in(&desk).apps())
}

/// What would be written into a client's file; without a server, all of them.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_in_preview(
    desk: State<'_, Desk>,
    client: String,
    id: Option<ServerId>,
) -> Result<UseInPreview, Problem> {
    let wish = wish(&desk, client, id);
    use_in(&desk).preview(&wish).map_err(|error| error.problem())
}

/// Writes it; none to take back where the file said so already.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_in_apply(
    desk: State<'_, Desk>,
    client: String,
    id: Option<ServerId>,
) -> Result<Option<UndoToken>, Problem> {
    let (wish, use_in) = (wish(&desk, client, id), use_in(&desk));
    let done = use_in.apply(&wish).map_err(|error| error.problem())?;
    Ok(done.write.map(|write| {
        desk.undo.offer(Undoable::UseIn {
            use_in: Box::new(use_in),
            client: done.client,
            write,
        })
    }))
}

/// Takes it out again, whenever it was written, with the key that was made for it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_in_remove(
    desk: State<'_, Desk>,
    client: String,
    id: Option<ServerId>,
) -> Result<(), Problem> {
    let wish = wish(&desk, client, id);
    let removed = use_in(&desk).remove(&wish);
    removed.map(drop).map_err(|error| error.problem())
}

/// The clients that look for the gateway where it no longer is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_in_astray(desk: State<'_, Desk>) -> Result<Vec<ClientApp>, Problem> {
    Ok(use_in(&desk).astray())
}

fn import(desk: &Desk) -> Import {
    Import {
        machine: Machine::this(Environment::process()),
        config: desk.file.clone(),
    }
}

pub(super) fn use_in(desk: &Desk) -> UseIn {
    let config = desk.file.path();
    UseIn {
        machine: Machine::this(Environment::process()),
        home: desk.home.clone(),
        access: desk.access.clone(),
        bridge: Bridge {
            // This one executable is the command line, too.
            program: env::current_exe().unwrap_or_else(|_| "omlx-connect".into()),
            config: std::path::absolute(config).unwrap_or_else(|_| config.to_owned()),
            home: env::var_os(omlx_mcp::store::HOME_VARIABLE).map(|_| desk.home.data().to_owned()),
        },
        gateway: format!("http://127.0.0.1:{}", desk.chosen.borrow().gateway_port),
    }
}

fn wish(desk: &Desk, client: String, id: Option<ServerId>) -> Wish {
    let enabled = || {
        let config = desk.config();
        let servers = config.config.servers.values();
        servers
            .filter(|server| server.enabled)
            .map(|server| server.id.clone())
            .collect()
    };
    Wish {
        client,
        target: id.map_or_else(|| Target::All(enabled()), Target::One),
        way: None,
    }
}

//! An entry taken out, and what becomes of its sign-in: kept for its return, and given up after that.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Explain, Problem, ServerId,
    clients::{NamingEntry, naming},
    config::{Change, ConfigFile},
    handle::Handle,
    store::Home,
    undo::{Undo, UndoToken, Undoable},
};

/// How long a sign-in is kept for the return of its entry.
const GRACE: Duration = Duration::from_mins(1);

/// What a removal leaves to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Removed {
    /// Brings the entry back.
    pub undo: UndoToken,
    /// Entries of ours in other clients' files that still ask for the server.
    pub still_named: Vec<NamingEntry>,
}

/// Takes an entry out of the config file. Nothing is revoked as long as the token can be redeemed; a process that ends
/// before keeps the sign-in, too. Needs a Tokio runtime.
pub fn remove(
    handle: &Handle,
    (file, home): (&ConfigFile, &Home),
    undo: &Undo,
    id: &ServerId,
) -> Result<Removed, Problem> {
    let server = handle.server(id.as_str()).ok();
    let change = Change::Remove(id.clone());
    let edit = file.edit(&change).map_err(|error| error.problem())?;
    let token = undo.offer(Undoable::Config {
        file: file.clone(),
        edits: vec![edit],
    });
    let config = std::path::absolute(file.path()).unwrap_or_else(|_| file.path().to_owned());
    let removed = Removed {
        undo: token.clone(),
        still_named: naming((home, &config), id),
    };
    let Some(server) = server else { return Ok(removed) };
    let (undo, offered) = (undo.clone(), token);
    tokio::spawn(async move {
        tokio::time::sleep(GRACE).await;
        if !undo.withdraw(&offered) {
            return;
        }
        if let Err(problem) = server.leave().await {
            tracing::debug!(server = %server.id(), code = %problem.code, "there was nothing to sign out of");
        }
    });
    Ok(removed)
}

//! An entry taken out, and what becomes of its sign-in: kept for its return, and given up after that.

use std::time::Duration;

use crate::{
    Explain, Problem, ServerId,
    config::{Change, ConfigFile},
    handle::Handle,
    undo::{Undo, UndoToken, Undoable},
};

/// How long a sign-in is kept for the return of its entry.
const GRACE: Duration = Duration::from_mins(1);

/// Takes an entry out of the config file. Nothing is revoked as long as the token can be redeemed; a process that ends
/// before keeps the sign-in, too. Needs a Tokio runtime.
pub fn remove(handle: &Handle, file: &ConfigFile, undo: &Undo, id: &ServerId) -> Result<UndoToken, Problem> {
    let server = handle.server(id.as_str()).ok();
    let change = Change::Remove(id.clone());
    let edit = file.edit(&change).map_err(|error| error.problem())?;
    let token = undo.offer(Undoable::Config {
        file: file.clone(),
        edits: vec![edit],
    });
    let Some(server) = server else { return Ok(token) };
    let (undo, offered) = (undo.clone(), token.clone());
    tokio::spawn(async move {
        tokio::time::sleep(GRACE).await;
        if !undo.withdraw(&offered) {
            return;
        }
        if let Err(problem) = server.leave().await {
            tracing::debug!(server = %server.id(), code = %problem.code, "there was nothing to sign out of");
        }
    });
    Ok(token)
}

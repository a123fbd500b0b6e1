//! The state as files tell it: no connection, no network, no keychain. What `omlx mcp status` prints.

use crate::{
    ConnectionStatus, ServerSnapshot, Snapshot,
    config::{ConfigState, ServerConfig},
    connection::{State, record_name},
    oauth::grant::GrantKey,
    store::Vault,
};

/// The state of every configured server as this and earlier processes left it. Blocking, briefly.
pub fn recorded(vault: &Vault, config: &ConfigState) -> Snapshot {
    Snapshot {
        servers: config
            .config
            .servers
            .values()
            .map(|server| recorded_server(vault, server))
            .collect(),
        config_problems: config.problems.clone(),
        config_advice: config.advice.clone(),
    }
}

fn recorded_server(vault: &Vault, server: &ServerConfig) -> ServerSnapshot {
    let vault = server
        .auth
        .token_store
        .clone()
        .map_or_else(|| vault.clone(), |folder| vault.in_folder(folder));
    let stored = GrantKey::of(server).map(|key| vault.summary(&key));
    let (grant, unreadable) = match stored {
        Some(Ok(grant)) => (grant, None),
        Some(Err(error)) => (None, Some(crate::Explain::problem(&error))),
        None => (None, None),
    };
    let mut state = State::new(grant);
    state.recall(&vault.load_record(record_name(server)).unwrap_or_default());
    let connection = if server.enabled {
        ConnectionStatus::Idle
    } else {
        ConnectionStatus::Disabled
    };
    let snapshot = state.snapshot(server);
    ServerSnapshot {
        connection,
        problem: unreadable.or(snapshot.problem),
        ..snapshot
    }
}

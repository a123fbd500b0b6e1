//! The state as files tell it: no connection, no network, no keychain. What `omlx mcp status` prints.

use serde_json::Value;

use crate::{
    AuthStatus, ConnectionStatus, ServerSnapshot, Snapshot,
    access::Endpoint,
    config::{ConfigState, ServerConfig},
    connection::{State, record_name},
    oauth::grant::GrantKey,
    store::{ServerRecord, Vault},
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

/// The names of the tools that a server last listed, to whichever process; none when it never did. Blocking, briefly.
pub fn recorded_tools(vault: &Vault, server: &ServerConfig) -> Option<Vec<String>> {
    let tools = vault_of(server, vault).load_tools(record_name(server))?;
    let name = |tool: &Value| Some(tool.get("name")?.as_str()?.to_owned());
    Some(tools.iter().filter_map(name).collect())
}

fn vault_of(server: &ServerConfig, vault: &Vault) -> Vault {
    let own = server.auth.token_store.clone();
    own.map_or_else(|| vault.clone(), |folder| vault.in_folder(folder))
}

fn recorded_server(vault: &Vault, server: &ServerConfig) -> ServerSnapshot {
    let vault = vault_of(server, vault);
    let stored = GrantKey::of(server).map(|key| vault.summary(&key));
    let (grant, unreadable) = match stored {
        Some(Ok(grant)) => (grant, None),
        Some(Err(error)) => (None, Some(crate::Explain::problem(&error))),
        None => (None, None),
    };
    let record = vault.load_record(record_name(server)).unwrap_or_default();
    let mut state = State::new(grant);
    state.recall(&record);
    let connection = if server.enabled {
        ConnectionStatus::Idle
    } else {
        ConnectionStatus::Disabled
    };
    let snapshot = state.snapshot(server);
    let last = record
        .problem
        .clone()
        .filter(|_| is_of_connection(&record, server));
    ServerSnapshot {
        connection,
        problem: unreadable
            .or(snapshot.problem)
            .or(last.filter(|_| server.enabled)),
        ..snapshot
    }
}

/// Whether what was wrong was so with this entry, and is not a matter of who is signed in: that is told by what is
/// stored now.
fn is_of_connection(record: &ServerRecord, server: &ServerConfig) -> bool {
    use AuthStatus::{Authenticated, NotRequired, Unknown};
    let is_this = record.endpoint.as_ref() == Some(&Endpoint::of(&server.transport));
    is_this && matches!(record.auth, None | Some(Unknown | NotRequired | Authenticated))
}

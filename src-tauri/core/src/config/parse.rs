//! The file as a whole: oMLX's root keys, its defaults, and the entries one by one.

use serde_json::{Map, Value};

use super::{
    environment::Environment,
    fields::seconds,
    flaw::{Flaw, closest, shown},
    model::{Config, ConfigNote, DEFAULT_MAX_TOOL_CALLS},
    server::{self, Surroundings},
    syntax::{self, Format},
};
use crate::clients::leads_back;

/// Where servers stand: oMLX's own key first, then Claude Desktop's.
pub(super) const SERVERS_KEYS: [&str; 2] = ["servers", "mcpServers"];

/// Root keys; anything else is ignored, as oMLX does.
const ROOT_KEYS: [&str; 6] = [
    "servers",
    "mcpServers",
    "auth",
    "max_tool_calls",
    "default_timeout",
    "inputs",
];

/// Collects what is wrong or odd, in file order.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<ConfigNote>);

impl Notes {
    /// The entry, or the file, is used all the same.
    pub(super) fn warn(&mut self, flaw: &Flaw) {
        self.0.push(flaw.warning());
    }

    /// The entry, or the file, cannot be used.
    fn fail(&mut self, flaw: &Flaw) {
        self.0.push(flaw.fatal());
    }
}

impl Config {
    /// Reads a config file's text. Never fails: what is wrong is a note, and one bad entry never takes others down.
    pub fn parse(text: &str, format: Format, env: &Environment) -> Self {
        let mut config = Self::default();
        let mut notes = Notes::default();
        match syntax::parse(text, format) {
            Ok(document) => {
                for name in &document.duplicates {
                    notes.warn(&Flaw::Duplicate(shown(name)));
                }
                if let Err(flaw) = config.read(&document.root, env, &mut notes) {
                    notes.fail(&flaw);
                }
            }
            Err(flaw) => notes.fail(&flaw),
        }
        config.notes = notes.0;
        config
    }

    fn read(&mut self, root: &Value, env: &Environment, notes: &mut Notes) -> Result<(), Flaw> {
        let root = root.as_object().ok_or(Flaw::Root)?;
        let servers = servers(root)?;
        self.read_defaults(root, notes);
        warn_of_root_keys(root, notes);
        let central = central_auth(root, servers, notes);
        let around = Surroundings {
            env,
            default_timeout: self.default_timeout,
            central_auth: &central,
        };
        // What oMLX is given to reach our own gateway or bridge must not come round to us again.
        for (name, value) in servers.iter().filter(|(_, entry)| !leads_back(entry)) {
            match server::parse(name, value, &around, notes) {
                Ok(server) => {
                    self.servers.insert(server.id.clone(), server);
                }
                Err(flaw) => notes.fail(&flaw),
            }
        }
        Ok(())
    }

    fn read_defaults(&mut self, root: &Map<String, Value>, notes: &mut Notes) {
        if let Some(value) = root.get("max_tool_calls") {
            let calls = value.as_u64().filter(|calls| *calls >= 1);
            if calls.is_none() {
                notes.warn(&Flaw::PositiveInteger("max_tool_calls"));
            }
            let calls = calls.unwrap_or(DEFAULT_MAX_TOOL_CALLS.into());
            self.max_tool_calls = u32::try_from(calls).unwrap_or(u32::MAX);
        }
        if let Some(value) = root.get("default_timeout") {
            match seconds(value) {
                Some(timeout) => self.default_timeout = timeout,
                None => notes.warn(&Flaw::PositiveNumber("default_timeout")),
            }
        }
    }
}

/// `servers` if truthy, else `mcpServers`: an empty `servers` falls through.
pub(super) fn servers(root: &Map<String, Value>) -> Result<&Map<String, Value>, Flaw> {
    match root.get(servers_key(root)) {
        Some(servers) if is_truthy(servers) || root.contains_key(SERVERS_KEYS[1]) => {
            servers.as_object().ok_or(Flaw::Servers)
        }
        _ => Ok(&NO_SERVERS),
    }
}

/// The root key whose servers count.
pub(super) fn servers_key(root: &Map<String, Value>) -> &'static str {
    let [own, claude] = SERVERS_KEYS;
    if root.get(own).is_none_or(|servers| !is_truthy(servers)) && root.contains_key(claude) {
        claude
    } else {
        own
    }
}

static NO_SERVERS: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

/// Truth as Python sees it.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn warn_of_root_keys(root: &Map<String, Value>, notes: &mut Notes) {
    for key in root.keys().filter(|key| !ROOT_KEYS.contains(&key.as_str())) {
        if let Some(known) = closest(key, ROOT_KEYS) {
            notes.warn(&Flaw::RootKey {
                key: shown(key),
                suggestion: known.to_owned(),
            });
        }
    }
}

/// The `auth` map at the root; whatever else stands there is told and left alone.
fn central_auth(
    root: &Map<String, Value>,
    servers: &Map<String, Value>,
    notes: &mut Notes,
) -> Map<String, Value> {
    let map = match root.get("auth") {
        None | Some(Value::Null) => return Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => {
            notes.warn(&Flaw::CentralAuth);
            return Map::new();
        }
    };
    for name in map.keys().filter(|name| !servers.contains_key(*name)) {
        let names = servers.keys().map(String::as_str);
        notes.warn(&Flaw::AuthWithoutServer {
            name: shown(name),
            suggestion: closest(name, names).map(shown),
        });
    }
    map.clone()
}

#[cfg(test)]
mod tests;

//! A client's configuration as text with a map of servers in it.
//!
//! A change is checked after it was made: read again, the document must say what it said before and our entries, and
//! nothing else may differ. Whatever does not pass is not written.

mod json;
mod toml;

use std::path::Path;

use serde_json::{Map, Value};

use super::{ClientError, app::App, app::Syntax};

/// A text that was understood.
pub(super) struct Document<'a> {
    app: &'static App,
    path: &'a Path,
    text: String,
    root: Map<String, Value>,
}

/// An entry to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: Value,
}

impl<'a> Document<'a> {
    /// Understands a text; a blank one, and none at all, is an empty document.
    pub(super) fn parse(
        app: &'static App,
        path: &'a Path,
        text: Option<String>,
    ) -> Result<Self, ClientError> {
        let text = text.unwrap_or_default();
        let root = read(app, path, &text)?;
        let document = Self {
            app,
            path,
            text,
            root,
        };
        document.check_servers()?;
        Ok(document)
    }

    pub(super) fn path(&self) -> &Path {
        self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The servers, as they stand there.
    pub(super) fn servers(&self) -> impl Iterator<Item = (&str, &Value)> {
        let servers = self.root.get(self.servers_key()).and_then(Value::as_object);
        servers
            .into_iter()
            .flatten()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.root.get(self.servers_key())?.get(name)
    }

    /// The text with these entries in it, each in the place of one of the same name.
    pub(super) fn with(&self, entries: &[Entry]) -> Result<String, ClientError> {
        let mut expected = self.root.clone();
        let servers = expected
            .entry(self.servers_key())
            .or_insert_with(|| Value::Object(Map::new()));
        if servers.is_null() {
            *servers = Value::Object(Map::new());
        }
        for entry in entries {
            servers[&entry.name] = entry.value.clone();
        }
        let text = match self.app.syntax {
            Syntax::Json => json::with(&self.text, self.servers_key(), entries),
            Syntax::Toml => toml::with(&self.text, self.servers_key(), entries),
        };
        self.checked(text, &expected)
    }

    /// The text without these entries.
    pub(super) fn without(&self, names: &[&str]) -> Result<String, ClientError> {
        let mut expected = self.root.clone();
        if let Some(servers) = expected
            .get_mut(self.servers_key())
            .and_then(Value::as_object_mut)
        {
            servers.retain(|name, _| !names.contains(&name.as_str()));
        }
        let text = match self.app.syntax {
            Syntax::Json => json::without(&self.text, self.servers_key(), names),
            Syntax::Toml => Some(toml::without(&self.text, self.servers_key(), names)),
        };
        self.checked(text, &expected)
    }

    /// The text, provided that it says what it should.
    fn checked(&self, text: Option<String>, expected: &Map<String, Value>) -> Result<String, ClientError> {
        let entangled = || ClientError::Entangled(self.path.to_owned());
        let text = text.ok_or_else(entangled)?;
        let said = read(self.app, self.path, &text).map_err(|_| entangled())?;
        if without_empty(said, self.app) == without_empty(expected.clone(), self.app) {
            Ok(text)
        } else {
            Err(entangled())
        }
    }

    /// The first key that holds servers; else the first that is there; else the first there is.
    fn servers_key(&self) -> &'static str {
        let keys = self.app.servers;
        let holds = |key: &&&str| {
            let map = self.root.get(**key).and_then(Value::as_object);
            map.is_some_and(|map| !map.is_empty())
        };
        let filled = keys.iter().find(holds);
        let there = || keys.iter().find(|key| self.root.contains_key(**key));
        filled
            .or_else(there)
            .or(keys.first())
            .copied()
            .unwrap_or_default()
    }

    fn check_servers(&self) -> Result<(), ClientError> {
        match self.root.get(self.servers_key()) {
            None | Some(Value::Null | Value::Object(_)) => Ok(()),
            Some(_) => Err(ClientError::Broken {
                path: self.path.to_owned(),
                cause: format!("'{}' is not a map of servers", self.servers_key()),
            }),
        }
    }
}

/// An empty map of servers says what no map says.
fn without_empty(mut root: Map<String, Value>, app: &App) -> Map<String, Value> {
    for key in app.servers {
        let is_empty = root
            .get(*key)
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty);
        if is_empty {
            root.remove(*key);
        }
    }
    root
}

fn read(app: &App, path: &Path, text: &str) -> Result<Map<String, Value>, ClientError> {
    let broken = |cause| ClientError::Broken {
        path: path.to_owned(),
        cause,
    };
    let is_yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    if is_yaml {
        return Err(broken(
            "it is YAML, which cannot be changed without losing comments".to_owned(),
        ));
    }
    match app.syntax {
        Syntax::Json => json::read(text),
        Syntax::Toml => toml::read(text),
    }
    .map_err(broken)
}

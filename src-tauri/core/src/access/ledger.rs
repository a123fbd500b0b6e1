//! Who has a key: `clients.json`.

use std::{collections::HashSet, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccessError, Client, ClientId, Rules, client::BRIDGE, file, key::KeyHash};

/// What this version writes, and the only thing it reads.
const VERSION: u32 = 1;

/// The longest name, in characters.
const MAX_NAME: usize = 64;

/// Every client, in the order they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Whether the arguments of calls go into the log.
    pub(super) log_arguments: bool,
    pub(super) entries: Vec<Entry>,
}

/// One client, and the hash of its key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) client: Client,
    /// None for one that starts the bridge, which needs none.
    pub(super) key: Option<KeyHash>,
    pub(super) created_at: Timestamp,
}

impl Entry {
    /// Whether this is its key.
    pub(super) fn opens(&self, presented: &KeyHash) -> bool {
        self.key.is_some_and(|key| key.matches(presented))
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(default)]
    log_arguments: bool,
    clients: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    id: ClientId,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_sha256: Option<KeyHash>,
    created_at: Timestamp,
    #[serde(flatten)]
    rules: Rules,
}

impl Ledger {
    /// What the file says; an empty ledger when there is none.
    pub(super) fn read(path: &Path) -> Result<Self, AccessError> {
        Self::parse(file::read(path)?.as_deref(), path)
    }

    /// Changes the file.
    pub(super) fn update<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        file::update(path, |before| {
            let mut ledger = Self::parse(before, path)?;
            let outcome = change(&mut ledger)?;
            Ok((ledger.text(path)?, outcome))
        })
    }

    fn parse(bytes: Option<&[u8]>, path: &Path) -> Result<Self, AccessError> {
        let Some(bytes) = bytes else {
            return Ok(Self::default());
        };
        let damaged = || AccessError::Damaged(path.to_owned());
        let file: File = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let mut ids = HashSet::new();
        let is_sound = file.version == VERSION && file.clients.iter().all(|row| ids.insert(row.id.clone()));
        if !is_sound {
            return Err(damaged());
        }
        Ok(Self {
            log_arguments: file.log_arguments,
            entries: file.clients.into_iter().map(Entry::from).collect(),
        })
    }

    fn text(&self, path: &Path) -> Result<Vec<u8>, AccessError> {
        let file = File {
            version: VERSION,
            log_arguments: self.log_arguments,
            clients: self.entries.iter().map(Row::from).collect(),
        };
        let mut text = serde_json::to_vec_pretty(&file).map_err(|_| AccessError::Damaged(path.to_owned()))?;
        text.push(b'\n');
        Ok(text)
    }

    /// The client of that name; capitals do not matter.
    pub(super) fn named(&self, name: &str) -> Result<&Entry, AccessError> {
        let at = self.position(name)?;
        self.entries.get(at).ok_or(AccessError::Name)
    }

    /// What the client with that id is called; none when it was revoked.
    pub(super) fn name_of(&self, id: &str) -> Option<&str> {
        if id == BRIDGE {
            return Some(BRIDGE);
        }
        let mut clients = self.entries.iter().map(|entry| &entry.client);
        let client = clients.find(|client| client.id().as_str() == id)?;
        Some(client.name())
    }

    /// Where it stands.
    pub(super) fn position(&self, name: &str) -> Result<usize, AccessError> {
        let wanted = name.to_lowercase();
        if wanted == BRIDGE {
            return Err(AccessError::Bridge);
        }
        let found = self
            .entries
            .iter()
            .position(|entry| entry.client.name().to_lowercase() == wanted);
        found.ok_or_else(|| AccessError::NoSuchClient {
            name: name.to_owned(),
            similar: self.similar(&wanted),
        })
    }

    /// Where the client with that id stands.
    pub(super) fn position_of(&self, id: &ClientId) -> Result<usize, AccessError> {
        let mut entries = self.entries.iter();
        let found = entries.position(|entry| entry.client.id() == id);
        found.ok_or_else(|| AccessError::NoSuchClient {
            name: id.to_string(),
            similar: None,
        })
    }

    /// The name as it will be written, provided that it is free.
    pub(super) fn free_name(&self, name: &str) -> Result<String, AccessError> {
        let name = name.trim();
        let is_name = (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !is_name {
            return Err(AccessError::Name);
        }
        match self.position(name) {
            Ok(_) => Err(AccessError::NameTaken(name.to_owned())),
            Err(AccessError::Bridge) => Err(AccessError::Bridge),
            Err(_) => Ok(name.to_owned()),
        }
    }

    fn similar(&self, wanted: &str) -> Option<String> {
        let likeness = |name: &str| strsim::jaro_winkler(wanted, &name.to_lowercase());
        let names = self.entries.iter().map(|entry| entry.client.name());
        let closest = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
        (likeness(closest) > LIKE).then(|| closest.to_owned())
    }
}

/// From here on two names are alike (Jaro-Winkler).
const LIKE: f64 = 0.8;

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            client: Client::new(row.id, row.name, row.rules),
            key: row.key_sha256,
            created_at: row.created_at,
        }
    }
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.client.id().clone(),
            name: entry.client.name().to_owned(),
            key_sha256: entry.key,
            created_at: entry.created_at,
            rules: entry.client.rules().clone(),
        }
    }
}

//! One client of the gateway, as it is known after it has shown its key.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Rules, key::KeyHash};
use crate::ServerId;

/// Tells clients apart for as long as they exist, whatever they are called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    /// A new one.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(bytes))))
    }

    /// As it stands in file names.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// It becomes part of a path, so nothing but what we make ourselves is taken.
impl TryFrom<String> for ClientId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_ours = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_ours.then_some(Self(text)).ok_or("no client id")
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client that has been let in, with the rules as they were at that moment; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    entry: Arc<Entry>,
    /// What it has shown; none for whoever needs no key.
    key: Option<KeyHash>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    id: ClientId,
    name: String,
    rules: Rules,
}

impl Client {
    pub(super) fn new(id: ClientId, name: String, rules: Rules) -> Self {
        Self {
            entry: Arc::new(Entry { id, name, rules }),
            key: None,
        }
    }

    /// The same, let in by that key.
    pub(super) fn by_key(&self, key: Option<KeyHash>) -> Self {
        Self {
            entry: Arc::clone(&self.entry),
            key,
        }
    }

    /// What it has shown.
    pub(super) fn key(&self) -> Option<&KeyHash> {
        self.key.as_ref()
    }

    /// Whether it is the other one, and was let in by the same key.
    pub fn is_same(&self, other: &Self) -> bool {
        self.id() == other.id() && self.key == other.key
    }

    /// Whoever started `omlx mcp bridge` without saying who it is: a program of the same user, which needs no key because
    /// it could read every file that we can. It still has approvals and audit lines of its own.
    pub fn on_standard_streams() -> Self {
        Self::new(ClientId("bridge".to_owned()), BRIDGE.to_owned(), Rules::default())
    }

    /// Whether it is that one.
    pub fn is_nameless(&self) -> bool {
        self.id().as_str() == BRIDGE
    }

    /// Tells it from every other one, and outlives a new name.
    pub fn id(&self) -> &ClientId {
        &self.entry.id
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// What it may see.
    pub fn rules(&self) -> &Rules {
        &self.entry.rules
    }

    /// Whether it may know of this server.
    pub fn may_use(&self, server: &ServerId) -> bool {
        self.entry.rules.allows_server(server)
    }
}

/// What whoever uses the standard streams is called.
pub(super) const BRIDGE: &str = "bridge";

/// A client as it is listed. Holds nothing of its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ClientSummary {
    /// Tells it from every other one.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// What it may see.
    pub rules: Rules,
    /// When it was added, or its key was made anew.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub created_at: Timestamp,
    /// When it was last there, to the minute; none when never.
    #[cfg_attr(feature = "specta", specta(type = Option<String>))]
    pub last_used_at: Option<Timestamp>,
    /// How many tools are held back from it.
    pub held_tools: u32,
}

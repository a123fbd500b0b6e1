//! A server to be added, in oMLX's own keys, so that the entry never disables oMLX.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{auth, server::transport_name};
use crate::event::TransportKind;

/// An entry that is not in the file yet; texts are as they will stand there, references unexpanded.
#[derive(Clone, PartialEq)]
pub struct NewServer {
    /// How to reach it.
    pub transport: NewTransport,
    /// The `auth` block; an empty one is not written.
    pub auth: AuthBlock,
    /// Whether it is written with `enabled: false`.
    pub start: Start,
}

/// Whether a server is used as soon as it is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At once.
    #[default]
    Enabled,
    /// When someone enables it.
    Disabled,
}

/// How a new server is reached.
#[derive(Clone, PartialEq)]
pub enum NewTransport {
    /// A child process.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Variables on top of the inherited ones.
        env: Vec<(String, String)>,
        /// Its working directory.
        cwd: Option<String>,
    },
    /// Streamable HTTP.
    StreamableHttp(NewEndpoint),
    /// The legacy HTTP+SSE transport.
    Sse(NewEndpoint),
}

/// The URL of a new server, and what is sent along.
#[derive(Clone, PartialEq)]
pub struct NewEndpoint {
    /// The URL.
    pub url: String,
    /// Static header fields.
    pub headers: Vec<(String, String)>,
}

/// Keys for an `auth` block, as they stand in the file; in an edit, `null` takes a key out.
#[derive(Clone, Default, PartialEq)]
pub struct AuthBlock(pub(super) Map<String, Value>);

impl NewServer {
    /// A server with nothing but its transport.
    pub fn new(transport: NewTransport) -> Self {
        Self {
            transport,
            auth: AuthBlock::default(),
            start: Start::Enabled,
        }
    }

    /// Whether the entry has a key that only newer versions of oMLX know.
    pub(super) fn needs_newer_omlx(&self) -> bool {
        matches!(self.transport, NewTransport::Stdio { cwd: Some(_), .. })
    }

    /// The entry without its `auth` block, keys in the order people write them.
    pub(super) fn entry(&self) -> Map<String, Value> {
        let mut entry = Map::new();
        entry.insert(
            "transport".to_owned(),
            transport_name(self.transport.kind()).into(),
        );
        match &self.transport {
            NewTransport::Stdio {
                command,
                args,
                env,
                cwd,
            } => {
                entry.insert("command".to_owned(), command.as_str().into());
                insert_some(&mut entry, "args", json!(args));
                insert_some(&mut entry, "env", dictionary(env));
                insert_some(&mut entry, "cwd", json!(cwd));
            }
            NewTransport::StreamableHttp(endpoint) | NewTransport::Sse(endpoint) => {
                entry.insert("url".to_owned(), endpoint.url.as_str().into());
                insert_some(&mut entry, "headers", dictionary(&endpoint.headers));
            }
        }
        if self.start == Start::Disabled {
            entry.insert("enabled".to_owned(), Value::Bool(false));
        }
        entry
    }
}

impl NewTransport {
    /// Which one it is.
    pub fn kind(&self) -> TransportKind {
        match self {
            Self::Stdio { .. } => TransportKind::Stdio,
            Self::StreamableHttp(_) => TransportKind::StreamableHttp,
            Self::Sse(_) => TransportKind::Sse,
        }
    }
}

impl AuthBlock {
    /// A block of these keys.
    pub fn of<const N: usize>(keys: [(&str, Value); N]) -> Self {
        keys.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first key that no `auth` block has.
    pub(super) fn unknown_key(&self) -> Option<&str> {
        self.0
            .keys()
            .map(String::as_str)
            .find(|key| !auth::KEYS.contains(key))
    }
}

impl FromIterator<(String, Value)> for AuthBlock {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

fn insert_some(entry: &mut Map<String, Value>, key: &str, value: Value) {
    let says_nothing = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    if !says_nothing {
        entry.insert(key.to_owned(), value);
    }
}

fn dictionary(pairs: &[(String, String)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect()
}

fn keys(pairs: &[(String, String)]) -> Vec<&str> {
    pairs.iter().map(|(key, _)| key.as_str()).collect()
}

impl fmt::Debug for NewServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewServer")
            .field("transport", &self.transport)
            .field("auth", &self.auth)
            .field("start", &self.start)
            .finish()
    }
}

/// Arguments, variables, header values and URLs may be credentials, so only names and numbers are shown.
impl fmt::Debug for NewTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdio {
                command,
                args,
                env,
                cwd,
            } => f
                .debug_struct("Stdio")
                .field("command", command)
                .field("args", &args.len())
                .field("env", &keys(env))
                .field("cwd", cwd)
                .finish(),
            Self::StreamableHttp(endpoint) => f.debug_tuple("StreamableHttp").field(endpoint).finish(),
            Self::Sse(endpoint) => f.debug_tuple("Sse").field(endpoint).finish(),
        }
    }
}

impl fmt::Debug for NewEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEndpoint")
            .field("headers", &keys(&self.headers))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthBlock")
            .field(&self.0.keys().collect::<Vec<_>>())
            .finish()
    }
}

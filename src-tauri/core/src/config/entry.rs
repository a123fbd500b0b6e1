//! An entry as it is shown for editing, and what an editor changes about it. Values that may be credentials go in and
//! never come out: only their names are shown.

use std::fmt;

use oauth2::ClientSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{AuthBlock, NewEndpoint, NewServer, NewTransport, ServerConfig, Transport};
use crate::{ServerId, event::TransportKind, oauth::endpoint::redacted};

/// An entry as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ServerEntry {
    /// Its name.
    pub id: ServerId,
    /// How it is reached.
    pub transport: TransportKind,
    /// Its URL without user info, query and fragment.
    pub url: Option<String>,
    /// The program.
    pub command: Option<String>,
    /// How many arguments the program has.
    pub argument_count: u32,
    /// The variables' names.
    pub env_names: Vec<String>,
    /// The header fields' names.
    pub header_names: Vec<String>,
    /// How long one request may take, in seconds.
    #[cfg_attr(feature = "specta", specta(type = u32))]
    pub timeout_seconds: f64,
    /// `auth.client_id`
    pub client_id: Option<String>,
    /// `auth.scopes`
    pub scopes: Option<Vec<String>>,
    /// `auth.account`
    pub account: Option<String>,
}

/// What is to be changed; none keeps what stands, an empty text or list takes the key away.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ServerChanges {
    /// Another name.
    pub id: Option<ServerId>,
    /// The URL.
    pub url: Option<String>,
    /// The program.
    pub command: Option<String>,
    /// All of its arguments.
    pub args: Option<Vec<String>>,
    /// Variables to set.
    pub set_env: Vec<NamedValue>,
    /// Variables to take out.
    pub remove_env: Vec<String>,
    /// Header fields to set.
    pub set_headers: Vec<NamedValue>,
    /// Header fields to take out.
    pub remove_headers: Vec<String>,
    /// How long one request may take, in seconds.
    #[cfg_attr(feature = "specta", specta(type = Option<u32>))]
    pub timeout_seconds: Option<f64>,
    /// `auth.client_id`
    pub client_id: Option<String>,
    /// `auth.scopes`
    pub scopes: Option<Vec<String>>,
    /// `auth.account`
    pub account: Option<String>,
}

/// A name with a value that may be a credential.
#[derive(Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NamedValue {
    /// The name.
    pub name: String,
    /// The value, as it will stand in the file.
    pub value: String,
}

/// A server that someone typed in.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename = "NewServer")]
pub struct Draft {
    /// Its name.
    pub id: ServerId,
    /// How it is reached.
    pub transport: DraftTransport,
    /// The client its provider gave out.
    pub client: Option<ClientCredentials>,
}

/// How a server that someone typed in is reached.
#[derive(Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename = "NewTransport", rename_all = "snake_case", tag = "kind")]
pub enum DraftTransport {
    /// Over HTTP.
    Http {
        /// Where.
        url: String,
    },
    /// As a child process.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its variables.
        env: Vec<NamedValue>,
    },
}

/// A client that a provider gave out.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ClientCredentials {
    /// The client identifier.
    pub client_id: String,
    /// Its secret, for confidential clients.
    #[cfg_attr(feature = "specta", specta(type = Option<String>))]
    pub client_secret: Option<ClientSecret>,
}

impl From<&ServerConfig> for ServerEntry {
    fn from(server: &ServerConfig) -> Self {
        let auth = &server.auth;
        let entry = Self {
            id: server.id.clone(),
            transport: server.transport.kind(),
            url: server.transport.url().map(redacted),
            command: None,
            argument_count: 0,
            env_names: Vec::new(),
            header_names: Vec::new(),
            timeout_seconds: server.timeout.as_secs_f64(),
            client_id: auth.client_id.clone(),
            scopes: auth
                .scopes
                .as_ref()
                .map(|scopes| scopes.iter().map(str::to_owned).collect()),
            account: auth.account.clone(),
        };
        match &server.transport {
            Transport::Stdio {
                command, args, env, ..
            } => Self {
                command: Some(command.clone()),
                argument_count: u32::try_from(args.len()).unwrap_or(u32::MAX),
                env_names: env.iter().map(|(name, _)| name.clone()).collect(),
                ..entry
            },
            Transport::StreamableHttp { headers, .. } | Transport::Sse { headers, .. } => Self {
                header_names: headers.keys().map(ToString::to_string).collect(),
                ..entry
            },
        }
    }
}

impl From<Draft> for NewServer {
    fn from(draft: Draft) -> Self {
        Self::new(match draft.transport {
            DraftTransport::Http { url } => NewTransport::StreamableHttp(NewEndpoint {
                url,
                headers: Vec::new(),
            }),
            DraftTransport::Stdio { command, args, env } => NewTransport::Stdio {
                command,
                args,
                env: env.into_iter().map(|pair| (pair.name, pair.value)).collect(),
                cwd: None,
            },
        })
    }
}

impl ServerChanges {
    /// Keys of the entry itself, with `null` for those to be taken out. The URL has more than one name, and the
    /// dictionaries change by their own keys.
    pub(super) fn entry_keys(&self) -> Map<String, Value> {
        let command = self.command.as_deref().map(text);
        let args = self.args.as_deref().map(list);
        let timeout = self.timeout_seconds.map(|seconds| json!(whole(seconds)));
        some([("command", command), ("args", args), ("timeout", timeout)])
    }

    /// Keys of the `auth` block.
    pub(super) fn auth_keys(&self) -> AuthBlock {
        let keys = [
            ("client_id", self.client_id.as_deref().map(text)),
            ("scopes", self.scopes.as_deref().map(list)),
            ("account", self.account.as_deref().map(text)),
        ];
        AuthBlock(some(keys))
    }

    /// The dictionaries, and what changes in each.
    pub(super) fn dictionaries(&self) -> [(&'static str, Map<String, Value>); 2] {
        [
            ("env", pairs(&self.set_env, &self.remove_env)),
            ("headers", pairs(&self.set_headers, &self.remove_headers)),
        ]
    }
}

/// Seconds as people write them: without a fraction where there is none.
fn whole(seconds: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number without fraction below an hour of years"
    )]
    let rounded = seconds.round() as i64;
    if seconds.fract() == 0.0 {
        json!(rounded)
    } else {
        json!(seconds)
    }
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn list(items: &[String]) -> Value {
    if items.is_empty() {
        Value::Null
    } else {
        json!(items)
    }
}

fn some<const N: usize>(keys: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let given = keys.into_iter().filter_map(|(key, value)| Some((key, value?)));
    given.map(|(key, value)| (key.to_owned(), value)).collect()
}

fn pairs(set: &[NamedValue], remove: &[String]) -> Map<String, Value> {
    let removed = remove.iter().map(|name| (name.clone(), Value::Null));
    let kept = set
        .iter()
        .map(|pair| (pair.name.clone(), pair.value.as_str().into()));
    removed.chain(kept).collect()
}

/// The values may be credentials.
impl fmt::Debug for ServerChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerChanges")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Change, ConfigFile, Environment};

    fn amended(text: &str, changes: &Value) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mcp.json");
        fs::write(&path, text).expect("written");
        let file = ConfigFile::at(&path, &Environment::of([]));
        let mut all = json!({"set_env": [], "remove_env": [], "set_headers": [], "remove_headers": []});
        let changes = changes.as_object().expect("changes").clone();
        all.as_object_mut().expect("a map").extend(changes);
        let changes = serde_json::from_value(all).expect("changes");
        let id = "a".parse().expect("a name");
        file.edit(&Change::Amend(id, Box::new(changes))).expect("changed");
        fs::read_to_string(&path).expect("there")
    }

    #[test]
    fn only_what_was_changed_is_touched() {
        let text = r#"{
  // mine
  "mcpServers": {
    "a": { "httpUrl": "https://a.example/mcp", "x-own": 1, "headers": { "X-Old": "1", "X-Kept": "2" } }
  }
}
"#;
        let changes = json!({
            "url": "https://b.example/mcp",
            "set_headers": [{"name": "X-New", "value": "3"}],
            "remove_headers": ["X-Old"],
            "timeout_seconds": 60,
        });
        let expected = r#"{
  // mine
  "mcpServers": {
    "a": {
      "httpUrl": "https://b.example/mcp",
      "x-own": 1,
      "headers": {
        "X-Kept": "2",
        "X-New": "3"
      },
      "timeout": 60
    }
  }
}
"#;
        assert_eq!(amended(text, &changes), expected);
    }

    #[test]
    fn a_renamed_entry_stays_in_its_place_and_takes_its_auth_along() {
        let text = r#"{"mcpServers": {"a": {"url": "https://a.example"}, "c": {"command": "c"}}, "auth": {"a": {"scopes": ["x"]}}}"#;
        let after = amended(text, &json!({"id": "b", "scopes": []}));
        let expected = r#"{"mcpServers": {"b": {"url": "https://a.example"}, "c": {"command": "c"}}, "auth": {"b": {}}}"#;
        assert_eq!(after, expected);
    }

    #[test]
    fn values_that_may_be_credentials_are_not_shown() {
        let text = r#"{"mcpServers": {"a": {"command": "c", "args": ["--key", "s3cret"], "env": {"KEY": "s3cret"}}}}"#;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mcp.json");
        fs::write(&path, text).expect("written");
        let config = ConfigFile::at(&path, &Environment::of([]))
            .read()
            .expect("a config");
        let entry = ServerEntry::from(&config.servers[0]);
        let shown = serde_json::to_string(&entry).expect("JSON");
        assert!(
            shown.contains(r#""argument_count":2"#) && shown.contains("KEY") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}

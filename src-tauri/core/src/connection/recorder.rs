//! Writes down what a later process should know of a server, when it has changed and not before.

use jiff::Timestamp;
use rmcp::model::Tool;
use serde_json::Value;

use super::{era::Era, link::Introduction};
use crate::{
    AuthStatus, ConnectionStatus, ServerSnapshot,
    access::Endpoint,
    clock::Clock,
    config::ServerConfig,
    oauth::{grant::GrantKey, timeline::Step},
    store::{RecordName, ServerRecord, Vault, VaultError},
};

/// The record of one server.
pub(super) struct Recorder {
    vault: Vault,
    name: RecordName,
    endpoint: Endpoint,
    written: ServerRecord,
}

impl Recorder {
    /// Reads what is recorded; nothing readable counts as nothing recorded.
    pub(super) fn open(vault: Vault, config: &ServerConfig) -> Self {
        let name = record_name(config);
        let written = vault.load_record(&name).unwrap_or_default();
        Self {
            vault,
            name,
            endpoint: Endpoint::of(&config.transport),
            written,
        }
    }

    /// What an earlier process observed.
    pub(super) fn recorded(&self) -> &ServerRecord {
        &self.written
    }

    /// The era an earlier process found.
    pub(super) fn era(&self) -> Option<Era> {
        self.written.era
    }

    /// Remembers a state that is worth it: one the server led to, not one on the way there.
    pub(super) async fn observe(&mut self, snapshot: &ServerSnapshot, era: Option<Era>, clock: &Clock) {
        let under_way = snapshot.connection == ConnectionStatus::Connecting
            || snapshot.auth == AuthStatus::Authenticating;
        if under_way {
            return;
        }
        let record = ServerRecord {
            observed_at: self.written.observed_at,
            auth: Some(snapshot.auth),
            transport: Some(snapshot.transport),
            era,
            provider: snapshot.provider.clone(),
            tool_count: snapshot.tool_count,
            missing_scopes: snapshot.missing_scopes.iter().map(String::as_str).collect(),
            problem: snapshot.problem.clone(),
            endpoint: Some(self.endpoint.clone()),
        };
        if record != self.written {
            self.written = ServerRecord {
                observed_at: Some(clock.now()),
                ..record
            };
            told(self.vault.save_record(&self.name, &self.written).await);
        }
    }

    /// Remembers the tools, for whoever lists them while the server is away.
    pub(super) async fn tools(&self, tools: &[Tool]) {
        let verbatim: Vec<_> = tools
            .iter()
            .filter_map(|tool| serde_json::to_value(tool).ok())
            .collect::<Vec<Value>>();
        told(self.vault.save_tools(&self.name, &verbatim).await);
    }

    /// Remembers what the server said about itself, for whoever answers in its place while it is away.
    pub(super) async fn introduction(&self, said: Option<Introduction>) {
        if let Some(said) =
            said.filter(|said| self.vault.load_introduction(&self.name).as_ref() != Some(said))
        {
            told(self.vault.save_introduction(&self.name, &said).await);
        }
    }

    /// When a client last called while a person was needed, in whichever process.
    pub(super) fn wanted_at(&self) -> Option<Timestamp> {
        self.vault.load_wanted(&self.name)
    }

    /// Lets other processes know that a client called while a person was needed.
    pub(super) async fn wanted(&self, at: Timestamp) {
        told(self.vault.save_wanted(&self.name, at).await);
    }

    /// Where this is kept.
    pub(super) fn place(&self) -> (Vault, RecordName) {
        (self.vault.clone(), self.name.clone())
    }

    /// Remembers the evidence, for `doctor` in another process.
    pub(super) async fn timeline(&self, steps: &[Step]) {
        told(self.vault.save_timeline(&self.name, steps).await);
    }
}

/// A record that cannot be written costs the next process a look at the server, and nothing else.
fn told(outcome: Result<(), VaultError>) {
    if let Err(error) = outcome {
        tracing::debug!("not recorded: {error}");
    }
}

/// Names what is observed of an entry: with its URL and account where it has them, since another URL is another server.
pub(crate) fn record_name(config: &ServerConfig) -> RecordName {
    match GrantKey::of(config) {
        Some(key) => RecordName::from(&key),
        None => RecordName::from(&config.id),
    }
}

//! Other clients' servers, taken over into our config file.
//!
//! What comes along: address or program, header fields, variables, whether it is switched on, and the keys of its OAuth
//! block that mean something here. A server behind mcp-remote is taken over by its own address, since signing in is
//! what we do. Values are written as they stand there, references unexpanded, and are never shown.

use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{ClientError, Machine, app::App, apps::APPS, document::Document, file, fork, ours};
use crate::{
    Explain, Problem, ServerId,
    config::{Change, Config, ConfigError, ConfigFile, Edit, NewServer, NewTransport, Suggestion, Transport},
    event::TransportKind,
    oauth::endpoint::redacted,
    undo::UndoToken,
};

/// Programs whose first argument is what they run, and no secret.
const RUNNERS: &[&str] = &[
    "npx", "bunx", "pnpx", "uvx", "node", "python", "python3", "deno", "docker",
];

/// Takes servers over.
#[derive(Clone, Debug)]
pub struct Import {
    /// Where the other clients' files are.
    pub machine: Machine,
    /// Our own.
    pub config: ConfigFile,
}

/// A client whose servers can be taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ImportSource {
    /// What it is called on the command line.
    pub id: String,
    /// The client's own name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// Whether the file is there.
    pub found: bool,
    /// How many servers are in it, ours not counted.
    pub server_count: u32,
}

/// What would be taken over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ImportPreview {
    /// The client's id.
    pub source: String,
    /// Its servers, in the order of its file.
    pub candidates: Vec<ImportCandidate>,
}

/// One server of another client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ImportCandidate {
    /// As named there.
    pub name: String,
    /// As it would be named here.
    pub id: ServerId,
    /// How it is reached.
    pub transport: TransportKind,
    /// Its URL without credentials, or the program.
    pub address: String,
    /// What would become of it.
    pub verdict: ImportVerdict,
    /// Whether values that may be credentials come along.
    pub has_secrets: bool,
    /// Whether a sign-in can be taken over.
    pub has_grant: bool,
    /// Why it cannot be taken over.
    pub problem: Option<Problem>,
}

/// What would become of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum ImportVerdict {
    /// It is added under its own name.
    New,
    /// It is added under another name, since its own is taken.
    Renamed,
    /// It is here already.
    Present,
    /// It makes no sense.
    Invalid,
}

/// What was taken over, as the panel is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ImportReport {
    /// The new entries.
    pub added: Vec<ServerId>,
    /// The servers whose sign-in was taken over, those that were here already among them.
    pub signed_in: Vec<ServerId>,
    /// The servers whose sign-in could not be taken over.
    pub not_signed_in: Vec<ServerId>,
    /// Takes the new entries back; none where there are none.
    pub undo: Option<UndoToken>,
}

/// What was taken over, with what takes it back.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The new entries, with their names in the other client.
    pub added: Vec<(String, ServerId)>,
    /// The edits that added them, in order.
    pub edits: Vec<Edit>,
}

/// A server on its way.
struct Candidate {
    shown: ImportCandidate,
    server: Option<NewServer>,
}

impl Import {
    /// Every client there is, whether or not it has servers.
    pub fn sources(&self) -> Vec<ImportSource> {
        APPS.iter().map(|app| self.source(app)).collect()
    }

    /// What would be taken over from a client.
    pub fn preview(&self, source: &str) -> Result<ImportPreview, ClientError> {
        let app = App::named(source)?;
        let mut candidates = Vec::new();
        for Candidate { mut shown, .. } in self.candidates(app)? {
            let may_have = app.keeps_sign_ins && shown.transport != TransportKind::Stdio;
            shown.has_grant = may_have && fork::has_sign_in(&self.machine, &shown.name);
            candidates.push(shown);
        }
        Ok(ImportPreview {
            source: app.id.to_owned(),
            candidates,
        })
    }

    /// Takes servers over, by their names in the other client; those that are here already or make no sense are passed
    /// over. All of them or, when one cannot be written, none.
    pub fn apply(&self, source: &str, names: &[String]) -> Result<Imported, ClientError> {
        let mut imported = Imported {
            added: Vec::new(),
            edits: Vec::new(),
        };
        for Candidate { shown, server } in self.candidates(App::named(source)?)? {
            let is_wanted = names.contains(&shown.name);
            let is_news = matches!(shown.verdict, ImportVerdict::New | ImportVerdict::Renamed);
            let Some(server) = server.filter(|_| is_wanted && is_news) else {
                continue;
            };
            match self.config.add(&shown.id, server) {
                Ok(edit) => imported.edits.push(edit),
                Err(error) => {
                    self.take_back(&imported.edits)?;
                    return Err(error.into());
                }
            }
            imported.added.push((shown.name, shown.id));
        }
        Ok(imported)
    }

    /// Takes edits back, the last one first; refused when somebody changed the file since.
    pub fn take_back(&self, edits: &[Edit]) -> Result<(), ClientError> {
        for edit in edits.iter().rev() {
            self.config.undo(edit)?;
        }
        Ok(())
    }

    fn source(&self, app: &'static App) -> ImportSource {
        let path = (app.file)(&self.machine);
        let count = entries(app, &path).map_or(0, |entries| entries.len());
        ImportSource {
            id: app.id.to_owned(),
            name: app.name.to_owned(),
            found: path.exists(),
            path: path.display().to_string(),
            server_count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    fn candidates(&self, app: &'static App) -> Result<Vec<Candidate>, ClientError> {
        let path = (app.file)(&self.machine);
        let entries = entries(app, &path)?;
        let mut config = match self.config.read() {
            Ok(config) => config,
            Err(ConfigError::Missing(_)) => Config::default(),
            Err(error) => return Err(crate::config::EditError::Read(error).into()),
        };
        let mut candidates = Vec::new();
        for (name, entry) in entries {
            match Suggestion::of_entry(&name, &entry) {
                Ok(suggestion) => candidates.push(self.candidate(name, suggestion, &mut config)),
                Err(problem) => candidates.extend(Candidate::invalid(name, problem)),
            }
        }
        Ok(candidates)
    }

    /// `config` learns of each candidate, so that no two get one name.
    fn candidate(&self, name: String, suggestion: Suggestion, config: &mut Config) -> Candidate {
        let suggestion = suggestion.without_bridge().unwrap_or(suggestion);
        let (wished, server) = (suggestion.name, suggestion.server);
        let present = config
            .servers
            .values()
            .find(|there| is_same(&server.transport, &there.transport));
        let id = present.map_or_else(|| config.free_name(&wished), |there| there.id.clone());
        let mut shown = ImportCandidate {
            verdict: match present {
                Some(_) => ImportVerdict::Present,
                None if id == wished => ImportVerdict::New,
                None => ImportVerdict::Renamed,
            },
            transport: server.transport.kind(),
            address: address(&server.transport),
            has_secrets: has_secrets(&server.transport),
            has_grant: false,
            problem: None,
            name,
            id,
        };
        if shown.verdict != ImportVerdict::Present {
            let change = Change::Add(shown.id.clone(), Box::new(server.clone()));
            match self.config.preview(&change) {
                Ok(edit) => learn(config, &self.config, &edit, &shown.id),
                Err(error) => {
                    (shown.verdict, shown.problem) = (ImportVerdict::Invalid, Some(error.problem()));
                }
            }
        }
        Candidate {
            shown,
            server: Some(server),
        }
    }
}

impl Candidate {
    /// None where the name could not even be shown.
    fn invalid(name: String, problem: Problem) -> Option<Self> {
        let id = Suggestion::nearest_name(&name)?;
        Some(Self {
            shown: ImportCandidate {
                id,
                transport: TransportKind::Stdio,
                address: String::new(),
                verdict: ImportVerdict::Invalid,
                has_secrets: false,
                has_grant: false,
                problem: Some(problem),
                name,
            },
            server: None,
        })
    }
}

/// Takes note of an entry that is to come.
fn learn(config: &mut Config, file: &ConfigFile, edit: &Edit, id: &ServerId) {
    let mut after = file.parse(&edit.text());
    if let Some(server) = after.servers.shift_remove(id) {
        config.servers.insert(id.clone(), server);
    }
}

/// The servers of a file, without those that lead back to us.
fn entries(app: &'static App, path: &Path) -> Result<Vec<(String, serde_json::Value)>, ClientError> {
    let text = file::text(path)?.ok_or_else(|| ClientError::Missing(path.to_owned()))?;
    let document = Document::parse(app, path, Some(text))?;
    let servers = document.servers().filter(|(_, entry)| !ours::leads_back(entry));
    let adapted = |entry: &serde_json::Value| {
        let mut entry = entry.clone();
        if let Some(adapt) = app.adapt {
            adapt(&mut entry);
        }
        entry
    };
    Ok(servers
        .map(|(name, entry)| (name.to_owned(), adapted(entry)))
        .collect())
}

/// Whether both lead to the same place, whatever they are called.
fn is_same(new: &NewTransport, there: &Transport) -> bool {
    match (new, there) {
        (
            NewTransport::Stdio { command, args, .. },
            Transport::Stdio {
                command: known,
                args: with,
                ..
            },
        ) => command == known && args == with,
        (
            NewTransport::StreamableHttp(endpoint) | NewTransport::Sse(endpoint),
            Transport::StreamableHttp { url, .. } | Transport::Sse { url, .. },
        ) => Url::parse(&endpoint.url).is_ok_and(|new| new == *url),
        _ => false,
    }
}

/// Where it is, without credentials: a URL, or a program and, where that says little, what it runs.
fn address(transport: &NewTransport) -> String {
    match transport {
        NewTransport::StreamableHttp(endpoint) | NewTransport::Sse(endpoint) => {
            match Url::parse(&endpoint.url) {
                Ok(url) => redacted(&url),
                // With a reference in it, it is no URL yet; the reference is no secret, and what stands around it may be.
                Err(_) => "…".to_owned(),
            }
        }
        NewTransport::Stdio { command, args, .. } => {
            let is_runner = RUNNERS
                .iter()
                .any(|runner| command.rsplit('/').next() == Some(runner));
            let runs = args.iter().find(|argument| !argument.starts_with('-'));
            match runs.filter(|argument| is_runner && is_package(argument)) {
                Some(package) => format!("{command} {package}"),
                None => command.clone(),
            }
        }
    }
}

/// `@scope/name`, `name@1.2`, `server.py`: nothing that could be a credential.
fn is_package(argument: &str) -> bool {
    argument.len() <= 80
        && argument
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "@/._-".contains(c))
}

/// Whether a value that may be a credential comes along: anything that is no mere reference.
fn has_secrets(transport: &NewTransport) -> bool {
    let literal = |pairs: &[(String, String)]| {
        pairs
            .iter()
            .any(|(_, value)| !value.is_empty() && !value.contains("${"))
    };
    match transport {
        NewTransport::Stdio { env, args, .. } => {
            literal(env) || args.iter().any(|argument| names_secret(argument))
        }
        NewTransport::StreamableHttp(endpoint) | NewTransport::Sse(endpoint) => {
            let in_url = Url::parse(&endpoint.url).is_ok_and(|url| {
                url.query().is_some() || url.password().is_some() || !url.username().is_empty()
            });
            literal(&endpoint.headers) || in_url
        }
    }
}

/// An option that is named after a secret, or a URL with one in it.
fn names_secret(argument: &str) -> bool {
    if Url::parse(argument).is_ok_and(|url| url.password().is_some()) {
        return true;
    }
    let argument = argument.to_lowercase();
    [
        "token",
        "secret",
        "password",
        "api-key",
        "apikey",
        "api_key",
        "authorization",
    ]
    .iter()
    .any(|word| argument.contains(word))
}

#[cfg(test)]
mod tests;

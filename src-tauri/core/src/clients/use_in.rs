//! "Use in…": our entry in another client's file.
//!
//! One server is handed over as a program, `omlx mcp bridge`, which works whether or not a gateway runs and needs no
//! key. All of them together are handed over as the gateway's address, with a key made for that client alone; a client
//! that takes programs only gets one entry for each. What stood in the file before is kept beside it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ClientApp, ClientError, Machine,
    app::App,
    apps::APPS,
    document::{Document, Entry},
    file, ours,
    record::{Records, Written, backup_path, fingerprint},
    veil,
};
use crate::{
    ServerId,
    access::{Access, ClientId, ClientKey, Pattern, Patterns, Rules},
    diff::{DiffLine, diff},
    store::Home,
};

/// What the gateway's own entry is called.
const ALL: &str = "omlx-connect";

/// What is added to a name that somebody else's entry has already.
const SUFFIX: &str = "-omlx";

/// Stands for the key until it is made.
const KEY_TO_COME: &str = "omlx_…";

/// Writes our entries into other clients' files.
#[derive(Clone, Debug)]
pub struct UseIn {
    /// Where the files are.
    pub machine: Machine,
    /// Where what was written is remembered.
    pub home: Home,
    /// Where keys are made.
    pub access: Access,
    /// How the bridge is started.
    pub bridge: Bridge,
    /// Where the gateway listens: scheme, host and port.
    pub gateway: String,
}

/// How `omlx mcp bridge` is started by a program that has another working folder and other variables than we.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The program, by its whole path.
    pub program: PathBuf,
    /// The config file, by its whole path.
    pub config: PathBuf,
    /// The data folder, where it is not the user's own.
    pub home: Option<PathBuf>,
}

/// What is to be used, and where.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The client's id.
    pub client: String,
    /// Which servers.
    pub target: Target,
    /// Which way; none for the one that suits the target.
    pub way: Option<Way>,
}

/// Which servers are handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One.
    One(ServerId),
    /// All of these, which are those that are switched on.
    All(Vec<ServerId>),
}

/// Which way they are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A program on standard streams for each.
    Bridge,
    /// The address of the gateway.
    Gateway,
}

/// What a wish would do to a client's file. Values that were there before are hidden in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct UseInPreview {
    /// The client's id.
    pub client: String,
    /// Its file.
    pub path: String,
    /// Whether the file is there already.
    pub exists: bool,
    /// Whether it says already what was wished for.
    pub present: bool,
    /// The file as it would be if there were nothing else in it.
    pub snippet: String,
    /// What would change.
    pub diff: Vec<DiffLine>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The client's id.
    pub client: String,
    /// Its file.
    pub path: PathBuf,
    /// False when it said so already.
    pub changed: bool,
    /// What our entries are called there.
    pub entries: Vec<String>,
    /// What stood there before; none when there was no file, or nothing was changed.
    pub backup: Option<PathBuf>,
}

/// What was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The client's id.
    pub client: String,
    /// Its file.
    pub path: PathBuf,
    /// Whether the file is as it was, byte for byte. Otherwise its program has saved it since, and only our entries were
    /// taken out.
    pub exact: bool,
}

/// A wish, worked out against the file as it is.
struct Plan<'a> {
    app: &'static App,
    document: Document<'a>,
    entries: Vec<Planned>,
}

/// One entry to be there.
struct Planned {
    name: String,
    make: Make,
    /// Whether the file has it already.
    present: bool,
    /// The key that stands in its place and still opens.
    key: Option<ClientKey>,
}

/// How an entry is made.
enum Make {
    Program(Vec<String>),
    Remote {
        url: String,
        client: String,
        rules: Rules,
    },
}

impl UseIn {
    /// Every client there is.
    pub fn apps(&self) -> Vec<ClientApp> {
        APPS.iter().map(|app| app.listed(&self.machine)).collect()
    }

    /// Where a client's file is.
    pub fn path(&self, client: &str) -> Result<PathBuf, ClientError> {
        Ok((App::named(client)?.file)(&self.machine))
    }

    /// What a wish would do. Makes no key and writes nothing.
    pub fn preview(&self, wish: &Wish) -> Result<UseInPreview, ClientError> {
        let app = App::named(&wish.client)?;
        let path = (app.file)(&self.machine);
        let text = file::text(&path)?;
        let exists = text.is_some();
        let plan = self.plan(app, (&path, text), wish)?;
        let entries: Vec<Entry> = plan
            .entries
            .iter()
            .map(|planned| self.shown(app, planned))
            .collect();
        let after = plan.document.with(&plan.missing(&entries))?;
        let alone = Document::parse(app, &path, None)?.with(&entries)?;
        Ok(UseInPreview {
            client: app.id.to_owned(),
            path: path.display().to_string(),
            exists,
            present: plan.is_present(),
            diff: veil::veiled(diff(plan.document.text(), &after), &alone, app.syntax),
            snippet: alone,
        })
    }

    /// Does it: copy, write, remember.
    pub fn apply(&self, wish: &Wish) -> Result<Done, ClientError> {
        let app = App::named(&wish.client)?;
        let held = file::hold(&(app.file)(&self.machine))?;
        let path = held.path().to_owned();
        let plan = self.plan(app, (&path, file::text(&path)?), wish)?;
        let names = plan.names();
        if plan.is_present() {
            return Ok(Done {
                client: app.id.to_owned(),
                path: path.clone(),
                changed: false,
                entries: names,
                backup: None,
            });
        }
        // A file that cannot take our entries costs nobody a key.
        self.try_out(&plan)?;
        let mut keys = Vec::new();
        let made: Result<Vec<Entry>, ClientError> = plan
            .entries
            .iter()
            .map(|planned| self.made(app, planned, &mut keys))
            .collect();
        let written = made.and_then(|entries| plan.write(&held, &plan.missing(&entries)));
        match written {
            Ok((backup, after)) => {
                self.remember(&plan, (&path, backup.clone()), (after, keys))?;
                Ok(Done {
                    client: app.id.to_owned(),
                    path: path.clone(),
                    changed: true,
                    entries: names,
                    backup,
                })
            }
            Err(error) => {
                self.revoke(&keys);
                Err(error)
            }
        }
    }

    /// Takes the last write into a client's file back, and the keys that were made for it.
    pub fn undo(&self, client: &str) -> Result<Undone, ClientError> {
        let app = App::named(client)?;
        let records = Records::of(&self.home);
        let written = records
            .last(app.id)?
            .ok_or(ClientError::NothingToUndo(app.name))?;
        let held = file::hold(&written.path)?;
        let now = file::read(held.path())?;
        let exact = now.as_deref().map(fingerprint).as_deref() == Some(&written.after);
        if exact {
            restore(&written, &held, now.as_deref())?;
        } else {
            take_out(app, &written, &held)?;
        }
        self.revoke(&written.clients);
        for name in &written.keys {
            let _ = self.access.revoke(name);
        }
        records.remove(&written)?;
        Ok(Undone {
            client: app.id.to_owned(),
            path: written.path,
            exact,
        })
    }

    fn plan<'a>(
        &self,
        app: &'static App,
        (path, text): (&'a Path, Option<String>),
        wish: &Wish,
    ) -> Result<Plan<'a>, ClientError> {
        let document = Document::parse(app, path, text)?;
        let mut entries = self.wanted(app, wish)?;
        for planned in &mut entries {
            let is_free = |name: &str| document.get(name).is_none_or(ours::leads_back);
            if !is_free(&planned.name) {
                planned.name.push_str(SUFFIX);
            }
            if !is_free(&planned.name) {
                return Err(ClientError::Entangled(path.to_owned()));
            }
            let there = document.get(&planned.name);
            planned.key = there
                .and_then(ours::key)
                .and_then(|key| self.access.recognise(key));
            planned.present = there.is_some_and(|there| self.is_as_wished(app, planned, there));
        }
        Ok(Plan {
            app,
            document,
            entries,
        })
    }

    fn wanted(&self, app: &App, wish: &Wish) -> Result<Vec<Planned>, ClientError> {
        let suits = match wish.target {
            Target::All(_) if app.remote.is_some() => Way::Gateway,
            _ => Way::Bridge,
        };
        let way = wish.way.unwrap_or(suits);
        if way == Way::Gateway && app.remote.is_none() {
            return Err(ClientError::NoGateway(app.name));
        }
        let planned = |name: String, make: Make| Planned {
            name,
            make,
            present: false,
            key: None,
        };
        let bridged = |id: &ServerId| planned(id.to_string(), Make::Program(self.bridge.args(id)));
        let entries = match (&wish.target, way) {
            (Target::One(id), Way::Bridge) => vec![bridged(id)],
            (Target::All(ids), Way::Bridge) => ids.iter().map(bridged).collect(),
            (Target::One(id), Way::Gateway) => vec![planned(id.to_string(), self.remote(app, Some(id)))],
            (Target::All(_), Way::Gateway) => vec![planned(ALL.to_owned(), self.remote(app, None))],
        };
        if entries.is_empty() {
            return Err(ClientError::NoServers);
        }
        Ok(entries)
    }

    fn remote(&self, app: &App, server: Option<&ServerId>) -> Make {
        let base = self.gateway.trim_end_matches('/');
        match server {
            None => Make::Remote {
                url: format!("{base}/mcp"),
                client: app.name.to_owned(),
                rules: Rules::default(),
            },
            Some(id) => Make::Remote {
                url: format!("{base}/servers/{}/mcp", in_path(id)),
                client: format!("{} ({id})", app.name),
                rules: Rules {
                    servers: exactly(id),
                    tools: Patterns::default(),
                },
            },
        }
    }

    /// Whether an entry of ours does what is wished for. One with a key does so as long as the key opens.
    fn is_as_wished(&self, app: &App, planned: &Planned, there: &Value) -> bool {
        match &planned.make {
            Make::Program(args) => *there == self.program(app, args),
            Make::Remote { url, .. } => planned.key.as_ref().is_some_and(|key| {
                app.remote
                    .is_some_and(|remote| *there == remote(url, &format!("Bearer {}", key.reveal())))
            }),
        }
    }

    fn program(&self, app: &App, args: &[String]) -> Value {
        (app.program)(&self.bridge.program.to_string_lossy(), args)
    }

    /// The entry as it is shown, with no key in it.
    fn shown(&self, app: &App, planned: &Planned) -> Entry {
        self.entry(app, planned, KEY_TO_COME)
    }

    fn entry(&self, app: &App, planned: &Planned, key: &str) -> Entry {
        let value = match &planned.make {
            Make::Program(args) => self.program(app, args),
            Make::Remote { url, .. } => {
                let remote = app.remote.map(|remote| remote(url, &format!("Bearer {key}")));
                remote.unwrap_or_default()
            }
        };
        Entry {
            name: planned.name.clone(),
            value,
        }
    }

    /// The entry as it is written, with a key made for it.
    fn made(&self, app: &App, planned: &Planned, keys: &mut Vec<ClientId>) -> Result<Entry, ClientError> {
        let Make::Remote { client, rules, .. } = &planned.make else {
            return Ok(self.entry(app, planned, ""));
        };
        if planned.present {
            return Ok(self.shown(app, planned));
        }
        if let Some(key) = &planned.key {
            return Ok(self.entry(app, planned, key.reveal()));
        }
        let known = self.access.clients()?;
        let is_known = |name: &str| known.iter().any(|known| known.name.eq_ignore_ascii_case(name));
        let numbered = (2..=u32::MAX).map(|number| format!("{client} {number}"));
        let mut names = std::iter::once(client.clone()).chain(numbered);
        // One that was given out by hand is in use somewhere, and stays as it is.
        let name = names.find(|name| !is_known(name)).unwrap_or_default();
        let (id, key) = self.access.issue_with_id(&name, rules.clone())?;
        keys.push(id);
        Ok(self.entry(app, planned, key.reveal()))
    }

    fn try_out(&self, plan: &Plan<'_>) -> Result<(), ClientError> {
        let entries: Vec<Entry> = plan
            .entries
            .iter()
            .map(|planned| self.shown(plan.app, planned))
            .collect();
        plan.document.with(&plan.missing(&entries)).map(drop)
    }

    fn remember(
        &self,
        plan: &Plan<'_>,
        (path, backup): (&Path, Option<PathBuf>),
        (after, clients): (String, Vec<ClientId>),
    ) -> Result<(), ClientError> {
        Records::of(&self.home).push(Written {
            app: plan.app.id.to_owned(),
            path: path.to_owned(),
            backup,
            after: fingerprint(after.as_bytes()),
            entries: plan.names(),
            clients,
            keys: Vec::new(),
        })
    }

    fn revoke(&self, clients: &[ClientId]) {
        for client in clients {
            // One that somebody revoked meanwhile is gone, as it should be.
            let _ = self.access.revoke_id(client);
        }
    }
}

impl Plan<'_> {
    /// Those that are not in the file as they should be.
    fn missing(&self, entries: &[Entry]) -> Vec<Entry> {
        let both = self.entries.iter().zip(entries);
        both.filter(|(planned, _)| !planned.present)
            .map(|(_, entry)| entry.clone())
            .collect()
    }

    /// The copy that was made, and what stands in the file now.
    fn write(&self, held: &file::Held, entries: &[Entry]) -> Result<(Option<PathBuf>, String), ClientError> {
        let after = self.document.with(entries)?;
        let before = file::read(held.path())?;
        if before.as_deref().unwrap_or_default() != self.document.text().as_bytes() {
            return Err(ClientError::Changed(held.path().to_owned()));
        }
        let backup = before.as_ref().map(|_| backup_path(held.path()));
        if let (Some(backup), Some(before)) = (&backup, &before) {
            file::keep_copy(backup, before)?;
        }
        held.replace(before.as_deref(), after.as_bytes())?;
        Ok((backup, after))
    }

    fn is_present(&self) -> bool {
        self.entries.iter().all(|planned| planned.present)
    }

    fn names(&self) -> Vec<String> {
        self.entries.iter().map(|planned| planned.name.clone()).collect()
    }
}

impl Bridge {
    fn args(&self, server: &ServerId) -> Vec<String> {
        let mut args = vec!["mcp".to_owned(), "bridge".to_owned(), server.to_string()];
        args.extend(["--config".to_owned(), self.config.to_string_lossy().into_owned()]);
        if let Some(home) = &self.home {
            args.extend(["--home".to_owned(), home.to_string_lossy().into_owned()]);
        }
        args
    }
}

/// Puts back what stood there, byte for byte.
fn restore(written: &Written, held: &file::Held, now: Option<&[u8]>) -> Result<(), ClientError> {
    let Some(backup) = &written.backup else {
        return held.remove();
    };
    let before = file::read(backup)?.ok_or_else(|| ClientError::Missing(backup.clone()))?;
    held.replace(now, &before)?;
    // It has done its work, and may hold credentials.
    let _ = std::fs::remove_file(backup);
    Ok(())
}

/// Takes our entries out of a file that has changed since; the copy stays for whoever wants it.
fn take_out(app: &'static App, written: &Written, held: &file::Held) -> Result<(), ClientError> {
    let Some(text) = file::text(held.path())? else {
        return Ok(());
    };
    let document = Document::parse(app, held.path(), Some(text))?;
    let is_ours = |name: &&str| document.get(name).is_some_and(ours::leads_back);
    let names: Vec<&str> = written
        .entries
        .iter()
        .map(String::as_str)
        .filter(is_ours)
        .collect();
    let after = document.without(&names)?;
    held.replace(Some(document.text().as_bytes()), after.as_bytes())
}

/// A name that stands for itself alone, whatever is in it.
fn exactly(id: &ServerId) -> Patterns {
    // No pattern can be made of a name only where it could be no server's either.
    Patterns::of(Pattern::try_from(id.to_string()))
}

/// A name as a segment of a path (RFC 3986 §3.3).
fn in_path(id: &ServerId) -> String {
    const SEGMENT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(id.as_str(), SEGMENT).to_string()
}

#[cfg(test)]
mod tests;

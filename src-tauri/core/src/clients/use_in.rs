//! "Use in…": our entry in another client's file.
//!
//! One server is handed over as a program, `omlx mcp bridge`, which works whether or not a gateway runs and needs no
//! key. All of them together are handed over as the gateway's address, with a key made for that client alone; a client
//! that takes programs only gets one entry for each. What stood in the file before is kept beside it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    ClientApp, ClientError, Machine,
    app::App,
    apps::APPS,
    document::{Document, Entry},
    file,
    record::{Records, WriteId, Written, fingerprint},
    veil,
};
use crate::{
    ServerId,
    access::{Access, ClientId},
    diff::{DiffLine, diff},
    store::Home,
};

mod astray;
mod notes;
mod other;
mod plan;
mod removed;
mod undone;

pub use notes::UseInNote;
pub use other::OtherApp;
use plan::Plan;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
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
    /// Which way the servers are handed over.
    pub way: Way,
    /// The file as it would be if there were nothing else in it.
    pub snippet: String,
    /// What would change.
    pub diff: Vec<DiffLine>,
    /// What is worth knowing of it: none of it stops anything.
    pub notes: Vec<UseInNote>,
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
    /// By which this write is undone, and no other; none when nothing was written.
    pub write: Option<WriteId>,
    /// What our entries are called there.
    pub entries: Vec<String>,
    /// What stood there before; none when there was no file, or nothing was changed.
    pub backup: Option<PathBuf>,
    /// What is worth knowing of it: none of it stopped anything.
    pub notes: Vec<UseInNote>,
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
        let notes = self.notes(wish, &plan, &after)?;
        let alone: Vec<Entry> = plan
            .entries
            .iter()
            .map(|planned| self.alone(app, planned))
            .collect();
        let alone = Document::parse(app, &path, None)?.with(&alone)?;
        Ok(UseInPreview {
            client: app.id.to_owned(),
            path: path.display().to_string(),
            exists,
            present: plan.is_present(),
            way: plan.way(),
            diff: veil::veiled(diff(plan.document.text(), &after), &alone, app.syntax),
            snippet: alone,
            notes,
        })
    }

    /// Does it: copy, write, remember.
    pub fn apply(&self, wish: &Wish) -> Result<Done, ClientError> {
        let app = App::named(&wish.client)?;
        let held = file::hold(&(app.file)(&self.machine))?;
        let path = held.path().to_owned();
        let plan = self.plan(app, (&path, file::text(&path)?), wish)?;
        // A file that cannot take our entries costs nobody a key.
        let notes = self.notes(wish, &plan, &self.tried_out(&plan)?)?;
        let mut done = Done {
            client: app.id.to_owned(),
            path: path.clone(),
            changed: !plan.is_present(),
            write: None,
            entries: plan.names(),
            backup: None,
            notes,
        };
        if done.changed {
            let (id, mut keys) = (WriteId::generate()?, Vec::new());
            let written = self.write(&plan, &held, &mut keys);
            let (backup, after) = written.inspect_err(|_| self.revoke(&keys))?;
            self.remember(&plan, (&held, backup.clone()), (id.clone(), after, keys))?;
            (done.write, done.backup) = (Some(id), backup);
        }
        Ok(done)
    }

    /// The copy that was made, and what stands in the file now. The clients that were given keys are in `keys`, whatever
    /// comes of it.
    fn write(
        &self,
        plan: &Plan<'_>,
        held: &file::Held,
        keys: &mut Vec<ClientId>,
    ) -> Result<(Option<PathBuf>, String), ClientError> {
        let made = plan
            .entries
            .iter()
            .map(|planned| self.made(plan.app, planned, keys));
        let entries = made.collect::<Result<Vec<Entry>, ClientError>>()?;
        plan.write(held, &plan.missing(&entries))
    }

    fn remember(
        &self,
        plan: &Plan<'_>,
        (held, backup): (&file::Held, Option<PathBuf>),
        (id, after, clients): (WriteId, String, Vec<ClientId>),
    ) -> Result<(), ClientError> {
        Records::of(&self.home).push(Written {
            id: Some(id),
            app: plan.app.id.to_owned(),
            path: held.path().to_owned(),
            backup,
            made_folder: held.made_folder().map(Path::to_owned),
            after: fingerprint(after.as_bytes()),
            entries: plan.names(),
            clients,
            keys: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;

//! [`Access`]: the desk at which a client shows its key, and is told what it may have.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    AccessError, Call, Client, ClientId, ClientKey, ClientSummary, HeldTool, LoggedCall, Refusal,
    ReviewedTool, Rules, ToolSet,
    approvals::{Approvals, Standing},
    audit::{self, Line, Log},
    client::BRIDGE,
    definition::{Definition, hash_of},
    endpoint::Endpoints,
    file::{self, Cached},
    key::KeyHash,
    last_use::LastUse,
    ledger::{Entry, Ledger},
};
use crate::{clock::Clock, handle::Handle, store::Home};

mod approving;
mod changes;
mod renamed;
mod snapshot;

pub use approving::Source;
use approving::{Approved, client_of};
pub use snapshot::{AccessSnapshot, HeldMark};

/// Clients, their keys, what they may see and what they did; cheap to clone, and the same in every process.
///
/// Every method is blocking, briefly: what a request asks costs a look at one or two files' identity, and a file is
/// read only after it changed.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>, Endpoints);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    clock: Clock,
    ledger_path: PathBuf,
    ledger: Cached<Arc<Ledger>>,
    approvals: Approved,
    last_use: LastUse,
    log: Log,
}

impl Access {
    /// The desk of one data folder. Does no I/O.
    pub fn open(home: &Home, clock: Clock) -> Self {
        let folder = home.data().join("access");
        let inner = Inner {
            ledger: Cached::empty(),
            approvals: Approved::default(),
            last_use: LastUse::in_folder(folder.join("used")),
            log: Log::at(folder.join("calls.jsonl")),
            ledger_path: folder.join("clients.json"),
            clock,
            folder,
        };
        Self(Arc::new(inner), Endpoints::default())
    }

    /// The same desk for whoever lends these servers: what was approved counts for the address or program it was approved
    /// of, and not for another one that was given its name.
    #[must_use]
    pub fn lending(self, handle: &Handle) -> Self {
        Self(self.0, Endpoints::of(handle))
    }

    /// Adds a client and makes its key, which is not kept and cannot be shown again.
    pub fn issue(&self, name: &str, rules: Rules) -> Result<ClientKey, AccessError> {
        Ok(self.issue_with_id(name, rules)?.1)
    }

    /// The same, for whoever takes the key back later: the id outlives a new name.
    pub(crate) fn issue_with_id(
        &self,
        name: &str,
        rules: Rules,
    ) -> Result<(ClientId, ClientKey), AccessError> {
        let key = ClientKey::generate()?;
        Ok((self.add(name, rules, Some(&key))?, key))
    }

    /// Adds a client that starts the bridge, and shows its id in place of a key: a program of the same user could read
    /// every key there is.
    pub(crate) fn introduce(&self, name: &str) -> Result<ClientId, AccessError> {
        self.add(name, Rules::default(), None)
    }

    fn add(&self, name: &str, rules: Rules, key: Option<&ClientKey>) -> Result<ClientId, AccessError> {
        let (id, created_at) = (ClientId::generate()?, self.0.clock.now());
        self.change(|ledger| {
            let name = ledger.free_name(name)?;
            ledger.entries.push(Entry {
                client: Client::new(id.clone(), name, rules),
                key: key.map(ClientKey::hash),
                created_at,
            });
            Ok(())
        })?;
        Ok(id)
    }

    /// The client of that id, which has started the bridge; an error when it was revoked. Without an id, any program of
    /// this user.
    pub fn on_standard_streams(&self, id: Option<&ClientId>) -> Result<Client, AccessError> {
        let client = match id {
            None => Client::on_standard_streams(),
            Some(id) => {
                let ledger = self.ledger()?;
                let at = ledger.position_of(id).map_err(|_| AccessError::Revoked)?;
                let entry = ledger.entries.get(at).ok_or(AccessError::Revoked)?;
                entry.client.clone()
            }
        };
        self.0.last_use.note(client.id(), self.0.clock.now());
        Ok(client)
    }

    /// Whether there is a client of that id; it does not count as used.
    pub(crate) fn knows(&self, id: &ClientId) -> bool {
        self.ledger().is_ok_and(|ledger| ledger.position_of(id).is_ok())
    }

    /// What was approved for programs that start the bridge without saying who they are, as a client in a list; none when
    /// there never was any.
    pub fn nameless(&self) -> Result<Option<ClientSummary>, AccessError> {
        let client = Client::on_standard_streams();
        let (mut since, mut held_tools) = (None, 0);
        for path in self.approval_files()? {
            if client_of(&path) != BRIDGE {
                continue;
            }
            if let Some(approvals) = Approvals::read(&path)? {
                held_tools += approvals.count_held();
                since = since.into_iter().chain(approvals.since()).min();
            }
        }
        Ok(since.map(|created_at| ClientSummary {
            id: client.id().clone(),
            name: BRIDGE.to_owned(),
            rules: client.rules().clone(),
            created_at,
            last_used_at: self.0.last_use.of(client.id()),
            held_tools,
        }))
    }

    /// Makes a new key for a client that is there already; the old one opens nothing from now on.
    pub fn reissue(&self, name: &str) -> Result<ClientKey, AccessError> {
        let (key, created_at) = (ClientKey::generate()?, self.0.clock.now());
        self.change(|ledger| {
            let at = ledger.position(name)?;
            if let Some(entry) = ledger.entries.get_mut(at) {
                (entry.key, entry.created_at) = (Some(key.hash()), created_at);
            }
            Ok(())
        })?;
        Ok(key)
    }

    /// Who shows this key; none when nobody has it, or has it no longer.
    pub fn authenticate(&self, key: &str) -> Option<Client> {
        let presented = KeyHash::of_presented(key)?;
        let ledger = self.ledger().ok()?;
        // All of them are compared, so that the time it takes does not tell which one it was.
        let matching = ledger.entries.iter().filter(|entry| entry.opens(&presented));
        let client = matching.fold(None, |_, entry| Some(&entry.client))?;
        let client = client.by_key(Some(presented));
        self.0.last_use.note(client.id(), self.0.clock.now());
        Some(client)
    }

    /// Why nobody can be let in, whatever key they show; none when the file of clients can be read.
    pub fn trouble(&self) -> Option<AccessError> {
        self.ledger().err()
    }

    /// The key as a key, provided that it opens; it does not count as used.
    pub(crate) fn recognise(&self, key: &str) -> Option<ClientKey> {
        let presented = KeyHash::of_presented(key)?;
        let ledger = self.ledger().ok()?;
        let opens = ledger.entries.iter().any(|entry| entry.opens(&presented));
        opens.then(|| ClientKey::known(key))
    }

    /// The client with its rules as they are now; none when it was revoked, or the key that let it in was renewed. For
    /// connections that stay open: where the file cannot be read, nobody is known to be revoked.
    pub fn current(&self, client: &Client) -> Option<Client> {
        if client.is_nameless() {
            return Some(client.clone());
        }
        let Ok(ledger) = self.ledger() else {
            return Some(client.clone());
        };
        let mut entries = ledger.entries.iter();
        let entry = entries.find(|entry| entry.client.id() == client.id())?;
        let key = client.key();
        let is_let_in = key.is_none_or(|key| entry.opens(key));
        is_let_in.then(|| entry.client.by_key(key.copied()))
    }

    /// Every client, in the order they were added.
    pub fn clients(&self) -> Result<Vec<ClientSummary>, AccessError> {
        let ledger = self.ledger()?;
        let mut held: HashMap<&str, u32> = HashMap::new();
        self.each_approved(&ledger, |client, approvals| {
            *held.entry(client).or_default() += approvals.count_held();
        })?;
        let summary = |entry: &Entry| {
            let name = entry.client.name();
            ClientSummary {
                id: entry.client.id().clone(),
                name: name.to_owned(),
                rules: entry.client.rules().clone(),
                created_at: entry.created_at,
                last_used_at: self.0.last_use.of(entry.client.id()),
                held_tools: held.get(name).copied().unwrap_or_default(),
            }
        };
        Ok(ledger.entries.iter().map(summary).collect())
    }

    /// Takes a client's key away, and forgets what it approved.
    pub fn revoke(&self, name: &str) -> Result<(), AccessError> {
        self.revoke_at(|ledger| ledger.position(name))
    }

    /// The same, whatever it is called by now.
    pub fn revoke_id(&self, id: &ClientId) -> Result<(), AccessError> {
        self.revoke_at(|ledger| ledger.position_of(id))
    }

    fn revoke_at(&self, at: impl FnOnce(&Ledger) -> Result<usize, AccessError>) -> Result<(), AccessError> {
        let gone = self.change(|ledger| {
            let at = at(ledger)?;
            Ok(ledger.entries.remove(at).client)
        })?;
        self.0.last_use.forget(gone.id());
        for path in self.approval_files()? {
            if client_of(&path) == gone.id().as_str() {
                file::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Calls a client something else; its key stays.
    pub fn rename(&self, name: &str, new: &str) -> Result<(), AccessError> {
        self.change(|ledger| {
            let at = ledger.position(name)?;
            let is_same = name.to_lowercase() == new.trim().to_lowercase();
            let new = if is_same {
                new.trim().to_owned()
            } else {
                ledger.free_name(new)?
            };
            if let Some(entry) = ledger.entries.get_mut(at) {
                let rules = entry.client.rules().clone();
                entry.client = Client::new(entry.client.id().clone(), new, rules);
            }
            Ok(())
        })
    }

    /// Says what a client may see from now on.
    pub fn set_rules(&self, name: &str, rules: Rules) -> Result<(), AccessError> {
        self.change(|ledger| {
            let at = ledger.position(name)?;
            if let Some(entry) = ledger.entries.get_mut(at) {
                let name = entry.client.name().to_owned();
                entry.client = Client::new(entry.client.id().clone(), name, rules);
            }
            Ok(())
        })
    }

    /// Whether the arguments of calls go into the log.
    pub fn logs_arguments(&self) -> bool {
        self.ledger().is_ok_and(|ledger| ledger.log_arguments)
    }

    /// The same by the file as it was when it was last looked at, which every request with a key does: a hint, since
    /// what is written is decided when it is written.
    pub fn may_log_arguments(&self) -> bool {
        let known = self.0.ledger.last().unwrap_or_else(|| self.ledger());
        known.is_ok_and(|ledger| ledger.log_arguments)
    }

    /// Says whether the arguments of calls go into the log.
    pub fn set_log_arguments(&self, wanted: LogArguments) -> Result<(), AccessError> {
        self.change(|ledger| {
            ledger.log_arguments = wanted == LogArguments::Yes;
            Ok(())
        })
    }

    /// Writes a call into the log. What cannot be written is told to our own log, and stops nobody.
    pub fn log(&self, call: &Call<'_>) {
        self.log_all([call.clone()]);
    }

    /// Writes calls into the log, all at once.
    pub fn log_all<'a>(&self, calls: impl IntoIterator<Item = Call<'a>>) {
        let (wanted, now) = (self.logs_arguments(), self.0.clock.now().to_string());
        let line = |call: Call<'a>| {
            let arguments = call.arguments.filter(|_| wanted).map(audit::bounded);
            Line::of(&call, &now, arguments)
        };
        let lines: Vec<Line<'_>> = calls.into_iter().map(line).collect();
        if let Err(error) = self.0.log.append(&lines) {
            tracing::warn!(kind = ?error.kind(), "a call could not be written into the log");
        }
    }

    /// The last calls that are as wanted, oldest first.
    pub fn calls(
        &self,
        most: usize,
        wanted: impl Fn(&LoggedCall) -> bool,
    ) -> Result<Vec<LoggedCall>, AccessError> {
        // Where nobody can be let in, calls are still told by the names they were made under.
        let ledger = self.ledger().ok();
        let named = |call: &LoggedCall| {
            ledger
                .as_ref()?
                .name_of(call.client_id.as_ref()?.as_str())
                .map(str::to_owned)
        };
        self.0.log.last(most, &|mut call| {
            if let Some(name) = named(&call) {
                call.client = name;
            }
            wanted(&call).then_some(call)
        })
    }

    /// Where the log is.
    pub fn log_path(&self) -> PathBuf {
        self.0.folder.join("calls.jsonl")
    }

    fn ledger_path(&self) -> &Path {
        &self.0.ledger_path
    }

    fn ledger(&self) -> Result<Arc<Ledger>, AccessError> {
        let path = self.ledger_path();
        self.0.ledger.get(path, || {
            Ledger::read(path)
                .map(Arc::new)
                .inspect_err(|error| tracing::error!(%error, "no client is let in"))
        })
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Ledger) -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        Ledger::update(self.ledger_path(), change)
    }

    /// The client of that name, with its rules as they are now; capitals do not matter. The stdio bridge is one.
    pub fn named(&self, name: &str) -> Result<Client, AccessError> {
        if name.eq_ignore_ascii_case(BRIDGE) {
            return Ok(Client::on_standard_streams());
        }
        Ok(self.ledger()?.named(name)?.client.clone())
    }
}

/// Whether the arguments of calls go into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogArguments {
    /// They do.
    Yes,
    /// They do not, which is the default.
    No,
}

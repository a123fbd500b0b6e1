//! A wish, worked out against a client's file as it is.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Bridge, Target, UseIn, Way, Wish};
use crate::{
    ServerId,
    access::{ClientId, ClientKey, Pattern, Patterns, Rules},
    clients::{
        ClientError,
        app::App,
        document::{Document, Entry},
        file,
        merged::merged,
        ours,
        record::backup_path,
    },
};

/// What the gateway's own entry is called.
pub(super) const ALL: &str = "omlx-connect";

/// What is added to a name that another entry has already, and a number to that.
const SUFFIX: &str = "-omlx";

/// How many names are tried.
const NAMES: u32 = 9;

/// Stands for the key until it is made.
const KEY_TO_COME: &str = "omlx_…";

/// Stands for the id by which a program says who it is, until it is given one.
const ID_TO_COME: &str = "…";

/// A wish, worked out against the file as it is.
pub(super) struct Plan<'a> {
    pub(super) app: &'static App,
    pub(super) document: Document<'a>,
    pub(super) entries: Vec<Planned>,
}

/// One entry to be there.
pub(super) struct Planned {
    name: String,
    make: Make,
    /// The entry of ours that stands there.
    there: Option<Value>,
    /// Whether the file has it already.
    present: bool,
    /// What stands in its place and still lets it in.
    pass: Option<Pass>,
}

/// What lets a client in.
#[derive(Clone)]
enum Pass {
    /// A key, at the gateway.
    Key(ClientKey),
    /// An id, by which a program that starts the bridge says who it is.
    Id(ClientId),
}

/// How an entry is made.
pub(super) enum Make {
    Program(ServerId),
    Remote {
        /// None for all of them.
        server: Option<ServerId>,
        url: String,
        client: String,
        rules: Rules,
    },
}

impl Make {
    /// Where it leads; none for all servers.
    fn server(&self) -> Option<&ServerId> {
        match self {
            Self::Program(server) => Some(server),
            Self::Remote { server, .. } => server.as_ref(),
        }
    }
}

impl UseIn {
    /// Works a wish out.
    pub(super) fn plan<'a>(
        &self,
        app: &'static App,
        (path, text): (&'a Path, Option<String>),
        wish: &Wish,
    ) -> Result<Plan<'a>, ClientError> {
        let document = Document::parse(app, path, text)?;
        let id = self.known_id(&document);
        let mut entries = self.wanted(app, wish)?;
        for planned in &mut entries {
            let name = self.place(&document, planned);
            planned.name = name.ok_or_else(|| ClientError::Entangled(path.to_owned()))?;
            let there = document.get(&planned.name);
            planned.pass = match planned.make {
                Make::Program(_) => there
                    .and_then(ours::client_of)
                    .filter(|id| self.access.knows(id))
                    .or_else(|| id.clone())
                    .map(Pass::Id),
                Make::Remote { .. } => there
                    .and_then(ours::key)
                    .and_then(|key| self.access.recognise(key))
                    .map(Pass::Key),
            };
            planned.there = there.cloned();
            planned.present = there.is_some_and(|there| self.is_as_wished(app, planned, there));
        }
        Ok(Plan {
            app,
            document,
            entries,
        })
    }

    /// What an entry is called: as the one of ours that leads there already, whatever its server was called when it was
    /// written, and else by a name that nobody has.
    fn place(&self, document: &Document<'_>, planned: &Planned) -> Option<String> {
        let wanted = planned.name.as_str();
        let leads = |entry: &Value| ours::leads_to(entry, planned.make.server(), &self.bridge.config);
        if document.get(wanted).is_some_and(leads) {
            return Some(wanted.to_owned());
        }
        let mut there = document.servers().filter(|(_, entry)| leads(entry));
        if let Some((name, _)) = there.next() {
            return Some(name.to_owned());
        }
        let numbered = (2..=NAMES).map(|number| format!("{wanted}{SUFFIX}-{number}"));
        let mut names = [wanted.to_owned(), format!("{wanted}{SUFFIX}")]
            .into_iter()
            .chain(numbered);
        names.find(|name| document.get(name).is_none())
    }

    /// The id by which a program in the file says already who it is.
    fn known_id(&self, document: &Document<'_>) -> Option<ClientId> {
        let mut ids = document.servers().filter_map(|(_, entry)| ours::client_of(entry));
        ids.find(|id| self.access.knows(id))
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
        if way == Way::Bridge && is_passing(&self.bridge.program) {
            return Err(ClientError::Translocated(self.bridge.program.clone()));
        }
        let planned = |name: String, make: Make| Planned {
            name,
            make,
            there: None,
            present: false,
            pass: None,
        };
        let bridged = |id: &ServerId| planned(id.to_string(), Make::Program(id.clone()));
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
        let (url, rules) = self.reached(server);
        let client = server.map_or_else(|| app.name.to_owned(), |id| format!("{} ({id})", app.name));
        Make::Remote {
            server: server.cloned(),
            url,
            client,
            rules,
        }
    }

    /// Where the gateway has a server, or all of them, and what a client of that address may see.
    pub(super) fn reached(&self, server: Option<&ServerId>) -> (String, Rules) {
        let base = self.gateway.trim_end_matches('/');
        match server {
            None => (format!("{base}/mcp"), Rules::default()),
            Some(id) => {
                let rules = Rules {
                    servers: exactly(id),
                    tools: Patterns::default(),
                };
                (format!("{base}/servers/{}/mcp", ours::in_path(id)), rules)
            }
        }
    }

    /// Whether an entry of ours does what is wished for, as long as it is let in.
    fn is_as_wished(&self, app: &App, planned: &Planned, there: &Value) -> bool {
        let pass = planned.pass.as_ref();
        pass.is_some_and(|pass| self.entry(app, planned, pass.reveal()).value == *there)
    }

    /// The entry as it is shown, with no key in it.
    pub(super) fn shown(&self, app: &App, planned: &Planned) -> Entry {
        self.entry(app, planned, planned.pass_to_come())
    }

    /// The entry as it would be if there were none yet.
    pub(super) fn alone(&self, app: &App, planned: &Planned) -> Entry {
        Entry {
            name: planned.name.clone(),
            value: self.fresh(app, planned, planned.pass_to_come()),
        }
    }

    fn entry(&self, app: &App, planned: &Planned, pass: &str) -> Entry {
        Entry {
            name: planned.name.clone(),
            value: merged(planned.there.as_ref(), self.fresh(app, planned, pass)),
        }
    }

    fn fresh(&self, app: &App, planned: &Planned, pass: &str) -> Value {
        match &planned.make {
            Make::Program(server) => {
                let program = self.bridge.program.to_string_lossy();
                (app.program)(&program, &self.bridge.args(server, pass))
            }
            Make::Remote { url, .. } => {
                let remote = app.remote.map(|remote| remote(url, &format!("Bearer {pass}")));
                remote.unwrap_or_default()
            }
        }
    }

    /// The entry as it is written, with a key made for it, or an id for all programs of one client.
    pub(super) fn made(
        &self,
        app: &App,
        planned: &Planned,
        new: &mut Vec<ClientId>,
    ) -> Result<Entry, ClientError> {
        if planned.present {
            return Ok(self.shown(app, planned));
        }
        let pass = match (&planned.pass, &planned.make) {
            (Some(pass), _) => pass.clone(),
            (None, Make::Program(_)) => {
                if let Some(id) = new.first() {
                    Pass::Id(id.clone())
                } else {
                    let id = self.access.introduce(&self.free_name(app.name)?)?;
                    new.push(id.clone());
                    Pass::Id(id)
                }
            }
            (None, Make::Remote { client, rules, .. }) => {
                let name = self.free_name(client)?;
                let (id, key) = self.access.issue_with_id(&name, rules.clone())?;
                new.push(id);
                Pass::Key(key)
            }
        };
        Ok(self.entry(app, planned, pass.reveal()))
    }

    /// One that was given out by hand is in use somewhere, and stays as it is.
    fn free_name(&self, client: &str) -> Result<String, ClientError> {
        let known = self.access.clients()?;
        let is_known = |name: &str| known.iter().any(|known| known.name.eq_ignore_ascii_case(name));
        let numbered = (2..=u32::MAX).map(|number| format!("{client} {number}"));
        let mut names = std::iter::once(client.to_owned()).chain(numbered);
        Ok(names.find(|name| !is_known(name)).unwrap_or_default())
    }

    /// What the file would say, with no key in it.
    pub(super) fn tried_out(&self, plan: &Plan<'_>) -> Result<String, ClientError> {
        let entries: Vec<Entry> = plan
            .entries
            .iter()
            .map(|planned| self.shown(plan.app, planned))
            .collect();
        plan.document.with(&plan.missing(&entries))
    }
}

impl Plan<'_> {
    /// Those that are not in the file as they should be.
    pub(super) fn missing(&self, entries: &[Entry]) -> Vec<Entry> {
        let both = self.entries.iter().zip(entries);
        both.filter(|(planned, _)| !planned.present)
            .map(|(_, entry)| entry.clone())
            .collect()
    }

    /// The copy that was made, and what stands in the file now.
    pub(super) fn write(
        &self,
        held: &file::Held,
        entries: &[Entry],
    ) -> Result<(Option<PathBuf>, String), ClientError> {
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

    /// The names of those under which an entry of ours stands.
    pub(super) fn names_there(&self) -> Vec<&str> {
        let names = self.entries.iter().map(|planned| planned.name.as_str());
        names
            .filter(|name| self.document.get(name).is_some_and(ours::leads_back))
            .collect()
    }

    /// Whether a key that still opens stands in one of them.
    pub(super) fn has_key(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|planned| matches!(planned.pass, Some(Pass::Key(_))))
    }

    /// Whether an entry leads to the gateway.
    pub(super) fn needs_gateway(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|planned| matches!(planned.make, Make::Remote { .. }))
    }

    /// Whether the file says already what was wished for.
    pub(super) fn is_present(&self) -> bool {
        self.entries.iter().all(|planned| planned.present)
    }

    /// All entries of one wish go one way.
    pub(super) fn way(&self) -> Way {
        if self.needs_gateway() {
            Way::Gateway
        } else {
            Way::Bridge
        }
    }

    /// What our entries are called.
    pub(super) fn names(&self) -> Vec<String> {
        self.entries.iter().map(|planned| planned.name.clone()).collect()
    }
}

impl Planned {
    /// What stands for the pass where none is shown or there is none yet.
    fn pass_to_come(&self) -> &str {
        match (&self.make, &self.pass) {
            (Make::Program(_), Some(id)) => id.reveal(),
            (Make::Program(_), None) => ID_TO_COME,
            (Make::Remote { .. }, _) => KEY_TO_COME,
        }
    }
}

impl Pass {
    fn reveal(&self) -> &str {
        match self {
            Self::Key(key) => key.reveal(),
            Self::Id(id) => id.as_str(),
        }
    }
}

impl Bridge {
    fn args(&self, server: &ServerId, client: &str) -> Vec<String> {
        let mut args = vec!["mcp".to_owned(), "bridge".to_owned(), server.to_string()];
        args.extend(["--client".to_owned(), client.to_owned()]);
        args.extend(["--config".to_owned(), self.config.to_string_lossy().into_owned()]);
        if let Some(home) = &self.home {
            args.extend(["--home".to_owned(), home.to_string_lossy().into_owned()]);
        }
        args
    }
}

/// Whether macOS runs the program from a place of its own making, under a path that is another one at the next start.
fn is_passing(program: &Path) -> bool {
    let mut folders = program.components();
    folders.any(|folder| folder.as_os_str() == "AppTranslocation")
}

/// A name that stands for itself alone, whatever is in it.
fn exactly(id: &ServerId) -> Patterns {
    // No pattern can be made of a name only where it could be no server's either.
    Patterns::of(Pattern::try_from(id.to_string()))
}

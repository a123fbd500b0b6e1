//! What each client has approved of each server: which tools it is shown, and which it may call.
//!
//! Only what a server has just listed is taken note of. Whoever looks at a list from before (a call, a program that asks
//! what it would see) writes nothing: it may be older than what another program has noted.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Access, AccessError, Approvals, Cached, Client, ClientId, Definition, HeldTool, Ledger, Refusal,
    ReviewedTool, Standing, ToolSet, file, hash_of,
};
use crate::ServerId;

/// Where the tools that somebody asks about come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server has listed them to this process.
    Server,
    /// They were listed to some process some time ago.
    Memory,
}

/// The approvals that were asked for, by client and server.
#[derive(Debug, Default)]
pub(super) struct Approved(Mutex<HashMap<ClientId, HashMap<ServerId, Arc<Known>>>>);

/// What one client has approved of one server, and where it is written down.
#[derive(Debug)]
struct Known {
    path: PathBuf,
    said: Cached<Option<Arc<Approvals>>>,
}

impl Known {
    fn now(&self) -> Result<Option<Arc<Approvals>>, AccessError> {
        let read = || Approvals::read(&self.path).map(|found| found.map(Arc::new));
        self.said.get(&self.path, read)
    }
}

impl Access {
    /// Which of a server's tools a client may list, as their places in the list `tools` was made of: the list it is
    /// answered with. Tools it has never seen are approved by this; of a list from [`Source::Memory`] nothing else is
    /// noted.
    pub fn sieve(
        &self,
        client: &Client,
        server: &ServerId,
        (tools, source): (&ToolSet, Source),
    ) -> Result<Vec<usize>, AccessError> {
        let approvals = self.noting(client, server, (tools, source))?;
        Ok(places(client, (server, tools), |tool, definition| {
            approvals.standing(tool, definition) == Standing::Approved
        }))
    }

    /// The same for whoever only asks what a list would show: nothing is approved, and nothing noted.
    pub fn visible(
        &self,
        client: &Client,
        server: &ServerId,
        tools: &ToolSet,
    ) -> Result<Vec<usize>, AccessError> {
        let approvals = self.approvals_now(client, server)?;
        Ok(places(client, (server, tools), |tool, definition| {
            let standing = approvals.as_ref().map(|known| known.standing(tool, definition));
            matches!(standing, None | Some(Standing::Approved | Standing::Unseen))
        }))
    }

    /// Whether a client may call this tool of a server that lists `tools`. A tool that differs from what was approved is
    /// noted and refused, if the server itself has listed it so.
    pub fn permit(
        &self,
        client: &Client,
        (server, tool): (&ServerId, &str),
        (tools, source): (&ToolSet, Source),
    ) -> Result<(), Refusal> {
        let named = || (client.name().to_owned(), server.clone(), tool.to_owned());
        if !client.may_use(server) {
            let (client, server, _) = named();
            return Err(Refusal::Server { client, server });
        }
        if !client.rules().allows_tool(server, tool) {
            let (client, server, tool) = named();
            return Err(Refusal::Tool { client, server, tool });
        }
        // A tool that is not listed is the server's to refuse.
        let Some(definition) = tools.get(tool) else {
            return Ok(());
        };
        match self.standing(client, server, (tool, definition))? {
            // Who calls without having been shown anything has read nothing that could have changed.
            Standing::Approved | Standing::Unseen => return Ok(()),
            // What is remembered may be older than what was approved: nobody could approve it.
            Standing::Changed if source == Source::Memory => return Ok(()),
            Standing::Changed => drop(self.noting(client, server, (tools, source))?),
            Standing::Held => {}
        }
        let (client, server, tool) = named();
        Err(Refusal::ToolChanged { client, server, tool })
    }

    /// Every tool that is held back from anyone.
    pub fn held(&self) -> Result<Vec<HeldTool>, AccessError> {
        let ledger = self.ledger()?;
        let mut held = Vec::new();
        self.each_approved(&ledger, |client, approvals| {
            held.extend(HeldTool::all_of(client, approvals));
        })?;
        held.sort_by(|one, other| {
            (&one.client, &one.server, &one.tool).cmp(&(&other.client, &other.server, &other.tool))
        });
        Ok(held)
    }

    /// Lets a client have tools as they were reviewed; how many that were. When one of them has changed again, or is not
    /// held back, nothing is approved.
    pub fn approve(
        &self,
        client: &str,
        server: &ServerId,
        reviewed: &[ReviewedTool],
    ) -> Result<usize, AccessError> {
        let client = self.named(client)?;
        let path = self.approval_file(client.id(), server);
        if reviewed.is_empty() || !path.exists() {
            return Err(AccessError::NothingHeld {
                client: client.name().to_owned(),
                server: server.clone(),
                tool: reviewed.first().map(|reviewed| reviewed.tool.clone()),
            });
        }
        let now = self.0.clock.now();
        Approvals::update(&path, server, |approvals| {
            approvals.approve(&client, reviewed, now)
        })
    }

    /// What each client approved of each server, under the client's present name.
    pub(super) fn each_approved<'a>(
        &self,
        ledger: &'a Ledger,
        mut look: impl FnMut(&'a str, &Approvals),
    ) -> Result<(), AccessError> {
        for path in self.approval_files()? {
            // What was left behind by a client that is gone is held back from nobody.
            let Some(client) = ledger.name_of(client_of(&path)) else {
                continue;
            };
            if let Some(approvals) = Approvals::read(&path)? {
                look(client, &approvals);
            }
        }
        Ok(())
    }

    /// What a client has approved of a server, with note taken of the list it is shown.
    fn noting(
        &self,
        client: &Client,
        server: &ServerId,
        (tools, source): (&ToolSet, Source),
    ) -> Result<Arc<Approvals>, AccessError> {
        let endpoint = self.1.now(server);
        let is_known = |approvals: &Arc<Approvals>| approvals.know(client, (tools, source));
        if let Some(noted) = self.approvals_now(client, server)?.filter(is_known) {
            return Ok(noted);
        }
        let now = self.0.clock.now();
        let path = &self.known(client.id(), server).path;
        Approvals::update(path, server, |approvals| {
            approvals.bind(endpoint);
            approvals.take_note(client, (tools, source), now);
            Ok(Arc::new(approvals.clone()))
        })
    }

    /// How one tool stands by what is written down. The others are not looked at: a call is about one.
    fn standing(
        &self,
        client: &Client,
        server: &ServerId,
        (tool, definition): (&str, &Definition),
    ) -> Result<Standing, AccessError> {
        let noted = self.approvals_now(client, server)?;
        Ok(noted.map_or(Standing::Unseen, |noted| noted.standing(tool, definition)))
    }

    /// What is written down of what is behind the server's name now.
    fn approvals_now(
        &self,
        client: &Client,
        server: &ServerId,
    ) -> Result<Option<Arc<Approvals>>, AccessError> {
        let endpoint = self.1.now(server);
        let noted = self.known(client.id(), server).now()?;
        Ok(noted.filter(|noted| noted.are_of(endpoint.as_ref())))
    }

    fn known(&self, client: &ClientId, server: &ServerId) -> Arc<Known> {
        let mut all = self.0.approvals.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(client).and_then(|of_client| of_client.get(server)) {
            return Arc::clone(known);
        }
        let known = Arc::new(Known {
            path: self.approval_file(client, server),
            said: Cached::empty(),
        });
        let of_client = all.entry(client.clone()).or_default();
        Arc::clone(of_client.entry(server.clone()).or_insert(known))
    }

    pub(super) fn approvals_folder(&self) -> PathBuf {
        self.0.folder.join("approvals")
    }

    pub(super) fn approval_file(&self, client: &ClientId, server: &ServerId) -> PathBuf {
        let server = hash_of(server.as_str());
        self.approvals_folder().join(format!("{client}.{server}.json"))
    }

    pub(super) fn approval_files(&self) -> Result<Vec<PathBuf>, AccessError> {
        let folder = self.approvals_folder();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file::failed(&folder, &error)),
        };
        let paths = entries.flatten().map(|entry| entry.path());
        Ok(paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect())
    }
}

/// Where the tools of a list stand that a client may use, and of which this holds.
fn places(
    client: &Client,
    (server, tools): (&ServerId, &ToolSet),
    holds: impl Fn(&str, &Definition) -> bool,
) -> Vec<usize> {
    let shown = tools
        .iter()
        .filter(|(tool, definition)| client.rules().allows_tool(server, tool) && holds(tool, definition));
    shown.map(|(_, definition)| definition.index).collect()
}

/// The id of the client whose approvals a file holds.
pub(super) fn client_of(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.split('.').next()).unwrap_or_default()
}

//! One client, and what it may have of a server: which of its tools are listed, which may be called, and the line that
//! is written about each call.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use indexmap::IndexMap;
use memchr::memmem::Finder;
use omlx_mcp::{
    Explain, ServerId,
    access::{Access, AccessError, Call, Client, ListDigest, Refusal, Source, ToolSet},
    handle::Server,
};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::{mpsc, watch};

use crate::{
    away,
    listed::{Listed, Listing, Whence},
    message::{self, INTERNAL_ERROR, Id, Kind, Members, Message},
    upstream::parameters,
};

/// How many lines may wait to be written before they are lost.
const LINES: usize = 10_000;

/// How long lines are gathered before they are written.
const GATHERING: Duration = Duration::from_millis(20);

/// The desk clients come to, with what is known of each server's tools; cheap to clone.
#[derive(Clone)]
pub(crate) struct Lobby {
    access: Access,
    changes: Arc<OnceLock<watch::Receiver<u64>>>,
    tools: Arc<Mutex<HashMap<ServerId, Kept>>>,
    lines: mpsc::Sender<Line>,
}

/// What is known of a server's tools, by the entry it has.
struct Kept {
    server: Server,
    listed: Listed,
}

impl Kept {
    fn of(server: &Server) -> Self {
        Self {
            server: server.clone(),
            listed: Listed::default(),
        }
    }
}

/// A client that has been let in; cheap to clone.
#[derive(Clone)]
pub(crate) struct Guest {
    lobby: Lobby,
    client: Client,
}

/// A call that is under way.
pub(crate) struct Called {
    guest: Guest,
    server: ServerId,
    tool: String,
    arguments: Option<Box<RawValue>>,
    begun: Instant,
}

struct Line {
    client: Client,
    server: ServerId,
    tool: String,
    arguments: Option<Map<String, Value>>,
    duration: Duration,
    outcome: String,
}

/// A request for a list of tools, and what is needed of it to answer in its place.
pub(crate) struct ListAsked {
    id: Id,
    is_first: bool,
}

impl Lobby {
    /// Begins to write lines in the background, for as long as anyone is here.
    pub(crate) fn open(access: Access) -> Self {
        let (lines, waiting) = mpsc::channel(LINES);
        let clerk = Clerk {
            access: access.clone(),
            waiting,
            lines: Vec::new(),
        };
        tokio::spawn(clerk.run());
        Self {
            access,
            changes: Arc::default(),
            tools: Arc::default(),
            lines,
        }
    }

    /// Who shows this key.
    pub(crate) fn admit(&self, key: &str) -> Option<Guest> {
        let client = self.access.authenticate(key)?;
        Some(self.guest(client))
    }

    /// Why nobody can be let in, whatever key they show.
    pub(crate) fn trouble(&self) -> Option<AccessError> {
        self.access.trouble()
    }

    /// A client that is known already.
    pub(crate) fn guest(&self, client: Client) -> Guest {
        Guest {
            lobby: self.clone(),
            client,
        }
    }

    fn tools(&self) -> std::sync::MutexGuard<'_, HashMap<ServerId, Kept>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `server` lists at present, as far as known, and whether it has said so itself.
    fn known(&self, server: &Server) -> (Arc<ToolSet>, Source) {
        if let Some(known) = self.with_listed(server, |listed| listed.known()) {
            return known;
        }
        let tools = server.remembered_tools_as_written();
        let text = tools.as_deref().map_or("[]", RawValue::get);
        let noted = self.note(server, text, Whence::Memory);
        let set = noted.map(|listing| listing.set).unwrap_or_default();
        (set, Source::Memory)
    }

    /// Takes note of a list, which is read only if it is not one that is known; none when it is no list.
    fn note(&self, server: &Server, text: &str, whence: Whence) -> Option<Listing> {
        let digest = ListDigest::of(text);
        let known = self.with_listed(server, |listed| listed.find(digest).cloned());
        let listing = match known {
            Some(listing) => listing,
            None => Listing::read(text, digest)?,
        };
        self.with_listed(server, |listed| listed.note(listing.clone(), whence));
        Some(listing)
    }

    /// What was listed is forgotten with the entry it was listed by: another address is another server.
    fn with_listed<T>(&self, server: &Server, access: impl FnOnce(&mut Listed) -> T) -> T {
        let mut tools = self.tools();
        let kept = tools
            .entry(server.id().clone())
            .or_insert_with(|| Kept::of(server));
        if !kept.server.is_same(server) {
            *kept = Kept::of(server);
        }
        access(&mut kept.listed)
    }
}

impl Guest {
    /// Tells it from others.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The same by the rules as they are now, for who stays. One whose key was taken away is let in no more, so that
    /// whatever it had begun asks for nothing.
    pub(crate) fn now(&self) -> Self {
        let client = self.lobby.access.current(&self.client);
        client.map_or_else(|| self.clone(), |client| self.lobby.guest(client))
    }

    /// Whether its key was taken away since.
    pub(crate) fn is_revoked(&self) -> bool {
        self.lobby.access.current(&self.client).is_none()
    }

    /// Whether it may know of a server.
    pub(crate) fn may_use(&self, server: &ServerId) -> bool {
        self.client.may_use(server)
    }

    /// Whether it may call a tool.
    pub(crate) fn permit(&self, server: &Server, tool: &str) -> Result<(), Refusal> {
        let (known, source) = self.lobby.known(server);
        self.lobby
            .access
            .permit(&self.client, (server.id(), tool), (&known, source))
    }

    /// Which of the tools known of a server it may see as things are now, as their places in their lists. Blocking, briefly.
    pub(crate) fn visible(&self, server: &Server) -> Vec<usize> {
        let (guest, (known, _)) = (self.now(), self.lobby.known(server));
        let visible = self.lobby.access.visible(&guest.client, server.id(), &known);
        visible.unwrap_or_default()
    }

    /// The same for whoever may not block.
    pub(crate) async fn sees(&self, server: &Server) -> Vec<usize> {
        let (guest, server) = (self.clone(), server.clone());
        let looking = tokio::task::spawn_blocking(move || guest.visible(&server));
        looking.await.unwrap_or_default()
    }

    /// Changes whenever rules or approvals do from now on, anybody's.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        let changes = self.lobby.changes.get_or_init(|| self.lobby.access.changes());
        let mut changes = changes.clone();
        changes.mark_unchanged();
        changes
    }

    /// The header fields that a tool wants some of its arguments in.
    pub(crate) fn fields_for(&self, server: &Server, tool: &str, arguments: Option<&RawValue>) -> HeaderMap {
        let schema = self.lobby.known(server).0.input_schema(tool);
        let arguments = arguments.and_then(|arguments| serde_json::from_str(arguments.get()).ok());
        match (schema, arguments) {
            (Some(schema), Some(arguments)) => parameters::fields(&schema, &arguments),
            _ => HeaderMap::new(),
        }
    }

    /// The tools it may see, of all that a server listed last.
    pub(crate) fn remembered_tools(&self, server: &Server) -> Vec<Value> {
        let tools = server.remembered_tools();
        let text = message::json_of(&tools);
        let Some((places, _)) = self.places(server, &text, Whence::Memory) else {
            return Vec::new();
        };
        let mut tools: Vec<Option<Value>> = tools.into_iter().map(Some).collect();
        let mut pick = |place: usize| tools.get_mut(place).and_then(Option::take);
        places.into_iter().filter_map(&mut pick).collect()
    }

    /// Where the tools it may see stand in a list, and how many entries that has; none when it is no list. Where it
    /// cannot be found out, it may see none.
    fn places(&self, server: &Server, text: &str, whence: Whence) -> Option<(Vec<usize>, usize)> {
        let listing = self.lobby.note(server, text, whence)?;
        let tools = (&*listing.set, whence.source());
        let places = self.lobby.access.sieve(&self.client, server.id(), tools);
        let places = places.unwrap_or_else(|error| {
            tracing::error!(server = %server.id(), code = error.code(), "{error}");
            Vec::new()
        });
        Some((places, listing.count))
    }

    /// An answer to `tools/list` with the tools it may see; any other message as it is, but none that answers another
    /// request. One that cannot be read, or that a client could read in another way than we do, is not passed on: nobody
    /// has approved what it says.
    pub(crate) fn sieve_answer(
        &self,
        server: &Server,
        (answer, source): (Bytes, Source),
        asked: &ListAsked,
    ) -> Option<Bytes> {
        Some(match self.sieved(server, (&answer, source), asked) {
            Some(Sieved::AsItCame) => answer,
            Some(Sieved::Rewritten(sieved)) => sieved,
            Some(Sieved::OtherAnswer) => return None,
            None => {
                let sentence = format!("{} has sent a list of tools that cannot be read", server.id());
                message::error(Some(&asked.id.raw()), INTERNAL_ERROR, &sentence)
            }
        })
    }

    fn sieved(
        &self,
        server: &Server,
        (answer, source): (&[u8], Source),
        asked: &ListAsked,
    ) -> Option<Sieved> {
        let seen = Message::peek(answer).ok()?;
        if seen.kind() == Some(Kind::Response) && !asked.is_answered_by(&seen) {
            return Some(Sieved::OtherAnswer);
        }
        let (Some(id), Some(result)) = (seen.id, seen.result) else {
            return Some(Sieved::AsItCame);
        };
        let read = Members::read(
            serde_json::Deserializer::from_str(result.get()),
            ["tools", "nextCursor"],
        );
        let list = read.ok().filter(|list| !list.is_ambiguous)?;
        let [Some(tools), next] = list.found else {
            return Some(Sieved::AsItCame);
        };
        let whence = match source {
            Source::Memory => Whence::Memory,
            Source::Server if asked.is_first && next.is_none() => Whence::Whole,
            Source::Server => Whence::Part,
        };
        let (places, count) = self.places(server, tools.get(), whence)?;
        // Untouched, it is passed on as it came.
        if places.len() == count {
            return Some(Sieved::AsItCame);
        }
        let all: Vec<&RawValue> = serde_json::from_str(tools.get()).ok()?;
        let tools: Vec<&RawValue> = places
            .iter()
            .filter_map(|place| all.get(*place).copied())
            .collect();
        let tools = serde_json::value::to_raw_value(&tools).ok()?;
        let mut result: IndexMap<String, &RawValue> = serde_json::from_str(result.get()).ok()?;
        result.insert("tools".to_owned(), &tools);
        Some(Sieved::Rewritten(message::result(id, &result)))
    }

    /// A call begins.
    pub(crate) fn calls(&self, server: &ServerId, tool: &str, arguments: Option<&RawValue>) -> Called {
        let wanted = self.lobby.access.may_log_arguments();
        Called {
            guest: self.clone(),
            server: server.clone(),
            tool: tool.to_owned(),
            arguments: arguments.filter(|_| wanted).map(RawValue::to_owned),
            begun: Instant::now(),
        }
    }
}

impl Called {
    /// It is over: `ok`, `tool_error`, or the code of the problem.
    pub(crate) fn over(self, outcome: &str) {
        let arguments = self
            .arguments
            .and_then(|arguments| serde_json::from_str(arguments.get()).ok());
        let line = Line {
            client: self.guest.client,
            server: self.server,
            tool: self.tool,
            arguments,
            duration: self.begun.elapsed(),
            outcome: outcome.to_owned(),
        };
        if self.guest.lobby.lines.try_send(line).is_err() {
            tracing::warn!("a call could not be written into the log: too many at once");
        }
    }
}

/// What became of an answer.
enum Sieved {
    AsItCame,
    Rewritten(Bytes),
    OtherAnswer,
}

impl ListAsked {
    /// Whether a response is the answer to it; an error may be to nobody in particular.
    fn is_answered_by(&self, seen: &Message<'_>) -> bool {
        match seen.id {
            Some(id) => Id::of(id) == self.id,
            None => seen.result.is_none(),
        }
    }

    /// A page of a list, of which only the id is known: others that are known stay known.
    pub(crate) fn page(id: &RawValue) -> Self {
        Self {
            id: Id::of(id),
            is_first: false,
        }
    }

    /// Reads what is needed; none when it awaits no answer.
    pub(crate) fn of(seen: &Message<'_>) -> Option<Self> {
        Some(Self {
            id: Id::of(seen.id?),
            is_first: !seen
                .params
                .is_some_and(|params| params.get().contains("\"cursor\"")),
        })
    }
}

/// How a call is written down that the server refused: a JSON-RPC error, or an error status.
pub(crate) const REJECTED: &str = "call_rejected";

/// How a call went, by its answer. One that is an error is short, and comes as a whole.
pub(crate) fn outcome_of(answer: &[u8]) -> &'static str {
    static MEMBER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("\"error\""));
    // Only where the word stands at all, the message is read.
    let is_error =
        || MEMBER.find(answer).is_some() && Message::peek(answer).is_ok_and(|seen| seen.error.is_some());
    match outcome_of_result(answer) {
        "ok" if is_error() => REJECTED,
        outcome => outcome,
    }
}

/// The same of an answer that is no JSON-RPC error.
pub(crate) fn outcome_of_result(answer: &[u8]) -> &'static str {
    static MEMBER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("\"isError\":"));
    // A result that quotes this loses a shade of a line in a log, and nothing else.
    let mut members = MEMBER.find_iter(answer);
    let is_true = |at: usize| {
        let value = &answer[at + MEMBER.needle().len()..];
        value.trim_ascii_start().starts_with(b"true")
    };
    if members.any(is_true) { "tool_error" } else { "ok" }
}

/// The result of a call that is not let through, and its code.
pub(crate) fn refused(server: &Server, refusal: &Refusal) -> Value {
    let mut result = away::told_call(&away::refusal(server.command(), refusal));
    result["_meta"] = json!({ "ai.omlx.connect/code": refusal.code() });
    result
}

/// Writes lines a batch at a time: a write for each would cost more than many a call. What is left when the process
/// ends is written then.
struct Clerk {
    access: Access,
    waiting: mpsc::Receiver<Line>,
    lines: Vec<Line>,
}

impl Clerk {
    async fn run(mut self) {
        while let Some(line) = self.waiting.recv().await {
            self.lines.push(line);
            tokio::time::sleep(GATHERING).await;
            while let Ok(line) = self.waiting.try_recv() {
                self.lines.push(line);
            }
            let (access, lines) = (self.access.clone(), std::mem::take(&mut self.lines));
            // A panic of the writer costs its lines, and no later ones.
            let _ = tokio::task::spawn_blocking(move || write(&access, &lines)).await;
        }
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        while let Ok(line) = self.waiting.try_recv() {
            self.lines.push(line);
        }
        if !self.lines.is_empty() {
            write(&self.access, &self.lines);
        }
    }
}

fn write(access: &Access, lines: &[Line]) {
    access.log_all(lines.iter().map(|line| Call {
        client: &line.client,
        server: &line.server,
        tool: &line.tool,
        duration: line.duration,
        outcome: &line.outcome,
        arguments: line.arguments.as_ref(),
    }));
}

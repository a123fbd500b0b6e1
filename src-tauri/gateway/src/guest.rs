//! One client, and what it may have of a server: which of its tools are listed, which may be called, and the line that
//! is written about each call.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use omlx_mcp::{
    Explain, ServerId,
    access::{Access, Call, Client, Refusal, ToolSet},
    handle::Server,
};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::mpsc;

use crate::{
    message::{self, Message},
    upstream::parameters,
};

/// How many lines may wait to be written before they are lost.
const LINES: usize = 10_000;

/// The desk clients come to, with what is known of each server's tools; cheap to clone.
#[derive(Clone)]
pub(crate) struct Lobby {
    access: Access,
    tools: Arc<Mutex<HashMap<ServerId, Listed>>>,
    lines: mpsc::Sender<Line>,
}

/// What a server listed last, page by page.
#[derive(Clone, Default)]
struct Listed {
    tools: Vec<Value>,
    set: Arc<ToolSet>,
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

/// Whether a list is the beginning of all tools, or goes on from where another ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    First,
    Later,
}

impl Lobby {
    /// Begins to write lines in the background, for as long as anyone is here.
    pub(crate) fn open(access: Access) -> Self {
        let (lines, waiting) = mpsc::channel(LINES);
        let writer = access.clone();
        tokio::spawn(write(writer, waiting));
        Self {
            access,
            tools: Arc::default(),
            lines,
        }
    }

    /// Who shows this key.
    pub(crate) fn admit(&self, key: &str) -> Option<Guest> {
        let client = self.access.authenticate(key)?;
        Some(self.guest(client))
    }

    /// A client that is known already.
    pub(crate) fn guest(&self, client: Client) -> Guest {
        Guest {
            lobby: self.clone(),
            client,
        }
    }

    fn tools(&self) -> std::sync::MutexGuard<'_, HashMap<ServerId, Listed>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `server` lists at present, as far as known.
    fn known(&self, server: &Server) -> Arc<ToolSet> {
        if let Some(listed) = self.tools().get(server.id()) {
            return Arc::clone(&listed.set);
        }
        let (tools, _) = server.remembered();
        let set = Arc::new(ToolSet::of(&tools));
        let listed = Listed {
            tools,
            set: Arc::clone(&set),
        };
        self.tools().insert(server.id().clone(), listed);
        set
    }

    fn note(&self, server: &ServerId, tools: &[Value], page: Page) {
        let mut known = self.tools();
        let listed = known.entry(server.clone()).or_default();
        if page == Page::First {
            listed.tools.clear();
        }
        listed.tools.extend_from_slice(tools);
        listed.set = Arc::new(ToolSet::of(&listed.tools));
    }
}

impl Guest {
    /// Tells it from others.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it may know of a server.
    pub(crate) fn may_use(&self, server: &ServerId) -> bool {
        self.client.may_use(server)
    }

    /// Whether it may call a tool.
    pub(crate) fn permit(&self, server: &Server, tool: &str) -> Result<(), Refusal> {
        let known = self.lobby.known(server);
        self.lobby
            .access
            .permit(&self.client, (server.id(), tool), &known)
    }

    /// The header fields that a tool wants some of its arguments in.
    pub(crate) fn fields_for(&self, server: &Server, tool: &str, arguments: Option<&RawValue>) -> HeaderMap {
        // What is known of the server is looked up before the list is held.
        let _ = self.lobby.known(server);
        let listed = self.lobby.tools();
        let tools = listed.get(server.id()).map(|listed| listed.tools.as_slice());
        let found = tools
            .unwrap_or_default()
            .iter()
            .find(|listed| listed["name"] == tool);
        let arguments = arguments.and_then(|arguments| serde_json::from_str(arguments.get()).ok());
        match (found, arguments) {
            (Some(tool), Some(arguments)) => parameters::fields(&tool["inputSchema"], &arguments),
            _ => HeaderMap::new(),
        }
    }

    /// The tools it may see, of those a server lists. Where that cannot be found out, it sees none.
    pub(crate) fn sieve(&self, server: &ServerId, tools: Vec<Value>, page: Page) -> Vec<Value> {
        self.lobby.note(server, &tools, page);
        match self
            .lobby
            .access
            .sieve(&self.client, server, &ToolSet::of(&tools))
        {
            Ok(places) => {
                let mut tools: Vec<Option<Value>> = tools.into_iter().map(Some).collect();
                let mut pick = |place: usize| tools.get_mut(place).and_then(Option::take);
                places.into_iter().filter_map(&mut pick).collect()
            }
            Err(error) => {
                tracing::error!(%server, code = error.code(), "{error}");
                Vec::new()
            }
        }
    }

    /// An answer to `tools/list` with the tools it may see; any other message as it is.
    pub(crate) fn sieve_answer(&self, server: &ServerId, answer: Bytes, page: Page) -> Bytes {
        let Ok(seen) = Message::peek(&answer) else {
            return answer;
        };
        let (Some(id), Some(result)) = (seen.id, seen.result) else {
            return answer;
        };
        let Ok(Value::Object(mut result)) = serde_json::from_str(result.get()) else {
            return answer;
        };
        let Some(Value::Array(tools)) = result.get_mut("tools").map(Value::take) else {
            return answer;
        };
        let before = tools.len();
        let tools = self.sieve(server, tools, page);
        // Untouched, it is passed on as it came.
        if tools.len() == before {
            return answer;
        }
        result.insert("tools".to_owned(), tools.into());
        message::result(id, &result)
    }

    /// A call begins.
    pub(crate) fn calls(&self, server: &ServerId, tool: &str, arguments: Option<&RawValue>) -> Called {
        let wanted = self.lobby.access.logs_arguments();
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

/// Which page a `tools/list` asks for.
pub(crate) fn page_of(seen: &Message<'_>) -> Page {
    match seen.params {
        Some(params) if params.get().contains("\"cursor\"") => Page::Later,
        _ => Page::First,
    }
}

/// How a call went, by its answer.
pub(crate) fn outcome_of(answer: &[u8]) -> &'static str {
    let says = |text: &[u8]| memchr::memmem::find(answer, text).is_some();
    // A result that quotes these words loses a shade of a line in a log, and nothing else.
    if says(b"\"isError\":true") || says(b"\"isError\": true") {
        "tool_error"
    } else {
        "ok"
    }
}

/// The result of a call that is not let through, and its code.
pub(crate) fn refused(refusal: &Refusal) -> Value {
    let mut result = crate::away::told_call(&refusal.to_string());
    result["_meta"] = json!({ "ai.omlx.connect/code": refusal.code() });
    result
}

async fn write(access: Access, mut waiting: mpsc::Receiver<Line>) {
    let mut lines = Vec::new();
    while waiting.recv_many(&mut lines, LINES).await > 0 {
        let (access, batch) = (access.clone(), std::mem::take(&mut lines));
        let written = tokio::task::spawn_blocking(move || {
            for line in batch {
                access.log(&Call {
                    client: &line.client,
                    server: &line.server,
                    tool: &line.tool,
                    duration: line.duration,
                    outcome: &line.outcome,
                    arguments: line.arguments.as_ref(),
                });
            }
        });
        // What is left when the process ends is written by the last batch.
        let _ = written.await;
    }
}

//! All servers as one, for one client of the session era: `initialize` and lists are answered here, whatever names a
//! tool, a prompt or a resource goes to its server, and what the servers say goes to the client.
//!
//! | file | owns |
//! |---|---|
//! | `names` | what things are called where all servers are one |
//! | `open` | what is still to be answered, and the ids of questions |
//! | `back` | one server's side, begun when it is first needed |
//! | `lists` | the lists of prompts and resources |
//! | `rewrite` | messages with other names in them |

mod back;
mod lists;
pub(crate) mod names;
mod open;
mod rewrite;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use omlx_mcp::{
    Event, ServerId,
    handle::{Handle, Server},
};
use serde_json::{Value, json, value::RawValue};
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    back::Back,
    open::{Answered, Asked, Open, Question},
};
use crate::{
    away,
    guest::Guest,
    message::{self, INVALID_PARAMS, Id, Kind, METHOD_NOT_FOUND, Message},
    outlet::Outlet,
};

/// How many messages of one server wait before it waits, too.
const WAITING: usize = 64;

/// How long a server that is not lent any more may take to leave.
const GRACE: Duration = Duration::from_secs(1);

/// Cheap to clone; the servers' side ends with [`Merged::end`].
#[derive(Clone)]
pub(crate) struct Merged(Arc<Shared>);

struct Shared {
    handle: Handle,
    out: Outlet,
    guest: Guest,
    /// The parameters of the client's `initialize`.
    hello: Mutex<Value>,
    /// The level of log messages that the client has set.
    level: Mutex<Option<Value>>,
    backs: Mutex<HashMap<ServerId, Arc<Back>>>,
    open: Mutex<Open>,
    tasks: TaskTracker,
    over: CancellationToken,
}

/// What all servers together say of themselves.
pub(crate) fn introduction() -> Value {
    json!({
        "capabilities": {
            "tools": { "listChanged": true },
            "prompts": { "listChanged": true },
            "resources": { "listChanged": true, "subscribe": true },
            "completions": {},
            "logging": {},
        },
        "serverInfo": {
            "name": "omlx-connect",
            "title": omlx_mcp::PRODUCT,
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

impl Merged {
    /// Nothing is asked of any server yet.
    pub(crate) fn new(handle: Handle, (out, guest): (Outlet, Guest)) -> Self {
        let merged = Self(Arc::new(Shared {
            handle,
            out,
            guest,
            hello: Mutex::new(json!({})),
            level: Mutex::default(),
            backs: Mutex::default(),
            open: Mutex::default(),
            tasks: TaskTracker::new(),
            over: CancellationToken::new(),
        }));
        merged.spawn(async |merged| merged.tell_changes().await);
        merged
    }

    /// Takes a message of the client's. Where the server's side is there already, it is passed on before this returns.
    pub(crate) async fn take(&self, text: Bytes) {
        let seen = match Message::peek(&text) {
            Ok(seen) => seen,
            Err(why) => return self.tell(why.answer()).await,
        };
        match (seen.kind(), seen.id) {
            (Some(Kind::Request), Some(id)) => self.request(id, &seen).await,
            (Some(Kind::Response), Some(id)) => self.settled(id, &seen).await,
            _ => self.notified(&text, &seen).await,
        }
    }

    /// Whether a question comes from the server that a request went to.
    pub(crate) fn is_of_one_server(&self, question: &Id, request: &Id) -> bool {
        lock(&self.0.open).is_of_one_server(question, request)
    }

    /// Ends every server's side.
    pub(crate) async fn end(&self, grace: Duration) {
        let idle = async {
            while !lock(&self.0.open).is_idle() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(grace, idle).await;
        self.0.over.cancel();
        self.rest().await;
    }

    async fn request(&self, id: &RawValue, seen: &Message<'_>) {
        let result = match seen.method() {
            "initialize" => self.greeted(seen),
            "ping" => json!({}),
            "logging/setLevel" => self.set_level(seen).await,
            "tools/list" => {
                json!({ "tools": names::tools(&self.0.handle, &self.guest()) })
            }
            method => {
                if let Some(list) = lists::List::of(method) {
                    let id = id.to_owned();
                    return self.spawn(async move |merged| merged.list(&id, list).await);
                }
                return self.route(id, seen).await;
            }
        };
        self.tell(message::result(id, &result)).await;
    }

    fn greeted(&self, seen: &Message<'_>) -> Value {
        *lock(&self.0.hello) = rewrite::params_of(seen);
        let mut hello = introduction();
        hello["protocolVersion"] = away::version(seen.params().protocol_version.as_deref()).into();
        hello
    }

    /// Sets the level at every server that is in use; the others are told when they are.
    async fn set_level(&self, seen: &Message<'_>) -> Value {
        let level = rewrite::params_of(seen)["level"].take();
        *lock(&self.0.level) = Some(level.clone());
        for back in self.backs_in_use() {
            back.set_level(self, &level).await;
        }
        json!({})
    }

    /// Passes a request on to the server that it names.
    async fn route(&self, id: &RawValue, seen: &Message<'_>) {
        let params = rewrite::params_of(seen);
        let guest = self.guest();
        let at = (&self.0.handle, &guest);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let routed = match seen.method() {
            "tools/call" | "prompts/get" => names::by_name(at, &text(&params["name"]))
                .and_then(|(server, own)| Some((server, rewrite::request(seen, ("name", &own))?))),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                names::by_uri(at, &text(&params["uri"]))
                    .and_then(|(server, own)| Some((server, rewrite::request(seen, ("uri", &own))?)))
            }
            "completion/complete" => completing(at, (seen, params["ref"].clone())),
            other => {
                let sentence =
                    format!("{other} is not merged; each server has an endpoint of its own for it");
                return self
                    .tell(message::error(Some(id), METHOD_NOT_FOUND, &sentence))
                    .await;
            }
        };
        match routed {
            Some((server, text)) => self.pass(&server, (id, seen.method()), text).await,
            None => self.tell(unknown(id, seen.method())).await,
        }
    }

    async fn pass(&self, server: &Server, (id, method): (&RawValue, &str), text: Bytes) {
        let (own, method) = (Id::of(id), method.to_owned());
        let asked = Asked {
            server: server.id().clone(),
            method: method.clone(),
        };
        lock(&self.0.open).begin(own.clone(), asked);
        let back = self.back(server);
        if back.is_ready() {
            return back.relay.take(text).await;
        }
        let server = server.id().clone();
        self.spawn(async move |merged| {
            let ready = back.ready(&merged).await;
            if !lock(&merged.0.open).is_open(&own) {
                return;
            }
            match ready {
                Ok(()) => back.relay.take(text).await,
                Err(error) => {
                    lock(&merged.0.open).cancel(&own);
                    tracing::debug!(%server, "the server did not take the handshake");
                    merged.tell(refusal(&own, &method, &error)).await;
                }
            }
        });
    }

    /// The client has answered a server's question.
    async fn settled(&self, id: &RawValue, seen: &Message<'_>) {
        let Some(question) = lock(&self.0.open).settle(&Id::of(id)) else {
            return;
        };
        let own = question.id.raw();
        let text = match (seen.result, seen.error) {
            (Some(result), _) => message::result(&own, &result),
            (None, error) => message::error_with(Some(&own), &error),
        };
        if let Some(back) = self.back_of(&question.server) {
            back.relay.take(text).await;
        }
    }

    async fn notified(&self, text: &Bytes, seen: &Message<'_>) {
        let to = match seen.method() {
            // Each server was told when it was greeted.
            "notifications/initialized" => return,
            "notifications/cancelled" => {
                let id = seen.params().request_id.map(Id::of);
                id.and_then(|id| lock(&self.0.open).cancel(&id))
            }
            "notifications/progress" => {
                lock(&self.0.open).wants_progress(&rewrite::params_of(seen)["progressToken"])
            }
            _ => {
                for back in self.backs_in_use() {
                    back.relay.take(text.clone()).await;
                }
                return;
            }
        };
        // One that is not ready has not heard of the request either.
        let back = to.and_then(|server| self.back_of(&server));
        if let Some(back) = back.filter(|back| back.is_ready()) {
            back.relay.take(text.clone()).await;
        }
    }

    /// What one server says, to whom it belongs.
    async fn heard(&self, server: &ServerId, text: Bytes) {
        let Ok(seen) = Message::peek(&text) else { return };
        match (seen.kind(), seen.id) {
            (Some(Kind::Response), Some(id)) => {
                let answered = lock(&self.0.open).answered(server, &Id::of(id));
                match answered {
                    Some(Answered::Us(waiting)) => drop(waiting.send(text.clone())),
                    Some(Answered::Client(asked)) => {
                        self.tell(rewrite::answer(server, &asked.method, text.clone()))
                            .await;
                    }
                    None => {}
                }
            }
            (Some(Kind::Request), Some(id)) => self.asked(server, (id, &seen)).await,
            _ => self.told(server, (&text, &seen)).await,
        }
    }

    /// A server wants to know something of the client.
    async fn asked(&self, server: &ServerId, (id, seen): (&RawValue, &Message<'_>)) {
        let Some(back) = self.back_of(server) else { return };
        if seen.method() == "ping" {
            return back.relay.take(message::result(id, &json!({}))).await;
        }
        let question = Question {
            server: server.clone(),
            id: Id::of(id),
            progress: rewrite::params_of(seen).pointer("/_meta/progressToken").cloned(),
        };
        let own = lock(&self.0.open).ask(question);
        if let Some(own) = own {
            return self.tell(rewrite::question(server, &own, seen)).await;
        }
        let sentence = "too many questions wait for the client already";
        let refused = message::error(Some(id), message::INTERNAL_ERROR, sentence);
        back.relay.take(refused).await;
    }

    async fn told(&self, server: &ServerId, (text, seen): (&Bytes, &Message<'_>)) {
        match seen.method() {
            // The client hears of it once the list has been read again.
            "notifications/tools/list_changed" => {}
            "notifications/cancelled" => {
                let id = seen.params().request_id.map(Id::of);
                if let Some(own) = id.and_then(|id| lock(&self.0.open).withdraw(server, &id)) {
                    let mut params = rewrite::params_of(seen);
                    params["requestId"] = json!(own.raw());
                    let note = json!({ "jsonrpc": "2.0", "method": seen.method(), "params": params });
                    self.tell(message::text(&note)).await;
                }
            }
            _ => self.tell(rewrite::notice(server, seen, text.clone())).await,
        }
    }

    /// Says when the tools are not what they were, and gives up the servers that are not lent any more.
    async fn tell_changes(&self) {
        let (mut news, mut rules) = (self.0.handle.events(), self.guest().changes());
        let mut shown = self.visible().await;
        loop {
            let heard = tokio::select! {
                () = self.0.over.cancelled() => return,
                heard = news.recv() => heard,
                Ok(()) = rules.changed() => {
                    let visible = self.visible().await;
                    if visible != shown {
                        shown = visible;
                        self.tell(message::notification("notifications/tools/list_changed")).await;
                    }
                    continue;
                }
            };
            let lists: &[&str] = match heard {
                Ok(Event::ToolsDiscovered { server, .. }) if self.guest().may_use(&server) => &["tools"],
                Ok(Event::ConfigChanged) | Err(RecvError::Lagged(_)) => &["tools", "prompts", "resources"],
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            };
            self.give_up_what_is_gone();
            shown = self.visible().await;
            for list in lists {
                let changed = format!("notifications/{list}/list_changed");
                self.tell(message::notification(&changed)).await;
            }
        }
    }

    /// What the client may see of each server, to tell whether that has changed.
    async fn visible(&self) -> Vec<(ServerId, Vec<usize>)> {
        let (handle, guest) = (self.0.handle.clone(), self.guest());
        let looking = tokio::task::spawn_blocking(move || {
            let servers = names::servers_of(&handle, &guest).into_iter();
            servers
                .map(|server| (server.id().clone(), guest.visible(&server)))
                .collect()
        });
        looking.await.unwrap_or_default()
    }

    fn give_up_what_is_gone(&self) {
        let guest = self.guest();
        let stays = |id: &ServerId, back: &Back| {
            let server = self.0.handle.server(id.as_str());
            guest.may_use(id) && server.is_ok_and(|server| server.is_same(&back.server))
        };
        let gone: Vec<Arc<Back>> = lock(&self.0.backs)
            .extract_if(|id, back| !stays(id, back))
            .map(|(_, back)| back)
            .collect();
        for back in gone {
            // What is open there is answered before its way back is closed.
            back.relay.give_up();
            self.0.tasks.spawn(async move { back.relay.end(GRACE).await });
        }
    }

    /// Ends every server's side until it is needed again.
    pub(crate) async fn rest(&self) {
        let backs: Vec<Arc<Back>> = lock(&self.0.backs).drain().map(|(_, back)| back).collect();
        futures::future::join_all(backs.iter().map(|back| back.relay.end(Duration::ZERO))).await;
    }

    /// One server's side, begun where there is none.
    fn back(&self, server: &Server) -> Arc<Back> {
        let mut backs = lock(&self.0.backs);
        if let Some(back) = backs.get(server.id()) {
            return Arc::clone(back);
        }
        let (sender, mut messages) = mpsc::channel(WAITING);
        let back = Arc::new(Back::new(server, (Outlet::Queue(sender), self.guest())));
        backs.insert(server.id().clone(), Arc::clone(&back));
        let server = server.id().clone();
        self.spawn(async move |merged| {
            loop {
                let message = tokio::select! {
                    () = merged.0.over.cancelled() => return,
                    message = messages.recv() => message,
                };
                let Some(message) = message else { return };
                merged.heard(&server, message).await;
            }
        });
        back
    }

    fn back_of(&self, server: &ServerId) -> Option<Arc<Back>> {
        lock(&self.0.backs).get(server).cloned()
    }

    fn backs_in_use(&self) -> Vec<Arc<Back>> {
        let backs = lock(&self.0.backs);
        backs.values().filter(|back| back.is_ready()).cloned().collect()
    }

    /// The client, by the rules as they are now.
    fn guest(&self) -> Guest {
        self.0.guest.now()
    }

    async fn tell(&self, text: Bytes) {
        // Who is gone does not hear it.
        let _ = self.0.out.send(text).await;
    }

    fn spawn<F>(&self, task: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.tasks.spawn(task(self.clone()));
    }
}

/// A request for completions, with the name or the address as its server knows it.
fn completing(
    at: (&Handle, &Guest),
    (seen, mut reference): (&Message<'_>, Value),
) -> Option<(Server, Bytes)> {
    let member = if reference["type"] == "ref/prompt" {
        "name"
    } else {
        "uri"
    };
    let full = reference.get(member)?.as_str()?.to_owned();
    let (server, own) = match member {
        "name" => names::by_name(at, &full)?,
        _ => names::by_uri(at, &full)?,
    };
    reference[member] = own.into();
    Some((server, rewrite::request(seen, ("ref", &reference))?))
}

/// What names nothing here.
fn unknown(id: &RawValue, method: &str) -> Bytes {
    let sentence = "there is nothing of that name here; names are those of the lists, such as server__tool or omlx://server/address";
    if method == "tools/call" {
        return message::result(id, &away::told_call(sentence));
    }
    message::error(Some(id), INVALID_PARAMS, sentence)
}

/// The server did not take the handshake.
fn refusal(id: &Id, method: &str, error: &Value) -> Bytes {
    let id = id.raw();
    match error["message"].as_str() {
        Some(said) if method == "tools/call" => message::result(&id, &away::told_call(said)),
        _ => message::error_with(Some(&id), error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

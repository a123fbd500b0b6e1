//! A client of the stateless era (MCP 2026-07-28) at a server that knows only sessions.
//!
//! | the client | the server |
//! |---|---|
//! | its first request | `initialize`, with what `_meta` says of the client |
//! | `server/discover` | nothing; what `initialize` was answered |
//! | a request | the same without that metadata, under an id of ours |
//! | gets an input-required result, and asks again with the answers | asks (elicitation, sampling, roots), and is answered |
//! | `subscriptions/listen` | `resources/subscribe`; changed lists are told to who wants to hear of them |
//!
//! A server does not say for which of several calls it asks; any call to it that is open carries the question to the
//! client, and the answer goes to the question. What a client has not said it can do is not asked of it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::{Mutex as AsyncMutex, Notify, OnceCell, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::calls::{self, Call, Calls, Resumed, Subscription};
use crate::{
    away::{self, STATELESS_VERSION},
    behind::{Behind, Offer},
    guest::Guest,
    message::{
        self, CAPABILITIES_MEMBER, CLIENT_MEMBER, INVALID_PARAMS, Id, Kind, LEVEL_MEMBER, METHOD_NOT_FOUND,
        Message, SERVER_MEMBER, SUBSCRIPTION_MEMBER, VERSION_MEMBER,
    },
    outlet::{Outlet, OutletError},
};

/// How many messages of the server wait before it waits, too.
const WAITING: usize = 64;

/// MCP 2026-07-28: the server speaks other versions.
const UNSUPPORTED_VERSION: i32 = -32022;

/// MCP 2025-11-25: there is no such resource; the stateless era has the parameters' own code for it.
const NO_RESOURCE: i32 = -32002;

/// What the stateless era has no more.
const REMOVED: [&str; 5] = [
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
];

/// Which lists change, and how a subscription asks to hear of it.
const CHANGES: [(&str, &str); 3] = [
    ("notifications/tools/list_changed", "toolsListChanged"),
    ("notifications/prompts/list_changed", "promptsListChanged"),
    ("notifications/resources/list_changed", "resourcesListChanged"),
];

/// One client's side of the server; cheap to clone.
#[derive(Clone)]
pub(crate) struct NewerClient {
    shared: Arc<Shared>,
    /// Ends with the last of these.
    _sorting: Arc<AbortOnDropHandle<()>>,
}

struct Shared {
    behind: Behind,
    /// What the server answered to `initialize`.
    hello: OnceCell<Value>,
    calls: Mutex<Calls>,
    /// Held while a message of the server's is on its way to the client.
    hearing: AsyncMutex<()>,
    /// One more has got there.
    heard: Notify,
    next: AtomicU64,
}

impl NewerClient {
    /// One that has asked nothing yet.
    pub(crate) fn new(offer: &Offer, guest: Guest) -> Self {
        let (sender, messages) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared {
            behind: offer.open(Outlet::Queue(sender), guest),
            hello: OnceCell::new(),
            calls: Mutex::default(),
            hearing: AsyncMutex::default(),
            heard: Notify::new(),
            next: AtomicU64::new(0),
        });
        let sorting = tokio::spawn(sort(messages, Arc::clone(&shared)));
        Self {
            shared,
            _sorting: Arc::new(AbortOnDropHandle::new(sorting)),
        }
    }

    /// Takes a message; what is answered goes to `out`.
    pub(crate) async fn take(&self, text: Bytes, out: Outlet) -> Result<(), OutletError> {
        let Ok(seen) = Message::peek(&text) else {
            return Ok(());
        };
        match (seen.kind(), seen.id) {
            (Some(Kind::Request), Some(id)) => self.shared.request((id, &seen), out).await,
            (Some(Kind::Notification), _) if seen.method() == "notifications/cancelled" => {
                if let Some(id) = seen.params().request_id {
                    self.shared.cancel(&Id::of(id)).await;
                }
                Ok(())
            }
            // The stateless era has no others.
            _ => Ok(()),
        }
    }

    /// Whether a request of that id is under way here.
    pub(crate) fn knows(&self, id: &RawValue) -> bool {
        self.shared.calls().knows(&Id::of(id))
    }

    /// Gives up the calls that nobody waits for any more.
    pub(crate) async fn sweep(&self) {
        let left = self.shared.calls().sweep();
        for id in left {
            self.shared.tell_cancelled(&id).await;
        }
    }

    /// Whether nobody waits for anything.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.calls().is_idle()
    }

    /// Returns when the client has an answer to everything that it asked, be it a question. A subscription has none.
    pub(crate) async fn answered(&self) {
        let owes = async || {
            let _hearing = self.shared.hearing.lock().await;
            self.shared.calls().owes()
        };
        while owes().await {
            self.shared.heard.notified().await;
        }
    }

    /// Ends the server's side.
    pub(crate) async fn end(&self, grace: std::time::Duration) {
        self.shared.behind.end(grace).await;
    }
}

impl Shared {
    async fn request(&self, (id, seen): (&RawValue, &Message<'_>), out: Outlet) -> Result<(), OutletError> {
        let params = seen.params.map_or("{}", RawValue::get);
        let mut params: Map<String, Value> = serde_json::from_str(params).unwrap_or_default();
        let said = metadata(&mut params);
        let expired = self.calls().expire();
        for id in expired {
            self.tell_cancelled(&id).await;
        }
        if let Err(error) = checked(seen.method(), &said) {
            return out.send(message::error_with(Some(id), &error)).await;
        }
        let hello = match self.hello.get_or_try_init(|| self.greet(&said)).await {
            Ok(hello) => hello,
            Err(error) => return out.send(message::error_with(Some(id), &error)).await,
        };
        match seen.method() {
            "server/discover" => out.send(message::result(id, &discovered(hello))).await,
            "subscriptions/listen" => self.listen((id, &params), out).await,
            method => {
                let call = Call::new(id, (method, &said), out.clone());
                match params.get("requestState").and_then(Value::as_str) {
                    Some(state) if calls::is_ours(state) => self.resume((state, &params), call).await,
                    _ => self.begin(call, params).await,
                }
            }
        }
    }

    /// Shakes hands in the client's name. An error is the server's.
    async fn greet(&self, said: &Value) -> Result<Value, Value> {
        let client = &said[CLIENT_MEMBER];
        let client = if client.is_object() {
            client.clone()
        } else {
            json!({ "name": "client", "version": "" })
        };
        let hello = json!({
            "protocolVersion": away::version(None),
            "capabilities": said[CAPABILITIES_MEMBER],
            "clientInfo": client,
        });
        let (sender, answer) = oneshot::channel();
        let id = self.next_id();
        self.calls().wait(id.clone(), sender);
        let text = message::request(&id.raw(), "initialize", &hello);
        self.behind.take(text).await;
        let answer = answer.await.map_err(|_| gone())?;
        let seen = Message::peek(&answer).map_err(|_| gone())?;
        let result: Option<Value> = seen
            .result
            .and_then(|result| serde_json::from_str(result.get()).ok());
        let Some(result) = result else {
            let error = seen
                .error
                .and_then(|error| serde_json::from_str(error.get()).ok());
            return Err(error.unwrap_or_else(gone));
        };
        let note = message::notification("notifications/initialized");
        self.behind.take(note).await;
        Ok(result)
    }

    async fn begin(&self, call: Call, mut params: Map<String, Value>) -> Result<(), OutletError> {
        let name = self.next_name();
        if let Some(Value::Object(meta)) = params.get_mut("_meta")
            && call.wants_progress()
        {
            // Two windows of a client may have chosen the same.
            meta.insert("progressToken".to_owned(), name.clone().into());
        }
        let id = Id::own(&name);
        let text = message::request(&id.raw(), &call.method, &params);
        self.calls().begin(id, call);
        self.behind.take(text).await;
        Ok(())
    }

    /// The client knows what it was asked, and the call goes on. One that is not known any more is not made again.
    async fn resume(
        &self,
        (state, params): (&str, &Map<String, Value>),
        call: Call,
    ) -> Result<(), OutletError> {
        let answers = params.get("inputResponses").and_then(Value::as_object);
        let (id, out) = (call.id.raw(), call.out.clone());
        let resumed = self.calls().resume((state, call), answers);
        let (given, told) = match resumed {
            Resumed::Going(given, told) => (given, told),
            Resumed::Answered(call, answer) => {
                let answer = Message::peek(&answer).map(|seen| answer_of(&call, &seen));
                (None, answer.ok().map(|answer| (out, answer)))
            }
            Resumed::Unknown => {
                let sentence =
                    "this call is over: its question was answered already, or was asked too long ago";
                (
                    None,
                    Some((out, message::error(Some(&id), INVALID_PARAMS, sentence))),
                )
            }
        };
        if let Some((question, answer)) = given {
            self.behind.take(message::result(&question.raw(), &answer)).await;
        }
        match told {
            Some((out, text)) => out.send(text).await,
            None => Ok(()),
        }
    }

    async fn listen(
        &self,
        (id, params): (&RawValue, &Map<String, Value>),
        out: Outlet,
    ) -> Result<(), OutletError> {
        let wanted = params.get("notifications").cloned().unwrap_or_default();
        let resources = wanted["resourceSubscriptions"].as_array();
        let uris = resources.into_iter().flatten().filter_map(Value::as_str);
        for uri in uris.clone() {
            let text = message::request(
                &self.next_id().raw(),
                "resources/subscribe",
                &json!({ "uri": uri }),
            );
            self.behind.take(text).await;
        }
        let acknowledged = json!({
            "jsonrpc": "2.0",
            "method": "notifications/subscriptions/acknowledged",
            "params": { "_meta": { SUBSCRIPTION_MEMBER: id }, "notifications": wanted },
        });
        out.send(message::text(&acknowledged)).await?;
        self.calls().subscribe(Subscription {
            id: Id::of(id),
            wanted,
            out,
        });
        Ok(())
    }

    async fn cancel(&self, id: &Id) {
        let inner = self.calls().cancel(id);
        if let Some(inner) = inner {
            self.tell_cancelled(&inner).await;
        }
    }

    async fn tell_cancelled(&self, inner: &Id) {
        let note = json!({
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": { "requestId": inner.raw() },
        });
        self.behind.take(message::text(&note)).await;
    }

    /// What the server says, to whom it belongs.
    async fn heard(&self, text: Bytes) {
        let Ok(seen) = Message::peek(&text) else { return };
        match (seen.kind(), seen.id) {
            (Some(Kind::Response), Some(id)) => {
                let answered = self.calls().answered(&Id::of(id), &text);
                match answered {
                    Some(Ok(waiting)) => drop(waiting.send(text.clone())),
                    Some(Err(call)) => {
                        let answer = answer_of(&call, &seen);
                        // Who is gone does not hear it.
                        let _ = call.out.send(answer).await;
                    }
                    None => {}
                }
            }
            (Some(Kind::Request), Some(id)) => self.asked(id, &seen).await,
            _ => {
                for (out, text) in self.told(&text, &seen) {
                    let _ = out.send(text).await;
                }
            }
        }
    }

    /// The server asks: an open call carries it to the client.
    async fn asked(&self, id: &RawValue, seen: &Message<'_>) {
        let params: Value = seen
            .params
            .and_then(|text| serde_json::from_str(text.get()).ok())
            .unwrap_or_default();
        let question = Id::of(id);
        let may_carry = |call: &Id| self.behind.is_of_one_server(&question, call);
        let asked = self
            .calls()
            .ask((question.clone(), seen.method(), params), may_carry);
        let answer = match asked {
            _ if seen.method() == "ping" => message::result(id, &json!({})),
            Ok(Some((out, text))) => {
                let _ = out.send(text).await;
                return;
            }
            // It is asked once an earlier question is answered.
            Ok(None) => return,
            Err(()) => message::error(Some(id), METHOD_NOT_FOUND, "the client cannot be asked this now"),
        };
        self.behind.take(answer).await;
    }

    /// Who hears of what the server says by itself.
    fn told(&self, text: &Bytes, seen: &Message<'_>) -> Vec<(Outlet, Bytes)> {
        let mut calls = self.calls();
        let params = || -> Value {
            let params = seen
                .params
                .and_then(|params| serde_json::from_str(params.get()).ok());
            params.unwrap_or_else(|| json!({}))
        };
        let method = seen.method();
        match method {
            "notifications/progress" => calls.progressed(params()).into_iter().collect(),
            "notifications/message" => calls.outlets(|call| call.logs, text),
            "notifications/resources/updated" => {
                let params = params();
                calls.news((method, &params), |wanted| {
                    let uris = wanted["resourceSubscriptions"].as_array();
                    uris.is_some_and(|uris| uris.contains(&params["uri"]))
                })
            }
            _ => match CHANGES.into_iter().find(|(changed, _)| *changed == method) {
                Some((_, member)) => calls.news((method, &params()), |wanted| wanted[member] == true),
                None => Vec::new(),
            },
        }
    }

    fn next_id(&self) -> Id {
        Id::own(&self.next_name())
    }

    fn next_name(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("omlx-connect-{number}")
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer as the stateless era has it.
fn answer_of(call: &Call, seen: &Message<'_>) -> Bytes {
    let id = call.id.raw();
    let Some(result) = seen.result else {
        let error = seen
            .error
            .and_then(|error| serde_json::from_str(error.get()).ok());
        let mut error: Value = error.unwrap_or_else(gone);
        if error["code"] == NO_RESOURCE {
            error["code"] = INVALID_PARAMS.into();
        }
        return message::error_with(Some(&id), &error);
    };
    let Ok(Value::Object(mut result)) = serde_json::from_str(result.get()) else {
        return message::result(&id, &result);
    };
    result.entry("resultType").or_insert_with(|| "complete".into());
    if call.method.ends_with("/list") || call.method == "resources/read" {
        result.entry("ttlMs").or_insert_with(|| 0.into());
        result.entry("cacheScope").or_insert_with(|| "private".into());
    }
    message::result(&id, &result)
}

/// Takes out of a request's metadata what only the stateless era has.
fn metadata(params: &mut Map<String, Value>) -> Value {
    let mut said = json!({});
    if let Some(Value::Object(meta)) = params.get_mut("_meta") {
        said = Value::Object(meta.clone());
        for member in [VERSION_MEMBER, CAPABILITIES_MEMBER, CLIENT_MEMBER, LEVEL_MEMBER] {
            meta.remove(member);
        }
        if meta.is_empty() {
            params.remove("_meta");
        }
    }
    said
}

fn checked(method: &str, said: &Value) -> Result<(), Value> {
    if said[VERSION_MEMBER] != STATELESS_VERSION {
        return Err(json!({
            "code": UNSUPPORTED_VERSION,
            "message": "this version of the protocol is not spoken here",
            "data": { "supported": [STATELESS_VERSION], "requested": said[VERSION_MEMBER] },
        }));
    }
    if !said[CAPABILITIES_MEMBER].is_object() {
        let sentence = format!("_meta needs {CAPABILITIES_MEMBER}");
        return Err(json!({ "code": INVALID_PARAMS, "message": sentence }));
    }
    if REMOVED.contains(&method) {
        let sentence = format!("{method} is not part of {STATELESS_VERSION}");
        return Err(json!({ "code": METHOD_NOT_FOUND, "message": sentence }));
    }
    Ok(())
}

fn discovered(hello: &Value) -> Value {
    let mut said = json!({
        "supportedVersions": [STATELESS_VERSION],
        "capabilities": hello["capabilities"],
        "_meta": { SERVER_MEMBER: hello["serverInfo"] },
    });
    if hello["instructions"].is_string() {
        said["instructions"] = hello["instructions"].clone();
    }
    away::listed(said, omlx_mcp::connection::Era::Stateless)
}

fn gone() -> Value {
    json!({ "code": message::INTERNAL_ERROR, "message": "the server's answer was not understood" })
}

async fn sort(mut messages: mpsc::Receiver<Bytes>, shared: Arc<Shared>) {
    while let Some(message) = messages.recv().await {
        {
            let _hearing = shared.hearing.lock().await;
            shared.heard(message).await;
        }
        shared.heard.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::test_kit::Place;

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_client_comes_back_after_more_than_an_hour_does_not_go_on() {
        let place = Place::new();
        let client = NewerClient::new(&place.all(), place.guest("a client"));
        let (out, mut heard) = mpsc::channel(WAITING);
        let said = json!({ VERSION_MEMBER: STATELESS_VERSION, CAPABILITIES_MEMBER: { "elicitation": {} } });
        let call = Call::new(
            &Id::own("1").raw(),
            ("tools/call", &said),
            Outlet::Queue(out.clone()),
        );
        client.shared.calls().begin(Id::own("inner"), call);
        let question = (Id::own("asked"), "elicitation/create", json!({}));
        let asked = client
            .shared
            .calls()
            .ask(question, |_| true)
            .expect("able")
            .expect("idle")
            .1;
        let asked: Value = serde_json::from_slice(&asked).expect("a message");
        tokio::time::advance(calls::LIMIT + Duration::from_secs(1)).await;

        let state = &asked["result"]["requestState"];
        let params = json!({ "name": "x", "requestState": state, "_meta": said });
        let again = message::request(&Id::own("2").raw(), "tools/call", &params);
        client.take(again, Outlet::Queue(out)).await.expect("heard");
        let told = heard.recv().await.expect("an answer");
        let told: Value = serde_json::from_slice(&told).expect("a message");
        assert_eq!(told["error"]["code"], INVALID_PARAMS, "{told}");
    }
}

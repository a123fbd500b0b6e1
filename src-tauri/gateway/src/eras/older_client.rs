//! A client of the session era at a server that knows only the stateless one (MCP 2026-07-28).
//!
//! | the client | the server |
//! |---|---|
//! | `initialize` | `server/discover` |
//! | a request | the same, with what the handshake said in `_meta` and in header fields |
//! | `ping`, `logging/setLevel` | nothing; the level goes into each request |
//! | `resources/subscribe`, and to hear of changed lists | `subscriptions/listen` |
//! | is asked (elicitation, sampling, roots), and answers | an input-required result, and the request once more |
//! | `notifications/cancelled` | the stream is closed |
//!
//! Answers are held whole on the way, as each may be a question. What the stateless era does not have and cannot be made
//! up for here, the server refuses for itself.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::calls::LIMIT;
use crate::{
    away::{self, STATELESS_VERSION},
    guest::outcome_of,
    message::{
        self, CAPABILITIES_MEMBER, CLIENT_MEMBER, Id, Kind, LEVEL_MEMBER, Message, SERVER_MEMBER,
        SUBSCRIPTION_MEMBER, VERSION_MEMBER,
    },
    outlet::Outlet,
    upstream::{
        fault::Unanswered,
        http::{Ask, Ear, HttpWire},
        waiting::{Wait, Waiting},
    },
};

/// How often one request may ask back.
const ROUNDS: usize = 32;

/// How many questions may be asked at once.
const QUESTIONS: usize = 32;

/// How many resources may be watched.
const WATCHED: usize = 1024;

/// How often the stream of news is begun again without anything having come.
const IN_VAIN: u32 = 5;

/// The pause before that, for each time it was in vain.
const PAUSE: Duration = Duration::from_secs(1);

/// One client's side of the server.
pub(crate) struct OlderClient {
    wire: Arc<HttpWire>,
    out: Outlet,
    /// What every request says of the client.
    meta: Map<String, Value>,
    capabilities: Value,
    level: Mutex<Option<Value>>,
    watched: Mutex<BTreeSet<String>>,
    listening: Mutex<Option<AbortOnDropHandle<()>>>,
    /// The stream of news broke, and could not be begun again.
    deaf: Arc<AtomicBool>,
    asked: Waiting,
    next: AtomicU64,
}

/// A result that is a question (MCP 2026-07-28, "Multi Round-Trip Requests").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Questions {
    result_type: String,
    #[serde(default)]
    input_requests: Map<String, Value>,
    #[serde(default)]
    request_state: Option<Value>,
}

impl OlderClient {
    /// Asks the server what it would have been asked by `initialize`; what the client is answered.
    pub(crate) async fn greet(
        wire: Arc<HttpWire>,
        (out, initialize): (Outlet, &[u8]),
    ) -> Result<(Self, Value), Unanswered> {
        let hello = Message::peek(initialize).ok().and_then(|seen| seen.params);
        let mut hello: Value = hello
            .and_then(|params| serde_json::from_str(params.get()).ok())
            .unwrap_or_default();
        let mut meta = Map::new();
        meta.insert(VERSION_MEMBER.to_owned(), STATELESS_VERSION.into());
        let mut said = |member: &str| {
            let said = hello.get_mut(member).map(Value::take);
            said.filter(Value::is_object)
        };
        let capabilities = said("capabilities").unwrap_or_else(|| json!({}));
        meta.insert(CAPABILITIES_MEMBER.to_owned(), capabilities);
        if let Some(client) = said("clientInfo") {
            meta.insert(CLIENT_MEMBER.to_owned(), client);
        }
        let mut client = Self {
            wire,
            out,
            meta,
            capabilities: Value::Null,
            level: Mutex::default(),
            watched: Mutex::default(),
            listening: Mutex::default(),
            deaf: Arc::default(),
            asked: Waiting::default(),
            next: AtomicU64::new(0),
        };
        let said = client.discover().await?;
        client.capabilities = said["capabilities"].clone();
        let version = away::version(hello["protocolVersion"].as_str());
        Ok((client, introduced(said, version)))
    }

    async fn discover(&self) -> Result<Value, Unanswered> {
        let id = self.next_id().raw();
        let text = message::request(&id, "server/discover", &json!({ "_meta": self.meta }));
        let seen = Message::peek(&text).map_err(|_| Unanswered::NotUnderstood)?;
        let ask = Ask::of(&id, &seen, self.out.clone());
        let answer = self.round(text.clone(), &ask).await?;
        let result = Message::peek(&answer).ok().and_then(|seen| seen.result);
        let said: Option<Value> = result.and_then(|result| serde_json::from_str(result.get()).ok());
        said.filter(Value::is_object).ok_or(Unanswered::NotUnderstood)
    }

    /// What its requests go through.
    pub(crate) fn wire(&self) -> &Arc<HttpWire> {
        &self.wire
    }

    /// Passes a request on, as often as the server asks back, and its answer back.
    pub(crate) async fn request(&self, text: Bytes, ask: &Ask) -> Result<(), Unanswered> {
        let seen = Message::peek(&text).map_err(|_| Unanswered::NotUnderstood)?;
        let params = seen.params.map_or("{}", RawValue::get);
        let mut params: Map<String, Value> = serde_json::from_str(params).unwrap_or_default();
        let id = ask.id.raw();
        if let Some(result) = self.answered_here(seen.method(), &params) {
            return Ok(ask.out.send(message::result(&id, &result)).await?);
        }
        self.stamp(&mut params);
        for _ in 0..ROUNDS {
            let text = message::request(&self.next_id().raw(), seen.method(), &params);
            let answer = self.round(text, ask).await?;
            let Some(questions) = Questions::of(&answer) else {
                // The first answer counts.
                let _ = ask.outcome.set(outcome_of(&answer));
                self.listen_again();
                return Ok(ask.out.send(under(&id, &answer)?).await?);
            };
            let answers = tokio::select! {
                answers = self.ask_back(questions.input_requests) => answers,
                () = ask.cancel.cancelled() => return Err(Unanswered::Cancelled),
            };
            let answers = match answers {
                Ok(answers) => answers,
                Err(Refused::ByClient(error)) => {
                    return Ok(ask.out.send(message::error_with(Some(&id), &error)).await?);
                }
                Err(Refused::Lost(why)) => return Err(why),
            };
            params.insert(
                "inputResponses".to_owned(),
                answers.into_iter().collect::<Map<_, _>>().into(),
            );
            match questions.request_state {
                Some(state) => params.insert("requestState".to_owned(), state),
                None => params.remove("requestState"),
            };
        }
        Err(Unanswered::NotUnderstood)
    }

    /// Takes what awaits no answer. An answer of the client's is one to a question of the server's; a notification has
    /// no place in the stateless era.
    pub(crate) fn tell(&self, text: &[u8]) {
        if self.asked.leaves(text)
            && Message::peek(text).is_ok_and(|seen| seen.method() == "notifications/initialized")
        {
            self.listen();
        }
    }

    /// Nobody is there any more.
    pub(crate) fn end(&self) {
        *lock(&self.listening) = None;
    }

    /// What is not for the server, or not as a request.
    fn answered_here(&self, method: &str, params: &Map<String, Value>) -> Option<Value> {
        let uri = params.get("uri").and_then(Value::as_str).unwrap_or_default();
        match method {
            "ping" => {}
            "logging/setLevel" => *lock(&self.level) = params.get("level").cloned(),
            "resources/subscribe" => {
                let mut watched = lock(&self.watched);
                if watched.len() < WATCHED && watched.insert(uri.to_owned()) {
                    drop(watched);
                    self.listen();
                }
            }
            "resources/unsubscribe" => {
                if lock(&self.watched).remove(uri) {
                    self.listen();
                }
            }
            _ => return None,
        }
        Some(json!({}))
    }

    /// Adds what a request of the stateless era says of its client.
    fn stamp(&self, params: &mut Map<String, Value>) {
        let meta = params.entry("_meta").or_insert_with(|| json!({}));
        if !meta.is_object() {
            *meta = json!({});
        }
        if let Value::Object(meta) = meta {
            meta.extend(self.meta.clone());
            if let Some(level) = lock(&self.level).clone() {
                meta.insert(LEVEL_MEMBER.to_owned(), level);
            }
        }
    }

    /// One request and its answer; what comes before it is passed on.
    async fn round(&self, text: Bytes, ask: &Ask) -> Result<Bytes, Unanswered> {
        let (sender, mut messages) = mpsc::channel(1);
        let seen = Message::peek(&text).map_err(|_| Unanswered::NotUnderstood)?;
        let id = seen.id.ok_or(Unanswered::NotUnderstood)?;
        let own = ask.again(id, &seen, Outlet::Queue(sender));
        let asking = {
            let text = text.clone();
            // The queue ends with the request.
            async move { self.wire.request(text, &own).await }
        };
        let hearing = async {
            let mut answer = None;
            while let Some(message) = messages.recv().await {
                if Message::peek(&message).is_ok_and(|seen| seen.kind() == Some(Kind::Response)) {
                    answer = Some(message);
                } else {
                    ask.out.send(message).await?;
                }
            }
            Ok::<_, Unanswered>(answer)
        };
        let (asked, answer) = tokio::join!(asking, hearing);
        asked?;
        answer?.ok_or(Unanswered::BrokenOff)
    }

    /// Asks the client what the server wants to know.
    async fn ask_back(&self, questions: Map<String, Value>) -> Result<Vec<(String, Value)>, Refused> {
        if questions.len() > QUESTIONS {
            return Err(Refused::Lost(Unanswered::NotUnderstood));
        }
        let asking = questions.into_iter().map(async |(name, question)| {
            let id = self.next_id();
            let method = question["method"].as_str().unwrap_or_default();
            let wait = self.asked.begin(id.clone());
            let text = message::request(&id.raw(), method, &question["params"]);
            self.out
                .send(text)
                .await
                .map_err(|gone| Refused::Lost(gone.into()))?;
            let answer = in_time(wait).await.map_err(Refused::Lost)?;
            let seen = Message::peek(&answer).map_err(|_| Refused::Lost(Unanswered::NotUnderstood))?;
            let parse = |text: &RawValue| serde_json::from_str(text.get()).unwrap_or_default();
            match (seen.result, seen.error) {
                (Some(result), _) => Ok((name, parse(result))),
                (None, error) => Err(Refused::ByClient(error.map(parse).unwrap_or_default())),
            }
        });
        try_join_all(asking).await
    }

    /// Listens once more, where the stream of news could not be begun again for too long.
    pub(crate) fn listen_again(&self) {
        if self.deaf.load(Ordering::Relaxed) && self.deaf.swap(false, Ordering::Relaxed) {
            self.listen();
        }
    }

    /// Listens for what the client would have heard unasked. A stream that is there already gives way.
    fn listen(&self) {
        let changes = |list: &str| self.capabilities[list]["listChanged"] == true;
        let mut wanted = Map::new();
        for list in ["tools", "prompts", "resources"] {
            if changes(list) {
                wanted.insert(format!("{list}ListChanged"), true.into());
            }
        }
        let watched: Vec<String> = lock(&self.watched).iter().cloned().collect();
        if !watched.is_empty() {
            wanted.insert("resourceSubscriptions".to_owned(), watched.into());
        }
        if wanted.is_empty() {
            *lock(&self.listening) = None;
            return;
        }
        let id = self.next_id().raw();
        let params = json!({ "_meta": self.meta, "notifications": wanted });
        let text = message::request(&id, "subscriptions/listen", &params);
        let hearing = hear((Arc::clone(&self.wire), self.out.clone()), text);
        let deaf = Arc::clone(&self.deaf);
        let heard = async move { deaf.store(hearing.await == Ear::Deaf, Ordering::Relaxed) };
        *lock(&self.listening) = Some(AbortOnDropHandle::new(tokio::spawn(heard)));
    }

    /// An id that is the client's neither nor the server's.
    fn next_id(&self) -> Id {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Id::own(&format!("omlx-connect-{number}"))
    }
}

/// Why a question has no answer.
enum Refused {
    ByClient(Value),
    Lost(Unanswered),
}

impl Questions {
    /// The questions of an answer that is none.
    fn of(answer: &[u8]) -> Option<Self> {
        // Most answers are none of these, and are not read twice.
        memchr::memmem::find(answer, b"\"input_required\"")?;
        let result = Message::peek(answer).ok()?.result?;
        let questions: Self = serde_json::from_str(result.get()).ok()?;
        (questions.result_type == "input_required").then_some(questions)
    }
}

/// What `initialize` is answered.
fn introduced(mut said: Value, version: &str) -> Value {
    let capabilities = said.get_mut("capabilities").map(Value::take);
    let mut capabilities = match capabilities {
        Some(Value::Object(capabilities)) => capabilities,
        _ => Map::new(),
    };
    // Each request says for itself which messages it wants.
    capabilities.entry("logging").or_insert_with(|| json!({}));
    let info = [&said["_meta"][SERVER_MEMBER], &said["serverInfo"]];
    let info = info.into_iter().find(|info| info.is_object()).cloned();
    let info = info.unwrap_or_else(|| json!({ "name": "server", "version": "" }));
    let mut hello = json!({ "protocolVersion": version, "capabilities": capabilities, "serverInfo": info });
    if let Some(instructions) = said.get_mut("instructions").filter(|said| said.is_string()) {
        hello["instructions"] = instructions.take();
    }
    hello
}

/// An answer, under the id that the client has given.
fn under(id: &RawValue, answer: &[u8]) -> Result<Bytes, Unanswered> {
    let seen = Message::peek(answer).map_err(|_| Unanswered::NotUnderstood)?;
    Ok(match (seen.result, seen.error) {
        (Some(result), _) => message::result(id, &result),
        (None, error) => message::error_with(Some(id), &error),
    })
}

/// The client's answer, unless it takes too long.
async fn in_time(wait: Wait<'_>) -> Result<Bytes, Unanswered> {
    let answer = tokio::time::timeout(LIMIT, wait.answer()).await;
    answer.ok().flatten().ok_or(Unanswered::BrokenOff)
}

/// Passes on the news, for as long as the server tells any.
async fn hear((wire, out): (Arc<HttpWire>, Outlet), text: Bytes) -> Ear {
    let Ok(seen) = Message::peek(&text) else {
        return Ear::Over;
    };
    let Some(id) = seen.id else { return Ear::Over };
    let mut in_vain = 0;
    while in_vain <= IN_VAIN {
        tokio::time::sleep(PAUSE * in_vain).await;
        let (sender, mut messages) = mpsc::channel(1);
        let ask = Ask::of(id, &seen, Outlet::Queue(sender));
        let asking = {
            let (wire, text) = (Arc::clone(&wire), text.clone());
            async move { wire.request(text, &ask).await.is_ok() }
        };
        let hearing = async {
            let mut heard = 0_u32;
            while let Some(message) = messages.recv().await {
                heard += 1;
                if let Some(news) = news(&message)
                    && out.send(news).await.is_err()
                {
                    return None;
                }
            }
            Some(heard)
        };
        match tokio::join!(asking, hearing) {
            // Answered: the server has nothing to tell, or has told it all.
            (true, _) | (_, None) => return Ear::Over,
            (false, Some(heard)) => in_vain = if heard > 1 { 1 } else { in_vain + 1 },
        }
    }
    Ear::Deaf
}

/// A notification as the session era has it; none when it has no such.
fn news(message: &[u8]) -> Option<Bytes> {
    let mut message: Value = serde_json::from_slice(message).ok()?;
    let method = message["method"].as_str()?;
    if method == "notifications/subscriptions/acknowledged" {
        return None;
    }
    if let Some(meta) = message
        .pointer_mut("/params/_meta")
        .and_then(Value::as_object_mut)
    {
        meta.remove(SUBSCRIPTION_MEMBER);
    }
    Some(message::text(&message))
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_asked_has_an_hour_and_what_it_answers_later_goes_nowhere() {
        let (waiting, began) = (Waiting::default(), Instant::now());
        let answer = message::result(&Id::own("question").raw(), &json!({}));
        let late = in_time(waiting.begin(Id::own("question"))).await;
        assert!(matches!(late, Err(Unanswered::BrokenOff)));
        assert!(began.elapsed() >= LIMIT);
        assert!(!waiting.leaves(&answer) && waiting.is_empty());

        let asked = waiting.begin(Id::own("question"));
        let answering = async {
            tokio::time::sleep(LIMIT / 2).await;
            assert!(!waiting.leaves(&answer), "it is the question's");
        };
        let (in_time, ()) = tokio::join!(in_time(asked), answering);
        assert_eq!(in_time.ok().as_ref(), Some(&answer));
    }
}

//! Streamable HTTP as a client of either era speaks it: a POST for each message, and what comes back passed on in the
//! pieces it came in.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use omlx_mcp::connection::{
    authorized_http::{AuthorizedHttp, Outgoing},
    fault::HttpFault,
    transport::streamable_http::is_session_lost,
};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

pub(crate) use super::body::{Media, collected, is_trouble, media, refusal_in, unexpected};
use super::{
    body::{MAX_HANDSHAKE, first_answer, is_for_now, refusal_of},
    fault::Unanswered,
};
use crate::{
    events::{Part, Splitter},
    guest::{REJECTED, outcome_of_result},
    message::{self, Id, Kind, Message},
    outlet::{Outlet, OutletError, Passing},
};

/// How long a large message may pause once a part of it has been passed on: others wait behind it.
const STALL: Duration = Duration::from_mins(1);

/// How often a broken stream is taken up again without anything having come.
const RESUMPTIONS: u32 = 3;

/// The longest pause before that, whatever the server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How long a stream is given to end once its answer has come.
const LEAVING: Duration = Duration::from_secs(2);

const ACCEPT_BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const ACCEPT_EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");

/// One client's side of a server over HTTP.
pub(crate) struct HttpWire {
    way: Mutex<Way>,
    out: Outlet,
}

/// Where requests go at the moment.
#[derive(Clone)]
struct Way {
    http: AuthorizedHttp,
    session: Session,
}

/// What the server gave in answer to `initialize`; nothing in the stateless era.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Session {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
}

/// What is needed of a request to send it.
pub(crate) struct Ask {
    /// Its id.
    pub(crate) id: Id,
    /// What it is called in a refusal.
    pub(crate) operation: String,
    /// Where the answer goes, and what comes with it.
    pub(crate) out: Outlet,
    /// How the answer looked, once it was seen.
    pub(crate) outcome: OnceLock<&'static str>,
    /// Nobody waits for the answer any more.
    pub(crate) cancel: CancellationToken,
    /// The answer that comes is told from memory, in the server's place.
    pub(crate) is_recalled: Arc<AtomicBool>,
    /// The header fields that repeat its content (MCP 2026-07-28, "Standard Headers"); none in the session era.
    fields: HeaderMap,
    /// The header fields that repeat arguments of a call; they count in the stateless era alone.
    pub(crate) parameters: HeaderMap,
}

impl Ask {
    /// Reads what is needed.
    pub(crate) fn of(id: &RawValue, seen: &Message<'_>, out: Outlet) -> Self {
        let fields = fields_of(seen);
        Self {
            id: Id::of(id),
            operation: seen.params().operation(seen.method()),
            out,
            outcome: OnceLock::new(),
            cancel: CancellationToken::new(),
            is_recalled: Arc::default(),
            fields,
            parameters: HeaderMap::new(),
        }
    }

    /// The same in other words: another message for the same purpose, and cancelled with it.
    pub(crate) fn again(&self, id: &RawValue, seen: &Message<'_>, out: Outlet) -> Self {
        Self {
            cancel: self.cancel.clone(),
            parameters: self.parameters.clone(),
            ..Self::of(id, seen, out)
        }
    }

    /// Whether the request is of the stateless era.
    pub(crate) fn is_stateless(&self) -> bool {
        !self.fields.is_empty()
    }
}

/// The header fields that repeat what a request of the stateless era says (MCP 2026-07-28, "Standard Headers").
pub(crate) fn fields_of(seen: &Message<'_>) -> HeaderMap {
    let params = seen.params();
    let mut fields = HeaderMap::new();
    if let Some(version) = params.stateless_version() {
        let name = match seen.method() {
            "tools/call" | "prompts/get" => params.name.as_deref(),
            "resources/read" => params.uri.as_deref(),
            _ => None,
        };
        for (field, value) in [
            (PROTOCOL_VERSION, Some(version.as_str())),
            (MCP_METHOD, Some(seen.method())),
            (MCP_NAME, name),
        ] {
            fields.extend(value.and_then(encoded).map(|value| (field, value)));
        }
    }
    fields
}

/// What a header field says, by whoever wrote it.
pub(crate) fn decoded(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    match text
        .strip_prefix("=?base64?")
        .and_then(|text| text.strip_suffix("?="))
    {
        Some(text) => String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok(),
        None => Some(text.to_owned()),
    }
}

/// A value as a header field carries it (MCP 2026-07-28, "Value Encoding").
pub(crate) fn encoded(value: &str) -> Option<HeaderValue> {
    let plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && value.trim() == value
        && !(value.starts_with("=?base64?") && value.ends_with("?="));
    if plain {
        HeaderValue::from_str(value).ok()
    } else {
        HeaderValue::from_str(&format!("=?base64?{}?=", BASE64_STANDARD.encode(value))).ok()
    }
}

/// How listening came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ear {
    /// There is nothing to hear, or nobody to hear it.
    Over,
    /// The stream broke, and is to be begun again once the server answers.
    Deaf,
}

/// How far one stream of events came.
#[derive(Default)]
struct Stream {
    splitter: Splitter,
    last: Option<String>,
    pause: Option<Duration>,
    /// The event under way is not a message.
    other: bool,
    answered: bool,
    heard: bool,
}

impl HttpWire {
    /// A wire without a session.
    pub(crate) fn new(http: AuthorizedHttp, out: Outlet) -> Self {
        let session = Session::default();
        Self {
            way: Mutex::new(Way { http, session }),
            out,
        }
    }

    /// Goes another way from now on, with the same session.
    pub(crate) fn go_by(&self, http: AuthorizedHttp) {
        self.way().http = http;
    }

    /// Passes a request on, and its answer back. An error means that the client has got no answer.
    pub(crate) async fn request(&self, text: Bytes, ask: &Ask) -> Result<(), Unanswered> {
        let session = self.session();
        let mut fields = ask.fields.clone();
        if ask.is_stateless() {
            fields.extend(ask.parameters.clone());
        }
        let post = self.post(text, fields, Some(ask.operation.clone()));
        let response = tokio::select! {
            response = post => response?,
            () = ask.cancel.cancelled() => return Err(Unanswered::Cancelled),
        };
        match media(&response) {
            Media::Events if response.status().is_success() => self.events(response, ask).await,
            Media::Json if response.status().is_success() => json(response, ask).await,
            kind => refused((response, kind), (ask, &session)).await,
        }
    }

    /// Sends what awaits no answer: a notification, or an answer of the client's.
    pub(crate) async fn tell(&self, text: Bytes) -> Result<(), Unanswered> {
        let session = self.session();
        let response = self
            .post(text, HeaderMap::new(), Some("notification".to_owned()))
            .await?;
        let status = response.status();
        // Read to its end, so that the connection can be used again; most that is said here is nothing.
        let said = collected(response, MAX_HANDSHAKE).await.unwrap_or_default();
        if session.id.is_some() && is_session_lost(status, &said) {
            return Err(Unanswered::SessionLost);
        }
        Ok(())
    }

    /// Begins a session; the answer is the caller's. A JSON-RPC error is an answer, and begins none.
    pub(crate) async fn initialize(&self, text: Bytes) -> Result<Bytes, Unanswered> {
        self.way().session = Session::default();
        let response = self
            .post(text, HeaderMap::new(), Some("initialize".to_owned()))
            .await?;
        let id = response.headers().get(SESSION_ID).cloned();
        let (success, kind) = (response.status().is_success(), media(&response));
        let answer = match kind {
            Media::Json if success => collected(response, MAX_HANDSHAKE).await?,
            Media::Json => refusal_in(response, MAX_HANDSHAKE).await?,
            Media::Events if success => first_answer(response).await?,
            _ => return Err(unexpected(&response)),
        };
        let seen = Message::peek(&answer).map_err(|_| Unanswered::NotUnderstood)?;
        if let Some(result) = seen.result {
            let version = version_of(result);
            self.way().session = Session { id, version };
        }
        Ok(answer)
    }

    /// Whether `initialize` has led to anything that later requests must name.
    pub(crate) fn session(&self) -> Session {
        self.way().session.clone()
    }

    /// Listens for what the server says by itself (MCP 2025-11-25, "Listening for Messages from the Server"), until it
    /// says that there is nothing to hear, or the session is over.
    pub(crate) async fn listen(&self) -> Ear {
        let session = self.session();
        let (mut stream, mut in_vain) = (Stream::default(), 0);
        while self.session() == session {
            stream.heard = false;
            match self.get(stream.last.as_deref()).await {
                Ok(response) if response.status().is_success() && media(&response) == Media::Events => {
                    stream.splitter = Splitter::default();
                    let read = self.read(response, &mut stream, None).await;
                    if matches!(read, Err(Unanswered::Outlet(OutletError::Gone))) {
                        return Ear::Over;
                    }
                }
                Ok(response) if !is_for_now(&unexpected(&response)) => return Ear::Over,
                Ok(_) | Err(_) => {}
            }
            in_vain = if stream.heard { 0 } else { in_vain + 1 };
            if in_vain > RESUMPTIONS {
                return Ear::Deaf;
            }
            tokio::time::sleep(pause(&stream, in_vain)).await;
        }
        Ear::Over
    }

    /// Ends the session, if there is one; whatever the answer, it is over for us.
    pub(crate) async fn end(&self) {
        let session = std::mem::take(&mut self.way().session);
        if session.id.is_some() {
            let mut request = Outgoing::new(Method::DELETE);
            session.note(&mut request.headers);
            let http = self.way().http.clone();
            let _ = http.send(request).await;
        }
    }

    fn way(&self) -> std::sync::MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(
        &self,
        text: Bytes,
        fields: HeaderMap,
        operation: Option<String>,
    ) -> Result<reqwest::Response, HttpFault> {
        let Way { http, session } = self.way().clone();
        let mut request = Outgoing::new(Method::POST);
        request.headers = fields;
        if !request.headers.contains_key(PROTOCOL_VERSION) {
            session.note(&mut request.headers);
        }
        request.headers.insert(header::ACCEPT, ACCEPT_BOTH);
        request.headers.insert(header::CONTENT_TYPE, JSON);
        request.body = text;
        request.operation = operation;
        http.send(request).await
    }

    async fn get(&self, last: Option<&str>) -> Result<reqwest::Response, HttpFault> {
        let Way { http, session } = self.way().clone();
        let mut request = Outgoing::new(Method::GET);
        session.note(&mut request.headers);
        request.headers.insert(header::ACCEPT, ACCEPT_EVENTS);
        if let Some(Ok(last)) = last.map(HeaderValue::from_str) {
            request.headers.insert(LAST_EVENT_ID, last);
        }
        request.operation = Some("GET event stream".to_owned());
        http.send(request).await
    }

    /// Passes on a stream of events up to the answer; one that breaks off is taken up again where the server lets it.
    async fn events(&self, response: reqwest::Response, ask: &Ask) -> Result<(), Unanswered> {
        let (mut stream, mut in_vain) = (Stream::default(), 0);
        let mut outcome = self.read(response, &mut stream, Some(ask)).await;
        while !stream.answered {
            if ask.cancel.is_cancelled() {
                return Err(Unanswered::Cancelled);
            }
            if matches!(outcome, Err(Unanswered::Outlet(_))) || ask.is_stateless() || stream.last.is_none() {
                return outcome.and(Err(Unanswered::BrokenOff));
            }
            in_vain = if stream.heard { 0 } else { in_vain + 1 };
            if in_vain > RESUMPTIONS {
                return Err(Unanswered::BrokenOff);
            }
            tokio::time::sleep(pause(&stream, in_vain)).await;
            stream.heard = false;
            let response = self.get(stream.last.as_deref()).await?;
            if media(&response) != Media::Events {
                return Err(Unanswered::BrokenOff);
            }
            stream.splitter = Splitter::default();
            outcome = self.read(response, &mut stream, Some(ask)).await;
        }
        Ok(())
    }

    /// Passes on one response's events, to its end or to the answer.
    async fn read(
        &self,
        mut response: reqwest::Response,
        stream: &mut Stream,
        ask: Option<&Ask>,
    ) -> Result<(), Unanswered> {
        let never = CancellationToken::new();
        let cancel = ask.map_or(&never, |ask| &ask.cancel);
        let out = ask.map_or(&self.out, |ask| &ask.out);
        let mut passing = begun(out, ask);
        loop {
            let chunk = match next(&mut response, &passing, cancel).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(passing.abandon().await?),
                Err(fault) => {
                    passing.abandon().await?;
                    return Err(fault);
                }
            };
            let mut parts = Vec::new();
            stream.splitter.push(&chunk, &mut parts);
            for part in parts {
                match part {
                    Part::Data(_) if stream.other => {}
                    Part::Data(bytes) => passing.push(bytes).await?,
                    Part::End => {
                        stream.other = false;
                        stream.heard = true;
                        let whole = std::mem::replace(&mut passing, begun(out, ask));
                        stream.answered |= passed(whole, ask).await?;
                    }
                    Part::Kind(kind) => stream.other = !matches!(kind.as_str(), "" | "message"),
                    Part::Id(id) => stream.last = Some(id).filter(|id| !id.is_empty()),
                    Part::Retry(wait) => stream.pause = Some(Duration::from_millis(wait)),
                }
            }
            if stream.answered {
                leave(response);
                return Ok(());
            }
        }
    }
}

/// A message that begins. Who asked for nothing gets only whole ones: an answer must be known for what it is first.
fn begun<'a>(out: &'a Outlet, ask: Option<&'a Ask>) -> Passing<'a> {
    match ask {
        Some(ask) => out.pass_for(&ask.id),
        None => out.pass_whole(),
    }
}

/// Ends a message that was read; whether it was the answer. An answer to anything else is not passed on: nobody waits
/// for it here, and it would come by what is held back from a client.
async fn passed(message: Passing<'_>, ask: Option<&Ask>) -> Result<bool, Unanswered> {
    let Some(text) = message.whole() else {
        let answers = message.is_answer();
        message.finish().await?;
        return Ok(answers);
    };
    if text.trim_ascii().is_empty() {
        return Ok(false);
    }
    let answered = match Message::peek(text) {
        Ok(seen) if seen.kind() != Some(Kind::Response) => {
            message.finish().await?;
            return Ok(false);
        }
        Ok(seen) => ask.filter(|ask| is_answer(&seen, ask)).map(|ask| (ask, seen)),
        Err(_) => None,
    };
    let Some((ask, seen)) = answered else {
        tracing::debug!("the server sent an answer that nobody waits for, or no message");
        message.abandon().await?;
        return Ok(false);
    };
    let outcome = match seen.error {
        Some(_) => REJECTED,
        None => outcome_of_result(text),
    };
    // The first answer counts.
    let _ = ask.outcome.set(outcome);
    message.finish().await?;
    Ok(true)
}

/// Whether a response is the one that is waited for; an error may be one that could not be told which.
fn is_answer(seen: &Message<'_>, ask: &Ask) -> bool {
    match seen.id {
        Some(id) => Id::of(id) == ask.id,
        None => seen.error.is_some(),
    }
}

/// Nothing more is wanted of this stream. Most end right away, and their connection is used again; one that is left open
/// is not waited for.
fn leave(mut response: reqwest::Response) {
    if let Some(Ok(None)) = response.chunk().now_or_never() {
        return;
    }
    tokio::spawn(async move {
        let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
        let _ = tokio::time::timeout(LEAVING, rest).await;
    });
}

async fn json(mut response: reqwest::Response, ask: &Ask) -> Result<(), Unanswered> {
    let mut passing = ask.out.pass_for(&ask.id);
    loop {
        match next(&mut response, &passing, &ask.cancel).await {
            Ok(Some(chunk)) => passing.push(&chunk).await?,
            Ok(None) if passing.whole().is_some() && ask.cancel.is_cancelled() => {
                passing.abandon().await?;
                return Err(Unanswered::Cancelled);
            }
            Ok(None) if passing.whole().is_some_and(|text| text.trim_ascii().is_empty()) => {
                return Err(Unanswered::BrokenOff);
            }
            Ok(None) => {
                let answered = passed(passing, Some(ask)).await?;
                return if answered {
                    Ok(())
                } else {
                    Err(Unanswered::NotUnderstood)
                };
            }
            Err(fault) => {
                passing.abandon().await?;
                return Err(fault);
            }
        }
    }
}

/// An error status: that the session is lost, or the server's JSON-RPC error, under the id that was asked with.
async fn refused(
    (response, kind): (reqwest::Response, Media),
    (ask, session): (&Ask, &Session),
) -> Result<(), Unanswered> {
    let (status, why) = (response.status(), unexpected(&response));
    let body = match kind {
        Media::Json => collected(response, MAX_HANDSHAKE).await,
        _ => Ok(Bytes::new()),
    };
    let in_session = session.id.is_some() && !ask.is_stateless();
    if in_session && is_session_lost(status, body.as_deref().unwrap_or_default()) {
        return Err(Unanswered::SessionLost);
    }
    match refusal_of(&body?) {
        Some(error) => {
            let _ = ask.outcome.set(REJECTED);
            let answer = message::error_with(Some(&ask.id.raw()), &error);
            Ok(ask.out.send(answer).await?)
        }
        None => Err(why),
    }
}

impl Session {
    fn note(&self, headers: &mut HeaderMap) {
        headers.extend(self.id.clone().map(|id| (SESSION_ID, id)));
        headers.extend(self.version.clone().map(|version| (PROTOCOL_VERSION, version)));
    }
}

/// The next piece. Nobody waiting any more is the end, but never in the middle of a line.
async fn next(
    response: &mut reqwest::Response,
    passing: &Passing<'_>,
    cancel: &CancellationToken,
) -> Result<Option<Bytes>, Unanswered> {
    let chunk = if passing.whole().is_some() {
        tokio::select! {
            chunk = response.chunk() => chunk,
            () = cancel.cancelled() => return Ok(None),
        }
    } else {
        let chunk = tokio::time::timeout(STALL, response.chunk()).await;
        chunk.map_err(|_| Unanswered::BrokenOff)?
    };
    chunk.map_err(|_| Unanswered::BrokenOff)
}

fn pause(stream: &Stream, in_vain: u32) -> Duration {
    let asked = stream.pause.unwrap_or(Duration::from_millis(500));
    asked.saturating_mul(in_vain.clamp(1, 8)).min(MAX_PAUSE)
}

fn version_of(result: &RawValue) -> Option<HeaderValue> {
    let result: serde_json::Value = serde_json::from_str(result.get()).ok()?;
    HeaderValue::from_str(result.get("protocolVersion")?.as_str()?).ok()
}

//! Requests of the stateless era to a server that is reached with a session here: each client has one session with the
//! server for all of them, begun with its first request.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use http::{HeaderName, HeaderValue, StatusCode};
use omlx_mcp::ServerId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    reply::{self, Reply},
    router::{Asked, Desk},
};
use crate::{
    behind::Offer,
    eras::NewerClient,
    guest::Guest,
    message::{self, Kind, METHOD_NOT_FOUND, Message},
    outlet::Outlet,
    upstream::http::{decoded, fields_of},
};

/// MCP 2026-07-28: a header field does not say what the message says.
const HEADER_MISMATCH: i32 = -32020;

/// How many messages wait for a reader before the server waits, too.
const WAITING: usize = 64;

/// The most clients at once; the one that was here least lately goes first.
const MOST: usize = 256;

/// How long a session may lie unused.
const IDLE: Duration = Duration::from_hours(1);

/// How often unused ones are looked for.
const ROUND: Duration = Duration::from_mins(1);

/// How long answers may still come once a session is given up.
const GRACE: Duration = Duration::from_millis(100);

/// Who a session is for: the client, what it says of itself, and the server, or all of them.
type Name = (String, u64, Option<ServerId>);

/// All of them.
#[derive(Default)]
pub(super) struct Newer(Mutex<HashMap<Name, (NewerClient, Instant)>>);

impl Newer {
    fn find(&self, offer: &Offer, (guest, said): (&Guest, String)) -> NewerClient {
        let mut hasher = DefaultHasher::new();
        said.hash(&mut hasher);
        let name = (
            guest.client().id().to_string(),
            hasher.finish(),
            offer.server().cloned(),
        );
        let mut all = self.all();
        if all.len() >= MOST && !all.contains_key(&name) {
            let oldest = all
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(name, _)| name.clone());
            if let Some((client, _)) = oldest.and_then(|oldest| all.remove(&oldest)) {
                tokio::spawn(async move { client.end(GRACE).await });
            }
        }
        let begin = || (NewerClient::new(offer, guest.clone()), Instant::now());
        let (client, used) = all.entry(name).or_insert_with(begin);
        *used = Instant::now();
        client.clone()
    }

    /// Ends those that nobody uses, until stopped; then all.
    pub(super) async fn tend(&self, stop: &CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(ROUND) => false,
            };
            let over: Vec<NewerClient> = {
                let mut all = self.all();
                let idle =
                    |(client, used): &(NewerClient, Instant)| client.is_idle() && used.elapsed() > IDLE;
                all.extract_if(|_, kept| stopped || idle(kept))
                    .map(|(_, (client, _))| client)
                    .collect()
            };
            futures::future::join_all(over.iter().map(|client| client.end(GRACE))).await;
            if stopped {
                return;
            }
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Name, (NewerClient, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes a message on; the answer is a document where it comes alone, else a stream.
pub(super) async fn post(desk: &Arc<Desk>, offer: &Offer, (asked, seen): (&Asked, &Message<'_>)) -> Reply {
    if let Some(id) = seen.id
        && let Some(field) = disagreeing(asked, seen)
    {
        let sentence = format!("{field} does not say what the message says");
        let error = message::error(Some(id), HEADER_MISMATCH, &sentence);
        return reply::json_text(StatusCode::BAD_REQUEST, error);
    }
    let client = desk
        .newer
        .find(offer, (&asked.guest, seen.params().capabilities()));
    let (out, mut answers) = mpsc::channel(WAITING);
    let open = Open(client.clone());
    // A queue that is read below takes everything.
    let _ = client.take(asked.body.clone(), Outlet::Queue(out)).await;
    if seen.kind() != Some(Kind::Request) {
        return reply::empty(StatusCode::ACCEPTED);
    }
    match answers.recv().await {
        Some(answer) if is_response(&answer) => reply::json_text(status_of(&answer), answer),
        Some(first) => {
            let rest = stream::unfold((answers, open), async |(mut answers, open)| {
                Some((answers.recv().await?, (answers, open)))
            });
            let all = stream::once(std::future::ready(first)).chain(rest);
            reply::events(all.map(|message| reply::event(&message)).boxed())
        }
        None => reply::empty(StatusCode::BAD_GATEWAY),
    }
}

/// The header field that does not repeat what the message says.
fn disagreeing(asked: &Asked, seen: &Message<'_>) -> Option<String> {
    let expected = fields_of(seen);
    let disagrees = |(field, value): &(&HeaderName, &HeaderValue)| {
        asked.headers.get(*field).and_then(decoded) != decoded(value)
    };
    let found = expected.iter().find(disagrees);
    found.map(|(field, _)| field.to_string())
}

/// A request whose answer is waited for; a client that is gone has cancelled it (MCP 2026-07-28, "Cancellation").
struct Open(NewerClient);

impl Drop for Open {
    fn drop(&mut self) {
        let client = self.0.clone();
        tokio::spawn(async move { client.sweep().await });
    }
}

fn is_response(message: &[u8]) -> bool {
    Message::peek(message).is_ok_and(|seen| seen.kind() == Some(Kind::Response))
}

/// The status of an answer (MCP 2026-07-28, "Streamable HTTP").
fn status_of(answer: &[u8]) -> StatusCode {
    let error = Message::peek(answer).ok().and_then(|seen| seen.error);
    let error: Option<serde_json::Value> = error.and_then(|error| serde_json::from_str(error.get()).ok());
    match error.and_then(|error| error["code"].as_i64()) {
        Some(code) if code == i64::from(METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(-32602 | -32020 | -32021 | -32022) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

//! Requests of the stateless era to a server that is reached with a session here: each client has one session with the
//! server for all of them, begun with its first request.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderName, HeaderValue, StatusCode};
use omlx_mcp::ServerId;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    answers,
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

/// How long a request may take to be passed on before its answer is waited for at the same time.
const TAKING: Duration = Duration::from_secs(1);

/// The most clients at once; one that waits for nothing and was here least lately goes first, of who has many.
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
pub(super) struct Newer(Mutex<HashMap<Name, Kept>>);

struct Kept {
    client: NewerClient,
    guest: Guest,
    /// What it was begun with.
    offer: Offer,
    used: Instant,
}

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
        let is_same = |kept: &Kept| kept.offer.is_same(offer) && kept.guest.client().is_same(guest.client());
        let is_outdated = all.get(&name).is_some_and(|kept| !is_same(kept));
        let leaving = match is_outdated {
            true => Some(name.clone()),
            false if all.len() >= MOST && !all.contains_key(&name) => superfluous(&all, guest),
            false => None,
        };
        if let Some(kept) = leaving.and_then(|name| all.remove(&name)) {
            tokio::spawn(async move { kept.client.end(GRACE).await });
        }
        let kept = all.entry(name).or_insert_with(|| Kept {
            client: NewerClient::new(offer, guest.clone()),
            guest: guest.clone(),
            offer: offer.clone(),
            used: Instant::now(),
        });
        kept.used = Instant::now();
        kept.client.clone()
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
                let is_over = |kept: &Kept| {
                    stopped
                        || kept.guest.is_revoked()
                        || (kept.client.is_idle() && kept.used.elapsed() > IDLE)
                };
                all.extract_if(|_, kept| is_over(kept))
                    .map(|(_, kept)| kept.client)
                    .collect()
            };
            futures::future::join_all(over.iter().map(|client| client.end(GRACE))).await;
            if stopped {
                return;
            }
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who goes when there is one too many: of those that wait for nothing, the same client's own first.
fn superfluous(all: &HashMap<Name, Kept>, guest: &Guest) -> Option<Name> {
    let idle = all.iter().filter(|(_, kept)| kept.client.is_idle());
    let is_another = |kept: &Kept| kept.guest.client().id() != guest.client().id();
    let oldest = idle.min_by_key(|(_, kept)| (is_another(kept), kept.used));
    oldest.map(|(name, _)| name.clone())
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
    // Over HTTP a request is cancelled by the end of its stream, and there is nothing else to take note of. Another
    // window of the same client may have one under way by the same id.
    if seen.kind() != Some(Kind::Request) {
        return reply::empty(StatusCode::ACCEPTED);
    }
    let client = desk
        .newer
        .find(offer, (&asked.guest, seen.params().capabilities()));
    let (out, messages) = mpsc::channel(WAITING);
    let open = Open(client.clone());
    let (body, asking) = (asked.body.clone(), client);
    // A queue that is read below takes everything. The first request waits for a handshake, which may take long.
    let mut taking = Box::pin(async move { asking.take(body, Outlet::Queue(out)).await });
    if tokio::time::timeout(TAKING, &mut taking).await.is_err() {
        tokio::spawn(taking);
    }
    answers::reply((messages, open), status_of).await
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        away::STATELESS_VERSION,
        message::{CAPABILITIES_MEMBER, VERSION_MEMBER},
        test_kit::Place,
    };

    const MOMENT: Duration = Duration::from_secs(1);

    /// Windows of one client that say different things of themselves, each a moment after the one before.
    async fn come(newer: &Newer, (place, guest): (&Place, &Guest), windows: std::ops::Range<usize>) {
        for window in windows {
            newer.find(&place.all(), (guest, window.to_string()));
            tokio::time::advance(MOMENT).await;
        }
    }

    /// Listens, until what is returned is dropped.
    async fn listening(client: &NewerClient) -> mpsc::Receiver<bytes::Bytes> {
        let params = json!({
            "_meta": { VERSION_MEMBER: STATELESS_VERSION, CAPABILITIES_MEMBER: {} },
            "notifications": { "toolsListChanged": true },
        });
        let id = crate::message::Id::own("listening").raw();
        let text = message::request(&id, "subscriptions/listen", &params);
        let (out, mut heard) = mpsc::channel(WAITING);
        client.take(text, Outlet::Queue(out)).await.expect("heard");
        heard.recv().await.expect("acknowledged");
        heard
    }

    fn is_there(newer: &Newer, guest: &Guest, window: usize) -> bool {
        let mut hasher = DefaultHasher::new();
        window.to_string().hash(&mut hasher);
        let name = (guest.client().id().to_string(), hasher.finish(), None);
        newer.all().contains_key(&name)
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_too_many_the_clients_own_oldest_that_waits_for_nothing_goes() {
        let (place, newer) = (Place::new(), Newer::default());
        let (one, other) = (place.guest("one"), place.guest("other"));
        come(&newer, (&place, &other), 0..2).await;
        come(&newer, (&place, &one), 0..MOST - 2).await;
        let waiting = newer.find(&place.all(), (&one, "0".to_owned()));
        let _heard = listening(&waiting).await;
        come(&newer, (&place, &one), 1..2).await;

        come(&newer, (&place, &one), MOST..MOST + 1).await;
        assert!(!is_there(&newer, &one, 2), "the one that was here least lately");
        assert!(is_there(&newer, &one, 0) && is_there(&newer, &one, 1));
        assert!(is_there(&newer, &other, 0), "another's are older, and stay");
        assert_eq!(newer.all().len(), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_none_to_spare_takes_the_place_of_another_clients_oldest() {
        let (place, newer) = (Place::new(), Newer::default());
        let (one, other) = (place.guest("one"), place.guest("other"));
        come(&newer, (&place, &other), 0..MOST).await;
        come(&newer, (&place, &one), 0..1).await;
        assert!(!is_there(&newer, &other, 0) && is_there(&newer, &other, 1));
        assert!(is_there(&newer, &one, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_end_the_revoked_and_who_was_not_here_for_an_hour_but_nobody_who_listens() {
        let (place, newer) = (Place::new(), Arc::new(Newer::default()));
        let (one, gone) = (place.guest("one"), place.guest("gone"));
        come(&newer, (&place, &one), 0..2).await;
        let listens = newer.find(&place.all(), (&one, "0".to_owned()));
        let heard = listening(&listens).await;
        let (stop, tending) = (CancellationToken::new(), Arc::clone(&newer));
        let tending = {
            let stop = stop.clone();
            tokio::spawn(async move { tending.tend(&stop).await })
        };
        come(&newer, (&place, &gone), 0..1).await;
        place.revoke("gone");
        tokio::time::sleep(2 * ROUND).await;
        assert!(!is_there(&newer, &gone, 0) && is_there(&newer, &one, 1));
        tokio::time::sleep(IDLE).await;
        assert!(!is_there(&newer, &one, 1) && is_there(&newer, &one, 0));
        drop(heard);
        listens.sweep().await;
        tokio::time::sleep(2 * ROUND).await;
        assert!(!is_there(&newer, &one, 0), "nobody listens any more");
        stop.cancel();
        tending.await.expect("no panic");
    }
}

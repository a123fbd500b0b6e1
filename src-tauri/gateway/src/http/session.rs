//! A session of ours: one client's messages with a server that does not speak streamable HTTP, or is away. Towards the
//! client it is a server of the session era (MCP 2025-11-25, "Streamable HTTP").

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode};
use omlx_mcp::ServerId;
use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    answers::{self, SIGN_OF_LIFE},
    endpoint::KEEP_ALIVE,
    reply::{self, Reply},
};
use crate::{
    behind::{Behind, Offer},
    guest::Guest,
    message::{self, INVALID_REQUEST, Id, Kind, Message},
    outlet::Outlet,
};

/// How many messages wait for a reader of a stream before the server waits, too.
const WAITING: usize = 64;

/// How many messages are kept for a client that does not listen yet; the oldest are lost first.
const KEPT: usize = 64;

/// How long answers may still come once the client has ended the session.
const GRACE: Duration = Duration::from_millis(100);

/// One client's session.
pub(super) struct Session {
    pub(super) name: HeaderValue,
    pub(super) guest: Guest,
    behind: Behind,
    /// What it is with; all servers where there is none.
    server: Option<ServerId>,
    doors: Arc<Mutex<Doors>>,
    used: Mutex<Instant>,
    /// How many listen; the last of them counts, and the others are about to go.
    listened: Arc<AtomicUsize>,
    _sorting: AbortOnDropHandle<()>,
}

/// Where messages to the client go.
#[derive(Default)]
struct Doors {
    asked: HashMap<Id, Door>,
    /// How many were opened: the same id may come again once its request is over.
    opened: u64,
    listener: Option<mpsc::Sender<Bytes>>,
    kept: VecDeque<Bytes>,
}

struct Door {
    number: u64,
    out: mpsc::Sender<Bytes>,
    progress: Option<Value>,
}

impl Session {
    /// A session with what is offered; nothing is asked of it yet.
    pub(super) fn new(name: HeaderValue, offer: &Offer, guest: &Guest) -> Self {
        let (sender, messages) = mpsc::channel(WAITING);
        let doors = Arc::new(Mutex::new(Doors::default()));
        let sorting = tokio::spawn(sort(messages, Arc::clone(&doors)));
        Self {
            name,
            guest: guest.clone(),
            behind: offer.open(Outlet::Queue(sender), guest.clone()),
            server: offer.server().cloned(),
            doors,
            used: Mutex::new(Instant::now()),
            listened: Arc::default(),
            _sorting: AbortOnDropHandle::new(sorting),
        }
    }

    /// Takes a message; the answer to a request is a document where it comes alone, else a stream.
    pub(super) async fn post(&self, body: Bytes, seen: &Message<'_>) -> Reply {
        self.note_use();
        let id = seen.id.filter(|_| seen.kind() == Some(Kind::Request)).map(Id::of);
        let Some(id) = id else {
            self.behind.take(body).await;
            self.close_if_cancelled(seen);
            return reply::empty(StatusCode::ACCEPTED);
        };
        let Some((messages, open)) = self.open(&id, progress_token(seen)) else {
            return taken(&id);
        };
        self.behind.take(body).await;
        answers::reply((messages, open), |_| StatusCode::OK).await
    }

    /// A door for the answer to a request; none where one under the same id is open.
    fn open(&self, id: &Id, progress: Option<Value>) -> Option<(mpsc::Receiver<Bytes>, Open)> {
        let mut doors = self.doors();
        if doors.asked.contains_key(id) {
            return None;
        }
        doors.opened += 1;
        let (number, (out, messages)) = (doors.opened, mpsc::channel(WAITING));
        let door = Door {
            number,
            out,
            progress,
        };
        doors.asked.insert(id.clone(), door);
        let open = Open {
            id: id.clone(),
            number,
            doors: Arc::clone(&self.doors),
        };
        Some((messages, open))
    }

    /// Nothing will be answered to a request that was cancelled: its stream ends.
    fn close_if_cancelled(&self, seen: &Message<'_>) {
        if seen.method() == "notifications/cancelled"
            && let Some(id) = seen.params().request_id
        {
            self.doors().asked.remove(&Id::of(id));
        }
    }

    /// Listens for what the server says by itself. A second listener takes the place of the first.
    pub(super) fn listen(&self, stop: &CancellationToken) -> Reply {
        self.note_use();
        let (out, heard) = mpsc::channel(WAITING);
        {
            let mut doors = self.doors();
            for message in std::mem::take(&mut doors.kept) {
                // There is room for as many as are kept.
                let _ = out.try_send(message);
            }
            doors.listener = Some(out);
        }
        let listened = Listened::by(&self.listened);
        let state = (heard, listened, stop.clone());
        reply::events(
            stream::unfold(state, async |(mut heard, listened, stop)| {
                let event = tokio::select! {
                    () = stop.cancelled() => return None,
                    message = heard.recv() => reply::event(&message?),
                    () = tokio::time::sleep(KEEP_ALIVE) => SIGN_OF_LIFE,
                };
                Some((event, (heard, listened, stop)))
            })
            .boxed(),
        )
    }

    /// Whether this is what it is with.
    pub(super) fn is_with(&self, server: Option<&ServerId>) -> bool {
        self.server.as_ref() == server
    }

    /// Ends it at the server, too.
    pub(super) async fn end(&self) {
        self.behind.end(GRACE).await;
    }

    /// Ends what is begun again when it is needed.
    pub(super) async fn rest(&self) {
        self.behind.rest().await;
    }

    /// For how long nobody has been here.
    pub(super) fn idle(&self) -> Duration {
        let doors = self.doors();
        if !doors.asked.is_empty() || self.listened.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn note_use(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn doors(&self) -> std::sync::MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody listens while this is there.
struct Listened(Arc<AtomicUsize>);

impl Listened {
    fn by(listeners: &Arc<AtomicUsize>) -> Self {
        listeners.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(listeners))
    }
}

impl Drop for Listened {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request whose answer is waited for.
struct Open {
    id: Id,
    number: u64,
    doors: Arc<Mutex<Doors>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = |door: &Door| door.number == self.number;
        if doors.asked.get(&self.id).is_some_and(is_own) {
            doors.asked.remove(&self.id);
        }
    }
}

/// Two requests under one id: of the answers, nobody could say which is whose (MCP 2025-11-25, "Requests").
fn taken(id: &Id) -> Reply {
    let sentence = "a request with this id is under way: give each an id of its own";
    let error = message::error(Some(&id.raw()), INVALID_REQUEST, sentence);
    reply::json_text(StatusCode::BAD_REQUEST, error)
}

/// Hands each message to whom it belongs: an answer to who asked, progress to who wanted it, and the rest to the one
/// request under way, or the listener.
async fn sort(mut messages: mpsc::Receiver<Bytes>, doors: Arc<Mutex<Doors>>) {
    while let Some(message) = messages.recv().await {
        let out = {
            let mut doors = doors.lock().unwrap_or_else(PoisonError::into_inner);
            let out = doors.out_for(&message);
            if out.is_none() {
                doors.keep(message.clone());
            }
            out
        };
        if let Some(out) = out {
            // Whoever is gone does not hear it.
            let _ = out.send(message).await;
        }
    }
}

impl Doors {
    fn out_for(&mut self, message: &[u8]) -> Option<mpsc::Sender<Bytes>> {
        let seen = Message::peek(message).ok()?;
        if seen.kind() == Some(Kind::Response) {
            let door = seen.id.and_then(|id| self.asked.remove(&Id::of(id)));
            return door.map(|door| door.out);
        }
        if seen.method() == "notifications/progress" {
            let token = progress_of(&seen);
            let mut doors = self.asked.values();
            if let Some(door) = doors.find(|door| door.progress.is_some() && door.progress == token) {
                return Some(door.out.clone());
            }
        }
        let listener = self.listener.as_ref().filter(|out| !out.is_closed()).cloned();
        match self.asked.len() {
            0 => listener,
            1 => self.asked.values().next().map(|door| door.out.clone()),
            _ => listener.or_else(|| self.asked.values().next().map(|door| door.out.clone())),
        }
    }

    fn keep(&mut self, message: Bytes) {
        // An answer nobody waits for any more is nothing to keep.
        if answers::is_response(&message) {
            return;
        }
        // That a list has changed is not said twice.
        if self.kept.contains(&message) {
            return;
        }
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(message);
    }
}

fn progress_token(seen: &Message<'_>) -> Option<Value> {
    let meta: Value = serde_json::from_str(seen.params().meta?.get()).ok()?;
    meta.get("progressToken").cloned()
}

fn progress_of(seen: &Message<'_>) -> Option<Value> {
    let params: Value = serde_json::from_str(seen.params?.get()).ok()?;
    params.get("progressToken").cloned()
}

//! One client and one server: messages of the client go in, whatever the server says goes to the client's outlet.
//!
//! | server | what becomes of a message |
//! |---|---|
//! | there | passed on as it came, and so is what comes back |
//! | away (signed out, offline, locked) | answered from the last discovery; a call with what to do |
//! | there again | the client's handshake is made up for, and it is told that the lists have changed |
//! | another one, because its entry was changed | what is open is answered with an error, and the rest is as above |

mod comeback;
mod handshake;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use omlx_mcp::{
    Explain, Problem,
    access::Source,
    connection::{Era, Link, fault::HttpFault},
    handle::Server,
};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use self::{comeback::Lent, handshake::Greeting};
use crate::{
    away,
    guest::{self, Guest, ListAsked},
    message::{self, Id, Kind, Message},
    outlet::{Outlet, OutletError},
    upstream::{Upstream, fault::Unanswered, http::Ask},
};

/// How many requests of one client may be on their way at once.
const IN_FLIGHT: usize = 256;

/// How long a notification may take before the next message is looked at.
const NOTICE: Duration = Duration::from_secs(10);

/// How long a first look at a server may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client is kept waiting for what can be told from the last discovery as well; some give up after five
/// seconds without a byte.
pub(crate) const HURRY: Duration = Duration::from_secs(3);

/// How long a server is given to take note that a client is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// JSON-RPC: implementation-defined; there are too many requests.
const BUSY: i32 = -32000;

/// Cheap to clone; the client's side of the server ends with [`Relay::end`].
#[derive(Clone)]
pub(crate) struct Relay(Arc<Inner>);

struct Inner {
    lent: RwLock<Lent>,
    guest: Guest,
    out: Outlet,
    greeting: Mutex<Greeting>,
    upstream: Mutex<Option<Upstream>>,
    /// Held by whoever opens the server's side or shakes hands, so that it is done once.
    opening: Arc<tokio::sync::Mutex<()>>,
    listening: Mutex<Option<AbortOnDropHandle<()>>>,
    /// The stream of what the server says by itself broke, and could not be taken up again.
    deaf: Arc<AtomicBool>,
    in_flight: Mutex<HashMap<Id, CancellationToken>>,
    /// The client was told something that is not so any more.
    away: AtomicBool,
    /// The client knows which tools there are, and is told when there are others.
    informed: AtomicBool,
    tasks: TaskTracker,
    /// One token for each answer that the client has still to get.
    owed: TaskTracker,
    over: CancellationToken,
}

/// Why a message did not get through.
enum Failure {
    /// There is nobody to pass it on to.
    Away(Problem),
    Unanswered(Unanswered),
}

impl Failure {
    /// Whether what was last known of the server may be told instead, to a request of `method`.
    fn is_away(&self, method: &str) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Unanswered(why) => is_away(why, method),
        }
    }
}

impl<E: Into<Unanswered>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Unanswered(error.into())
    }
}

impl Relay {
    /// Begins to relay, and to watch for the server to come back.
    pub(crate) fn new(server: Server, (out, guest): (Outlet, Guest)) -> Self {
        let relay = Self(Arc::new(Inner {
            lent: RwLock::new(Lent::of(server)),
            guest,
            out,
            greeting: Mutex::default(),
            upstream: Mutex::default(),
            opening: Arc::default(),
            listening: Mutex::default(),
            deaf: Arc::default(),
            in_flight: Mutex::default(),
            away: AtomicBool::default(),
            informed: AtomicBool::default(),
            tasks: TaskTracker::new(),
            owed: TaskTracker::new(),
            over: CancellationToken::new(),
        }));
        let watching = relay.clone();
        relay.0.tasks.spawn(async move { watching.watch().await });
        relay
    }

    /// Returns when the client cannot be told anything any more.
    pub(crate) async fn over(&self) {
        self.0.over.cancelled().await;
    }

    /// Takes a message of the client's. What awaits no answer is passed on before this returns, so that the server hears
    /// it in order; requests go on side by side, but for a handshake, which they wait for.
    pub(crate) async fn take(&self, text: Bytes) {
        let seen = match Message::peek(&text) {
            Ok(seen) => seen,
            Err(why) => return self.tell(why.answer()).await,
        };
        match (seen.kind(), seen.id) {
            // In the stateless era it is a method like any other, which servers do not have.
            (Some(Kind::Request), Some(id))
                if seen.method() == "initialize" && away::era_of(&seen) == Era::Session =>
            {
                self.initialize(text.clone(), id);
            }
            (Some(Kind::Request), Some(id)) => self.begin(text.clone(), id, &seen).await,
            (Some(Kind::Response), _) => {
                let (relay, text) = (self.clone(), text.clone());
                self.0.tasks.spawn(async move { relay.pass_on(text).await });
            }
            _ => self.notified(text.clone(), &seen).await,
        }
    }

    /// Returns when the client has an answer to everything that it asked.
    pub(crate) async fn answered(&self) {
        self.0.owed.close();
        self.0.owed.wait().await;
    }

    /// Ends the client's side of the server: what is on its way may still arrive for `grace`, then it is cancelled.
    pub(crate) async fn end(&self, grace: Duration) {
        let inner = &self.0;
        let _ = tokio::time::timeout(grace, self.answered()).await;
        let left: Vec<Id> = self.in_flight(|waiting| waiting.keys().cloned().collect());
        inner.over.cancel();
        let upstream = self.slot().take();
        let farewell = async {
            if let Some(upstream) = &upstream {
                upstream.cancel(&left).await;
                self.give_up();
                upstream.end().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        self.give_up();
        *self.listening() = None;
        inner.tasks.close();
        let _ = tokio::time::timeout(FAREWELL, inner.tasks.wait()).await;
    }

    async fn tell(&self, text: Bytes) {
        if let Err(OutletError::Gone) = self.0.out.send(text).await {
            self.0.over.cancel();
        }
    }

    async fn begin(&self, text: Bytes, id: &RawValue, seen: &Message<'_>) {
        let server = self.server();
        let params = seen.params();
        let called = match (seen.method(), params.name.as_deref()) {
            ("tools/call", Some(tool)) => {
                Some((tool, self.0.guest.calls(server.id(), tool, params.arguments)))
            }
            _ => None,
        };
        if let Some((tool, _)) = &called
            && let Err(refusal) = self.0.guest.now().permit(&server, tool)
        {
            if let Some((_, called)) = called {
                called.over(refusal.code());
            }
            return self
                .tell(message::result(id, &guest::refused(&server, &refusal)))
                .await;
        }
        let mut ask = Ask::of(id, seen, self.0.out.clone());
        if let (Some((tool, _)), true) = (&called, self.is_stateless()) {
            ask.parameters = self.0.guest.fields_for(&server, tool, params.arguments);
        }
        let called = called.map(|(_, called)| called);
        let room = self.in_flight(|waiting| {
            let room = waiting.len() < IN_FLIGHT;
            if room {
                waiting.insert(ask.id.clone(), ask.cancel.clone());
            }
            room
        });
        if !room {
            let full = format!("{IN_FLIGHT} requests are on their way already");
            return self.tell(message::error(Some(id), BUSY, &full)).await;
        }
        let list = ListAsked::of(seen).filter(|_| seen.method() == "tools/list");
        let (relay, owed) = (self.clone(), self.0.owed.token());
        self.0.tasks.spawn(async move {
            let (id, outcome) = match list {
                Some(list) => Box::pin(relay.list(text, (ask, list))).await,
                None => relay.request(text, &ask).await,
            };
            relay.in_flight(|waiting| waiting.remove(&id));
            drop(owed);
            if let Some(called) = called {
                called.over(&outcome);
            }
        });
    }

    /// A list of tools goes through the client's own sieve.
    async fn list(&self, text: Bytes, (mut ask, list): (Ask, ListAsked)) -> (Id, Cow<'static, str>) {
        let (sender, mut messages) = mpsc::channel(1);
        ask.out = Outlet::Queue(sender);
        let is_recalled = Arc::clone(&ask.is_recalled);
        let asking = async move { self.request(text, &ask).await };
        let server = self.server();
        let sieving = async {
            while let Some(message) = messages.recv().await {
                let source = if is_recalled.load(Ordering::Relaxed) {
                    Source::Memory
                } else {
                    Source::Server
                };
                let guest = self.0.guest.now();
                if let Some(sieved) = guest.sieve_answer(&server, (message, source), &list) {
                    self.tell(sieved).await;
                }
            }
        };
        let (answered, ()) = tokio::join!(asking, sieving);
        self.keep_informed();
        answered
    }

    /// Passes on a request and its answer, whatever that is; how it went.
    async fn request(&self, text: Bytes, ask: &Ask) -> (Id, Cow<'static, str>) {
        let over = |outcome: &'static str| (ask.id.clone(), Cow::Borrowed(outcome));
        let failure = match self.exchange(&text, ask).await {
            Ok(()) => {
                self.heard_from().await;
                return over(ask.outcome.get().copied().unwrap_or("ok"));
            }
            Err(Failure::Unanswered(Unanswered::Outlet(OutletError::Gone))) => {
                self.0.over.cancel();
                return over("cancelled");
            }
            // Whoever cancels takes the request out first; what is still there lost its server.
            Err(_) if ask.cancel.is_cancelled() && !self.is_owed(&ask.id) => return over("cancelled"),
            Err(_) if ask.cancel.is_cancelled() => Failure::Unanswered(Unanswered::Replaced),
            Err(failure) => failure,
        };
        let (Ok(seen), server) = (Message::peek(&text), self.server()) else {
            return over("ok");
        };
        let (answer, problem) = self.in_its_place((&server, &seen), failure).await;
        ask.is_recalled.store(true, Ordering::Relaxed);
        if ask.out.send(answer).await == Err(OutletError::Gone) {
            self.0.over.cancel();
        }
        (ask.id.clone(), problem.code)
    }

    /// What is answered to a request that did not get through, and why it did not.
    async fn in_its_place(
        &self,
        (server, seen): (&Server, &Message<'_>),
        failure: Failure,
    ) -> (Bytes, Problem) {
        let (is_away, problem) = match failure {
            Failure::Away(problem) => (true, problem),
            Failure::Unanswered(why) => {
                let told = is_away(&why, seen.method()) && !away::FORGOTTEN.contains(&seen.method());
                (told, self.explain(why).await)
            }
        };
        if is_away {
            self.0.away.store(true, Ordering::Relaxed);
            let answer = away::answer(server, seen, &problem).unwrap_or_default();
            return (answer, problem);
        }
        let answer = seen
            .id
            .map(|id| away::failure(id, seen.method(), (server, &problem)));
        (answer.unwrap_or_default(), problem)
    }

    /// Whether the client still waits for an answer.
    fn is_owed(&self, id: &Id) -> bool {
        !self.0.over.is_cancelled() && self.in_flight(|waiting| waiting.contains_key(id))
    }

    async fn exchange(&self, text: &Bytes, ask: &Ask) -> Result<(), Failure> {
        let upstream = tokio::select! {
            upstream = self.upstream_for(ask) => upstream?,
            () = ask.cancel.cancelled() => return Err(Unanswered::Cancelled.into()),
        };
        match upstream {
            Upstream::Http(wire) => {
                let session = wire.session();
                match wire.request(text.clone(), ask).await {
                    Err(Unanswered::SessionLost) => {
                        self.begin_session_anew(&wire, &session).await?;
                        Ok(wire.request(text.clone(), ask).await?)
                    }
                    outcome => Ok(outcome?),
                }
            }
            Upstream::Legacy(wire) => {
                let asked = (ask.id.clone(), ask.operation.clone());
                answered(ask, wire.ask(text.clone(), asked)).await
            }
            Upstream::Program(wire) => answered(ask, wire.ask(text, ask.id.clone())).await,
            Upstream::Older(client) => Ok(client.request(text.clone(), ask).await?),
        }
    }

    /// The server's side; for a list that can be told from memory, only if it is there soon.
    async fn upstream_for(&self, ask: &Ask) -> Result<Upstream, Failure> {
        if ask.operation != "tools/list" || self.is_ready() {
            return self.upstream().await;
        }
        let soon = tokio::time::timeout(self.patience(), self.upstream()).await;
        soon.unwrap_or_else(|_| Err(Unanswered::Mute.into()))
    }

    /// Whether the server was last spoken to in the stateless era.
    fn is_stateless(&self) -> bool {
        let lent = self.lent();
        let link = lent.link.borrow();
        matches!(
            &*link,
            Some(Link::Http {
                era: Era::Stateless,
                ..
            })
        )
    }

    async fn notified(&self, text: Bytes, seen: &Message<'_>) {
        match seen.method() {
            "notifications/initialized" => {
                let is_settled = {
                    let mut greeting = self.greeting();
                    greeting.initialized = true;
                    greeting.is_settled()
                };
                if is_settled {
                    self.pass_on(text).await;
                    self.listen();
                }
            }
            "notifications/cancelled" => {
                let id = seen.params().request_id.map(Id::of);
                if let Some(cancel) = id.and_then(|id| self.in_flight(|waiting| waiting.remove(&id))) {
                    cancel.cancel();
                }
                self.pass_on(text).await;
            }
            _ => self.pass_on(text).await,
        }
    }

    /// Passes on what awaits no answer; with nobody there, nobody misses it.
    async fn pass_on(&self, text: Bytes) {
        let Some(upstream) = self.slot().clone() else {
            return;
        };
        if let Ok(Err(error)) = tokio::time::timeout(NOTICE, upstream.tell(text)).await {
            tracing::debug!(server = %self.server().id(), "a notification was lost: {error}");
        }
    }

    async fn explain(&self, why: Unanswered) -> Problem {
        match why {
            Unanswered::Http(fault) => self.server().explain(&fault).await,
            other => other.problem(),
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Upstream>> {
        self.0.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, Option<AbortOnDropHandle<()>>> {
        self.0.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_flight<T>(&self, access: impl FnOnce(&mut HashMap<Id, CancellationToken>) -> T) -> T {
        access(&mut self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes an answer on that came by way of a connection which carries many.
async fn answered(ask: &Ask, asking: impl Future<Output = Result<Bytes, Unanswered>>) -> Result<(), Failure> {
    let answer = tokio::select! {
        answer = asking => answer?,
        () = ask.cancel.cancelled() => return Err(Unanswered::Cancelled.into()),
    };
    // The first answer counts.
    let _ = ask.outcome.set(guest::outcome_of(&answer));
    Ok(ask.out.send(answer).await?)
}

/// Whether the server is away, and what was last known of it may be told instead, to a request of `method`.
pub(crate) fn is_away(why: &Unanswered, method: &str) -> bool {
    match why {
        Unanswered::Http(HttpFault::Refused(refusal)) => refusal.status == http::StatusCode::UNAUTHORIZED,
        Unanswered::Http(
            HttpFault::TokenUnavailable(_) | HttpFault::Unreachable { .. } | HttpFault::ServerError { .. },
        )
        | Unanswered::Program(_)
        | Unanswered::Mute => true,
        // So it looks where something in front of the server (ssh -L, kubectl port-forward) takes the connection and the
        // server is down. A call may have been carried out, and says so.
        Unanswered::Http(HttpFault::Interrupted { .. }) | Unanswered::BrokenOff => {
            matches!(method, "initialize" | "server/discover" | "tools/list")
        }
        _ => false,
    }
}

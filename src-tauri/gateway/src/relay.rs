//! One client and one server: messages of the client go in, whatever the server says goes to the client's outlet.
//!
//! | server | what becomes of a message |
//! |---|---|
//! | there | passed on as it came, and so is what comes back |
//! | away (signed out, offline, locked) | answered from the last discovery; a call with what to do |
//! | there again | the client's handshake is made up for, and it is told that the lists have changed |

mod handshake;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use omlx_mcp::{
    Explain, Problem,
    connection::{Era, Link, fault::HttpFault},
    handle::Server,
};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use self::handshake::Greeting;
use crate::{
    away,
    guest::{self, Guest, ListAsked},
    message::{self, Id, Kind, Message},
    outlet::{Outlet, OutletError},
    upstream::{
        Upstream,
        fault::Unanswered,
        http::{Ask, HttpWire, Session},
        legacy::LegacyWire,
        program::ProgramWire,
    },
};

/// How many requests of one client may be on their way at once.
const IN_FLIGHT: usize = 256;

/// How long a notification may take before the next message is looked at.
const NOTICE: Duration = Duration::from_secs(10);

/// How long a first look at a server may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server is given to take note that a client is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// JSON-RPC: implementation-defined; there are too many requests.
const BUSY: i32 = -32000;

/// Cheap to clone; the client's side of the server ends with [`Relay::end`].
#[derive(Clone)]
pub(crate) struct Relay(Arc<Inner>);

struct Inner {
    server: Server,
    guest: Guest,
    out: Outlet,
    link: watch::Receiver<Option<Link>>,
    greeting: Mutex<Greeting>,
    upstream: tokio::sync::Mutex<Option<Upstream>>,
    listening: Mutex<Option<AbortOnDropHandle<()>>>,
    in_flight: Mutex<HashMap<Id, CancellationToken>>,
    /// The client was told something that is not so any more.
    away: AtomicBool,
    tasks: TaskTracker,
    over: CancellationToken,
}

/// Why a message did not get through.
enum Failure {
    /// There is nobody to pass it on to.
    Away(Problem),
    Unanswered(Unanswered),
}

impl<E: Into<Unanswered>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Unanswered(error.into())
    }
}

impl Relay {
    /// Begins to relay, and to watch for the server to come back.
    pub(crate) fn new(server: Server, (out, guest): (Outlet, Guest)) -> Self {
        let link = server.link();
        let relay = Self(Arc::new(Inner {
            server,
            guest,
            out,
            link,
            greeting: Mutex::default(),
            upstream: tokio::sync::Mutex::default(),
            listening: Mutex::default(),
            in_flight: Mutex::default(),
            away: AtomicBool::default(),
            tasks: TaskTracker::new(),
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

    /// Takes a message of the client's. A handshake and what awaits no answer are passed on before this returns, so that
    /// the server hears them in order; other requests go on side by side.
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
                self.initialize(text.clone(), id, &seen).await;
            }
            (Some(Kind::Request), Some(id)) => self.begin(text.clone(), id, &seen).await,
            (Some(Kind::Response), _) => {
                let (relay, text) = (self.clone(), text.clone());
                self.0.tasks.spawn(async move { relay.pass_on(text).await });
            }
            _ => self.notified(text.clone(), &seen).await,
        }
    }

    /// Ends the client's side of the server: what is on its way may still arrive for `grace`, then it is cancelled.
    pub(crate) async fn end(&self, grace: Duration) {
        let inner = &self.0;
        let idle = async {
            while !self.in_flight(|waiting| waiting.is_empty()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(grace, idle).await;
        let left: Vec<Id> = self.in_flight(|waiting| waiting.keys().cloned().collect());
        inner.over.cancel();
        let farewell = async {
            let upstream = inner.upstream.lock().await.take();
            let wire = match upstream {
                Some(Upstream::Http(wire)) => wire,
                Some(Upstream::Older(client)) => return client.end(),
                _ => return,
            };
            if wire.session() != Session::default() {
                for id in left {
                    let _ = wire.tell(cancelled(&id)).await;
                }
            }
            self.in_flight(|waiting| waiting.values().for_each(CancellationToken::cancel));
            wire.end().await;
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
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
        let params = seen.params();
        let called = match (seen.method(), params.name.as_deref()) {
            ("tools/call", Some(tool)) => Some((
                tool,
                self.0.guest.calls(self.0.server.id(), tool, params.arguments),
            )),
            _ => None,
        };
        if let Some((tool, _)) = &called
            && let Err(refusal) = self.0.guest.now().permit(&self.0.server, tool)
        {
            if let Some((_, called)) = called {
                called.over(refusal.code());
            }
            return self.tell(message::result(id, &guest::refused(&refusal))).await;
        }
        let mut ask = Ask::of(id, seen, self.0.out.clone());
        if let (Some((tool, _)), true) = (&called, self.is_stateless()) {
            ask.parameters = self.0.guest.fields_for(&self.0.server, tool, params.arguments);
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
        let relay = self.clone();
        self.0.tasks.spawn(async move {
            let (id, outcome) = match list {
                Some(list) => relay.list(text, (ask, list)).await,
                None => relay.request(text, &ask).await,
            };
            relay.in_flight(|waiting| waiting.remove(&id));
            if let Some(called) = called {
                called.over(&outcome);
            }
        });
    }

    /// A list of tools goes through the client's own sieve.
    async fn list(&self, text: Bytes, (mut ask, list): (Ask, ListAsked)) -> (Id, Cow<'static, str>) {
        let (sender, mut messages) = mpsc::channel(1);
        ask.out = Outlet::Queue(sender);
        let asking = async move { self.request(text, &ask).await };
        let sieving = async {
            while let Some(message) = messages.recv().await {
                let server = self.0.server.id();
                let guest = self.0.guest.now();
                self.tell(guest.sieve_answer(server, message, &list)).await;
            }
        };
        tokio::join!(asking, sieving).0
    }

    /// Passes on a request and its answer, whatever that is; how it went.
    async fn request(&self, text: Bytes, ask: &Ask) -> (Id, Cow<'static, str>) {
        let over = |outcome: &'static str| (ask.id.clone(), Cow::Borrowed(outcome));
        let failure = match self.exchange(&text, ask).await {
            _ if ask.cancel.is_cancelled() => return over("cancelled"),
            Ok(()) => return over(ask.outcome.get().copied().unwrap_or("ok")),
            Err(Failure::Unanswered(Unanswered::Outlet(OutletError::Gone))) => {
                self.0.over.cancel();
                return over("cancelled");
            }
            Err(failure) => failure,
        };
        let (away, problem) = match failure {
            Failure::Away(problem) => (true, problem),
            Failure::Unanswered(why) => (is_away(&why), self.explain(why).await),
        };
        let (Ok(seen), id) = (Message::peek(&text), ask.id.raw()) else {
            return over("ok");
        };
        let answer = if away {
            self.0.away.store(true, Ordering::Relaxed);
            away::answer(&self.0.server, &seen, &problem).unwrap_or_default()
        } else {
            away::failure(&id, seen.method(), (&self.0.server, &problem))
        };
        if ask.out.send(answer).await == Err(OutletError::Gone) {
            self.0.over.cancel();
        }
        (ask.id.clone(), problem.code)
    }

    async fn exchange(&self, text: &Bytes, ask: &Ask) -> Result<(), Failure> {
        match self.upstream().await? {
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

    /// Whether the server was last spoken to in the stateless era.
    fn is_stateless(&self) -> bool {
        let link = self.0.link.borrow();
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
                let owed = {
                    let mut greeting = self.greeting();
                    greeting.initialized = true;
                    greeting.owed
                };
                if !owed {
                    self.pass_on(text).await;
                    self.listen().await;
                }
            }
            "notifications/cancelled" => {
                let id = seen.params().request_id.map(Id::of);
                self.pass_on(text).await;
                if let Some(cancel) = id.and_then(|id| self.in_flight(|waiting| waiting.remove(&id))) {
                    cancel.cancel();
                }
            }
            _ => self.pass_on(text).await,
        }
    }

    /// Passes on what awaits no answer; with nobody there, nobody misses it.
    async fn pass_on(&self, text: Bytes) {
        let passing = async {
            match self.upstream_now().await {
                Some(upstream) => upstream.tell(text).await,
                None => Ok(()),
            }
        };
        if let Ok(Err(error)) = tokio::time::timeout(NOTICE, passing).await {
            tracing::debug!(server = %self.0.server.id(), "a notification was lost: {error}");
        }
    }

    /// Begins to hear what the server says by itself, over HTTP with a session; in other ways it comes unasked.
    async fn listen(&self) {
        let Some(Upstream::Http(wire)) = self.upstream_now().await else {
            return;
        };
        if wire.session() == Session::default() {
            return;
        }
        let mut listening = self.listening();
        if listening.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let heard = tokio::spawn(async move { wire.listen().await });
            *listening = Some(AbortOnDropHandle::new(heard));
        }
    }

    async fn upstream_now(&self) -> Option<Upstream> {
        self.0.upstream.lock().await.clone()
    }

    /// The server's side, opened where there is none, with the client's handshake made up for where it is owed.
    async fn upstream(&self) -> Result<Upstream, Failure> {
        let link = self.link().await.map_err(Failure::Away)?;
        let mut slot = self.0.upstream.lock().await;
        if let Some(upstream) = slot.as_ref().filter(|upstream| upstream.fits(&link)) {
            upstream.go_by(&link);
            if !self.greeting().owed {
                return Ok(upstream.clone());
            }
        }
        let upstream = match slot.as_ref() {
            Some(upstream) if upstream.fits(&link) => upstream.clone(),
            gone => {
                if gone.is_some() {
                    self.owe_what_was_lost();
                }
                self.open(link).await?
            }
        };
        let upstream = self.make_up(upstream).await?;
        Ok(slot.insert(upstream).clone())
    }

    async fn open(&self, link: Link) -> Result<Upstream, Failure> {
        let out = self.0.out.clone();
        Ok(match link {
            Link::Http {
                http,
                era: Era::LegacySse,
            } => Upstream::Legacy(Arc::new(LegacyWire::open(http, out).await?)),
            Link::Http { http, .. } => Upstream::Http(Arc::new(HttpWire::new(http, out))),
            Link::Program => match self.0.server.start_program().await {
                Some(program) => Upstream::Program(Arc::new(ProgramWire::new(program?, out))),
                None => return Err(Failure::Away(self.0.server.obstacle())),
            },
        })
    }

    /// What requests go through, as soon as it is known whether there is anything.
    async fn link(&self) -> Result<Link, Problem> {
        if let Some(link) = self.0.link.borrow().clone() {
            return Ok(link);
        }
        // One that takes longer than this is told as what it is by then.
        let _ = tokio::time::timeout(PATIENCE, self.0.server.settled()).await;
        let link = self.0.link.borrow().clone();
        link.ok_or_else(|| self.0.server.obstacle())
    }

    async fn explain(&self, why: Unanswered) -> Problem {
        match why {
            Unanswered::Http(fault) => self.0.server.explain(&fault).await,
            other => other.problem(),
        }
    }

    async fn watch(&self) {
        let mut link = self.0.link.clone();
        loop {
            tokio::select! {
                () = self.0.over.cancelled() => return,
                changed = link.changed() => if changed.is_err() { return },
            }
            let there = link.borrow_and_update().is_some();
            if there && self.0.away.swap(false, Ordering::Relaxed) {
                self.recovered().await;
            }
        }
    }

    /// The server is there again: its side is opened, and the client told to look again.
    async fn recovered(&self) {
        if self.upstream().await.is_err() {
            self.0.away.store(true, Ordering::Relaxed);
            return;
        }
        self.listen().await;
        let (_, said) = self.0.server.remembered();
        for list in ["tools", "prompts", "resources"] {
            if list == "tools" || said.capabilities.get(list).is_some() {
                self.tell(message::notification(&format!(
                    "notifications/{list}/list_changed"
                )))
                .await;
            }
        }
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
        () = ask.cancel.cancelled() => return Ok(()),
    };
    // The first answer counts.
    let _ = ask.outcome.set(guest::outcome_of(&answer));
    Ok(ask.out.send(answer).await?)
}

/// Whether the server is away, and what was last known of it may be told instead.
pub(crate) fn is_away(why: &Unanswered) -> bool {
    match why {
        Unanswered::Http(HttpFault::Refused(refusal)) => refusal.status == http::StatusCode::UNAUTHORIZED,
        Unanswered::Http(
            HttpFault::TokenUnavailable(_) | HttpFault::Unreachable { .. } | HttpFault::ServerError { .. },
        )
        | Unanswered::Program(_) => true,
        _ => false,
    }
}

fn cancelled(id: &Id) -> Bytes {
    message::text(&serde_json::json!({
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": { "requestId": id.raw(), "reason": "the client is gone" },
    }))
}

//! The owner's front: what the rest of the process holds of one server.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde_json::{Value, value::RawValue};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    authorized_http::Refusal,
    call::CallError,
    carrier::Carrier,
    client_handler::Elicit,
    fault::HttpFault,
    guarded::Guarded,
    link::{Introduction, Link},
    live::Live,
    login_path::LoginPath,
    open::Opened,
    owner::{Owner, Progress},
    recorder::Recorder,
    refused::{Refused, wanted_scopes},
    server_log::{LogLine, ServerLog},
    state::State,
    transport::stdio::{Program, StdioFault},
    wanted::Wanted,
};
use crate::{
    AuthStatus, ConnectionStatus, Event, Explain, Problem, ServerSnapshot,
    access::Endpoint,
    browser::Browser,
    clock::Clock,
    config::{ClientCredentials, ServerConfig, Surface},
    network::{Network, NetworkError},
    oauth::{authorization::AuthorizationResponse, discovery, redirect, registration, timeline::Step},
    sign_in::{Links, Offer},
    sign_out::{self, SignOutReport},
    store::{GrantName, RecordName, Vault},
    supervisor::Changed,
};

/// How long a caller whose request was refused waits to be told what that means.
const VERDICT: Duration = Duration::from_secs(2);

/// How many commands wait for an owner before the asker waits too.
const COMMANDS: usize = 16;

/// What every connection of this process uses.
pub(crate) struct Shared {
    pub(crate) client: Carrier,
    pub(crate) network: Network,
    pub(crate) vault: Vault,
    pub(crate) clock: Clock,
    pub(crate) browser: Arc<dyn Browser>,
    pub(crate) elicit: Option<Arc<dyn Elicit>>,
    /// Servers are lent to others, and connected here only where something must be found out first.
    pub(crate) lending: bool,
    /// The user's own PATH, where this process was not started from their shell.
    pub(crate) login_path: Option<LoginPath>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) changed: Changed,
    /// Whether links of our own scheme reach this process.
    pub(crate) receives_links: AtomicBool,
    /// Which of the two faces this process is.
    pub(crate) surface: Surface,
    /// How a person types our commands.
    pub(crate) command: Arc<str>,
}

impl Shared {
    /// Where links of our own scheme arrive.
    pub(crate) fn links(&self) -> Links {
        match (self.receives_links.load(Ordering::Relaxed), self.surface) {
            (true, _) => Links::Here,
            (false, Surface::App) => Links::Nowhere,
            (false, Surface::CommandLine) => Links::InApp,
        }
    }

    /// Sends news; nobody listening is fine.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How a sign-in is to be done.
#[derive(Clone, Copy, Debug)]
pub struct SignInOptions {
    /// Whether the browser is opened, or only the address shown.
    pub browser: BrowserUse,
    /// How long the person is waited for.
    pub patience: Duration,
}

/// Whether the browser is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserUse {
    /// Open it.
    Open,
    /// Only show the address, to be opened elsewhere.
    ShowOnly,
}

impl Default for SignInOptions {
    fn default() -> Self {
        Self {
            browser: BrowserUse::Open,
            patience: redirect::PATIENCE,
        }
    }
}

/// A sign-in that succeeded.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// How the server is now: connected, or signed in and not reachable with the reason why.
    pub snapshot: ServerSnapshot,
}

/// What can be asked of an owner.
pub(super) enum Command {
    SignIn {
        options: SignInOptions,
        reply: oneshot::Sender<Result<SignedIn, Problem>>,
    },
    CancelSignIn,
    Redirected(Offer),
    SignOut {
        reply: oneshot::Sender<Result<SignOutReport, Problem>>,
    },
    Retry {
        /// Told once the attempt is under way.
        begun: oneshot::Sender<()>,
    },
    /// A client called in vain, because a person is needed.
    Wanted,
    /// A request on this connection did not get through.
    Lost(Arc<Opened>),
}

/// One server of this process.
pub(crate) struct Connection {
    config: Arc<ServerConfig>,
    endpoint: OnceLock<Endpoint>,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<ServerSnapshot>,
    live: watch::Receiver<Option<Live>>,
    link: watch::Receiver<Option<Link>>,
    records: (Vault, RecordName),
    login_path: Option<LoginPath>,
    guarded: Option<Guarded>,
    log: ServerLog,
    clock: Clock,
    stop: CancellationToken,
    command: Arc<str>,
}

impl Connection {
    /// The front, and the owner to be run.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        config: ServerConfig,
        stop: CancellationToken,
    ) -> Result<(Self, Owner), NetworkError> {
        let config = Arc::new(config);
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (noting, notes) = mpsc::unbounded_channel();
        let guarded = Guarded::of(&config, shared, &noting)?;
        let recorder = Recorder::open(shared.vault.clone(), &config);
        let mut state = State::new(
            guarded
                .as_ref()
                .and_then(|guarded| guarded.summary().ok().flatten()),
        );
        state.recall(recorder.recorded());
        state.connection = if config.enabled {
            ConnectionStatus::Connecting
        } else {
            ConnectionStatus::Disabled
        };
        let (status, seen) = watch::channel(state.snapshot(&config));
        let (live, borrowed) = watch::channel(None);
        let (link, lent) = watch::channel(None);
        let log = ServerLog::new(shared.clock.clone());
        let front = Self {
            endpoint: OnceLock::new(),
            config: Arc::clone(&config),
            commands,
            status: seen,
            live: borrowed,
            link: lent,
            records: recorder.place(),
            login_path: shared.login_path.clone(),
            guarded: guarded.clone(),
            log: log.clone(),
            clock: shared.clock.clone(),
            stop: stop.clone(),
            command: Arc::clone(&shared.command),
        };
        let owner = Owner {
            shared: Arc::clone(shared),
            config,
            guarded,
            commands: asked,
            notes,
            noting,
            status,
            live,
            link,
            log,
            stop,
            state,
            era: recorder.era(),
            progress: Progress {
                wanted: Wanted::since(recorder.wanted_at()),
                ..Progress::default()
            },
            recorder,
        };
        Ok((front, owner))
    }

    pub(crate) fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// How a person types our commands.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// What tells it from another server of its name.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.endpoint.get_or_init(|| Endpoint::of(&self.config.transport))
    }

    pub(crate) fn snapshot(&self) -> ServerSnapshot {
        self.status.borrow().clone()
    }

    /// Waits for the end of the attempt under way.
    pub(crate) async fn settled(&self) -> ServerSnapshot {
        let mut status = self.status.clone();
        let settled = status
            .wait_for(|status| status.connection != ConnectionStatus::Connecting)
            .await;
        // The owner is gone only when the process ends; its last word still counts.
        settled.map_or_else(|_| self.snapshot(), |status| status.clone())
    }
}

impl Connection {
    pub(crate) async fn sign_in(&self, options: SignInOptions) -> Result<SignedIn, Problem> {
        // The first answer of the server says what it wants, so it is waited for.
        self.settled().await;
        let (reply, outcome) = oneshot::channel();
        self.send(Command::SignIn { options, reply }).await?;
        outcome.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    pub(crate) async fn cancel_sign_in(&self) {
        // An owner that is gone signs nobody in.
        let _ = self.send(Command::CancelSignIn).await;
    }

    pub(crate) async fn sign_out(&self) -> Result<SignOutReport, Problem> {
        let (reply, report) = oneshot::channel();
        self.send(Command::SignOut { reply }).await?;
        report.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    /// Signs out although the entry is gone and its owner with it.
    pub(crate) async fn leave(&self) -> Result<SignOutReport, Problem> {
        let Some(guarded) = &self.guarded else {
            return Err(self.nothing_to_sign_in_to());
        };
        let name = GrantName::from(&guarded.key);
        let report = sign_out::sign_out(&guarded.vault, &guarded.http, &self.config.auth, name).await;
        report.map_err(|error| error.problem())
    }

    /// Keeps the client that a person entered, for the issuer that discovery finds now.
    pub(crate) async fn enter_client(&self, entered: ClientCredentials) -> Result<(), Problem> {
        let Some(guarded) = &self.guarded else {
            return Err(self.nothing_to_sign_in_to());
        };
        let found = discovery::discover(&guarded.http, &guarded.key.url, &self.config.auth, None).await;
        let server = found.map_err(|error| error.problem())?.server;
        let client = registration::entered(&server, entered);
        let saved = guarded.vault.save_client(&guarded.key.server, &client).await;
        saved.map_err(|error| error.problem())
    }

    fn nothing_to_sign_in_to(&self) -> Problem {
        let server = self.config.id.clone();
        Refused::NothingToSignInTo { server }.problem()
    }

    /// Offers an authorization response to a sign-in that waits here; false when none does, or for another one.
    pub(crate) async fn offer(&self, response: AuthorizationResponse) -> bool {
        let (reply, taken) = oneshot::channel();
        let offer = Offer { response, reply };
        self.send(Command::Redirected(offer)).await.is_ok() && taken.await.unwrap_or(false)
    }

    /// Whether a sign-in is under way.
    pub(crate) fn is_signing_in(&self) -> bool {
        self.status.borrow().auth == AuthStatus::Authenticating
    }

    pub(crate) async fn retry(&self) {
        let (begun, heard) = oneshot::channel();
        // An owner that is gone has nothing to retry.
        if self.send(Command::Retry { begun }).await.is_ok() {
            let _ = heard.await;
        }
    }

    /// Never waits: where the owner is too busy to hear of it, it has heard of others.
    pub(crate) fn wanted(&self) {
        let _ = self.commands.try_send(Command::Wanted);
    }

    pub(crate) async fn tools(&self) -> Result<Arc<[Tool]>, Problem> {
        Ok(Arc::clone(&self.live().await?.tools))
    }

    pub(crate) async fn call(&self, tool: &str, arguments: JsonObject) -> Result<CallToolResult, Problem> {
        let live = self.live().await?;
        let outcome = live.call(&self.config, tool, arguments).await;
        if outcome.as_ref().is_err_and(CallError::is_of_network) {
            // An owner that is gone looks for nobody.
            let _ = self.send(Command::Lost(live.opened)).await;
        }
        match outcome {
            Ok(result) => Ok(result),
            Err(CallError::Forbidden(refusal)) => Err(self.forbidden(&refusal)),
            Err(error @ CallError::Unauthorized(_)) => {
                Err(self.verdict().await.unwrap_or_else(|| error.problem()))
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// What is told of a request that went through [`Connection::link`] and failed.
    pub(crate) async fn explain(&self, fault: &HttpFault) -> Problem {
        match CallError::from(fault.clone()) {
            CallError::Forbidden(refusal) => self.forbidden(&refusal),
            error @ CallError::Unauthorized(_) => self.verdict().await.unwrap_or_else(|| error.problem()),
            error => error.problem(),
        }
    }

    fn forbidden(&self, refusal: &Refusal) -> Problem {
        let id = &self.config.id;
        let wanted = wanted_scopes(refusal).filter(|_| self.guarded.is_some());
        let refused = match wanted {
            Some(wanted) => {
                let granted = self.snapshot().scopes;
                Refused::scope_missing(id, &wanted, &granted.iter().map(String::as_str).collect())
            }
            None => Refused::forbidden(id, refusal),
        };
        refused.problem()
    }

    /// What the owner makes of a 401 it hears of at the same time as the caller.
    async fn verdict(&self) -> Option<Problem> {
        let mut status = self.status.clone();
        let told = status
            .wait_for(|status| status.problem.is_some() && status.connection != ConnectionStatus::Connected);
        let status = tokio::select! {
            status = told => status.ok()?,
            () = self.clock.sleep(VERDICT) => return None,
        };
        status.problem.clone()
    }

    /// What others' requests go through, now and whenever it changes.
    pub(crate) fn link(&self) -> watch::Receiver<Option<Link>> {
        self.link.clone()
    }

    /// The tools of the last discovery, of whichever process. Blocking, briefly.
    pub(crate) fn remembered_tools(&self) -> Vec<Value> {
        let (vault, name) = &self.records;
        vault.load_tools(name).unwrap_or_default()
    }

    pub(crate) fn remembered_tools_as_written(&self) -> Option<Box<RawValue>> {
        let (vault, name) = &self.records;
        vault.load_tools_as_written(name)
    }

    /// What the server said of itself then; nothing where none is known. Blocking, briefly.
    pub(crate) fn introduction(&self) -> Introduction {
        let (vault, name) = &self.records;
        vault.load_introduction(name).unwrap_or_default()
    }

    /// Starts the program of a stdio server for one borrower; none for a server reached over HTTP.
    pub(crate) async fn start_program(&self) -> Option<Result<Program, StdioFault>> {
        Program::of(&self.config, self.login_path.as_ref(), &self.log).await
    }

    pub(crate) fn timeline(&self) -> Vec<Step> {
        self.guarded
            .as_ref()
            .map(|guarded| guarded.http.timeline().steps())
            .unwrap_or_default()
    }

    pub(crate) fn log(&self) -> Vec<LogLine> {
        self.log.lines()
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// The open connection, as soon as there is one; otherwise why there is none.
    async fn live(&self) -> Result<Live, Problem> {
        let status = self.settled().await;
        let live = self.live.borrow().clone();
        live.ok_or_else(|| self.obstacle_in(&status))
    }

    /// What keeps requests from being made, as far as known.
    pub(crate) fn obstacle(&self) -> Problem {
        self.obstacle_in(&self.snapshot())
    }

    /// Of a server that is not in use, no sign-in and no network is what is in the way. Somebody who signed out needs not
    /// be told at once; whoever calls a tool after that does.
    fn obstacle_in(&self, status: &ServerSnapshot) -> Problem {
        let server = self.config.id.clone();
        match (status.connection, &status.problem, status.auth) {
            (ConnectionStatus::Disabled, ..) if self.config.paused => Refused::Paused { server }.problem(),
            (ConnectionStatus::Disabled, ..) => Refused::SwitchedOff { server }.problem(),
            (_, Some(problem), _) => problem.clone(),
            (_, None, AuthStatus::NotAuthenticated) => Refused::SignInNeeded { server }.problem(),
            (_, None, _) => Refused::NotConnected { server }.problem(),
        }
    }

    async fn send(&self, command: Command) -> Result<(), Problem> {
        self.commands.send(command).await.map_err(|_| self.stopped())
    }

    /// The owner ends with the process, or when its entry is changed or removed.
    fn stopped(&self) -> Problem {
        Refused::NotConnected {
            server: self.config.id.clone(),
        }
        .problem()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.config.id)
            .finish_non_exhaustive()
    }
}

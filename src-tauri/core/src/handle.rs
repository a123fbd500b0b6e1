//! The way in: commands go in, the truth comes out as a watched [`Snapshot`], news as [`Event`]s.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde_json::{Value, value::RawValue};
use tokio::sync::{broadcast, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Action, Event, Explain, Problem, ServerId, ServerSnapshot, Snapshot,
    access::Endpoint,
    browser::Browser,
    clients::{Machine, SignIns},
    clock::Clock,
    config::{ClientCredentials, ConfigState, Surface},
    connection::{
        Connection, Introduction, Link, LogLine, LoginPath, Shared, SignInOptions, SignedIn,
        client_handler::Elicit,
        fault::HttpFault,
        transport::stdio::{Program, StdioFault},
    },
    network::{Network, NetworkError, NetworkSettings},
    oauth::{
        authorization::{AuthorizationError, AuthorizationResponse},
        timeline::Step,
    },
    probe::{Probe, probe},
    sign_out::SignOutReport,
    store::{CredentialStore, Home, KeySource, Vault},
    supervisor::{Roster, Supervisor},
};

/// How many events a slow listener may lag behind before it loses the oldest; the snapshot stays the truth.
const EVENT_BACKLOG: usize = 256;

/// How long a new entry is waited for.
const APPEARANCE: Duration = Duration::from_secs(5);

/// Everything the core needs from the process it runs in.
#[derive(Debug)]
pub struct Options {
    /// Where grants and records are kept.
    pub home: Home,
    /// The config file's state, watched or fixed.
    pub config: watch::Receiver<Arc<ConfigState>>,
    /// The only servers to connect; none for all.
    pub only: Option<Vec<ServerId>>,
    /// The clock.
    pub clock: Clock,
    /// The keychain.
    pub credentials: Arc<dyn CredentialStore>,
    /// Opens authorization URLs.
    pub browser: Arc<dyn Browser>,
    /// Answers what servers ask while a tool is called; none declines.
    pub elicit: Option<Arc<dyn Elicit>>,
    /// Proxies and certificates.
    pub network: NetworkSettings,
    /// Which of the two faces this process is.
    pub surface: Surface,
    /// How a person types our commands so that they are about this config file and these grants: `omlx mcp`, with what
    /// options that takes.
    pub command: String,
}

/// What connections are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Connecting,
    Lending,
}

/// The core could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The HTTP client could not be built from the network settings.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// No entry of that name is in the config file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no server '{server}' in the config file{}", hint(.similar.as_ref()))]
pub struct UnknownServer {
    /// What was asked for.
    pub server: String,
    /// The entry that was probably meant.
    pub similar: Option<ServerId>,
}

fn hint(similar: Option<&ServerId>) -> String {
    similar
        .map(|id| format!("; did you mean '{id}'?"))
        .unwrap_or_default()
}

impl Explain for UnknownServer {
    fn code(&self) -> &'static str {
        "unknown_server"
    }

    fn action(&self) -> Action {
        Action::EditConfig
    }
}

impl Explain for StartError {
    fn code(&self) -> &'static str {
        match self {
            Self::Network(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Network(error) => error.action(),
        }
    }
}

/// A running core. Cheap to clone; the connections end with [`Handle::stop`].
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    roster: Arc<Roster>,
    board: watch::Receiver<Arc<Snapshot>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Handle {
    /// Starts a connection for every enabled server, side by side, and returns at once.
    pub fn start(options: Options) -> Result<Self, StartError> {
        Self::start_as(options, Purpose::Connecting)
    }

    /// The same for a process that only lends servers: one that an earlier process has come to know is not connected
    /// here, so that the first request to it is the borrower's.
    pub fn start_lending(options: Options) -> Result<Self, StartError> {
        Self::start_as(options, Purpose::Lending)
    }

    fn start_as(options: Options, purpose: Purpose) -> Result<Self, StartError> {
        let network = Network::new(&options.network)?;
        let client = network.client()?.into();
        let vault = Vault::open(&options.home, Arc::clone(&options.credentials));
        let shared = Arc::new(Shared {
            client,
            network,
            vault,
            clock: options.clock,
            browser: options.browser,
            elicit: options.elicit,
            lending: purpose == Purpose::Lending,
            login_path: (options.surface == Surface::App).then(LoginPath::of_user),
            events: broadcast::Sender::new(EVENT_BACKLOG),
            changed: crate::supervisor::Changed::default(),
            receives_links: AtomicBool::new(false),
            surface: options.surface,
            command: options.command.into(),
        });
        let (roster, stop, tracker) = (
            Arc::<Roster>::default(),
            CancellationToken::new(),
            TaskTracker::new(),
        );
        let (board, seen) = watch::channel(Arc::default());
        let mut supervisor = Supervisor {
            shared: Arc::clone(&shared),
            roster: Arc::clone(&roster),
            board,
            config: options.config,
            only: options.only,
            tracker: tracker.clone(),
            stop: stop.clone(),
            unstarted: Vec::new(),
        };
        supervisor.start();
        tracker.spawn(supervisor.run());
        Ok(Self {
            shared,
            roster,
            board: seen,
            tracker,
            stop,
        })
    }

    /// The truth, now and whenever it changes.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.board.clone()
    }

    /// The news from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// The connection of one server.
    pub fn server(&self, id: &str) -> Result<Server, UnknownServer> {
        let found = id.parse::<ServerId>().ok().and_then(|id| self.roster.get(&id));
        let server = |connection| Server {
            connection,
            roster: Arc::clone(&self.roster),
        };
        found.map(server).ok_or_else(|| UnknownServer {
            server: id.to_owned(),
            similar: self.similar(id),
        })
    }

    /// How a person types our commands: `omlx mcp`, with what options that takes.
    pub fn command(&self) -> &str {
        &self.shared.command
    }

    /// Where the vault's key is; none before it was needed.
    pub fn key_source(&self) -> Option<KeySource> {
        self.shared.vault.key_source()
    }

    /// Where grants are kept, here or in the folder an entry names.
    pub(crate) fn vault(&self, folder: Option<PathBuf>) -> Vault {
        let vault = &self.shared.vault;
        folder.map_or_else(|| vault.clone(), |folder| vault.in_folder(folder))
    }

    /// What takes over the sign-ins that another client keeps on this machine.
    pub fn sign_ins(&self, machine: Machine) -> SignIns {
        SignIns {
            machine,
            vault: self.vault(None),
            network: self.shared.network.clone(),
            clock: self.shared.clock.clone(),
        }
    }

    /// Asks a URL what it is, before anything is written down.
    pub async fn probe(&self, url: &str) -> Probe {
        probe(&self.shared.network, url).await
    }

    /// The server of that name as soon as it is there; an entry that was just written takes a moment.
    pub async fn appeared(&self, id: &ServerId) -> Option<Server> {
        let mut board = self.snapshot();
        let there = board.wait_for(|snapshot| snapshot.server(id).is_some());
        tokio::time::timeout(APPEARANCE, there).await.ok()?.ok()?;
        self.server(id.as_str()).ok()
    }

    /// Says that links of our own scheme reach this process: from now on a sign-in offers that way back, where the
    /// config file leaves the choice.
    pub fn receive_links(&self) {
        self.shared.receives_links.store(true, Ordering::Relaxed);
    }

    /// Hands a redirect that arrived from outside (deep link, pasted URL) to the sign-in that waits for it.
    ///
    /// `Ok(false)` when nobody waits: a stranger's link, or one that came twice.
    pub async fn redirected(&self, url: &str) -> Result<bool, AuthorizationError> {
        for connection in self.roster.all() {
            let response = AuthorizationResponse::parse(url)?;
            if connection.is_signing_in() && connection.offer(response).await {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends every connection and waits for the owner tasks; a refresh under way is finished and saved first.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn similar(&self, id: &str) -> Option<ServerId> {
        let wanted = id.to_lowercase();
        let ids = self
            .roster
            .all()
            .into_iter()
            .map(|connection| connection.config().id.clone());
        ids.into_iter().find(|known| {
            let known = known.as_str().to_lowercase();
            known == wanted || known.starts_with(&wanted) || wanted.starts_with(&known)
        })
    }
}

/// One server of a running core, as its entry is now; an entry that is changed is another server.
#[derive(Clone)]
pub struct Server {
    connection: Arc<Connection>,
    roster: Arc<Roster>,
}

impl Server {
    /// Its name.
    pub fn id(&self) -> &ServerId {
        &self.connection.config().id
    }

    /// The server of the same name once its entry has been changed, or is there again; none when the process ends.
    pub async fn successor(&self) -> Option<Self> {
        let connection = self.roster.successor(&self.connection).await?;
        let roster = Arc::clone(&self.roster);
        Some(Self { connection, roster })
    }

    /// Whether the other one is this, by the same entry.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.connection, &other.connection)
    }

    /// What tells it from another server of its name.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// How it is now.
    pub fn snapshot(&self) -> ServerSnapshot {
        self.connection.snapshot()
    }

    /// How it is once the attempt under way has come to an end, good or bad.
    pub async fn settled(&self) -> ServerSnapshot {
        self.connection.settled().await
    }

    /// Signs in, and comes back when the tools are listed or the sign-in came to nothing.
    pub async fn sign_in(&self, options: SignInOptions) -> Result<SignedIn, Problem> {
        self.connection.sign_in(options).await
    }

    /// Gives up a sign-in under way.
    pub async fn cancel_sign_in(&self) {
        self.connection.cancel_sign_in().await;
    }

    /// Signs out, and says what that did.
    pub async fn sign_out(&self) -> Result<SignOutReport, Problem> {
        self.connection.sign_out().await
    }

    /// Signs out although the entry is gone from the config file.
    pub async fn leave(&self) -> Result<SignOutReport, Problem> {
        self.connection.leave().await
    }

    /// Keeps the client that its provider gave out, for the next sign-in. Discovers whose client it is.
    pub async fn enter_client(&self, entered: ClientCredentials) -> Result<(), Problem> {
        self.connection.enter_client(entered).await
    }

    /// The tools, as soon as they are known.
    pub async fn tools(&self) -> Result<Arc<[Tool]>, Problem> {
        self.connection.tools().await
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, arguments: JsonObject) -> Result<CallToolResult, Problem> {
        self.connection.call(tool, arguments).await
    }

    /// Connects again now, without waiting for the next attempt; done when it has begun, which is when the status says so.
    pub async fn retry(&self) {
        self.connection.retry().await;
    }

    /// Notes that a client called in vain; where a person is needed, they are told so, once for one need.
    pub fn wanted(&self) {
        self.connection.wanted();
    }

    /// What requests of other programs go through, now and whenever it changes; none while there is nothing.
    pub fn link(&self) -> watch::Receiver<Option<Link>> {
        self.connection.link()
    }

    /// The tools of the last discovery, of whichever process. Blocking, briefly.
    pub fn remembered_tools(&self) -> Vec<Value> {
        self.connection.remembered_tools()
    }

    /// The same, without taking them apart.
    pub fn remembered_tools_as_written(&self) -> Option<Box<RawValue>> {
        self.connection.remembered_tools_as_written()
    }

    /// What the server said of itself then; nothing where none is known. Blocking, briefly.
    pub fn introduction(&self) -> Introduction {
        self.connection.introduction()
    }

    /// How a person types our commands so that they are about it: `omlx mcp`, with what options that takes.
    pub fn command(&self) -> &str {
        self.connection.command()
    }

    /// What keeps requests from being made while there is no [`Server::link`].
    pub fn obstacle(&self) -> Problem {
        self.connection.obstacle()
    }

    /// What is told of a request that went through [`Server::link`] and failed.
    pub async fn explain(&self, fault: &HttpFault) -> Problem {
        self.connection.explain(fault).await
    }

    /// Starts the program of a stdio server for one borrower; none for a server reached over HTTP.
    pub async fn start_program(&self) -> Option<Result<Program, StdioFault>> {
        self.connection.start_program().await
    }

    /// How long an answer of it may take, as configured.
    pub fn time_limit(&self) -> Duration {
        self.connection.config().timeout
    }

    /// The evidence of the last sign-in and what followed it.
    pub fn timeline(&self) -> Vec<Step> {
        self.connection.timeline()
    }

    /// The last lines the server wrote to its log or standard error.
    pub fn log(&self) -> Vec<LogLine> {
        self.connection.log()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.connection).finish()
    }
}

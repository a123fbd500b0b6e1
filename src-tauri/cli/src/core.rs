//! A running core for the length of one command, and an orderly end to it, Ctrl-C included.

use std::{sync::Arc, time::Duration};

use omlx_mcp::{
    ServerId, ServerSnapshot,
    browser::{Browser, SystemBrowser},
    clock::Clock,
    config::{Surface, pausable},
    connection::client_handler::Elicit,
    handle::{Handle, Options, Server},
    settings::SettingsFile,
};
use tokio::sync::watch;

use crate::{
    context::{Context, Loaded},
    failure::Failure,
    output::{
        Output,
        spinner::{BEAT, Spinner},
    },
};

/// How long the end may take: a refresh under way is saved first.
const END: Duration = Duration::from_secs(10);

/// Which servers are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Every enabled one.
    All,
    /// These.
    Only(Vec<ServerId>),
}

impl Wanted {
    /// The named servers, or all where none is named.
    pub(crate) fn named(names: &[String], config: &Loaded) -> Result<Self, Failure> {
        if !names.is_empty() {
            return names
                .iter()
                .map(|name| config.server(name))
                .collect::<Result<_, _>>()
                .map(Self::Only);
        }
        match &config.fatal {
            Some(problem) => Err(Failure::of(problem.clone(), None)),
            None => Ok(Self::All),
        }
    }
}

/// What a core is started with, besides the context.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    config: &'a Loaded,
    wanted: Wanted,
    browser: Arc<dyn Browser>,
    elicit: Option<Arc<dyn Elicit>>,
}

impl<'a> Start<'a> {
    /// With the user's own browser.
    pub(crate) fn new(config: &'a Loaded, wanted: Wanted) -> Self {
        Self::with_browser(config, wanted, Arc::new(SystemBrowser::new()))
    }

    /// With another one.
    pub(crate) fn with_browser(config: &'a Loaded, wanted: Wanted, browser: Arc<dyn Browser>) -> Self {
        Self {
            config,
            wanted,
            browser,
            elicit: None,
        }
    }

    /// With someone to answer what servers ask while a tool is called.
    pub(crate) fn answering(self, elicit: Option<Arc<dyn Elicit>>) -> Self {
        Self { elicit, ..self }
    }
}

/// What a core that lends is started with: these servers, or all. While the user has paused everything, it lends none.
pub(crate) fn lending(context: &Context, only: Option<Vec<ServerId>>) -> Result<Options, Failure> {
    let home = context.home()?;
    let chosen = SettingsFile::of(&home).watch();
    Ok(Options {
        home,
        config: pausable(context.config_file().watch(), chosen),
        only,
        clock: Clock::system(),
        credentials: context.credentials(),
        // Nothing that lends ever opens one.
        browser: Arc::new(SystemBrowser::new()),
        elicit: None,
        network: context.network(),
        surface: Surface::CommandLine,
        command: context.command(),
    })
}

/// Runs `work` on a core, and stops the core whatever comes of it.
pub(crate) async fn with_core<T>(
    context: &Context,
    start: Start<'_>,
    work: impl AsyncFnOnce(&Handle) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // The sender lives as long as the core: the file is not watched for one command.
    let (_fixed, config) = watch::channel(Arc::clone(&start.config.state));
    let handle = Handle::start(Options {
        home: context.home()?,
        config,
        only: match start.wanted {
            Wanted::All => None,
            Wanted::Only(servers) => Some(servers),
        },
        clock: Clock::system(),
        credentials: context.credentials(),
        browser: start.browser,
        elicit: start.elicit,
        network: context.network(),
        surface: Surface::CommandLine,
        command: context.command(),
    })
    .map_err(|error| Failure::told(&error))?;
    let outcome = Box::pin(interruptible(work(&handle))).await;
    end(handle).await;
    outcome
}

/// The same where no core is needed.
pub(crate) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        outcome = work => outcome,
        interrupted = interrupted() => Err(interrupted),
    }
}

/// Ends every connection; a second Ctrl-C does not wait for it.
pub(crate) async fn end(handle: Handle) {
    tokio::select! {
        () = handle.stop() => {}
        _ = interrupted() => {}
        () = tokio::time::sleep(END) => tracing::warn!("the connections did not end in time"),
    }
}

/// Ctrl-C, or the end of the session.
pub(crate) async fn interrupted() -> Failure {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminated), Ok(mut hung_up)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        {
            tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => return Failure::Interrupted,
                _ = terminated.recv() => return Failure::Interrupted,
                _ = hung_up.recv() => return Failure::Interrupted,
            }
        }
    }
    match tokio::signal::ctrl_c().await {
        Ok(()) => Failure::Interrupted,
        // Without signals the process simply ends, as if none of this were here.
        Err(_) => std::future::pending().await,
    }
}

/// The servers of a core, in the order of the config file.
pub(crate) fn servers(handle: &Handle) -> Vec<Server> {
    let snapshot = handle.snapshot().borrow().clone();
    snapshot
        .servers
        .iter()
        .filter_map(|server| handle.server(server.id.as_str()).ok())
        .collect()
}

/// How servers are once they were asked; in the order they are given. They were all asked at the start, so this only
/// waits for each in turn.
pub(crate) async fn settled(servers: &[Server]) -> Vec<ServerSnapshot> {
    let mut settled = Vec::new();
    for server in servers {
        settled.push(ServerSnapshot {
            // This process does not stay to try again.
            retry_at: None,
            ..server.settled().await
        });
    }
    settled
}

/// Awaits something while a line says what.
pub(crate) async fn awaiting<T>(
    output: &mut Output,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    let mut work = std::pin::pin!(work);
    // What is there at once needs no word.
    tokio::select! {
        biased;
        done = &mut work => return Ok(done),
        () = tokio::time::sleep(3 * BEAT) => {}
    }
    let mut spinner = Spinner::start(output, what)?;
    let mut beats = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            done = &mut work => {
                spinner.clear(output)?;
                return Ok(done);
            }
            _ = beats.tick() => spinner.beat(output)?,
        }
    }
}

//! The running core and what belongs to it: one for the whole app, behind Tauri's state.

use std::{
    env,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use omlx_mcp::{
    Explain, Problem,
    access::{Access, AccessSnapshot},
    browser::Browser,
    clock::Clock,
    config::{ConfigFile, ConfigState, Environment, LocateOptions, Surface, pausable},
    handle::{Handle, Options, Server},
    network::NetworkSettings,
    settings::{Settings, SettingsFile},
    store::{self, Home},
    undo::Undo,
};
use serde::Serialize;
use tauri::{AppHandle, Manager as _};
use tokio::{sync::watch, time::timeout};

use crate::{browser::ShellBrowser, lending::Lending};

/// How long the end may take: a refresh under way is saved first.
const END: Duration = Duration::from_secs(10);

/// Where the panel should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, specta::Type)]
#[serde(rename_all = "snake_case", tag = "place")]
pub(crate) enum Place {
    /// At a server.
    Server {
        /// Which one.
        server: omlx_mcp::ServerId,
    },
    /// At the settings.
    Settings,
    /// At a server whose tools changed, with both versions to be compared.
    Review {
        /// Which one.
        server: omlx_mcp::ServerId,
    },
    /// Where a server is added.
    Add,
}

/// Why the app could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The core could not.
    #[error("{}", .0.message)]
    Core(Problem),
    /// The menu could not be made.
    #[error(transparent)]
    Menu(#[from] tauri::Error),
}

/// The core, its files, and where the next window begins.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) handle: Handle,
    pub(crate) file: ConfigFile,
    pub(crate) home: Home,
    pub(crate) settings: SettingsFile,
    pub(crate) chosen: watch::Receiver<Settings>,
    config: watch::Receiver<Arc<ConfigState>>,
    pub(crate) undo: Undo,
    pub(crate) access: Access,
    /// Who else uses the servers.
    pub(crate) clients: watch::Receiver<Arc<AccessSnapshot>>,
    place: Mutex<Option<Place>>,
    pub(crate) lending: Lending,
}

impl Desk {
    /// Starts the core: its connections begin at once, and show as they come.
    pub(crate) fn start(app: &AppHandle) -> Result<Self, StartError> {
        let browser: Arc<dyn Browser> = Arc::new(ShellBrowser::new(app));
        tauri::async_runtime::block_on(async { Self::begin(browser) }).map_err(StartError::Core)
    }

    /// Needs a Tokio runtime.
    fn begin(browser: Arc<dyn Browser>) -> Result<Self, Problem> {
        let variables = Environment::process();
        let variable = |name: &str| variables.get(name);
        let home = Home::locate(&variable).map_err(|error| error.problem())?;
        let search = LocateOptions {
            explicit: None,
            surface: Surface::App,
        };
        // The working folder of an app is nobody's choice; only a relative variable would be read against it.
        let folder = env::current_dir().unwrap_or_else(|_| Path::new("/").to_owned());
        let file = ConfigFile::locate(&search, &variables, &folder);
        let settings = SettingsFile::of(&home);
        let chosen = settings.watch();
        let config = file.watch();
        let handle = Handle::start(Options {
            home: home.clone(),
            config: pausable(config.clone(), chosen.clone()),
            only: None,
            clock: Clock::system(),
            credentials: store::credentials(&variable),
            browser,
            elicit: None,
            network: NetworkSettings::from_env(&variable),
            surface: Surface::App,
            command: "omlx mcp".to_owned(),
        });
        let handle = handle.map_err(|error| error.problem())?;
        let access = Access::open(&home, Clock::system());
        Ok(Self {
            lending: Lending::begin(&handle, &access, chosen.clone()),
            clients: access.watch(),
            access,
            handle,
            file,
            home,
            settings,
            chosen,
            config,
            undo: Undo::default(),
            place: Mutex::default(),
        })
    }

    /// One server.
    pub(crate) fn server(&self, id: &str) -> Result<Server, Problem> {
        self.handle.server(id).map_err(|error| error.problem())
    }

    /// The config in force.
    pub(crate) fn config(&self) -> Arc<ConfigState> {
        self.config.borrow().clone()
    }

    /// Whether no server is configured.
    pub(crate) fn is_empty(&self) -> bool {
        self.config.borrow().config.servers.is_empty()
    }

    /// Leaves word for the next window, and picks up what was left; none when nothing was.
    pub(crate) fn replace_place(&self, place: Option<Place>) -> Option<Place> {
        let mut left = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut left, place)
    }
}

/// Ends every connection; what is being saved is saved first.
pub(crate) fn end(app: &AppHandle) {
    if let Some(desk) = app.try_state::<Desk>() {
        let handle = desk.handle.clone();
        let ending = async {
            desk.lending.end().await;
            handle.stop().await;
        };
        let ended = tauri::async_runtime::block_on(async { timeout(END, ending).await });
        if ended.is_err() {
            tracing::warn!("the connections did not end in time");
        }
    }
}

//! One person's machine: a data folder, a config file, a keychain, a browser. Several processes can share it.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use omlx_mcp::{
    browser::Browser,
    clock::Clock,
    config::{ConfigFile, ConfigState, Environment, Surface, pausable},
    connection::{SignInOptions, client_handler::Elicit},
    handle::{Handle, Options},
    network::NetworkSettings,
    settings::Settings,
    store::{CredentialStore, CredentialStoreError, Home, NoKeychain},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::HttpBrowser;

/// What a scenario returns.
pub type TestResult = Result<(), Box<dyn Error>>;

/// A machine that is gone when the scenario ends.
#[derive(Debug)]
pub struct Desk {
    folder: TempDir,
    /// The keychain.
    pub keychain: Memory,
    /// The browser.
    pub browser: HttpBrowser,
    /// The clock.
    pub clock: Clock,
    /// Who answers what servers ask; nobody at first.
    pub elicit: Option<Arc<dyn Elicit>>,
}

impl Desk {
    /// An empty machine with a working keychain and the real clock.
    pub fn new() -> io::Result<Self> {
        let folder = TempDir::new()?;
        Ok(Self {
            folder,
            keychain: Memory::default(),
            browser: HttpBrowser::default(),
            clock: Clock::system(),
            elicit: None,
        })
    }

    /// The machine with one server, named `demo`, at `url`.
    pub fn with_server(url: &str) -> io::Result<Self> {
        let desk = Self::new()?;
        desk.configure(&json!({ "demo": { "transport": "streamable-http", "url": url } }))?;
        Ok(desk)
    }

    /// Writes the config file.
    pub fn configure(&self, servers: &Value) -> io::Result<()> {
        let document = serde_json::to_vec_pretty(&json!({ "servers": servers }))?;
        fs::write(self.config_path(), document)
    }

    /// Where the config file is.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("mcp.json")
    }

    /// Where grants and records are.
    pub fn home_path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder of everything.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the core as a process of this machine would.
    pub fn start(&self) -> Result<Handle, Box<dyn Error>> {
        self.start_with(Arc::new(self.browser.clone()))
    }

    /// The same with another browser.
    pub fn start_with(&self, browser: Arc<dyn Browser>) -> Result<Handle, Box<dyn Error>> {
        self.start_over(self.config(), browser)
    }

    /// The same as the app does it, whose user may pause all servers.
    pub fn start_pausable(&self, chosen: watch::Receiver<Settings>) -> Result<Handle, Box<dyn Error>> {
        self.start_over(pausable(self.config(), chosen), Arc::new(self.browser.clone()))
    }

    fn config(&self) -> watch::Receiver<Arc<ConfigState>> {
        ConfigFile::at(self.config_path(), &Environment::process()).watch()
    }

    fn start_over(
        &self,
        config: watch::Receiver<Arc<ConfigState>>,
        browser: Arc<dyn Browser>,
    ) -> Result<Handle, Box<dyn Error>> {
        Ok(Handle::start(Options {
            home: Home::at(self.home_path()),
            config,
            only: None,
            clock: self.clock.clone(),
            credentials: Arc::new(self.keychain.clone()),
            browser,
            elicit: self.elicit.clone(),
            network: NetworkSettings::default(),
            surface: Surface::CommandLine,
            command: "omlx mcp".to_owned(),
        })?)
    }

    /// Starts the core in a process of its own, on a machine whose key is in a file; the variables say the same to a
    /// real command line.
    pub fn process(config: &Path, home: &Path, browser: Arc<dyn Browser>) -> Result<Handle, Box<dyn Error>> {
        Ok(Handle::start(Options {
            home: Home::at(home),
            config: ConfigFile::at(config, &Environment::process()).watch(),
            only: None,
            clock: Clock::system(),
            credentials: Arc::new(NoKeychain),
            browser,
            elicit: None,
            network: NetworkSettings::default(),
            surface: Surface::CommandLine,
            command: "omlx mcp".to_owned(),
        })?)
    }

    /// Signs in to the server `demo` in this process, with the key in a file so that other processes find it.
    pub async fn sign_in(&self) -> TestResult {
        let core = Self::process(
            &self.config_path(),
            &self.home_path(),
            Arc::new(self.browser.clone()),
        )?;
        let signed_in = core.server("demo")?.sign_in(SignInOptions::default()).await;
        core.stop().await;
        signed_in.map(drop).map_err(|problem| problem.message.into())
    }
}

/// A keychain in memory, shared by every process of one desk, which can be locked or taken away.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Item>>);

#[derive(Debug, Default)]
struct Item {
    secret: Option<Vec<u8>>,
    trouble: Option<CredentialStoreError>,
}

impl Memory {
    /// From now on every access ends like this.
    pub fn fail(&self, trouble: Option<CredentialStoreError>) {
        self.item(|item| item.trouble = trouble);
    }

    fn item<T>(&self, access: impl FnOnce(&mut Item) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn access<T>(&self, access: impl FnOnce(&mut Item) -> T) -> Result<T, CredentialStoreError> {
        self.item(|item| match item.trouble {
            Some(trouble) => Err(trouble),
            None => Ok(access(item)),
        })
    }
}

impl CredentialStore for Memory {
    fn read(&self) -> Result<Option<Vec<u8>>, CredentialStoreError> {
        self.access(|item| item.secret.clone())
    }

    fn write(&self, secret: &[u8]) -> Result<(), CredentialStoreError> {
        self.access(|item| item.secret = Some(secret.to_vec()))
    }

    fn delete(&self) -> Result<(), CredentialStoreError> {
        self.access(|item| item.secret = None)
    }
}

//! What is lent, and to whom, without a server, a socket or a process: one server that is switched off.

use std::sync::Arc;

use omlx_mcp::{
    access::{Access, Rules},
    browser::SystemBrowser,
    clock::Clock,
    config::{ConfigFile, Environment, Surface},
    handle::{Handle, Options},
    network::NetworkSettings,
    store::{Home, NoKeychain},
};
use tempfile::TempDir;

use crate::{
    behind::Offer,
    guest::{Guest, Lobby},
};

/// One machine.
pub(crate) struct Place {
    _folder: TempDir,
    access: Access,
    lobby: Lobby,
    handle: Handle,
}

impl Place {
    /// Must be called within a runtime.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("mcp.json");
        let servers = r#"{ "servers": { "local": { "command": "nothing", "enabled": false } } }"#;
        std::fs::write(&config, servers).expect("written");
        let home = Home::at(folder.path().join("home"));
        let access = Access::open(&home, Clock::system());
        let options = Options {
            home,
            config: ConfigFile::at(config, &Environment::of([])).watch(),
            only: None,
            clock: Clock::system(),
            credentials: Arc::new(NoKeychain),
            browser: Arc::new(SystemBrowser::new()),
            elicit: None,
            network: NetworkSettings::default(),
            surface: Surface::CommandLine,
            command: "omlx mcp".to_owned(),
        };
        Self {
            lobby: Lobby::open(access.clone()),
            handle: Handle::start_lending(options).expect("a core"),
            access,
            _folder: folder,
        }
    }

    /// A client of that name, let in with a key of its own.
    pub(crate) fn guest(&self, name: &str) -> Guest {
        let key = self.access.issue(name, Rules::default()).expect("a key");
        self.lobby.admit(key.reveal()).expect("let in")
    }

    /// Takes the client's key away.
    pub(crate) fn revoke(&self, name: &str) {
        self.access.revoke(name).expect("revoked");
    }

    /// All servers as one.
    pub(crate) fn all(&self) -> Offer {
        Offer::All(self.handle.clone())
    }

    /// The one server.
    pub(crate) fn one(&self) -> Offer {
        Offer::One(self.handle.server("local").expect("in the config"))
    }
}

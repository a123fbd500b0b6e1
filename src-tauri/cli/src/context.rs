//! Where this process finds its config file, its grants and its network, as the global options and variables say.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use omlx_mcp::{
    Explain, Problem, ServerId,
    config::{Config, ConfigError, ConfigFile, ConfigState, Environment, LocateOptions, Origin, Surface},
    handle::UnknownServer,
    network::NetworkSettings,
    store::{self, CredentialStore, HOME_VARIABLE, Home, NoKeychain, Vault},
};

use crate::{
    arguments::{Global, Program},
    failure::Failure,
    mend::{Mend, quoted},
    output::text,
};

/// From here on two names are alike (Jaro-Winkler).
const LIKE: f64 = 0.8;

/// What every command starts from; nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// How we were called.
    pub(crate) program: Program,
    /// The options of every command.
    pub(crate) global: Global,
    env: Environment,
    keychain: KeychainUse,
}

/// Whether the machine's keychain is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeychainUse {
    /// Where there is one.
    Machine,
    /// Never: what is kept is thrown away anyway.
    Never,
}

impl Context {
    /// This process's context.
    pub(crate) fn new(program: Program, global: Global) -> Self {
        Self {
            program,
            global,
            env: Environment::process(),
            keychain: KeychainUse::Machine,
        }
    }

    /// The same with config file and grants in a folder of their own, and the key next to them.
    pub(crate) fn within(&self, folder: &Path) -> Self {
        let mut context = self.clone();
        context.global.config = Some(folder.join("mcp.json"));
        context.global.home = Some(folder.join("home"));
        context.keychain = KeychainUse::Never;
        context
    }

    /// A variable of this process.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name)
    }

    /// The variables of this process.
    pub(crate) fn environment(&self) -> &Environment {
        &self.env
    }

    /// The data folder, where it is not the user's own.
    pub(crate) fn chosen_home(&self) -> Option<PathBuf> {
        let variable = || self.variable(HOME_VARIABLE).filter(|folder| !folder.is_empty());
        let chosen = self.global.home.clone();
        let chosen = chosen.or_else(|| variable().map(PathBuf::from));
        chosen.map(|folder| working_folder().join(folder))
    }

    /// How a person types our commands, in whichever folder, so that they are about the same files: with the options that
    /// we were given, unless they say what holds anyway.
    pub(crate) fn command(&self) -> String {
        let Global { config, home, .. } = &self.global;
        let given = |path: &PathBuf| working_folder().join(path);
        let config = config.as_ref().map(given).filter(|file| {
            let search = LocateOptions {
                explicit: None,
                ..self.search()
            };
            ConfigFile::locate(&search, &self.env, Path::new("/")).path() != file
        });
        let home = home.as_ref().map(given).filter(|folder| {
            let usual = Home::locate(&|name| self.variable(name));
            usual.map_or(true, |usual| usual.data() != folder)
        });
        let options = [("--config", config), ("--home", home)];
        let options = options
            .into_iter()
            .filter_map(|(option, path)| Some((option, path?)));
        options.fold(self.program.words().to_owned(), |command, (option, path)| {
            format!("{command} {option} {}", quoted(&path.to_string_lossy()))
        })
    }

    /// The config file; it need not exist.
    pub(crate) fn config_file(&self) -> ConfigFile {
        ConfigFile::locate(&self.search(), &self.env, &working_folder())
    }

    /// Every place the file is looked for, in order.
    pub(crate) fn config_places(&self) -> Vec<(Origin, PathBuf)> {
        ConfigFile::places(&self.search(), &self.env, &working_folder())
    }

    fn search(&self) -> LocateOptions {
        LocateOptions {
            explicit: self.global.config.clone(),
            surface: Surface::CommandLine,
        }
    }

    /// What the config file says now. A missing one says that there are no servers yet.
    pub(crate) fn config(&self) -> Loaded {
        let outcome = self.config_file().read();
        let missing = matches!(outcome, Err(ConfigError::Missing(_)));
        let (config, fatal) = match outcome {
            Ok(config) => {
                let fatal = config.fatal().cloned();
                (config, fatal)
            }
            Err(error) => (Config::default(), Some(error.problem())),
        };
        let (problems, advice) = match &fatal {
            Some(problem) => (vec![problem.clone()], Vec::new()),
            None => (config.problems(), config.advice()),
        };
        Loaded {
            state: Arc::new(ConfigState {
                config,
                problems,
                advice,
            }),
            fatal,
            missing,
        }
    }

    /// Where grants are kept.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        match &self.global.home {
            Some(folder) => Ok(Home::at(working_folder().join(folder))),
            None => Home::locate(&|name| self.variable(name)).map_err(|error| Failure::told(&error)),
        }
    }

    /// The keychain, or what stands in for it.
    pub(crate) fn credentials(&self) -> Arc<dyn CredentialStore> {
        match self.keychain {
            KeychainUse::Machine => store::credentials(&|name| self.variable(name)),
            KeychainUse::Never => Arc::new(NoKeychain),
        }
    }

    /// The sealed grants; neither disk nor keychain are touched yet.
    pub(crate) fn vault(&self) -> Result<Vault, Failure> {
        Ok(Vault::open(&self.home()?, self.credentials()))
    }

    /// Proxies and certificates.
    pub(crate) fn network(&self) -> NetworkSettings {
        NetworkSettings::from_env(&|name| self.variable(name))
    }

    /// What hints are made of.
    pub(crate) fn mend(&self) -> Mend {
        Mend {
            program: self.command(),
            config: Some(self.config_file().path().to_owned()),
        }
    }
}

/// The config file as one command finds it.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// As the core takes it.
    pub(crate) state: Arc<ConfigState>,
    /// Why the file as a whole cannot be used.
    pub(crate) fatal: Option<Problem>,
    /// There is no file yet.
    pub(crate) missing: bool,
}

impl Loaded {
    /// The entry of that name; otherwise why there is none, or none that can be used.
    pub(crate) fn server(&self, name: &str) -> Result<ServerId, Failure> {
        if let Some(problem) = self.fatal.as_ref().filter(|_| !self.missing) {
            return Err(Failure::of(problem.clone(), None));
        }
        let Config { servers, notes, .. } = &self.state.config;
        if let Some(id) = servers.keys().find(|id| id.as_str() == name) {
            return Ok(id.clone());
        }
        let broken = notes
            .iter()
            .find(|note| note.fatal && note.server.as_deref() == Some(name));
        Err(match broken {
            Some(note) => Failure::of(note.problem.clone(), None),
            None => Failure::told(&unknown(name, servers.keys())),
        })
    }
}

/// Says that there is no such server, and which one was probably meant.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a ServerId>) -> UnknownServer {
    let wanted = name.to_lowercase();
    let likeness = |id: &ServerId| strsim::jaro_winkler(&wanted, &id.as_str().to_lowercase());
    let closest = known
        .map(|id| (likeness(id), id))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    UnknownServer {
        server: text::line(name),
        similar: closest
            .filter(|(likeness, _)| *likeness > LIKE)
            .map(|(_, id)| id.clone()),
    }
}

/// A folder that was deleted under us leaves relative paths as they are.
fn working_folder() -> PathBuf {
    env::current_dir().unwrap_or_default()
}

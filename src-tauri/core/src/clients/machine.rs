//! Where programs keep their configuration on this kind of machine.

use std::path::PathBuf;

use crate::config::Environment;

/// The operating system, as far as folders go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// `~/Library/Application Support`, and applications in `/Applications`.
    MacOs,
    /// The XDG base directories.
    Linux,
}

/// The user's folders.
#[derive(Clone, Debug)]
pub struct Machine {
    env: Environment,
    os: Os,
}

impl Machine {
    /// This machine, with these variables.
    pub fn this(env: Environment) -> Self {
        let os = if cfg!(target_os = "macos") {
            Os::MacOs
        } else {
            Os::Linux
        };
        Self::of(env, os)
    }

    /// Another one.
    pub fn of(env: Environment, os: Os) -> Self {
        Self { env, os }
    }

    pub(super) fn os(&self) -> Os {
        self.os
    }

    pub(super) fn env(&self) -> &Environment {
        &self.env
    }

    /// A path below the home folder.
    pub(super) fn home(&self, path: &str) -> PathBuf {
        self.env.home().unwrap_or_default().join(path)
    }

    /// A path below `$XDG_CONFIG_HOME`, which is `~/.config`.
    pub(super) fn config(&self, path: &str) -> PathBuf {
        match self.env.non_empty("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder).join(path),
            None => self.home(".config").join(path),
        }
    }

    /// A path below the folder for applications' own files.
    pub(super) fn support(&self, path: &str) -> PathBuf {
        match self.os {
            Os::MacOs => self.home("Library/Application Support").join(path),
            Os::Linux => self.config(path),
        }
    }

    /// A path below the folder that a variable names, else below a folder of the home folder.
    pub(super) fn named(&self, variable: &str, folder: &str, path: &str) -> PathBuf {
        match self.env.non_empty(variable) {
            Some(named) => self.env.path(&named).join(path),
            None => self.home(folder).join(path),
        }
    }
}

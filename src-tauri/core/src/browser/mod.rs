//! The browser seam: who opens an authorization URL.
//!
//! [`SystemBrowser`] starts programs directly, never through a shell: an authorization URL is written by a server, and
//! a shell would read it as more than a URL (CVE-2025-6514 was that).

use std::{fmt, path::PathBuf};

use url::Url;

use crate::{Action, Explain, oauth::endpoint::EndpointError};

mod command;
mod environment;
mod launch;

pub use environment::Environment;

/// Opens a URL in the user's browser. Blocking work must be kept short: the child is started, not awaited.
pub trait Browser: Send + Sync + fmt::Debug {
    /// Starts the browser on `url`, which is https or loopback http by the time it gets here.
    fn open(&self, url: &Url) -> Result<(), BrowserError>;

    /// Whether there is any browser to be opened here; where there is none, a sign-in looks for a way without.
    fn is_available(&self) -> bool {
        true
    }
}

/// The browser could not be started; the sign-in goes on, the URL is shown to be copied.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// There is no display, no `$BROWSER` and no opener on this machine.
    #[error("no browser can be opened here")]
    Unavailable,
    /// The opener was found and could not be started.
    #[error("the browser could not be started: {0}")]
    Failed(std::io::Error),
    /// The URL is none that a browser may be sent to.
    #[error("the address {0}, so it is not opened")]
    Unsafe(EndpointError),
}

impl Explain for BrowserError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable => "browser_unavailable",
            Self::Failed(_) => "browser_failed",
            Self::Unsafe(_) => "authorization_url_unsafe",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unavailable | Self::Failed(_) => Action::None,
            Self::Unsafe(_) => Action::AskProvider,
        }
    }
}

/// The browser the user chose: `$BROWSER` first, else the desktop's own opener.
#[derive(Clone, Debug, Default)]
pub struct SystemBrowser {
    environment: Option<Environment>,
}

impl SystemBrowser {
    /// Looks at the process's environment each time it opens something.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at `environment` instead.
    pub fn in_environment(environment: Environment) -> Self {
        Self {
            environment: Some(environment),
        }
    }

    /// The program that would be started; none when no browser can be opened here.
    pub fn opener(&self) -> Option<PathBuf> {
        let any = Url::parse("https://localhost/").ok()?;
        let mut commands = command::candidates(&self.environment(), &any).into_iter();
        commands.next().map(|command| command.program)
    }

    fn environment(&self) -> Environment {
        self.environment.clone().unwrap_or_else(Environment::of_process)
    }
}

impl Browser for SystemBrowser {
    fn is_available(&self) -> bool {
        self.opener().is_some()
    }

    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        // The caller has checked it; what is handed to another program is checked where it is handed over.
        crate::oauth::endpoint::Endpoint::try_from(url.clone()).map_err(BrowserError::Unsafe)?;
        let commands = command::candidates(&self.environment(), url);
        if commands.is_empty() {
            return Err(BrowserError::Unavailable);
        }
        launch::first_that_works(commands).map_err(BrowserError::Failed)
    }
}

#[cfg(test)]
mod tests;

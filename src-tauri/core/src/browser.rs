//! The browser seam: who opens an authorization URL.

use url::Url;

/// Opens a URL in the user's browser. Blocking work must be kept short: the child is started, not awaited.
pub trait Browser: Send + Sync + std::fmt::Debug {
    /// Starts the browser on `url`, which is https or loopback http by the time it gets here.
    fn open(&self, url: &Url) -> Result<(), BrowserError>;
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
}

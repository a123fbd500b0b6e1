//! The one place that opens a page: the shell plugin, called from Rust; the panel may not (decision 0020).

use std::io;

use omlx_mcp::{
    browser::{Browser, BrowserError, SystemBrowser},
    oauth::endpoint::Endpoint,
};
use tauri::{AppHandle, Url};
use tauri_plugin_shell::ShellExt as _;

/// The user's own browser, by way of the desktop.
#[derive(Debug)]
pub(crate) struct ShellBrowser(AppHandle);

impl ShellBrowser {
    /// By way of this app's plugin.
    pub(crate) fn new(app: &AppHandle) -> Self {
        Self(app.clone())
    }
}

impl Browser for ShellBrowser {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        // The caller has checked it; what is handed to another program is checked where it is handed over.
        Endpoint::try_from(url.clone()).map_err(BrowserError::Unsafe)?;
        open(&self.0, url.as_str()).map_err(BrowserError::Failed)
    }

    fn is_available(&self) -> bool {
        SystemBrowser::new().is_available()
    }
}

/// Opens a page or a file with what the desktop has for it.
pub(crate) fn open(app: &AppHandle, target: &str) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "the shell plugin is the one this project is built on; see decision 0020"
    )]
    let opened = app.shell().open(target, None);
    opened.map_err(|error| match error {
        tauri_plugin_shell::Error::Io(error) => error,
        other => io::Error::other(other.to_string()),
    })
}

//! Browsers that need no screen: one follows redirects as a person who agrees to everything would, one is not there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use omlx_mcp::browser::{Browser, BrowserError};
use url::Url;

/// Follows the authorization URL and its redirects over real HTTP, down to the loopback listener.
#[derive(Clone, Debug, Default)]
pub struct HttpBrowser {
    opened: Arc<AtomicUsize>,
}

impl HttpBrowser {
    /// How many windows were opened.
    pub fn windows(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

impl Browser for HttpBrowser {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let client = reqwest::Client::builder().cookie_store(true).build();
        let client = client.map_err(|error| BrowserError::Failed(std::io::Error::other(error)))?;
        // What the pages say is for a person; the product hears of it by its listener.
        tokio::spawn(client.get(url.clone()).send());
        Ok(())
    }
}

/// A machine without a browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBrowser;

impl Browser for NoBrowser {
    fn is_available(&self) -> bool {
        false
    }

    fn open(&self, _url: &Url) -> Result<(), BrowserError> {
        Err(BrowserError::Unavailable)
    }
}

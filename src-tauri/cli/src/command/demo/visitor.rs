//! Who agrees on the consent page: the person in front of the browser, or, where there is none, the demo itself.

use std::sync::{Arc, OnceLock};

use omlx_demo::{Consent, Demo};
use omlx_mcp::{
    browser::{Browser, BrowserError, SystemBrowser},
    network::{self, NetworkSettings},
};
use url::Url;

use crate::failure::Failure;

/// Nobody is to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nobody;

/// How the consent page was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// In the user's browser.
    Person,
    /// By two requests of our own, because there is no browser to open.
    NoBrowser,
    /// The same, because it was asked for.
    NotAsked,
}

/// Opens the consent page.
#[derive(Debug)]
pub(super) struct Visitor {
    demo: Arc<Demo>,
    nobody: Option<Nobody>,
    client: reqwest::Client,
    visit: OnceLock<Visit>,
}

impl Visitor {
    pub(super) fn new(
        demo: &Arc<Demo>,
        nobody: Option<Nobody>,
        network: &NetworkSettings,
    ) -> Result<Self, Failure> {
        Ok(Self {
            demo: Arc::clone(demo),
            nobody,
            client: network::client(network).map_err(|error| Failure::told(&error))?,
            visit: OnceLock::new(),
        })
    }

    /// How the page was reached; none when it was not yet.
    pub(super) fn visit(&self) -> Option<Visit> {
        self.visit.get().copied()
    }

    fn by_itself(&self, url: &Url, why: Visit) {
        // Set before anything is asked, so that the consent is told as what it is.
        let _ = self.visit.set(why);
        self.demo.change(|options| options.consent = Consent::Grant);
        tokio::spawn(agree(self.client.clone(), url.clone()));
    }
}

impl Browser for Visitor {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        match self.nobody {
            Some(Nobody) => self.by_itself(url, Visit::NotAsked),
            None => match SystemBrowser::new().open(url) {
                Ok(()) => drop(self.visit.set(Visit::Person)),
                Err(_) => self.by_itself(url, Visit::NoBrowser),
            },
        }
        Ok(())
    }
}

/// What a browser does: ask, and go where the answer leads. When it fails the sign-in waits, and says so in the end.
async fn agree(client: reqwest::Client, url: Url) {
    let Ok(answer) = client.get(url).send().await else {
        return;
    };
    let location = answer
        .headers()
        .get("location")
        .and_then(|value| value.to_str().ok());
    if let Some(location) = location {
        let _ = client.get(location).send().await;
    }
}

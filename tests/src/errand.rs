//! A browser that does nothing by itself: it says which page was opened, and the scenario decides what comes of it.

use std::error::Error;

use omlx_mcp::{
    browser::{Browser, BrowserError},
    network::{Network, NetworkError, NetworkSettings},
};
use reqwest::{Client, header};
use tokio::sync::watch;
use url::Url;

use crate::in_time;

/// Pages that were opened, in order.
#[derive(Clone, Debug)]
pub struct Errand(watch::Sender<Vec<Url>>);

impl Default for Errand {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl Browser for Errand {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        self.0.send_modify(|opened| opened.push(url.clone()));
        Ok(())
    }
}

impl Errand {
    /// How many windows were opened.
    pub fn windows(&self) -> usize {
        self.0.borrow().len()
    }

    /// The page of the `number`th window, from 1, as soon as it is opened.
    pub async fn window(&self, number: usize) -> Result<Url, Box<dyn Error>> {
        let mut opened = self.0.subscribe();
        let opened = in_time(opened.wait_for(|opened| opened.len() >= number)).await??;
        Ok(opened[number - 1].clone())
    }
}

/// Where the authorization server sends the browser.
#[derive(Clone, Debug)]
pub struct Redirect(Url);

impl Redirect {
    /// Opens `page` and agrees, without following where that leads.
    pub async fn of(page: &Url) -> Result<Self, Box<dyn Error>> {
        let response = client()?.get(page.clone()).send().await?;
        let location = response.headers().get(header::LOCATION).ok_or("no redirect")?;
        Ok(Self(Url::parse(location.to_str()?)?))
    }

    /// The whole address, as a person would copy it.
    pub fn address(&self) -> &str {
        self.0.as_str()
    }

    /// The same without parameters: where the listener is.
    pub fn bare(&self) -> Url {
        let mut url = self.0.clone();
        url.set_query(None);
        url
    }

    /// The same with one parameter changed, or taken out.
    #[must_use]
    pub fn with(&self, name: &str, value: Option<&str>) -> Self {
        let kept: Vec<_> = self
            .0
            .query_pairs()
            .into_owned()
            .filter(|(key, _)| key != name)
            .collect();
        let mut url = self.0.clone();
        let changed = value.map(|value| (name.to_owned(), value.to_owned()));
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept.into_iter().chain(changed));
        Self(url)
    }

    /// Follows it, as the browser would; the status of the page that is shown.
    pub async fn follow(&self) -> Result<u16, Box<dyn Error>> {
        follow(&self.0).await
    }
}

/// Opens a page; its status.
pub(crate) async fn follow(url: &Url) -> Result<u16, Box<dyn Error>> {
    Ok(client()?.get(url.clone()).send().await?.status().as_u16())
}

/// The product's own, since it follows no redirect either and has TLS set up.
fn client() -> Result<Client, NetworkError> {
    Network::new(&NetworkSettings::default())?.client()
}

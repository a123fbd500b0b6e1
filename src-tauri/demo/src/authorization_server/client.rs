//! Clients: registered, pre-registered, or described by a document at their own URL.

use std::time::SystemTime;

use serde_json::Value;
use url::{Host, Url};

use crate::{
    options::{KnownClient, RegistrationPolicy},
    scope::Scope,
    secret::Digest,
    world::World,
};

/// What is known of a client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) secret: Option<Digest>,
    pub(crate) secret_expires_at: Option<SystemTime>,
    pub(crate) auth_method: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) grant_types: Vec<String>,
    pub(crate) scope: Option<Scope>,
    /// The registration access token (RFC 7592 §3).
    pub(crate) management: Option<Digest>,
    /// The metadata as registered.
    pub(crate) metadata: Value,
}

impl Client {
    /// The client of this identifier.
    pub(crate) fn find(world: &World, id: &str) -> Option<Self> {
        let registered = world.ledger().clients.get(id).cloned();
        registered.or_else(|| {
            let options = world.options();
            let policy = &options.registration;
            let known = policy.known.iter().find(|known| known.id == id).map(Self::known);
            known.or_else(|| Self::described(policy, id))
        })
    }

    fn known(known: &KnownClient) -> Self {
        Self {
            id: known.id.clone(),
            name: None,
            secret: known.secret.as_deref().map(Digest::of),
            secret_expires_at: None,
            auth_method: known.auth_method.clone(),
            redirect_uris: known.redirect_uris.clone(),
            grant_types: known.grant_types.clone(),
            scope: None,
            management: None,
            metadata: Value::Null,
        }
    }

    /// A client whose identifier is the URL of its metadata document, which must name that very URL.
    fn described(policy: &RegistrationPolicy, id: &str) -> Option<Self> {
        let document = policy.documents.get(id)?;
        let complete = document["client_id"] == id && document["client_name"].is_string();
        let redirect_uris = strings(&document["redirect_uris"]).filter(|uris| !uris.is_empty())?;
        complete.then(|| Self {
            id: id.to_owned(),
            name: document["client_name"].as_str().map(str::to_owned),
            secret: None,
            secret_expires_at: None,
            auth_method: "none".to_owned(),
            redirect_uris,
            grant_types: strings(&document["grant_types"])
                .unwrap_or_else(|| vec!["authorization_code".to_owned()]),
            scope: document["scope"].as_str().map(Scope::parse),
            management: None,
            metadata: document.clone(),
        })
    }

    pub(crate) fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|own| own == grant_type)
    }

    /// Whether this redirect URI is registered; the port of a loopback address is not compared (RFC 8252 §7.3).
    pub(crate) fn redirects_to(&self, uri: &str, policy: &RegistrationPolicy) -> bool {
        self.redirect_uris.iter().any(|own| {
            own == uri
                || (!policy.exact_port && without_port(own).is_some_and(|own| Some(own) == without_port(uri)))
        })
    }

    /// What to call it.
    pub(crate) fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// A loopback address without its port; none for anything else, `localhost` included.
fn without_port(uri: &str) -> Option<Url> {
    let mut url = Url::parse(uri).ok().filter(|url| url.scheme() == "http")?;
    let loopback = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    };
    url.set_port(None).ok()?;
    loopback.then_some(url)
}

/// An array of strings; none when it is anything else.
pub(crate) fn strings(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|member| member.as_str().map(str::to_owned))
        .collect()
}

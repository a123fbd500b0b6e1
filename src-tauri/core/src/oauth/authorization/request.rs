//! Building the URL for the browser.

use oauth2::{CsrfToken, PkceCodeChallenge};
use url::Url;

use super::{AuthorizationError, PendingAuthorization};
use crate::{
    BUNDLE_ID,
    config::AuthConfig,
    oauth::{
        client::ClientInformation,
        discovery::Discovery,
        dpop::DpopKey,
        endpoint::{Endpoint, EndpointError},
        grant::GrantEndpoints,
        scope::Scopes,
    },
};

/// Parameters nobody but the protocol may set: each is checked when the response comes back, or would replace the
/// others (`request`, `request_uri`: RFC 9101), or would send the response elsewhere (`response_mode`).
const PROTOCOL: &[&str] = &[
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "dpop_jkt",
    "request",
    "request_uri",
];

/// An authorization request to be (RFC 6749 §4.1.1).
#[derive(Debug)]
pub struct AuthorizationRequest<'a> {
    /// Whom to ask, and for which resource.
    pub discovery: &'a Discovery,
    /// As whom.
    pub client: &'a ClientInformation,
    /// `audience` and `authorize_params`.
    pub auth: &'a AuthConfig,
    /// The key the code is to be bound to (RFC 9449 §10).
    pub dpop: Option<&'a DpopKey>,
    /// Where the response is to come, verbatim as registered.
    pub redirect_uri: String,
    /// What to ask for; omitted when empty.
    pub scope: Scopes,
}

impl AuthorizationRequest<'_> {
    /// The URL to open, and what must be remembered until the response comes.
    pub fn begin(self) -> Result<(Url, PendingAuthorization), AuthorizationError> {
        self.check()?;
        let server = &self.discovery.server;
        let mut url = retained(server.authorization_endpoint.as_ref().ok_or_else(|| {
            AuthorizationError::NoAuthorizationEndpoint {
                issuer: server.issuer.clone(),
            }
        })?);
        let endpoints = self.endpoints()?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = CsrfToken::new_random_len(32);
        self.fill(&mut url, &challenge, &state);
        let pending = PendingAuthorization {
            state,
            verifier,
            redirect_uri: self.redirect_uri,
            resource: self.discovery.resource.clone(),
            scope: self.scope,
            issuer: server.issuer.clone(),
            issuer_promised: server.iss_parameter_supported && !self.auth.allow_missing_iss,
            endpoints,
        };
        Ok((url, pending))
    }

    fn check(&self) -> Result<(), AuthorizationError> {
        if self.client.issuer != self.discovery.server.issuer {
            return Err(AuthorizationError::ForeignClient {
                client: self.client.issuer.clone(),
                server: self.discovery.server.issuer.clone(),
            });
        }
        let mut extra = self.auth.authorize_params.iter();
        if let Some((name, _)) = extra.find(|(name, _)| is_protocol(name)) {
            return Err(AuthorizationError::ReservedParameter { name: name.clone() });
        }
        check_redirect(&self.redirect_uri).map_err(AuthorizationError::RedirectUri)
    }

    fn endpoints(&self) -> Result<GrantEndpoints, AuthorizationError> {
        let server = &self.discovery.server;
        GrantEndpoints::of(server).ok_or_else(|| AuthorizationError::NoTokenEndpoint {
            issuer: server.issuer.clone(),
        })
    }

    fn fill(&self, url: &mut Url, challenge: &PkceCodeChallenge, state: &CsrfToken) {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client.client_id.as_str())
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("state", state.secret())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", challenge.method().as_str());
        if let Some(resource) = &self.discovery.resource {
            query.append_pair("resource", resource.as_str());
        }
        if !self.scope.is_empty() {
            query.append_pair("scope", &self.scope.to_string());
        }
        if let Some(audience) = &self.auth.audience {
            query.append_pair("audience", audience);
        }
        if let Some(key) = self.dpop {
            query.append_pair("dpop_jkt", key.thumbprint());
        }
        query.extend_pairs(&self.auth.authorize_params);
    }
}

/// The endpoint with its own query (RFC 6749 §3.1 retains it), less what would double a parameter of ours.
fn retained(endpoint: &Endpoint) -> Url {
    let mut url = endpoint.as_url().clone();
    url.set_fragment(None);
    let own: Vec<_> = endpoint
        .as_url()
        .query_pairs()
        .filter(|(name, _)| !is_protocol(name))
        .collect();
    url.set_query(None);
    if !own.is_empty() {
        url.query_pairs_mut().extend_pairs(own);
    }
    url
}

fn is_protocol(name: &str) -> bool {
    PROTOCOL.contains(&name)
}

/// MCP "Communication Security": loopback or https; and our own private-use scheme (RFC 8252 §7.1).
fn check_redirect(uri: &str) -> Result<(), EndpointError> {
    if uri
        .strip_prefix(BUNDLE_ID)
        .is_some_and(|rest| rest.starts_with(":/"))
    {
        return Ok(());
    }
    Endpoint::parse(uri).map(|_| ())
}

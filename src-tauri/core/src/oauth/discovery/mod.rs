//! From a 401 to an authorization server that may be used (RFC 9728, RFC 8414, MCP "Authorization Server Discovery").
//!
//! ```text
//! challenge → protected resource metadata → authorization server metadata → may we? PKCE, addresses
//!                none at all → the 2025-03-26 rules: metadata at the origin, else its default endpoints
//! ```
//!
//! The user's pins stand above what is discovered, and what they make needless is not asked for. A failure that says
//! nothing about what is there (network, 5xx) ends discovery: only a sure absence leads to the next rule, since a
//! guessed endpoint would be sent real credentials.

mod choice;
mod error;
mod legacy;

use url::Url;

pub use error::DiscoveryError;

use super::{
    challenge::BearerChallenge,
    dpop::Binding,
    http::Http,
    issuer::Issuer,
    resource_metadata::{self, ProtectedResourceMetadata},
    resource_uri::ResourceUri,
    scope::Scopes,
    server_metadata::{self, AuthorizationServerMetadata, Expected, MetadataOrigin},
    timeline::Stage,
};
use crate::config::{AuthConfig, GrantType, ResourceChoice};

/// Everything discovery decides, ready for registration and authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The authorization server, with the user's pins in place.
    pub server: AuthorizationServerMetadata,
    /// The `resource` to send, verbatim; none when the provider rejects the parameter.
    pub resource: Option<ResourceUri>,
    /// The scope to ask for; empty means the parameter is omitted.
    pub scope: Scopes,
    /// Who runs the server, in its own words.
    pub provider: Option<String>,
    /// Whether the server wants its tokens bound to a key, by its challenge and its metadata.
    pub dpop: Binding,
}

/// Finds the authorization server of `server` and decides what to ask it for.
pub async fn discover(
    http: &Http,
    server: &Url,
    auth: &AuthConfig,
    challenge: Option<&BearerChallenge>,
) -> Result<Discovery, DiscoveryError> {
    let search = Search {
        http,
        server,
        auth,
        challenge,
    };
    let resource = search.resource_metadata().await?;
    let metadata = search.authorization_server(resource.as_ref()).await?;
    search.check_pkce(&metadata)?;
    if let Some(endpoint) = &metadata.authorization_endpoint {
        http.admit(endpoint).await?;
    }
    Ok(Discovery {
        resource: search.resource(resource.as_ref()),
        scope: search.scope(resource.as_ref(), &metadata),
        dpop: search.binding(resource.as_ref()),
        provider: resource.and_then(|resource| resource.resource_name),
        server: metadata,
    })
}

struct Search<'a> {
    http: &'a Http,
    server: &'a Url,
    auth: &'a AuthConfig,
    challenge: Option<&'a BearerChallenge>,
}

impl Search<'_> {
    fn note(&self, stage: Stage, decision: impl Into<String>, rule: &str) {
        self.http.note(stage, decision, rule);
    }

    /// The resource's metadata, unless the user's pins answer everything it could.
    async fn resource_metadata(&self) -> Result<Option<ProtectedResourceMetadata>, DiscoveryError> {
        let pinned = self.is_server_pinned() && self.auth.resource != ResourceChoice::Discovered;
        if pinned && self.asked_scope().is_some() {
            let decision = "the config file says all that the server's metadata could";
            self.note(Stage::ResourceMetadata, decision, "MCP: pre-configured values");
            return Ok(None);
        }
        let found = resource_metadata::discover(self.http, self.server, self.challenge).await;
        match found {
            // Whose it is decides where tokens go; when the user decided that, it has nothing to say.
            Err(error @ DiscoveryError::ForeignResource { .. }) if pinned => {
                self.note(
                    Stage::ResourceMetadata,
                    format!("not used: {error}"),
                    "RFC 9728 §3.3",
                );
                Ok(None)
            }
            found => found,
        }
    }

    async fn authorization_server(
        &self,
        resource: Option<&ProtectedResourceMetadata>,
    ) -> Result<AuthorizationServerMetadata, DiscoveryError> {
        let named = resource.map_or(&[][..], |resource| &resource.authorization_servers);
        let found = if self.is_fully_pinned() {
            None
        } else if let Some(pinned) = &self.auth.issuer {
            self.pinned_issuer(pinned, named).await?
        } else if !named.is_empty() {
            self.first_of(named).await?
        } else if let (true, Some(token)) = (self.has_pinned_endpoints(), &self.auth.token_endpoint) {
            let origin = legacy::origin(token.as_url())?;
            server_metadata::look(self.http, &origin, &Expected::origin(&origin)).await?
        } else {
            Some(legacy::discover(self.http, self.server).await?)
        };
        match found {
            Some(metadata) => Ok(self.with_pins(metadata)),
            None => self.configured(named),
        }
    }

    /// RFC 9449 §7.1 and RFC 9728 §2; the stronger statement counts.
    fn binding(&self, resource: Option<&ProtectedResourceMetadata>) -> Binding {
        let challenged = self.challenge.map(|challenge| challenge.dpop).unwrap_or_default();
        challenged.max(resource.map(|resource| resource.dpop).unwrap_or_default())
    }

    /// The first of the named servers that has metadata (RFC 9728 §7.6 leaves the choice to the client).
    async fn first_of(
        &self,
        named: &[Issuer],
    ) -> Result<Option<AuthorizationServerMetadata>, DiscoveryError> {
        for issuer in named {
            let expected = Expected::exactly(issuer);
            if let Some(metadata) = server_metadata::look(self.http, issuer, &expected).await? {
                return Ok(Some(metadata));
            }
        }
        Ok(None)
    }

    /// The pinned issuer's metadata: at its own place, else where the server points, for providers whose document
    /// carries another issuer than its place suggests.
    async fn pinned_issuer(
        &self,
        pinned: &Issuer,
        named: &[Issuer],
    ) -> Result<Option<AuthorizationServerMetadata>, DiscoveryError> {
        self.note(
            Stage::ServerMetadata,
            format!("the config file pins {pinned}"),
            "MCP: pre-configured values",
        );
        let expected = Expected::exactly(pinned);
        let origin = legacy::origin(self.server).ok();
        let elsewhere = if named.is_empty() {
            origin.as_slice()
        } else {
            named
        };
        for location in std::iter::once(pinned).chain(elsewhere.iter().filter(|issuer| *issuer != pinned)) {
            if let Some(metadata) = server_metadata::look(self.http, location, &expected).await? {
                return Ok(Some(metadata));
            }
        }
        Ok(None)
    }

    /// Metadata from the config file alone; an error when that is not enough to sign in with.
    fn configured(&self, named: &[Issuer]) -> Result<AuthorizationServerMetadata, DiscoveryError> {
        let pinned = self.auth.issuer.as_ref().or_else(|| named.first()).cloned();
        let issuer = match (pinned, &self.auth.token_endpoint) {
            (Some(issuer), _) => issuer,
            (None, Some(token)) => legacy::origin(token.as_url())?,
            (None, None) => legacy::origin(self.server)?,
        };
        if !self.has_pinned_endpoints() {
            return Err(DiscoveryError::MetadataMissing { issuer });
        }
        self.note(
            Stage::ServerMetadata,
            "the endpoints are those of the config file",
            "MCP: pre-configured values",
        );
        Ok(self.with_pins(AuthorizationServerMetadata::bare(
            issuer,
            MetadataOrigin::Configured,
        )))
    }

    fn with_pins(&self, metadata: AuthorizationServerMetadata) -> AuthorizationServerMetadata {
        let pinned = |pin: &Option<_>, found| pin.clone().or(found);
        let auth = self.auth;
        AuthorizationServerMetadata {
            authorization_endpoint: pinned(&auth.authorization_endpoint, metadata.authorization_endpoint),
            token_endpoint: pinned(&auth.token_endpoint, metadata.token_endpoint),
            revocation_endpoint: pinned(&auth.revocation_endpoint, metadata.revocation_endpoint),
            device_authorization_endpoint: pinned(
                &auth.device_authorization_endpoint,
                metadata.device_authorization_endpoint,
            ),
            ..metadata
        }
    }

    /// Whether the user decided which authorization server it is.
    fn is_server_pinned(&self) -> bool {
        self.auth.issuer.is_some() || self.has_pinned_endpoints()
    }

    /// Whether the config file names every endpoint the grant needs.
    fn has_pinned_endpoints(&self) -> bool {
        let auth = self.auth;
        auth.token_endpoint.is_some()
            && match auth.grant {
                GrantType::AuthorizationCode => auth.authorization_endpoint.is_some(),
                GrantType::DeviceCode => auth.device_authorization_endpoint.is_some(),
                GrantType::ClientCredentials | GrantType::JwtBearer | GrantType::Enterprise => true,
            }
    }

    /// Whether metadata could add nothing: endpoints and client are all in the config file.
    fn is_fully_pinned(&self) -> bool {
        self.has_pinned_endpoints() && self.auth.client_id.is_some()
    }
}

#[cfg(test)]
mod tests;

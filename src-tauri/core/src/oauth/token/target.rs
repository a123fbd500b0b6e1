//! What a token is asked for, kept together so that nothing of it is mixed up between request and grant.

use super::{Redeemed, TokenError, TokenResponse};
use crate::oauth::{
    client::ClientInformation,
    discovery::Discovery,
    grant::{GrantEndpoints, TokenType},
    http::Http,
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
};

/// Whom tokens are asked from, for which resource and with which scope; consumed by the answer.
#[derive(Clone, Debug)]
pub struct Target {
    /// The authorization server.
    pub issuer: Issuer,
    /// The exact `resource` to send (RFC 8707); none when the provider rejects the parameter.
    pub resource: Option<ResourceUri>,
    /// The scope; omitted when empty.
    pub scope: Scopes,
    /// Its endpoints.
    pub endpoints: GrantEndpoints,
}

impl Target {
    /// What discovery decided, with this scope; none when the authorization server has no token endpoint.
    pub fn of(discovery: &Discovery, scope: Scopes) -> Option<Self> {
        Some(Self {
            issuer: discovery.server.issuer.clone(),
            resource: discovery.resource.clone(),
            scope,
            endpoints: GrantEndpoints::of(&discovery.server)?,
        })
    }

    /// A client's credentials are shown to its own issuer alone (MCP "Authorization Server Binding").
    pub fn check(&self, client: &ClientInformation) -> Result<(), TokenError> {
        if client.issuer == self.issuer {
            return Ok(());
        }
        Err(TokenError::ForeignClient {
            client: client.issuer.clone(),
            server: self.issuer.clone(),
        })
    }

    /// Binds an answer to what was asked for.
    pub fn redeemed(self, http: &Http, response: TokenResponse) -> Redeemed {
        let bound = response.token_type == TokenType::Dpop;
        let prover = http.prover().filter(|_| bound);
        Redeemed {
            dpop: prover.map(|prover| prover.key().clone()),
            identity: response.identity.clone(),
            tokens: response.into_tokens(http, &self.scope),
            issuer: self.issuer,
            resource: self.resource,
            requested_scope: self.scope,
            endpoints: self.endpoints,
        }
    }
}

//! From an authorization code to a grant (RFC 6749 §4.1.3).

use super::{Target, TokenError, request};
use crate::oauth::{
    authorization::RedeemableCode,
    client::ClientInformation,
    dpop::DpopKey,
    grant::{Grant, GrantEndpoints, GrantKey, Standing, TokenSet},
    http::Http,
    identity::Identity,
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
    timeline::Stage,
};

/// A sign-in that brought tokens, bound to the issuer and resource they are for.
#[derive(Debug)]
pub struct Redeemed {
    /// The tokens.
    pub tokens: TokenSet,
    /// Who signed in, as far as the token response says.
    pub identity: Identity,
    pub(super) issuer: Issuer,
    pub(super) resource: Option<ResourceUri>,
    pub(super) requested_scope: Scopes,
    pub(super) endpoints: GrantEndpoints,
    pub(super) dpop: Option<DpopKey>,
}

impl Redeemed {
    /// The grant to be stored; `client` is the one that redeemed the code.
    pub fn into_grant(self, key: GrantKey, client: ClientInformation) -> Grant {
        Grant {
            key,
            issuer: self.issuer,
            resource: self.resource,
            requested_scope: self.requested_scope,
            authenticated_at: self.tokens.received_at,
            tokens: self.tokens,
            client,
            endpoints: self.endpoints,
            identity: self.identity,
            standing: Standing::Good,
            refreshed_at: None,
            dpop: self.dpop,
        }
    }
}

/// Redeems an authorization code (RFC 6749 §4.1.3) where it was issued, and nowhere else.
pub async fn redeem(
    http: &Http,
    code: RedeemableCode,
    client: &ClientInformation,
) -> Result<Redeemed, TokenError> {
    let target = Target {
        issuer: code.issuer,
        resource: code.resource,
        scope: code.scope,
        endpoints: code.endpoints,
    };
    target.check(client)?;
    let mut parameters = vec![
        ("grant_type", "authorization_code"),
        ("code", code.code.secret().as_str()),
        ("redirect_uri", code.redirect_uri.as_str()),
        ("code_verifier", code.verifier.secret().as_str()),
    ];
    if let Some(resource) = &target.resource {
        parameters.push(("resource", resource.as_str()));
    }
    let response = request(http, (&target.endpoints.token, Stage::Token), client, &parameters).await?;
    Ok(target.redeemed(http, response))
}

#[cfg(test)]
mod tests;

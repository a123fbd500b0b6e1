//! A grant as it is sealed. Private: nothing else may serialize a token.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use oauth2::{AccessToken, RefreshToken};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::client_dto::ClientDto;
use crate::{
    ServerId,
    oauth::{
        dpop::DpopKey,
        endpoint::{Endpoint, EndpointError},
        grant::{Grant, GrantEndpoints, GrantKey, IdToken, Standing, TokenSet, TokenType},
        identity::Identity,
        issuer::Issuer,
        resource_uri::ResourceUri,
        scope::Scopes,
    },
};

/// See [`Grant`], field by field. No `Debug`: it would show the secrets.
#[derive(Serialize, Deserialize)]
pub(super) struct GrantDto<'a> {
    server: Cow<'a, ServerId>,
    url: Cow<'a, str>,
    account: Option<Cow<'a, str>>,
    issuer: Cow<'a, str>,
    resource: Option<Cow<'a, str>>,
    requested_scope: Cow<'a, Scopes>,
    tokens: TokensDto<'a>,
    client: ClientDto<'a>,
    endpoints: EndpointsDto<'a>,
    identity: Cow<'a, Identity>,
    standing: Cow<'a, Standing>,
    authenticated_at: Timestamp,
    refreshed_at: Option<Timestamp>,
    /// PKCS #8 in base64url; absent in grants of before there were any.
    dpop_key: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct TokensDto<'a> {
    access_token: Cow<'a, str>,
    token_type: TokenType,
    refresh_token: Option<Cow<'a, str>>,
    id_token: Option<Cow<'a, str>>,
    received_at: Timestamp,
    expires_at: Option<Timestamp>,
    scope: Cow<'a, Scopes>,
}

#[derive(Serialize, Deserialize)]
struct EndpointsDto<'a> {
    token: Cow<'a, str>,
    revocation: Option<Cow<'a, str>>,
    userinfo: Option<Cow<'a, str>>,
    introspection: Option<Cow<'a, str>>,
    registration: Option<Cow<'a, str>>,
}

impl<'a> From<&'a Grant> for GrantDto<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self {
            server: Cow::Borrowed(&grant.key.server),
            url: grant.key.url.as_str().into(),
            account: grant.key.account.as_deref().map(Into::into),
            issuer: grant.issuer.as_str().into(),
            resource: grant.resource.as_ref().map(|resource| resource.as_str().into()),
            requested_scope: Cow::Borrowed(&grant.requested_scope),
            tokens: (&grant.tokens).into(),
            client: (&grant.client).into(),
            endpoints: (&grant.endpoints).into(),
            identity: Cow::Borrowed(&grant.identity),
            standing: Cow::Borrowed(&grant.standing),
            authenticated_at: grant.authenticated_at,
            refreshed_at: grant.refreshed_at,
            dpop_key: grant
                .dpop
                .as_ref()
                .map(|key| URL_SAFE_NO_PAD.encode(key.pkcs8()).into()),
        }
    }
}

impl<'a> From<&'a TokenSet> for TokensDto<'a> {
    fn from(tokens: &'a TokenSet) -> Self {
        Self {
            access_token: tokens.access_token.secret().into(),
            token_type: tokens.token_type,
            refresh_token: tokens.refresh_token.as_ref().map(|token| token.secret().into()),
            id_token: tokens.id_token.as_ref().map(|token| token.secret().into()),
            received_at: tokens.received_at,
            expires_at: tokens.expires_at,
            scope: Cow::Borrowed(&tokens.scope),
        }
    }
}

impl<'a> From<&'a GrantEndpoints> for EndpointsDto<'a> {
    fn from(endpoints: &'a GrantEndpoints) -> Self {
        let text = |endpoint: &'a Option<Endpoint>| {
            endpoint
                .as_ref()
                .map(|endpoint| endpoint.as_url().as_str().into())
        };
        Self {
            token: endpoints.token.as_url().as_str().into(),
            revocation: text(&endpoints.revocation),
            userinfo: text(&endpoints.userinfo),
            introspection: text(&endpoints.introspection),
            registration: text(&endpoints.registration),
        }
    }
}

impl TryFrom<GrantDto<'_>> for Grant {
    type Error = EndpointError;

    fn try_from(dto: GrantDto<'_>) -> Result<Self, EndpointError> {
        Ok(Self {
            key: GrantKey {
                server: dto.server.into_owned(),
                url: dto.url.parse().map_err(|_| EndpointError::NotAUrl)?,
                account: dto.account.map(Cow::into_owned),
            },
            issuer: Issuer::parse(&dto.issuer)?,
            resource: dto.resource.as_deref().map(ResourceUri::parse).transpose()?,
            requested_scope: dto.requested_scope.into_owned(),
            tokens: dto.tokens.into(),
            client: dto.client.try_into()?,
            endpoints: dto.endpoints.try_into()?,
            identity: dto.identity.into_owned(),
            standing: dto.standing.into_owned(),
            authenticated_at: dto.authenticated_at,
            refreshed_at: dto.refreshed_at,
            dpop: dto.dpop_key.as_deref().and_then(dpop_key),
        })
    }
}

/// A key that cannot be read leaves tokens that are of no use without it, which then ask for a sign-in.
fn dpop_key(text: &str) -> Option<DpopKey> {
    let pkcs8 = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    DpopKey::from_pkcs8(&pkcs8).ok()
}

impl From<TokensDto<'_>> for TokenSet {
    fn from(dto: TokensDto<'_>) -> Self {
        Self {
            access_token: AccessToken::new(dto.access_token.into_owned()),
            token_type: dto.token_type,
            refresh_token: dto
                .refresh_token
                .map(|token| RefreshToken::new(token.into_owned())),
            id_token: dto.id_token.map(|token| IdToken::new(token.into_owned())),
            received_at: dto.received_at,
            expires_at: dto.expires_at,
            scope: dto.scope.into_owned(),
        }
    }
}

impl TryFrom<EndpointsDto<'_>> for GrantEndpoints {
    type Error = EndpointError;

    fn try_from(dto: EndpointsDto<'_>) -> Result<Self, EndpointError> {
        let endpoint = |text: Option<Cow<'_, str>>| text.as_deref().map(Endpoint::parse).transpose();
        Ok(Self {
            token: Endpoint::parse(&dto.token)?,
            revocation: endpoint(dto.revocation)?,
            userinfo: endpoint(dto.userinfo)?,
            introspection: endpoint(dto.introspection)?,
            registration: endpoint(dto.registration)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures;

    fn opened(document: &serde_json::Value) -> Grant {
        let dto: GrantDto<'_> = serde_json::from_value(document.clone()).expect("a grant");
        dto.try_into().expect("a grant")
    }

    #[test]
    fn the_key_that_tokens_are_bound_to_comes_back() {
        let key = DpopKey::generate().expect("a key");
        let grant = Grant {
            dpop: Some(key.clone()),
            ..fixtures::grant("notion")
        };
        let sealed = serde_json::to_value(GrantDto::from(&grant)).expect("a document");
        let opened = opened(&sealed).dpop.expect("a key");
        assert_eq!(opened.thumbprint(), key.thumbprint());
    }

    #[test]
    fn a_grant_of_before_there_were_keys_is_read_as_it_was() {
        let mut sealed =
            serde_json::to_value(GrantDto::from(&fixtures::grant("notion"))).expect("a document");
        let members = sealed.as_object_mut().expect("an object");
        assert!(members.shift_remove("dpop_key").is_some());
        let grant = opened(&sealed);
        assert!(grant.dpop.is_none() && grant.tokens.refresh_token.is_some());
    }
}

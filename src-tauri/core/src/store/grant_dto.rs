//! A grant as it is sealed. Private: nothing else may serialize a token.

use std::borrow::Cow;

use jiff::Timestamp;
use oauth2::{AccessToken, RefreshToken};
use serde::{Deserialize, Serialize};

use super::client_dto::ClientDto;
use crate::{
    ServerId,
    oauth::{
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
        })
    }
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

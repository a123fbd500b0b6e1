//! Client information as it is sealed, alone or within a grant. Private: nothing else may serialize a secret.

use std::borrow::Cow;

use jiff::Timestamp;
use oauth2::{AccessToken, ClientId, ClientSecret};
use serde::{Deserialize, Serialize};

use crate::oauth::{
    client::{ClientAuthMethod, ClientInformation, ClientRegistration, RegistrationManagement},
    endpoint::{Endpoint, EndpointError},
    issuer::Issuer,
    scope::Scopes,
};

/// See [`ClientInformation`], field by field. No `Debug`: it would show the secrets.
#[derive(Serialize, Deserialize)]
pub(super) struct ClientDto<'a> {
    issuer: Cow<'a, str>,
    registration: ClientRegistration,
    client_id: Cow<'a, str>,
    client_secret: Option<Cow<'a, str>>,
    client_secret_expires_at: Option<Timestamp>,
    auth_method: ClientAuthMethod,
    redirect_uris: Cow<'a, [String]>,
    scope: Option<Cow<'a, Scopes>>,
    management: Option<ManagementDto<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ManagementDto<'a> {
    uri: Cow<'a, str>,
    token: Cow<'a, str>,
}

impl<'a> From<&'a ClientInformation> for ClientDto<'a> {
    fn from(client: &'a ClientInformation) -> Self {
        Self {
            issuer: client.issuer.as_str().into(),
            registration: client.registration,
            client_id: client.client_id.as_str().into(),
            client_secret: client.client_secret.as_ref().map(|secret| secret.secret().into()),
            client_secret_expires_at: client.client_secret_expires_at,
            auth_method: client.auth_method,
            redirect_uris: client.redirect_uris.as_slice().into(),
            scope: client.scope.as_ref().map(Cow::Borrowed),
            management: client.management.as_ref().map(|management| ManagementDto {
                uri: management.uri.as_url().as_str().into(),
                token: management.token.secret().into(),
            }),
        }
    }
}

impl TryFrom<ClientDto<'_>> for ClientInformation {
    type Error = EndpointError;

    fn try_from(dto: ClientDto<'_>) -> Result<Self, EndpointError> {
        Ok(Self {
            issuer: Issuer::parse(&dto.issuer)?,
            registration: dto.registration,
            client_id: ClientId::new(dto.client_id.into_owned()),
            client_secret: dto
                .client_secret
                .map(|secret| ClientSecret::new(secret.into_owned())),
            client_secret_expires_at: dto.client_secret_expires_at,
            auth_method: dto.auth_method,
            key: None,
            redirect_uris: dto.redirect_uris.into_owned(),
            scope: dto.scope.map(Cow::into_owned),
            management: dto.management.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<ManagementDto<'_>> for RegistrationManagement {
    type Error = EndpointError;

    fn try_from(dto: ManagementDto<'_>) -> Result<Self, EndpointError> {
        Ok(Self {
            uri: Endpoint::parse(&dto.uri)?,
            token: AccessToken::new(dto.token.into_owned()),
        })
    }
}

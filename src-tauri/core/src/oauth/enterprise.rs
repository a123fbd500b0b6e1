//! Enterprise-managed authorization: the company's identity provider vouches for the user at another authorization
//! server, without a browser (RFC 8693 token exchange for an identity assertion authorization grant, then RFC 7523).

use oauth2::{AccessToken, ClientId};
use serde::Deserialize;
use url::Url;

use super::{
    client::{ClientAuthMethod, ClientInformation, ClientRegistration},
    client_authentication::authenticated_form,
    endpoint::Endpoint,
    http::{Http, HttpResponse},
    issuer::Issuer,
    secret_source::{self, SecretError},
    timeline::Stage,
    token::{self, Target, TokenError},
    unattended::{self, UnattendedError},
    wire::{self, Text},
};
use crate::config::UnattendedConfig;

/// `grant_type` (RFC 8693 §2.1)
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// `requested_token_type`
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

/// `subject_token_type` (RFC 8693 §3)
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// Has the identity provider sign an assertion of who the user is, for this authorization server and resource only.
pub(super) async fn assertion(
    http: &Http,
    target: &Target,
    config: &UnattendedConfig,
) -> Result<AccessToken, UnattendedError> {
    let missing = |key| SecretError::Missing { key };
    let endpoint = config
        .idp_token_endpoint
        .as_ref()
        .ok_or(missing("idp_token_url"))?;
    let id_token = secret_source::read(config.id_token.as_ref(), "id_token_file").await?;
    let scope = target.scope.to_string();
    let mut parameters = vec![
        ("grant_type", TOKEN_EXCHANGE),
        ("requested_token_type", ID_JAG),
        ("audience", target.issuer.as_str()),
        ("subject_token", id_token.secret().as_str()),
        ("subject_token_type", ID_TOKEN),
    ];
    parameters.extend(unattended::common(target, &scope));
    let client = client(endpoint, config)?;
    let request = authenticated_form(http, (endpoint, Stage::Token), &client, &parameters).await;
    let request = request.map_err(TokenError::from)?;
    let response = http.send(request).await.map_err(TokenError::from)?;
    let outcome = read(http, &response);
    match &outcome {
        Ok(_) => http.note(
            Stage::Token,
            "the identity provider vouches for the user",
            "RFC 8693 §2.2",
        ),
        Err(error) => http.note(Stage::Token, error.to_string(), "RFC 8693 §2.2.2"),
    }
    Ok(outcome?)
}

/// What we are to the identity provider, which is another authorization server than the one that issues the token.
fn client(endpoint: &Endpoint, config: &UnattendedConfig) -> Result<ClientInformation, SecretError> {
    let missing = |key| SecretError::Missing { key };
    let id = config.idp_client_id.clone().ok_or(missing("idp_client_id"))?;
    let secret = config
        .idp_client_secret
        .as_ref()
        .map(|named| named.secret.clone());
    Ok(ClientInformation {
        issuer: origin(endpoint.as_url()).ok_or(missing("idp_token_url"))?,
        registration: ClientRegistration::Preregistered,
        client_id: ClientId::new(id),
        auth_method: match &secret {
            Some(_) => ClientAuthMethod::ClientSecretBasic,
            None => ClientAuthMethod::None,
        },
        client_secret: secret,
        key: None,
        client_secret_expires_at: None,
        redirect_uris: Vec::new(),
        scope: None,
        management: None,
    })
}

fn origin(url: &Url) -> Option<Issuer> {
    Issuer::parse(&url.origin().ascii_serialization()).ok()
}

/// RFC 8693 §2.2.1; `token_type` is `N_A`, since this is no token to call anything with.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    access_token: Text,
    issued_token_type: Text,
}

fn read(http: &Http, response: &HttpResponse) -> Result<AccessToken, TokenError> {
    let document = serde_json::from_slice(&response.body).ok();
    let wire: Wire = document
        .filter(|_| response.status.is_success())
        .map(wire::read)
        .unwrap_or_default();
    let Some(assertion) = wire.access_token.0 else {
        return Err(token::failure(response, http.clock().now()));
    };
    if wire
        .issued_token_type
        .as_deref()
        .is_some_and(|issued| issued != ID_JAG)
    {
        return Err(TokenError::Unreadable {
            status: response.status.as_u16(),
            reason: "with another kind of token than was asked for",
        });
    }
    Ok(AccessToken::new(assertion))
}

#[cfg(test)]
mod tests;

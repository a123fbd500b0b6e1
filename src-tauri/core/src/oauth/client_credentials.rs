//! The client credentials grant (RFC 6749 §4.4), with a secret or with a signed assertion (RFC 7523 §2.2).

use std::time::Duration;

use oauth2::CsrfToken;
use serde_json::json;

use super::{
    client::{ClientAuthMethod, ClientInformation},
    client_authentication::authenticated_form,
    http::{Http, HttpRequest},
    signing_key::SigningKey,
    timeline::Stage,
    token::{self, Target, TokenResponse},
    unattended::{self, UnattendedError},
};
use crate::config::UnattendedConfig;

/// `client_assertion_type` (RFC 7523 §2.2)
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good for; it is used at once, but clocks differ.
const LIFETIME: Duration = Duration::from_mins(5);

/// Asks for a token in the client's own name.
pub(super) async fn request(
    http: &Http,
    target: &Target,
    client: &ClientInformation,
    config: &UnattendedConfig,
) -> Result<TokenResponse, UnattendedError> {
    let scope = target.scope.to_string();
    let mut parameters = vec![("grant_type", "client_credentials")];
    parameters.extend(unattended::common(target, &scope));
    let endpoint = &target.endpoints.token;
    let request = if client.auth_method == ClientAuthMethod::PrivateKeyJwt {
        let assertion = assertion(http, client, config).await?;
        parameters.push(("client_assertion_type", ASSERTION_TYPE));
        parameters.push(("client_assertion", &assertion));
        HttpRequest::form(endpoint.clone(), Stage::Token, &parameters)
    } else {
        authenticated_form(endpoint, Stage::Token, client, &parameters).map_err(token::TokenError::from)?
    };
    Ok(token::send(http, request).await?)
}

/// RFC 7523 §3: issued by and about the client, for this authorization server, once.
async fn assertion(
    http: &Http,
    client: &ClientInformation,
    config: &UnattendedConfig,
) -> Result<String, UnattendedError> {
    let pem = unattended::secret(config.private_key.as_ref(), "private_key_file").await?;
    let key = SigningKey::from_pem(pem.secret(), config.signing_alg)?;
    let now = http.clock().now();
    let claims = json!({
        "iss": client.client_id.as_str(),
        "sub": client.client_id.as_str(),
        "aud": client.issuer.as_str(),
        "iat": now.as_second(),
        "exp": crate::clock::later(now, LIFETIME).as_second(),
        "jti": CsrfToken::new_random().secret(),
    });
    http.note(
        Stage::Token,
        format!(
            "the client proves itself with an assertion signed by {}",
            key.algorithm()
        ),
        "RFC 7523 §2.2",
    );
    Ok(key.sign(&claims)?)
}

#[cfg(test)]
mod tests;

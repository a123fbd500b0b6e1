//! A client that proves itself with a signature in place of a secret: `private_key_jwt` (RFC 7523 §2.2).

use std::time::Duration;

use oauth2::CsrfToken;
use serde_json::json;

use super::{
    client::ClientInformation, client_authentication::ClientAuthenticationError, http::Http, secret_source,
    signing_key::SigningKey, timeline::Stage,
};

/// `client_assertion_type` (RFC 7523 §2.2)
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion is good for; it is used at once, but clocks differ.
const LIFETIME: Duration = Duration::from_mins(5);

/// RFC 7523 §3: issued by and about the client, for its authorization server, for one request.
pub(super) async fn assertion(
    http: &Http,
    (client, stage): (&ClientInformation, Stage),
) -> Result<String, ClientAuthenticationError> {
    let key = client.key.as_ref();
    let key = key.ok_or(ClientAuthenticationError::MissingKey)?;
    let pem = secret_source::read(Some(&key.source), "private_key_file").await?;
    let key = SigningKey::from_pem(pem.secret(), key.algorithm)?;
    let now = http.clock().now();
    let claims = json!({
        "iss": client.client_id.as_str(),
        "sub": client.client_id.as_str(),
        "aud": client.issuer.as_str(),
        "iat": now.as_second(),
        "exp": crate::clock::later(now, LIFETIME).as_second(),
        "jti": CsrfToken::new_random().secret(),
    });
    let decision = format!(
        "the client proves itself with an assertion signed by {}",
        key.algorithm()
    );
    http.note(stage, decision, "RFC 7523 §2.2");
    Ok(key.sign(&claims)?)
}

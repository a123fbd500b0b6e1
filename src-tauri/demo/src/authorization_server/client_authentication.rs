//! Client authentication (RFC 6749 §2.3): exactly one method, and exactly the registered one.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header;

use super::client::Client;
use crate::{incoming::Incoming, reply::OAuthError, world::World};

const UNKNOWN: OAuthError = OAuthError::invalid_client("unknown client");

/// What a request shows for its client.
struct Credentials {
    id: String,
    secret: Option<String>,
    method: &'static str,
}

/// The client that sent this request.
pub(crate) fn authenticate(world: &World, incoming: &Incoming) -> Result<Client, OAuthError> {
    let shown = credentials(incoming)?;
    let client = Client::find(world, &shown.id).ok_or(UNKNOWN)?;
    if client.auth_method != shown.method {
        return Err(OAuthError::invalid_client(
            "not the authentication method this client registered",
        ));
    }
    let Some(known) = client.secret else {
        return if client.auth_method == "none" {
            Ok(client)
        } else {
            Err(UNKNOWN)
        };
    };
    if !shown.secret.is_some_and(|secret| known.is_of(&secret)) {
        return Err(OAuthError::invalid_client("wrong client secret"));
    }
    if client.secret_expires_at.is_some_and(|end| end <= world.now()) {
        return Err(OAuthError::invalid_client("the client secret has expired"));
    }
    Ok(client)
}

fn credentials(incoming: &Incoming) -> Result<Credentials, OAuthError> {
    if incoming.form.get("client_assertion").is_some() {
        return Err(OAuthError::invalid_client("client assertions are not supported"));
    }
    let id = incoming.form.get("client_id");
    let secret = incoming.form.get("client_secret");
    let Some(field) = incoming.headers.get(header::AUTHORIZATION) else {
        return Ok(Credentials {
            id: id
                .ok_or(OAuthError::invalid_client("no client named"))?
                .to_owned(),
            secret: secret.map(str::to_owned),
            method: if secret.is_some() {
                "client_secret_post"
            } else {
                "none"
            },
        });
    };
    if secret.is_some() {
        return Err(OAuthError::invalid_request(
            "more than one client authentication method (RFC 6749 §2.3)",
        ));
    }
    let basic = field.to_str().ok().and_then(basic);
    let (basic_id, basic_secret) = basic.ok_or(OAuthError::invalid_client("not a Basic credential"))?;
    if id.is_some_and(|id| id != basic_id) {
        return Err(OAuthError::invalid_request("two different clients are named"));
    }
    Ok(Credentials {
        id: basic_id,
        secret: Some(basic_secret),
        method: "client_secret_basic",
    })
}

/// Identifier and secret, each form-encoded before they were joined (RFC 6749 §2.3.1).
fn basic(field: &str) -> Option<(String, String)> {
    let (scheme, encoded) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let whole = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(whole.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _): (Cow<'_, str>, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_a_basic_credential_are_form_decoded() {
        let field = format!("bAsIc {}", STANDARD.encode("a%3Ab+c:s%26%3D%25"));
        assert_eq!(basic(&field), Some(("a:b c".to_owned(), "s&=%".to_owned())));
        assert_eq!(basic("Bearer abc"), None);
    }
}

//! Dynamic client registration (RFC 7591) and its management (RFC 7592).

use std::{sync::Arc, time::SystemTime};

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    client::{Client, strings},
    edited,
};
use crate::{
    fault::Fault,
    incoming::Incoming,
    now::epoch_seconds,
    options::RegistrationPolicy,
    reply::{self, OAuthError, empty, method_not_allowed},
    resource_server::bearer,
    scope::Scope,
    secret::{Digest, Kind, mint},
    world::World,
};

const NOT_JSON: OAuthError = OAuthError::new("invalid_client_metadata", "the body is not a JSON object");
const BAD_METADATA: OAuthError = OAuthError::new(
    "invalid_client_metadata",
    "a member has the wrong type or an unsupported value",
);
const BAD_REDIRECT: OAuthError = OAuthError::new(
    "invalid_redirect_uri",
    "redirect URIs are https, loopback http, or a private-use scheme with a dot",
);

/// `POST /register`
pub(crate) fn register(world: &Arc<World>, incoming: &Incoming) -> Response {
    let policy = world.options().registration.clone();
    let id = format!("demo-client-{}", &mint(Kind::Session)[16..32]);
    match registered(incoming, &policy, id) {
        Ok(client) => {
            let (client, document) = with_secrets(world, client, &policy);
            world.ledger().clients.insert(client.id.clone(), client);
            let edits = world.faults.take_all(&incoming.call, |fault| match fault {
                Fault::RegistrationReply(name, value) => Some((*name, value.clone())),
                _ => None,
            });
            reply::json(201, &edited(document, edits))
        }
        Err(error) => error.response(),
    }
}

fn registered(incoming: &Incoming, policy: &RegistrationPolicy, id: String) -> Result<Client, OAuthError> {
    let asked = incoming
        .json
        .as_ref()
        .filter(|json| json.is_object())
        .ok_or(NOT_JSON)?;
    let grant_types = list(asked, "grant_types", "authorization_code")?;
    let auth_method = auth_method(asked, policy)?;
    let redirect_uris = match &asked["redirect_uris"] {
        Value::Null => Vec::new(),
        uris => strings(uris).ok_or(BAD_REDIRECT)?,
    };
    let needs_redirect = grant_types.iter().any(|grant| grant == "authorization_code");
    let web = asked["application_type"] == "web";
    if (needs_redirect && redirect_uris.is_empty())
        || !redirect_uris
            .iter()
            .all(|uri| is_redirect_uri(uri) && !(web && is_native(uri)))
    {
        return Err(BAD_REDIRECT);
    }
    let response_types = list(asked, "response_types", "code")?;
    if needs_redirect && !response_types.iter().any(|kind| kind == "code") {
        return Err(BAD_METADATA);
    }
    Ok(Client {
        id,
        name: asked["client_name"].as_str().map(str::to_owned),
        secret: None,
        secret_expires_at: None,
        auth_method,
        redirect_uris,
        grant_types,
        scope: asked["scope"].as_str().map(Scope::parse),
        management: None,
        metadata: asked.clone(),
    })
}

fn list(asked: &Value, name: &str, default: &str) -> Result<Vec<String>, OAuthError> {
    match &asked[name] {
        Value::Null => Ok(vec![default.to_owned()]),
        value => strings(value).ok_or(BAD_METADATA),
    }
}

/// The method asked for, or the first there is (RFC 7591 §3.2.1 lets the server replace what it does not like).
fn auth_method(asked: &Value, policy: &RegistrationPolicy) -> Result<String, OAuthError> {
    let wanted = match &asked["token_endpoint_auth_method"] {
        Value::Null => "client_secret_basic",
        value => value.as_str().ok_or(BAD_METADATA)?,
    };
    let known = policy.auth_methods.iter().find(|method| *method == wanted);
    known.or(policy.auth_methods.first()).cloned().ok_or(BAD_METADATA)
}

fn is_redirect_uri(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    if url.fragment().is_some() {
        return false;
    }
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_native(uri),
        scheme => scheme.contains('.'),
    }
}

/// Whether only a program on this machine can have this redirect URI (RFC 8252 §7).
fn is_native(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    }
}

fn with_secrets(world: &World, mut client: Client, policy: &RegistrationPolicy) -> (Client, Value) {
    let now = world.now();
    let mut document = described(&client, now);
    if client.auth_method != "none" {
        let secret = mint(Kind::ClientSecret);
        client.secret = Some(Digest::of(&secret));
        client.secret_expires_at = policy.secret_lifetime.map(|lifetime| now + lifetime);
        document["client_secret"] = secret.into();
        document["client_secret_expires_at"] = client.secret_expires_at.map_or(0, epoch_seconds).into();
    }
    let token = mint(Kind::RegistrationToken);
    client.management = Some(Digest::of(&token));
    document["registration_access_token"] = token.into();
    document["registration_client_uri"] = world.url(&format!("/register/{}", client.id)).into();
    (client, document)
}

fn described(client: &Client, now: SystemTime) -> Value {
    let mut document = client.metadata.clone();
    document["client_id"] = json!(client.id);
    document["client_id_issued_at"] = json!(epoch_seconds(now));
    document["redirect_uris"] = json!(client.redirect_uris);
    document["grant_types"] = json!(client.grant_types);
    document["response_types"] = json!(["code"]);
    document["token_endpoint_auth_method"] = json!(client.auth_method);
    document
}

/// `GET`, `PUT` and `DELETE /register/{client_id}`; anything wrong about the token is 401 (RFC 7592 §2).
pub(crate) fn manage(world: &Arc<World>, incoming: &Incoming) -> Response {
    let id = incoming.path.trim_start_matches("/register/");
    let client = world.ledger().clients.get(id).cloned();
    let token = bearer::bearer(incoming);
    let known = client.filter(|client| {
        let management = client.management.as_ref();
        management
            .zip(token)
            .is_some_and(|(known, token)| known.is_of(token))
    });
    let Some(client) = known else {
        return empty(401);
    };
    if incoming.method == Method::GET {
        reply::json(200, &described(&client, world.now()))
    } else if incoming.method == Method::PUT {
        update(world, incoming, &client)
    } else if incoming.method == Method::DELETE {
        let mut ledger = world.ledger();
        ledger.clients.remove(id);
        ledger.revoke_client(id);
        empty(204)
    } else {
        method_not_allowed("GET, PUT, DELETE")
    }
}

fn update(world: &Arc<World>, incoming: &Incoming, old: &Client) -> Response {
    let policy = world.options().registration.clone();
    let named = incoming
        .json
        .as_ref()
        .is_some_and(|asked| asked["client_id"] == old.id.as_str());
    if !named {
        return OAuthError::new("invalid_client_metadata", "client_id is missing or another one").response();
    }
    match registered(incoming, &policy, old.id.clone()) {
        Ok(client) => {
            let client = Client {
                secret: old.secret,
                secret_expires_at: old.secret_expires_at,
                management: old.management,
                ..client
            };
            let document = described(&client, world.now());
            world.ledger().clients.insert(client.id.clone(), client);
            reply::json(200, &document)
        }
        Err(error) => error.response(),
    }
}

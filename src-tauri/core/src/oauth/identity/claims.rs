//! Where providers put names: parameters of the token response, and claims.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Identity;
use crate::oauth::{grant::Grant, server_text};

/// Claims that name a person, best first.
const ACCOUNT: &[&str] = &["email", "preferred_username", "username", "name", "login", "upn"];
/// Claims that name a workspace.
const WORKSPACE: &[&str] = &[
    "workspace_name",
    "org_name",
    "organization_name",
    "team_name",
    "tenant_name",
    "hd",
];
/// Claims that identify a person.
const SUBJECT: &[&str] = &["sub"];

/// Where token responses name a person: as Notion, Sentry, Asana and Shopify do, then the plain spellings.
const RESPONSE_ACCOUNT: &[&str] = &[
    "/owner/user/person/email",
    "/owner/user/name",
    "/user/email",
    "/user/name",
    "/user",
    "/data/email",
    "/data/name",
    "/associated_user/email",
    "/email",
    "/username",
    "/user_name",
    "/login",
];
const RESPONSE_WORKSPACE: &[&str] = &[
    "/workspace_name",
    "/workspace/name",
    "/team/name",
    "/team_name",
    "/organization/name",
    "/organization_name",
    "/org_name",
    "/enterprise/name",
    "/site_name",
    "/hub_domain",
    "/tenant_name",
];
const RESPONSE_SUBJECT: &[&str] = &[
    "/owner/user/id",
    "/user/id",
    "/data/id",
    "/authed_user/id",
    "/associated_user/id",
    "/user_id",
    "/account_id",
];

/// The longest ID token looked at, in bytes.
const MAX_ID_TOKEN: usize = 64 * 1024;

pub(super) fn in_token_response(fields: &Map<String, Value>) -> Identity {
    let root = Value::Object(fields.clone());
    let first = |pointers: &[&str]| pointers.iter().find_map(|at| shown(root.pointer(at)?));
    Identity {
        account: first(RESPONSE_ACCOUNT),
        workspace: first(RESPONSE_WORKSPACE),
        provider: None,
        subject: first(RESPONSE_SUBJECT),
    }
}

/// The claims of an ID token or a userinfo or introspection response.
pub(super) fn in_claims(claims: &Map<String, Value>) -> Identity {
    let first = |names: &[&str]| names.iter().find_map(|name| shown(claims.get(*name)?));
    Identity {
        account: first(ACCOUNT),
        workspace: first(WORKSPACE),
        provider: None,
        subject: first(SUBJECT),
    }
}

/// OpenID Connect Core §3.1.3.7: issuer and audience must be ours, and the token must not be over.
pub(super) fn in_id_token(grant: &Grant, now: Timestamp) -> Option<Identity> {
    let token = grant.tokens.id_token.as_ref()?.secret();
    let claims = decode(token)?;
    let from_issuer = claims.get("iss")?.as_str()? == grant.issuer.as_str();
    let for_us = names_audience(claims.get("aud")?, grant.client.client_id.as_str());
    let ends_at = claims.get("exp")?.as_f64()?;
    let good = from_issuer && for_us && ends_at > now.as_duration().as_secs_f64();
    good.then(|| in_claims(&claims))
}

fn names_audience(audience: &Value, client_id: &str) -> bool {
    match audience {
        Value::String(one) => one == client_id,
        Value::Array(many) => many.iter().any(|one| one.as_str() == Some(client_id)),
        _ => false,
    }
}

/// The payload of a compact JWS (RFC 7515 §7.1), its signature unread.
fn decode(token: &str) -> Option<Map<String, Value>> {
    if token.len() > MAX_ID_TOKEN {
        return None;
    }
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => server_text::name(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

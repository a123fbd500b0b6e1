//! The token endpoint (RFC 6749 §3.2): codes (§4.1.3), refresh tokens (§6), clients on their own (§4.4).

use std::sync::Arc;

use axum::response::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::header;
use serde_json::{Value, json};

use super::{
    authorization::requested_scope,
    client::Client,
    client_authentication::authenticate,
    device, edited,
    ledger::{Grant, Issued, RefreshRefusal, Refreshable, Terms},
    resource,
};
use crate::{
    fault::Fault,
    incoming::Incoming,
    now::epoch_seconds,
    options::DpopBinding,
    proof,
    reply::{self, OAuthError, with_header},
    scope::Scope,
    secret::{Digest, same},
    world::World,
};

/// RFC 8628 §3.4
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// `POST /token`
pub(crate) fn serve(world: &Arc<World>, incoming: &Incoming) -> Response {
    match issue(world, incoming) {
        Ok(issued) => success(world, incoming, &issued),
        Err(error) => failure(incoming, error),
    }
}

fn issue(world: &World, incoming: &Incoming) -> Result<Issued, OAuthError> {
    check_form(incoming)?;
    let grant_type = incoming.form.get("grant_type");
    let grant_type = grant_type.ok_or(OAuthError::invalid_request("grant_type is missing"))?;
    let client = authenticate(world, incoming)?;
    let key = proven(world, incoming)?;
    let exchange = match grant_type {
        "authorization_code" => redeem,
        "refresh_token" => refresh,
        "client_credentials" => on_its_own,
        DEVICE_CODE => device::poll,
        _ => {
            return Err(OAuthError::new(
                "unsupported_grant_type",
                "no such grant type here",
            ));
        }
    };
    if !client.may_use(grant_type) {
        return Err(OAuthError::new(
            "unauthorized_client",
            "not registered for this grant type",
        ));
    }
    exchange(world, incoming, &client, key.as_deref())
}

/// The key that the tokens are to be bound to.
fn proven(world: &World, incoming: &Incoming) -> Result<Option<String>, OAuthError> {
    let key = proof::key(world, incoming, None)?;
    let binding = world.options().dpop.binding;
    if key.is_none() && binding == DpopBinding::Required {
        return Err(OAuthError::new(
            "invalid_dpop_proof",
            "tokens are bound to a key here",
        ));
    }
    Ok(key)
}

/// A form, and every parameter once (RFC 6749 §3.2).
pub(crate) fn check_form(incoming: &Incoming) -> Result<(), OAuthError> {
    if incoming.media_type().as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid_request("the body is not a form"));
    }
    match incoming.form.repeated() {
        Some(_) => Err(OAuthError::invalid_request("a parameter is there twice")),
        None => Ok(()),
    }
}

/// How tokens are issued now.
pub(crate) fn terms(world: &World) -> Terms {
    let now = world.now();
    let tokens = &world.options().tokens;
    Terms {
        now,
        access_lifetime: tokens.access_lifetime,
        refresh: tokens.refresh,
    }
}

/// Whether this client gets refresh tokens at all.
pub(crate) fn refreshable(client: &Client) -> Refreshable {
    if client.may_use("refresh_token") {
        Refreshable::Yes
    } else {
        Refreshable::No
    }
}

fn redeem(
    world: &World,
    incoming: &Incoming,
    client: &Client,
    key: Option<&str>,
) -> Result<Issued, OAuthError> {
    let form = &incoming.form;
    let text = form
        .get("code")
        .ok_or(OAuthError::invalid_request("code is missing"))?;
    let verifier = form.get("code_verifier").unwrap_or_default();
    let terms = terms(world);
    let digest = Digest::of(text);
    let mut ledger = world.ledger();
    let code = ledger.codes.get(&digest);
    let code = code
        .filter(|code| code.grant.client_id == client.id)
        .ok_or(OAuthError::invalid_grant("unknown code"))?;
    if let Some(family) = code.family {
        ledger.revoke_family(family);
        return Err(OAuthError::invalid_grant(
            "the code was used before; its tokens are revoked",
        ));
    }
    if code.expires_at <= terms.now {
        return Err(OAuthError::invalid_grant("the code has expired"));
    }
    if form.get("redirect_uri") != Some(&code.redirect_uri) {
        return Err(OAuthError::invalid_grant(
            "not the redirect URI of the authorization request",
        ));
    }
    if !same(&Digest::of(verifier).code_challenge(), &code.challenge) {
        return Err(OAuthError::invalid_grant("the code verifier does not fit"));
    }
    resource::unchanged(world, form, &code.grant.resource)?;
    if code.grant.key.is_some() && code.grant.key.as_deref() != key {
        return Err(OAuthError::invalid_grant("not the key the code is bound to"));
    }
    let grant = Grant {
        key: key.map(str::to_owned),
        ..code.grant.clone()
    };
    let family = ledger.open_family(grant);
    if let Some(code) = ledger.codes.get_mut(&digest) {
        code.family = Some(family);
    }
    Ok(ledger.issue(family, terms, refreshable(client)))
}

fn refresh(
    world: &World,
    incoming: &Incoming,
    client: &Client,
    key: Option<&str>,
) -> Result<Issued, OAuthError> {
    let form = &incoming.form;
    let token = form.get("refresh_token");
    let token = token.ok_or(OAuthError::invalid_request("refresh_token is missing"))?;
    let terms = terms(world);
    let mut ledger = world.ledger();
    let family = ledger.refreshable(token, &client.id, terms).map_err(|refusal| {
        OAuthError::invalid_grant(match refusal {
            RefreshRefusal::Unknown => "unknown refresh token",
            RefreshRefusal::Revoked => "the grant was revoked",
            RefreshRefusal::Reused => "the refresh token was used before; the grant is revoked",
        })
    })?;
    let grant = ledger.grant(family);
    if grant.key.is_some() && grant.key.as_deref() != key {
        return Err(OAuthError::new(
            "invalid_dpop_proof",
            "not the key the refresh token is bound to",
        ));
    }
    resource::unchanged(world, form, &grant.resource)?;
    let scope = form
        .get("scope")
        .map_or_else(|| grant.scope.clone(), Scope::parse);
    if !scope.within(&grant.scope) {
        return Err(OAuthError::new("invalid_scope", "more than was granted"));
    }
    Ok(ledger.refresh(token, scope, terms))
}

fn on_its_own(
    world: &World,
    incoming: &Incoming,
    client: &Client,
    key: Option<&str>,
) -> Result<Issued, OAuthError> {
    if client.auth_method == "none" {
        return Err(OAuthError::new(
            "unauthorized_client",
            "only for confidential clients",
        ));
    }
    let grant = Grant {
        client_id: client.id.clone(),
        account: None,
        scope: requested_scope(world, incoming.form.get("scope"), client)?,
        resource: resource::requested(world, &incoming.form)?,
        key: key.map(str::to_owned),
    };
    let terms = terms(world);
    let mut ledger = world.ledger();
    let family = ledger.open_family(grant);
    Ok(ledger.issue(family, terms, Refreshable::No))
}

fn success(world: &World, incoming: &Incoming, issued: &Issued) -> Response {
    let edits = world.faults.take_all(&incoming.call, |fault| match fault {
        Fault::TokenReply(name, value) => Some((*name, value.clone())),
        _ => None,
    });
    let document = edited(document(world, issued), edits);
    let as_form = world.fault(incoming, |fault| {
        matches!(fault, Fault::FormEncoded).then_some(())
    });
    if as_form.is_some() {
        return reply::reply(200, "application/x-www-form-urlencoded", form(&document));
    }
    reply::json(200, &document)
}

fn document(world: &World, issued: &Issued) -> Value {
    let mut document = json!({
        "access_token": issued.access_token,
        "token_type": if issued.bound { "DPoP" } else { "Bearer" },
        "expires_in": issued.lifetime.as_secs(),
        "scope": issued.scope.to_string(),
    });
    if let Some(token) = &issued.refresh_token {
        document["refresh_token"] = json!(token);
    }
    if let Some(account) = &issued.account {
        // As Notion tells whose token it is, without OpenID Connect.
        document["workspace_name"] = json!(account.workspace);
        document["owner"] = json!({"type": "user", "user": {"name": account.name}});
        if issued.scope.has("openid") {
            document["id_token"] = json!(id_token(world, issued));
        }
    }
    for (name, value) in &world.options().tokens.extras {
        document[name] = value.clone();
    }
    document
}

/// An unsigned ID token, good for the token endpoint's own channel only (OpenID Connect Core §2, `alg` none).
fn id_token(world: &World, issued: &Issued) -> String {
    let now = world.now();
    let account = issued.account.as_ref();
    let claims = json!({
        "iss": world.issuer(),
        "aud": issued.client_id,
        "sub": account.map(|account| &account.subject),
        "name": account.map(|account| &account.name),
        "email": account.map(|account| &account.email),
        "iat": epoch_seconds(now),
        "exp": epoch_seconds(now + issued.lifetime),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.",
        part(&json!({"alg": "none", "typ": "JWT"})),
        part(&claims)
    )
}

fn form(document: &Value) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in document.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form.append_pair(name, &text);
    }
    form.finish()
}

/// The error, with the challenge that RFC 6749 §5.2 demands after a failed `Authorization` field.
pub(crate) fn failure(incoming: &Incoming, error: OAuthError) -> Response {
    let response = error.response();
    if error.code == "invalid_client" && incoming.headers.contains_key(header::AUTHORIZATION) {
        return with_header(response, &header::WWW_AUTHENTICATE, "Basic realm=\"oMLX Demo\"");
    }
    response
}

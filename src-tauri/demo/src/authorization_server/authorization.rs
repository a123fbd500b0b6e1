//! The authorization endpoint (RFC 6749 §4.1.1, RFC 7636, RFC 8707, RFC 9207).
//!
//! A request whose client or redirect URI is wrong is answered with a page and goes nowhere (RFC 6749 §4.1.2.1).

use std::sync::Arc;

use axum::response::Response;
use http::header;

use super::{
    client::Client,
    consent,
    ledger::{Code, Grant},
    page, resource,
};
use crate::{
    fault::{Fault, WrongIss},
    incoming::Incoming,
    options::{Account, Consent, DpopBinding},
    reply::{OAuthError, empty, with_header},
    scope::Scope,
    secret::{Digest, Kind, mint},
    world::World,
};

/// A request that can be agreed to.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) back: Back,
    pub(crate) client: Client,
    pub(crate) scope: Scope,
    pub(crate) resource: String,
    challenge: String,
    /// The key that the code is to be bound to (RFC 9449 §10).
    key: Option<String>,
}

/// Where the answer goes.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    pub(crate) redirect_uri: String,
    state: Option<String>,
}

enum Refusal {
    Page(&'static str),
    Back(Back, OAuthError),
}

/// `GET /authorize`
pub(crate) fn begin(world: &Arc<World>, incoming: &Incoming) -> Response {
    let request = match checked(world, incoming) {
        Ok(request) => request,
        Err(Refusal::Page(sentence)) => return page::problem(400, sentence),
        Err(Refusal::Back(back, error)) => return refuse(world, incoming, &back, error),
    };
    if let Some(code) = world.fault(incoming, |fault| match fault {
        Fault::AuthorizationError(code) => Some(code.clone()),
        _ => None,
    }) {
        return request.back.answer(world, incoming, &[("error", &code)]);
    }
    let policy = world.options().consent;
    match policy {
        Consent::Ask => consent::ask(world, request),
        Consent::Deny => deny(world, incoming, &request),
        Consent::Grant => {
            let account = hinted(world, incoming);
            grant(world, incoming, request, account)
        }
    }
}

fn checked(world: &World, incoming: &Incoming) -> Result<AuthorizationRequest, Refusal> {
    let query = &incoming.query;
    if query.repeated().is_some() {
        return Err(Refusal::Page("A parameter is there twice."));
    }
    let client = query.get("client_id").and_then(|id| Client::find(world, id));
    let client = client.ok_or(Refusal::Page("This client is not known here."))?;
    let policy = world.options().registration.clone();
    let redirect_uri = query
        .get("redirect_uri")
        .filter(|uri| client.redirects_to(uri, &policy))
        .ok_or(Refusal::Page(
            "This redirect URI is not registered for this client.",
        ))?;
    let back = Back {
        redirect_uri: redirect_uri.to_owned(),
        state: query.get("state").map(str::to_owned),
    };
    match protocol(world, incoming, &client) {
        Ok((scope, resource, challenge)) => Ok(AuthorizationRequest {
            back,
            client,
            scope,
            resource,
            challenge,
            key: bound_to(world, incoming),
        }),
        Err(error) => Err(Refusal::Back(back, error)),
    }
}

fn protocol(
    world: &World,
    incoming: &Incoming,
    client: &Client,
) -> Result<(Scope, String, String), OAuthError> {
    let query = &incoming.query;
    match query.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(OAuthError::new("unsupported_response_type", "only code")),
        None => return Err(OAuthError::invalid_request("response_type is missing")),
    }
    if !client.may_use("authorization_code") {
        return Err(OAuthError::new("unauthorized_client", "not registered for codes"));
    }
    if query.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
    }
    let challenge = query.get("code_challenge").filter(|text| is_challenge(text));
    let challenge = challenge.ok_or(OAuthError::invalid_request("no S256 code_challenge"))?;
    let scope = requested_scope(world, query.get("scope"), client)?;
    Ok((scope, resource::requested(world, query)?, challenge.to_owned()))
}

/// The key the client will prove (RFC 9449 §10), where keys mean something.
fn bound_to(world: &World, incoming: &Incoming) -> Option<String> {
    let key = incoming.query.get("dpop_jkt")?;
    (world.options().dpop.binding != DpopBinding::Off).then(|| key.to_owned())
}

/// What base64url makes of 32 bytes (RFC 7636 §4.2).
fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The scope asked for, or the base scope (RFC 6749 §3.3).
pub(crate) fn requested_scope(
    world: &World,
    asked: Option<&str>,
    client: &Client,
) -> Result<Scope, OAuthError> {
    let options = world.options();
    let asked = asked.map(Scope::parse).filter(|scope| !scope.is_empty());
    let scope = asked.unwrap_or_else(|| options.tokens.base_scope.clone());
    let beyond = options.registration.scope_limits
        && client
            .scope
            .as_ref()
            .is_some_and(|registered| !scope.within(registered));
    if beyond || !scope.within(&options.tokens.scopes) {
        return Err(OAuthError::new(
            "invalid_scope",
            "a scope is unknown or was not registered",
        ));
    }
    Ok(scope)
}

/// The account named by `login_hint`, or the first one.
fn hinted(world: &World, incoming: &Incoming) -> Option<Account> {
    let hint = incoming.query.get("login_hint").unwrap_or_default();
    let options = world.options();
    let named = options
        .accounts
        .iter()
        .find(|account| account.email == hint || account.subject == hint);
    named.or(options.accounts.first()).cloned()
}

/// Someone agreed: the code, sent back.
pub(crate) fn grant(
    world: &Arc<World>,
    incoming: &Incoming,
    request: AuthorizationRequest,
    account: Option<Account>,
) -> Response {
    let code = mint(Kind::Code);
    let (lifetime, only) = {
        let tokens = &world.options().tokens;
        (tokens.code_lifetime, tokens.grant_only.clone())
    };
    let scope = only.map_or_else(|| request.scope.clone(), |only| request.scope.only(&only));
    let record = Code {
        grant: Grant {
            client_id: request.client.id,
            account,
            scope,
            resource: request.resource,
            key: request.key,
        },
        redirect_uri: request.back.redirect_uri.clone(),
        challenge: request.challenge,
        expires_at: world.now() + lifetime,
        family: None,
    };
    world.ledger().codes.insert(Digest::of(&code), record);
    request.back.answer(world, incoming, &[("code", &code)])
}

/// Someone did not agree.
pub(crate) fn deny(world: &Arc<World>, incoming: &Incoming, request: &AuthorizationRequest) -> Response {
    let error = OAuthError::new("access_denied", "the user did not agree");
    refuse(world, incoming, &request.back, error)
}

fn refuse(world: &World, incoming: &Incoming, back: &Back, error: OAuthError) -> Response {
    let parameters = [("error", error.code), ("error_description", error.description)];
    back.answer(world, incoming, &parameters)
}

impl Back {
    fn answer(&self, world: &World, incoming: &Incoming, parameters: &[(&str, &str)]) -> Response {
        let state = world
            .fault(incoming, |fault| match fault {
                Fault::State(state) => Some(state.clone()),
                _ => None,
            })
            .unwrap_or_else(|| self.state.clone());
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .extend_pairs(state.map(|state| ("state", state)))
            .extend_pairs(iss(world, incoming).map(|iss| ("iss", iss)))
            .finish();
        let joint = if self.redirect_uri.contains('?') { '&' } else { '?' };
        let target = format!("{}{joint}{query}", self.redirect_uri);
        let response = with_header(empty(303), &header::LOCATION, &target);
        with_header(response, &header::CACHE_CONTROL, "no-store")
    }
}

/// The issuer as a parameter (RFC 9207 §2), or what a fault made of it.
fn iss(world: &World, incoming: &Incoming) -> Option<String> {
    let issuer = world.issuer();
    match world.fault(incoming, |fault| match fault {
        Fault::Iss(wrong) => Some(*wrong),
        _ => None,
    }) {
        None => Some(issuer),
        Some(WrongIss::Missing) => None,
        Some(WrongIss::Foreign) => Some("https://attacker.example.com".to_owned()),
        Some(WrongIss::Normalised) => Some(match issuer.strip_suffix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("{issuer}/"),
        }),
    }
}

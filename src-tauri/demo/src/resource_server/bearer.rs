//! Access tokens, bearer (RFC 6750) or bound to a key (RFC 9449), and the challenges that ask for them.

use std::sync::Arc;

use axum::response::Response;
use http::header;

use super::{Face, resource_metadata};
use crate::{
    fault::Fault,
    incoming::Incoming,
    options::{Account, DpopBinding, Protection},
    proof::{self, Unproven},
    reply::{OAuthError, empty, text, with_header},
    scope::Scope,
    secret,
    world::World,
};

/// Who sent a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The client the token was issued to; none without a token.
    pub(crate) client_id: Option<String>,
    /// The person; none for clients acting on their own.
    pub(crate) account: Option<Account>,
    pub(crate) scope: Scope,
    /// Whether scopes count at all.
    pub(crate) scoped: bool,
}

impl Caller {
    /// Something to tell two callers apart by.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.account
            .as_ref()
            .map(|account| account.subject.as_str())
            .or(self.client_id.as_deref())
    }

    /// Whether this caller may do what needs `word`.
    pub(crate) fn may(&self, word: &str) -> bool {
        !self.scoped || self.scope.has(word)
    }
}

/// Lets a request in, or says what it is missing.
pub(crate) fn admit(world: &Arc<World>, incoming: &Incoming, face: Face) -> Result<Caller, Box<Response>> {
    let protection = world.options().protection.clone();
    match protection {
        Protection::Open => Ok(Caller::default()),
        Protection::ToolCalls if incoming.call.rpc_method.as_deref() != Some("tools/call") => {
            Ok(Caller::default())
        }
        Protection::Header { name, value } => match incoming.header(&name) {
            Some(sent) if secret::same(sent, &value) => Ok(Caller::default()),
            _ => Err(Box::new(empty(401))),
        },
        Protection::OAuth | Protection::ToolCalls => with_token(world, incoming, face),
    }
}

fn with_token(world: &Arc<World>, incoming: &Incoming, face: Face) -> Result<Caller, Box<Response>> {
    if incoming.query.get("access_token").is_some() {
        return Err(Box::new(text(
            400,
            "a token in the query is refused (RFC 9700 §4.3.2)",
        )));
    }
    let refused = |error| Box::new(unauthorized(world, incoming, face, error));
    let presented =
        presented(world, incoming).map_err(|unproven| refused(Some(OAuthError::from(unproven).code)))?;
    let presented = presented.ok_or_else(|| refused(None))?;
    let caller = caller(world, incoming, face, &presented).ok_or_else(|| refused(Some("invalid_token")))?;
    let base = world.authority().options().tokens.base_scope.clone();
    if !base.within(&caller.scope) {
        return Err(Box::new(insufficient_scope(world, face, &base)));
    }
    match world.fault(incoming, refusal) {
        Some(Fault::InsufficientScope(scope)) => {
            Err(Box::new(insufficient_scope(world, face, &Scope::parse(&scope))))
        }
        Some(_) => Err(Box::new(text(403, "forbidden"))),
        None => Ok(caller),
    }
}

fn refusal(fault: &Fault) -> Option<Fault> {
    matches!(fault, Fault::Forbidden | Fault::InsufficientScope(_)).then(|| fault.clone())
}

/// A token as it came, and the key that came with it.
pub(crate) struct Presented<'a> {
    pub(crate) token: &'a str,
    /// The thumbprint; none for a bearer token.
    pub(crate) key: Option<String>,
}

/// The token of a `Bearer` or `DPoP` credential; the scheme's case does not count (RFC 9110 §11.1).
pub(crate) fn presented<'a>(
    world: &World,
    incoming: &'a Incoming,
) -> Result<Option<Presented<'a>>, Unproven> {
    let Some((scheme, token)) = credential(incoming) else {
        return Ok(None);
    };
    let key = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => None,
        "dpop" => {
            let key = proof::key(world, incoming, Some(token))?;
            Some(key.ok_or(Unproven::Invalid("a proof is missing"))?)
        }
        _ => return Ok(None),
    };
    Ok(Some(Presented { token, key }))
}

/// Scheme and token.
fn credential(incoming: &Incoming) -> Option<(&str, &str)> {
    let (scheme, token) = incoming.header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
    Some((scheme, token.trim()))
}

/// The token of a `Bearer` credential; the scheme's case does not count (RFC 9110 §11.1).
pub(crate) fn bearer(incoming: &Incoming) -> Option<&str> {
    let (scheme, token) = credential(incoming)?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The holder of a live token for this resource, bound to the very key that was proven, or to none.
fn caller(world: &Arc<World>, incoming: &Incoming, face: Face, presented: &Presented<'_>) -> Option<Caller> {
    let rejected = world.fault(incoming, |fault| {
        matches!(fault, Fault::RejectToken).then_some(())
    });
    if rejected.is_some() {
        return None;
    }
    let authority = world.authority();
    let now = authority.now();
    let ledger = authority.ledger();
    let (access, grant) = ledger.live_access(presented.token, now)?;
    let ours = grant.resource == face.resource(world) && grant.key == presented.key;
    ours.then(|| Caller {
        client_id: Some(grant.client_id.clone()),
        account: grant.account.clone(),
        scope: access.scope.clone(),
        scoped: true,
    })
}

fn unauthorized(
    world: &Arc<World>,
    incoming: &Incoming,
    face: Face,
    error: Option<&'static str>,
) -> Response {
    let spoilt = world.fault(incoming, |fault| match fault {
        Fault::NoChallenge => Some(Vec::new()),
        Fault::Challenges(fields) => Some(fields.clone()),
        _ => None,
    });
    let scope = world.options().discovery.challenge_scope.clone();
    let fields = spoilt.unwrap_or_else(|| challenges(world, face, error, scope.as_ref()));
    fields.iter().fold(text(401, "unauthorized"), |response, field| {
        with_header(response, &header::WWW_AUTHENTICATE, field)
    })
}

/// 403 with the scope that is missing (RFC 6750 §3.1).
pub(crate) fn insufficient_scope(world: &Arc<World>, face: Face, scope: &Scope) -> Response {
    let fields = challenges(world, face, Some("insufficient_scope"), Some(scope));
    let refusal = text(403, "more scope is needed");
    fields.iter().fold(refusal, |response, field| {
        with_header(response, &header::WWW_AUTHENTICATE, field)
    })
}

/// One for each way to present a token (RFC 6750 §3, RFC 9449 §7.1).
fn challenges(world: &Arc<World>, face: Face, error: Option<&str>, scope: Option<&Scope>) -> Vec<String> {
    let parameters = parameters(world, face, error, scope);
    let bearer = match parameters.as_str() {
        "" => "Bearer realm=\"oMLX Demo\"".to_owned(),
        parameters => format!("Bearer {parameters}"),
    };
    let comma = if parameters.is_empty() { "" } else { ", " };
    let dpop = format!("DPoP algs=\"{}\"{comma}{parameters}", proof::ES256);
    match world.options().dpop.binding {
        DpopBinding::Off => vec![bearer],
        DpopBinding::Offered => vec![bearer, dpop],
        DpopBinding::Required => vec![dpop],
    }
}

fn parameters(world: &Arc<World>, face: Face, error: Option<&str>, scope: Option<&Scope>) -> String {
    let metadata = resource_metadata::path(world, face)
        .filter(|_| world.options().discovery.challenge_names_it)
        .map(|path| world.url(&path));
    let parameters = [
        ("error", error.map(str::to_owned)),
        ("scope", scope.map(ToString::to_string)),
        ("resource_metadata", metadata),
    ];
    let shown: Vec<_> = parameters
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}=\"{}\"", value?)))
        .collect();
    shown.join(", ")
}

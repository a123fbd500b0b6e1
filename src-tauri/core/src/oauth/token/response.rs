//! Reading what token endpoints really send.
//!
//! RFC 6749 §5.1 wants JSON with HTTP 200, and §5.2 JSON with HTTP 400. Seen in the field and read here: forms, JSON
//! labelled as text, numbers as strings, scopes as arrays or with commas, errors with HTTP 200 or inside an object, no
//! `token_type`. What is not an answer of a token endpoint at all (HTML, an empty body) is said to be so, and is never
//! taken for a rejection.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use oauth2::{AccessToken, RefreshToken};
use serde_json::{Map, Value};

use super::{TokenError, TokenResponse};
use crate::oauth::{
    grant::{IdToken, TokenType},
    http::HttpResponse,
    identity::Identity,
    scope::Scopes,
    server_text,
};

/// The longest token accepted, in bytes; header fields end at about this size.
const MAX_TOKEN: usize = 32 * 1024;

/// A lifetime beyond this is taken for "for ever"; ten years.
const MAX_LIFETIME: f64 = 10.0 * 365.0 * 86_400.0;

/// The longest `Retry-After` obeyed; a day.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Codes that speak of the server's state and not of the grant, whatever the HTTP status.
const BUSY: &[&str] = &[
    "temporarily_unavailable",
    "server_error",
    "slow_down",
    "rate_limited",
    "ratelimited",
    "rate_limit_exceeded",
    "too_many_requests",
    "internal_error",
    "internal_server_error",
];

/// Codes that refuse the client: RFC 6749 §5.2's own, and what GitHub, Slack and others say instead.
const CLIENT: &[&str] = &[
    "invalid_client",
    "unauthorized_client",
    "invalid_client_id",
    "unknown_client",
    "client_not_found",
    "bad_client_id",
    "bad_client_secret",
    "invalid_client_credentials",
    "incorrect_client_credentials",
];

/// What one answer of a token endpoint says.
pub(super) fn read(response: &HttpResponse, now: Timestamp) -> Result<TokenResponse, TokenError> {
    let status = response.status;
    let fields = fields(&response.body);
    if is_busy(status) {
        return Err(unavailable(response, now));
    }
    let Some(mut fields) = fields else {
        return Err(unreadable(status, "with neither JSON nor a form"));
    };
    if status.is_success()
        && let Some(token) = access_token(&mut fields)
    {
        return accepted(&token?, &fields, status);
    }
    match error_code(&fields) {
        Some(code) if BUSY.contains(&code.as_str()) => Err(unavailable(response, now)),
        Some(code) => Err(refusal(code, &fields)),
        None if status.is_success() => Err(unreadable(status, "without an access token")),
        None => Err(unreadable(status, "without an OAuth error code")),
    }
}

fn unreadable(status: StatusCode, reason: &'static str) -> TokenError {
    TokenError::Unreadable {
        status: status.as_u16(),
        reason,
    }
}

/// 408, 425 and 429 ask for patience; 5xx is the server's own trouble, whatever the body says.
fn is_busy(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

fn unavailable(response: &HttpResponse, now: Timestamp) -> TokenError {
    TokenError::Unavailable {
        status: response.status.as_u16(),
        retry_after: retry_after(&response.headers, now),
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::try_from(http_date(text)?.duration_since(now)).ok()?,
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(at)
}

fn refusal(code: String, fields: &Map<String, Value>) -> TokenError {
    let description = description(fields);
    if CLIENT.contains(&code.as_str()) {
        TokenError::InvalidClient { code, description }
    } else {
        TokenError::Rejected { code, description }
    }
}

/// The parameters of a JSON object or a form, whatever the media type says.
fn fields(body: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(body)
        .ok()?
        .trim_start_matches('\u{feff}')
        .trim();
    if text.starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let form: Map<String, Value> = url::form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    let known = |name: &str| form.contains_key(name);
    (known("access_token") || known("error")).then_some(form)
}

fn accepted(
    token: &str,
    fields: &Map<String, Value>,
    status: StatusCode,
) -> Result<TokenResponse, TokenError> {
    let token_type =
        token_type(fields).ok_or_else(|| unreadable(status, "with a token type nobody knows"))?;
    Ok(TokenResponse {
        access_token: AccessToken::new(token.to_owned()),
        token_type,
        refresh_token: secret(fields, "refresh_token").map(RefreshToken::new),
        id_token: secret(fields, "id_token").map(IdToken::new),
        expires_in: fields.get("expires_in").and_then(lifetime),
        scope: fields.get("scope").and_then(scope),
        identity: Identity::from_token_response(fields),
    })
}

/// The access token, wherever it stands; an error when it could not be sent in a header field.
///
/// Slack answers a user's sign-in with the token inside `authed_user`; that object then takes the response's place.
fn access_token(fields: &mut Map<String, Value>) -> Option<Result<String, TokenError>> {
    if secret(fields, "access_token").is_none()
        && let Some(Value::Object(user)) = fields.get("authed_user").cloned()
    {
        fields.extend(user);
    }
    let token = text(fields, "access_token")?;
    let sendable = token.len() <= MAX_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    Some(if sendable {
        Ok(token.to_owned())
    } else {
        Err(unreadable(
            StatusCode::OK,
            "with an access token that cannot be sent",
        ))
    })
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = fields.get(name)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

fn secret(fields: &Map<String, Value>, name: &str) -> Option<String> {
    text(fields, name)
        .filter(|token| token.len() <= MAX_TOKEN && !token.contains(char::is_control))
        .map(str::to_owned)
}

/// RFC 6749 §7.1: compared without case. Names that providers made up for bearer tokens (`user`, `bot`, `token` …) are
/// read as bearer; types that need a proof we do not make are refused.
fn token_type(fields: &Map<String, Value>) -> Option<TokenType> {
    match text(fields, "token_type")
        .unwrap_or("bearer")
        .to_ascii_lowercase()
        .as_str()
    {
        "dpop" => Some(TokenType::Dpop),
        "mac" | "pop" | "n_a" => None,
        _ => Some(TokenType::Bearer),
    }
}

/// A positive number of seconds; nothing else means that the token ends.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    (seconds > 0.0 && seconds <= MAX_LIFETIME)
        .then(|| Duration::try_from_secs_f64(seconds).ok())
        .flatten()
}

/// A space-delimited text, an array, or a text with commas (GitHub, Slack).
fn scope(value: &Value) -> Option<Scopes> {
    let scopes: Scopes = match value {
        Value::String(text) if text.trim().contains(char::is_whitespace) => Scopes::parse(text),
        Value::String(text) => text.split(',').map(str::trim).collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    (!scopes.is_empty()).then_some(scopes)
}

/// `error`, or what stands in its place.
fn error_code(fields: &Map<String, Value>) -> Option<String> {
    let code = match fields.get("error") {
        Some(Value::Object(error)) => ["code", "error", "type", "status"]
            .into_iter()
            .find_map(|name| text(error, name)),
        Some(Value::String(_)) => text(fields, "error"),
        _ => ["code", "error_code", "errorCode"]
            .into_iter()
            .find_map(|name| text(fields, name)),
    }?;
    server_text::code(code)
}

fn description(fields: &Map<String, Value>) -> Option<String> {
    let nested = fields.get("error").and_then(Value::as_object);
    let inner = nested.and_then(|error| text(error, "message").or_else(|| text(error, "description")));
    ["error_description", "error_message", "message"]
        .into_iter()
        .find_map(|name| text(fields, name))
        .or(inner)
        .and_then(server_text::sentence)
}

//! Replies, and the header fields that every one of them needs.

use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A reply with a body of this media type, never to be stored (RFC 6749 §5.1).
pub(crate) fn reply(status: u16, content_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let with_type = with_header(response, &header::CONTENT_TYPE, content_type);
    with_header(with_type, &header::CACHE_CONTROL, "no-store")
}

/// A JSON document.
pub(crate) fn json(status: u16, document: &Value) -> Response {
    reply(status, "application/json", document.to_string())
}

/// A sentence.
pub(crate) fn text(status: u16, sentence: &'static str) -> Response {
    reply(status, "text/plain; charset=utf-8", sentence)
}

/// A status and nothing else.
pub(crate) fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// The method does not exist here (RFC 9110 §15.5.6).
pub(crate) fn method_not_allowed(allow: &'static str) -> Response {
    with_header(empty(405), &header::ALLOW, allow)
}

/// The same reply with one more header field; a value that no field can hold is left out.
pub(crate) fn with_header(mut response: Response, name: &HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
    response
}

/// An OAuth error (RFC 6749 §5.2): a code, and a sentence for the developer of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) code: &'static str,
    pub(crate) description: &'static str,
}

impl OAuthError {
    pub(crate) const fn new(code: &'static str, description: &'static str) -> Self {
        Self { code, description }
    }

    pub(crate) const fn invalid_request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }

    pub(crate) const fn invalid_grant(description: &'static str) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(crate) const fn invalid_client(description: &'static str) -> Self {
        Self::new("invalid_client", description)
    }

    /// The error as a reply of the token endpoint and its like.
    pub(crate) fn response(self) -> Response {
        let status = if self.code == "invalid_client" { 401 } else { 400 };
        json(
            status,
            &json!({"error": self.code, "error_description": self.description}),
        )
    }
}

//! What comes back over HTTP, as far as it is no stream that is passed on: what it claims to be, and what it comes to.

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use omlx_mcp::connection::fault::HttpFault;
use serde_json::value::RawValue;

use super::fault::Unanswered;
use crate::{
    events::{Part, Splitter},
    message::{Kind, Message},
    outlet::OutletError,
};

/// The largest answer to a handshake, in bytes.
pub(super) const MAX_HANDSHAKE: usize = 4 * 1024 * 1024;

/// A body of at most `limit` bytes.
pub(crate) async fn collected(mut response: reqwest::Response, limit: usize) -> Result<Bytes, Unanswered> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Unanswered::BrokenOff)? {
        if body.len() + chunk.len() > limit {
            return Err(Unanswered::Outlet(OutletError::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The first answer on a stream; what the server says before it is nothing a client waits for during a handshake.
pub(super) async fn first_answer(mut response: reqwest::Response) -> Result<Bytes, Unanswered> {
    let (mut splitter, mut message) = (Splitter::default(), BytesMut::new());
    while let Some(chunk) = response.chunk().await.map_err(|_| Unanswered::BrokenOff)? {
        let mut parts = Vec::new();
        splitter.push(&chunk, &mut parts);
        for part in parts {
            match part {
                Part::Data(bytes) if message.len() + bytes.len() <= MAX_HANDSHAKE => {
                    message.extend_from_slice(bytes);
                }
                Part::Data(_) => return Err(Unanswered::Outlet(OutletError::TooLarge)),
                Part::End => {
                    let text = message.split().freeze();
                    if Message::peek(&text).is_ok_and(|seen| seen.kind() == Some(Kind::Response)) {
                        return Ok(text);
                    }
                }
                _ => {}
            }
        }
    }
    Err(Unanswered::BrokenOff)
}

/// What a body claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Events,
    Other,
}

/// Reads `Content-Type`.
pub(crate) fn media(response: &reqwest::Response) -> Media {
    let value = response.headers().get(header::CONTENT_TYPE);
    let essence = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim();
    let is = |kind: &str| essence.eq_ignore_ascii_case(kind);
    let ends_in_json = || {
        let suffix = essence.len().checked_sub(5).and_then(|at| essence.get(at..));
        suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    };
    if is("text/event-stream") {
        Media::Events
    } else if is("application/json") || ends_in_json() {
        Media::Json
    } else {
        Media::Other
    }
}

/// A status that says nothing of the request, but that the server is not up to any.
pub(crate) fn is_trouble(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// Why a response without a message is no answer.
pub(crate) fn unexpected(response: &reqwest::Response) -> Unanswered {
    let status = response.status();
    let host = response.url().host_str().unwrap_or_default().to_owned();
    if is_trouble(status) {
        Unanswered::Http(HttpFault::ServerError {
            host,
            status,
            retry_after: None,
        })
    } else if status.is_success() {
        Unanswered::NotUnderstood
    } else {
        Unanswered::Http(HttpFault::Status {
            host,
            status,
            detail: None,
        })
    }
}

/// The JSON-RPC error of at most `limit` bytes that comes with an error status. Other JSON is a proxy's, and the status is
/// what counts.
pub(crate) async fn refusal_in(response: reqwest::Response, limit: usize) -> Result<Bytes, Unanswered> {
    let fault = unexpected(&response);
    let body = collected(response, limit).await?;
    match refusal_of(&body) {
        Some(_) => Ok(body),
        None => Err(fault),
    }
}

/// The same of a body that is there.
pub(super) fn refusal_of(body: &[u8]) -> Option<&RawValue> {
    let error = Message::peek(body).ok().and_then(|seen| seen.error);
    error.filter(|error| serde_json::from_str::<Refusal>(error.get()).is_ok())
}

/// An error as JSON-RPC 2.0 §5.1 has it, as far as it is looked at.
#[derive(serde::Deserialize)]
struct Refusal {
    #[serde(rename = "code")]
    _code: i64,
}

/// Whether the server may answer in another way before long.
pub(super) fn is_for_now(why: &Unanswered) -> bool {
    matches!(why, Unanswered::Http(HttpFault::ServerError { .. }))
}

//! Answers over HTTP.

use std::convert::Infallible;

use bytes::Bytes;
use futures::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde::Serialize;
use serde_json::json;

use crate::message;

/// A body of any kind.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// An answer of any kind.
pub(super) type Reply = Response<Body>;

/// A JSON document.
pub(super) fn json<T: Serialize>(status: StatusCode, document: &T) -> Reply {
    json_text(status, message::text(document))
}

/// JSON that is there already.
pub(super) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(whole(text.into()));
    *reply.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

/// A refusal that is not MCP's: a code, and one plain sentence.
pub(super) fn refusal(status: StatusCode, code: &str, sentence: &str) -> Reply {
    json(status, &json!({ "error": { "code": code, "message": sentence } }))
}

/// No content.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(whole(Bytes::new()));
    *reply.status_mut() = status;
    reply
}

/// A stream of events.
pub(super) fn events<S>(events: S) -> Reply
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    use futures::StreamExt;
    let frames = events.map(|event| Ok::<_, Infallible>(Frame::data(event)));
    let mut reply = Response::new(
        StreamBody::new(frames)
            .map_err(|never| match never {})
            .boxed_unsync(),
    );
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    reply
}

/// A message as an event. Line ends in JSON can only stand between its tokens, where each may begin another line of
/// data.
pub(super) fn event(message: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(message.len() + 32);
    event.extend_from_slice(b"event: message\n");
    for line in message.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if !line.is_empty() {
            event.extend_from_slice(b"data: ");
            event.extend_from_slice(line);
            event.push(b'\n');
        }
    }
    event.push(b'\n');
    event.into()
}

/// A body that is there already.
pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_many_lines_is_one_event() {
        assert_eq!(
            event(b"{\n \"a\": 1\r\n}"),
            "event: message\ndata: {\ndata:  \"a\": 1\ndata: }\n\n"
        );
    }
}

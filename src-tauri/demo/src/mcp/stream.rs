//! Event streams (the `text/event-stream` format of HTML).

use std::convert::Infallible;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinHandle};

use super::message::is_answer;
use crate::reply::reply;

/// One piece of an event stream.
pub(super) type Piece = Result<Bytes, Infallible>;

/// A message as an event.
pub(super) fn event(message: &Value) -> Bytes {
    Bytes::from(format!("event: message\ndata: {message}\n\n"))
}

/// A message as an event with an id, to resume after.
pub(super) fn event_with_id(id: &str, message: &Value) -> Bytes {
    Bytes::from(format!("id: {id}\nevent: message\ndata: {message}\n\n"))
}

/// A reply made of events.
pub(super) fn response(events: impl Stream<Item = Piece> + Send + 'static) -> Response {
    reply(200, "text/event-stream", Body::from_stream(events))
}

/// A reply that goes on until the channel closes or an answer has come through it.
pub(super) fn from_channel(receiver: UnboundedReceiver<Value>, guard: Option<Abort>) -> Response {
    let messages = stream::unfold((receiver, guard), |(mut receiver, guard)| async move {
        let message = receiver.recv().await?;
        if is_answer(&message) {
            receiver.close();
        }
        Some((Ok(event(&message)), (receiver, guard)))
    });
    response(messages.boxed())
}

/// Ends a task when its stream is dropped: closing the stream cancels the request in the stateless era.
pub(super) struct Abort(pub(super) JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

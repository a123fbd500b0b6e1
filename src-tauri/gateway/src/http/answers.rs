//! What comes for one request of a session that is kept here, over HTTP: a document where the answer comes alone and
//! soon, else a stream. A stream on which nothing is said yet says at least that it is there: some clients give up after
//! five seconds without a byte, and take their whole session for lost.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::StatusCode;
use tokio::sync::mpsc;

use super::{
    endpoint::KEEP_ALIVE,
    reply::{self, Reply},
};
use crate::message::{Kind, Message};

/// How long an answer is waited for before a stream is begun for it.
const SOON: Duration = Duration::from_secs(2);

/// A comment, which no client reads.
pub(super) const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");

/// The reply to a request, by what comes for it; `open` is kept for as long. Nothing at all is an empty stream.
pub(super) async fn reply<T>(
    (mut messages, open): (mpsc::Receiver<Bytes>, T),
    status_of: impl Fn(&[u8]) -> StatusCode,
) -> Reply
where
    T: Send + 'static,
{
    let first = match tokio::time::timeout(SOON, messages.recv()).await {
        Ok(Some(answer)) if is_response(&answer) => {
            return reply::json_text(status_of(&answer), answer);
        }
        Ok(Some(first)) => reply::event(&first),
        Ok(None) => return reply::events(stream::empty()),
        Err(_) => SIGN_OF_LIFE,
    };
    let first = stream::once(std::future::ready(first));
    reply::events(first.chain(events(messages, open)).boxed())
}

fn events<T>(messages: mpsc::Receiver<Bytes>, open: T) -> impl Stream<Item = Bytes> + Send
where
    T: Send + 'static,
{
    stream::unfold((messages, open), async |(mut messages, open)| {
        let event = match tokio::time::timeout(KEEP_ALIVE, messages.recv()).await {
            Ok(message) => reply::event(&message?),
            Err(_) => SIGN_OF_LIFE,
        };
        Some((event, (messages, open)))
    })
}

/// Whether a message is an answer.
pub(super) fn is_response(message: &[u8]) -> bool {
    Message::peek(message).is_ok_and(|seen| seen.kind() == Some(Kind::Response))
}

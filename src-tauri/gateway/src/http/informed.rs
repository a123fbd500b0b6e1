//! A stream of a server's own that is passed on: between two of its events, its client is told as well when it may see
//! other tools, because one was approved or a rule changed. The server cannot know of that.

use bytes::Bytes;
use futures::stream;
use http::header;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use omlx_mcp::handle::Server;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::watch;

use super::reply::{self, Body, Reply};
use crate::{
    events::Splitter,
    guest::Guest,
    message::{self, Message, SUBSCRIPTION_MEMBER},
};

const CHANGED: &str = "notifications/tools/list_changed";

/// What is passed on, and what is told besides.
struct Informed {
    body: Body,
    splitter: Splitter,
    note: Bytes,
    /// Nothing is told before the server has said anything.
    is_early: bool,
    is_due: bool,
    guest: Guest,
    server: Server,
    rules: watch::Receiver<u64>,
    shown: Vec<usize>,
}

/// The stream that a client listens to in a session of the server's own.
pub(super) async fn in_session(reply: Reply, told: (&Guest, &Server)) -> Reply {
    let note = message::notification(CHANGED);
    informed(reply, (note, false), told).await
}

/// The stream of a subscription (MCP 2026-07-28), if it is to hear of such changes. It begins with what the server makes
/// of it.
pub(super) async fn subscribed(
    reply: Reply,
    (id, seen): (&RawValue, &Message<'_>),
    told: (&Guest, &Server),
) -> Reply {
    let params = seen
        .params
        .and_then(|params| serde_json::from_str(params.get()).ok());
    let params: Value = params.unwrap_or_default();
    if params["notifications"]["toolsListChanged"] != true {
        return reply;
    }
    let note = json!({
        "jsonrpc": "2.0",
        "method": CHANGED,
        "params": { "_meta": { SUBSCRIPTION_MEMBER: id } },
    });
    informed(reply, (message::text(&note), true), told).await
}

async fn informed(
    reply: Reply,
    (note, is_early): (Bytes, bool),
    (guest, server): (&Guest, &Server),
) -> Reply {
    let kind = reply.headers().get(header::CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if !reply.status().is_success() || !is_stream {
        return reply;
    }
    let (mut head, body) = reply.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let rules = guest.changes();
    let informed = Informed {
        body,
        splitter: Splitter::default(),
        note: reply::event(&note),
        is_early,
        is_due: false,
        shown: guest.sees(server).await,
        guest: guest.clone(),
        server: server.clone(),
        rules,
    };
    let frames = StreamBody::new(stream::unfold(informed, Informed::next));
    Reply::from_parts(head, frames.boxed_unsync())
}

type Passed = Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>;

impl Informed {
    async fn next(mut self) -> Option<(Passed, Self)> {
        loop {
            if self.is_due && !self.is_early && self.splitter.is_between() {
                self.is_due = false;
                return Some((Ok(Frame::data(self.note.clone())), self));
            }
            tokio::select! {
                frame = self.body.frame() => {
                    let frame = frame?;
                    if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
                        self.splitter.push(data, &mut Vec::new());
                        self.is_early &= !self.splitter.is_between();
                    }
                    return Some((frame, self));
                }
                Ok(()) = self.rules.changed() => {
                    let visible = self.guest.sees(&self.server).await;
                    self.is_due |= visible != self.shown;
                    self.shown = visible;
                }
            }
        }
    }
}

//! A stream of events that is passed back: whether the answer has been said, and what is said in its place when the
//! server breaks off before, so that no client waits for ever.
//!
//! Where the server names its events, the client can take the stream up again by itself (MCP 2025-11-25,
//! "Resumability and Redelivery"), and nothing is made up.

use bytes::Bytes;
use omlx_mcp::{Explain, handle::Server};
use serde_json::value::RawValue;

use super::reply;
use crate::{
    away,
    events::{Part, Splitter},
    message::{Id, Kind, Message},
    upstream::fault::Unanswered,
};

/// How much of a message is looked at, in bytes: a longer one is an answer.
const MAX_SEEN: usize = 64 * 1024;

/// Ends an event that was cut off: a client drops one of a kind it does not know.
const CUT_OFF: &[u8] = b"\nevent: cut-off\n\n";

/// What is still owed to a client.
pub(super) struct Unfinished {
    server: Server,
    id: Id,
    method: String,
    splitter: Splitter,
    message: Vec<u8>,
    /// The answer was said, or the client can come back for it.
    settled: bool,
}

impl Unfinished {
    /// The answer to this request is owed.
    pub(super) fn of(server: &Server, (id, method): (&RawValue, &str)) -> Self {
        Self {
            server: server.clone(),
            id: Id::of(id),
            method: method.to_owned(),
            splitter: Splitter::default(),
            message: Vec::new(),
            settled: false,
        }
    }

    /// More was passed back.
    pub(super) fn said(&mut self, data: &[u8]) {
        if self.settled {
            return;
        }
        let mut parts = Vec::new();
        self.splitter.push(data, &mut parts);
        for part in parts {
            match part {
                Part::Data(bytes) => {
                    let room = (MAX_SEEN + 1).saturating_sub(self.message.len());
                    self.message.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                Part::End => self.settled |= self.answers(),
                Part::Id(id) => self.settled |= !id.is_empty(),
                Part::Kind(_) | Part::Retry(_) => {}
            }
        }
    }

    fn answers(&mut self) -> bool {
        let message = std::mem::take(&mut self.message);
        message.len() > MAX_SEEN
            || Message::peek(&message).is_ok_and(|seen| {
                seen.kind() == Some(Kind::Response) && seen.id.is_none_or(|id| Id::of(id) == self.id)
            })
    }

    /// What is said now that nothing more will come; none when nothing is owed.
    pub(super) fn ending(mut self) -> Option<Bytes> {
        if self.settled {
            return None;
        }
        if self.message.len() <= MAX_SEEN && self.answers() {
            // It lacks nothing but the blank line that ends it.
            return Some(Bytes::from_static(b"\n\n"));
        }
        let problem = Unanswered::BrokenOff.problem();
        let answer = away::failure(&self.id.raw(), &self.method, (&self.server, &problem));
        Some([CUT_OFF, &reply::event(&answer)].concat().into())
    }
}

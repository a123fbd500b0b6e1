//! The answer that is owed on a stream, and what is said in its place when the server breaks off before, so that no client
//! waits for ever.
//!
//! Where the server names its events, the client can take the stream up again by itself (MCP 2025-11-25,
//! "Resumability and Redelivery"), and nothing is made up.

use bytes::Bytes;
use omlx_mcp::{Explain, handle::Server};
use serde_json::value::RawValue;

use crate::{away, message::Id, upstream::fault::Unanswered};

/// What is still owed to a client.
pub(super) struct Unfinished {
    server: Server,
    id: Id,
    method: String,
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
            settled: false,
        }
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Nothing is owed any more.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    /// What is said now that nothing more will come; none when nothing is owed.
    pub(super) fn broken_off(&mut self) -> Option<Bytes> {
        if std::mem::replace(&mut self.settled, true) {
            return None;
        }
        let problem = Unanswered::BrokenOff.problem();
        Some(away::failure(
            &self.id.raw(),
            &self.method,
            (&self.server, &problem),
        ))
    }
}

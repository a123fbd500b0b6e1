//! The ways messages go to a server and come back, one for each way a server is reached. Nothing here parses what it
//! passes on further than its kind, its method and its id.

mod body;
pub(crate) mod fault;
pub(crate) mod http;
pub(crate) mod legacy;
pub(crate) mod parameters;
pub(crate) mod program;
pub(crate) mod waiting;

use std::sync::Arc;

use bytes::Bytes;
use omlx_mcp::connection::{Era, Link};
use serde_json::{json, value::RawValue};

use self::{fault::Unanswered, http::HttpWire, legacy::LegacyWire, program::ProgramWire};
use crate::{
    eras::OlderClient,
    message::{self, Id},
};

/// One client's side of a server, by the transport; cheap to clone.
#[derive(Clone)]
pub(crate) enum Upstream {
    Http(Arc<HttpWire>),
    Legacy(Arc<LegacyWire>),
    Program(Arc<ProgramWire>),
    /// Streamable HTTP, for a client of the other era.
    Older(Arc<OlderClient>),
}

impl Upstream {
    /// Streamable HTTP, if that is what is below.
    pub(crate) fn http(&self) -> Option<Arc<HttpWire>> {
        match self {
            Self::Http(wire) => Some(Arc::clone(wire)),
            Self::Older(client) => Some(Arc::clone(client.wire())),
            Self::Legacy(_) | Self::Program(_) => None,
        }
    }

    /// Goes another way from now on, where that is what has changed.
    pub(crate) fn go_by(&self, link: &Link) {
        if let (Some(wire), Link::Http { http, .. }) = (self.http(), link) {
            wire.go_by(http.clone());
        }
    }

    /// Passes on a handshake of the session era; its answer.
    pub(crate) async fn initialize(&self, text: Bytes, id: &RawValue) -> Result<Bytes, Unanswered> {
        match self {
            Self::Http(wire) => wire.initialize(text).await,
            Self::Legacy(wire) => wire.ask(text, (Id::of(id), "initialize".to_owned())).await,
            Self::Program(wire) => wire.ask(&text, Id::of(id)).await,
            // Whoever greets again is asked for again by whom the first greeting was.
            Self::Older(client) => client.wire().initialize(text).await,
        }
    }

    /// Passes on what awaits no answer.
    pub(crate) async fn tell(&self, text: Bytes) -> Result<(), Unanswered> {
        match self {
            Self::Http(wire) => wire.tell(text).await,
            Self::Legacy(wire) => wire.tell(text).await,
            Self::Program(wire) => wire.tell(&text).await,
            Self::Older(client) => {
                client.tell(&text);
                Ok(())
            }
        }
    }

    /// Tells the server that nobody waits for these any more; where it has no sessions, the end of a request says it.
    pub(crate) async fn cancel(&self, ids: &[Id]) {
        let hears = match self {
            Self::Http(wire) => wire.session() != http::Session::default(),
            Self::Legacy(_) | Self::Program(_) => true,
            Self::Older(_) => false,
        };
        for id in ids.iter().filter(|_| hears) {
            // A server that cannot be told has nothing to stop.
            let _ = self.tell(cancelled(id)).await;
        }
    }

    /// Ends the session, or the program, where there is one; a stream ends with the last who holds it.
    pub(crate) async fn end(&self) {
        match self {
            Self::Http(wire) => wire.end().await,
            Self::Older(client) => client.end(),
            Self::Program(wire) => wire.end().await,
            Self::Legacy(_) => {}
        }
    }

    /// Whether it still leads to where the link does.
    pub(crate) fn fits(&self, link: &Link) -> bool {
        match (self, link) {
            (Self::Http(_) | Self::Older(_), Link::Http { era, .. }) => *era != Era::LegacySse,
            (Self::Legacy(wire), Link::Http { era, .. }) => *era == Era::LegacySse && !wire.is_over(),
            (Self::Program(wire), Link::Program) => !wire.is_over(),
            _ => false,
        }
    }
}

fn cancelled(id: &Id) -> Bytes {
    message::text(&json!({
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": { "requestId": id.raw(), "reason": "the client is gone" },
    }))
}

//! What a client uses in one place, and what its messages go to there: one server, or all of them as one.

use std::time::Duration;

use bytes::Bytes;
use omlx_mcp::{
    ServerId,
    handle::{Handle, Server},
};

use crate::{guest::Guest, merged::Merged, message::Id, outlet::Outlet, relay::Relay};

/// What is lent in one place.
#[derive(Clone)]
pub(crate) enum Offer {
    /// `/servers/{name}/mcp`, or a bridge.
    One(Server),
    /// `/mcp`.
    All(Handle),
}

/// Where one client's messages of the session era go; cheap to clone.
#[derive(Clone)]
pub(crate) enum Behind {
    One(Relay),
    All(Merged),
}

impl Offer {
    /// Begins to take messages; what is said goes to `out`.
    pub(crate) fn open(&self, out: Outlet, guest: Guest) -> Behind {
        match self {
            Self::One(server) => Behind::One(Relay::new(server.clone(), (out, guest))),
            Self::All(handle) => Behind::All(Merged::new(handle.clone(), (out, guest))),
        }
    }

    /// Whether it is what was lent, by the same entry.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(server), Self::One(other)) => server.is_same(other),
            (Self::All(_), Self::All(_)) => true,
            _ => false,
        }
    }

    /// Which server; none for all of them.
    pub(crate) fn server(&self) -> Option<&ServerId> {
        match self {
            Self::One(server) => Some(server.id()),
            Self::All(_) => None,
        }
    }
}

impl Behind {
    /// Takes a message of the client's.
    pub(crate) async fn take(&self, text: Bytes) {
        match self {
            Self::One(relay) => relay.take(text).await,
            Self::All(merged) => merged.take(text).await,
        }
    }

    /// Whether a question comes from the server that a call went to.
    pub(crate) fn is_of_one_server(&self, question: &Id, call: &Id) -> bool {
        match self {
            Self::One(_) => true,
            Self::All(merged) => merged.is_of_one_server(question, call),
        }
    }

    /// Ends what is begun again when it is needed.
    pub(crate) async fn rest(&self) {
        match self {
            // Its state is the server's.
            Self::One(_) => {}
            Self::All(merged) => merged.rest().await,
        }
    }

    /// Ends the servers' side: what is on its way may still arrive for `grace`.
    pub(crate) async fn end(&self, grace: Duration) {
        match self {
            Self::One(relay) => relay.end(grace).await,
            Self::All(merged) => merged.end(grace).await,
        }
    }
}

//! A server as it is lent: what another program's requests go through, while there is something to go through.
//!
//! Whoever borrows speaks MCP for itself, with a session of its own; only the credential, and what its refusals mean,
//! stay with the owner of the connection.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{authorized_http::AuthorizedHttp, era::Era};

/// What requests to a server go through.
#[derive(Clone)]
pub enum Link {
    /// HTTP with the server's credential; a refusal is heard by the owner of the connection, too.
    Http {
        /// The requests' way.
        http: AuthorizedHttp,
        /// How the server was last spoken to; it may understand more than this.
        era: Era,
    },
    /// A program, started anew for each who borrows it.
    Program,
}

/// What a server last said about itself, for whoever must answer in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Introduction {
    /// `capabilities`, as the server declared them.
    pub capabilities: Value,
    /// `serverInfo`; null where it was not given.
    pub server_info: Value,
    /// `instructions`
    pub instructions: Option<String>,
}

impl Introduction {
    /// Whether the server was ever spoken to.
    pub fn is_known(&self) -> bool {
        self.capabilities.is_object()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { era, .. } => f.debug_struct("Http").field("era", era).finish_non_exhaustive(),
            Self::Program => f.write_str("Program"),
        }
    }
}

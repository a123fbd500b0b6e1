//! [`AccessSnapshot`]: every client at one moment, for whoever shows them.

use serde::{Deserialize, Serialize};

use super::Access;
use crate::{
    Explain, Problem, ServerId,
    access::{ClientSummary, HeldTool},
};

/// The truth about every client at one moment. Holds no key and no definition of a tool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct AccessSnapshot {
    /// Who is let in, in the order they were added.
    pub clients: Vec<ClientSummary>,
    /// Programs that start the bridge without saying who they are; none before one was there.
    pub bridge: Option<ClientSummary>,
    /// What is held back, from whom.
    pub held: Vec<HeldMark>,
    /// Why nothing can be said.
    pub problem: Option<Problem>,
}

/// One tool that is held back from one client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HeldMark {
    /// The client it is held back from.
    pub client: String,
    /// Whose tool it is.
    pub server: ServerId,
    /// Its name.
    pub tool: String,
    /// Tells how it is described now from how it was and will be.
    pub version: String,
}

impl Access {
    /// The truth now. Blocking, briefly.
    pub fn snapshot(&self) -> AccessSnapshot {
        let read = self.clients().and_then(|clients| {
            Ok(AccessSnapshot {
                clients,
                bridge: self.nameless()?,
                held: self.held()?.into_iter().map(HeldMark::from).collect(),
                problem: None,
            })
        });
        read.unwrap_or_else(|error| AccessSnapshot {
            problem: Some(error.problem()),
            ..AccessSnapshot::default()
        })
    }
}

impl From<HeldTool> for HeldMark {
    fn from(held: HeldTool) -> Self {
        Self {
            client: held.client,
            server: held.server,
            tool: held.tool,
            version: held.version,
        }
    }
}

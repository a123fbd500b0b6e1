//! A tool that is held back, as a person compares what it was with what it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    approvals::{Approval, Approvals},
    compared::compared,
};
use crate::{ServerId, diff::DiffLine};

/// A tool whose description or schema is not what was approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HeldTool {
    /// The client it is held back from, as it is called now.
    pub client: String,
    /// Whose tool it is.
    pub server: ServerId,
    /// Its name.
    pub tool: String,
    /// Which state of the tool this is, for it to be approved and no later one: the fingerprint of its definition. Whole,
    /// because a server that chooses both texts could make two whose first digits are the same.
    pub version: String,
    /// When it was approved as it was.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub approved_at: Timestamp,
    /// When the change was first seen.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub changed_at: Timestamp,
    /// What became of it, line by line; signs that hide themselves are written out. Never empty: where it is too long to
    /// be shown, its last line says how much is missing.
    pub diff: Vec<DiffLine>,
}

/// A tool that somebody has looked at, in the state that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ReviewedTool {
    /// Its name, without the server's.
    pub tool: String,
    /// The version that was shown ([`HeldTool::version`]).
    pub version: String,
}

impl HeldTool {
    /// The tool as it was shown here.
    pub fn reviewed(&self) -> ReviewedTool {
        ReviewedTool {
            tool: self.tool.clone(),
            version: self.version.clone(),
        }
    }

    /// Everything that is held back from a client in one file.
    pub(super) fn all_of(client: &str, approvals: &Approvals) -> Vec<Self> {
        let held = approvals.tools.iter();
        held.filter_map(|(tool, approval)| Self::of((client, approvals), tool, approval))
            .collect()
    }

    fn of((client, approvals): (&str, &Approvals), tool: &str, approval: &Approval) -> Option<Self> {
        let changed = approval.changed.as_ref()?;
        Some(Self {
            client: client.to_owned(),
            server: approvals.server.clone(),
            tool: tool.to_owned(),
            version: changed.fingerprint.as_str().to_owned(),
            approved_at: approval.approved.at,
            changed_at: changed.at,
            diff: compared(&approval.approved.definition.value(), &changed.definition.value()),
        })
    }
}

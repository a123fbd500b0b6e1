//! The tools of one server as one client was first told of them.
//!
//! Trust on first use: what a client sees of a tool the first time is approved with it. From then on a tool whose text
//! or schema differs is held back, because a description is an instruction to a model, and the one that was agreed to
//! is not the one that is there. A tool that disappears stays approved as it was, so that it cannot come back as
//! another one. All of it is about an address or a program: another one that was given the name is another server.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AccessError, Client, ReviewedTool, ToolSet,
    definition::{Definition, Fingerprint},
    endpoint::Endpoint,
    file,
};
use crate::ServerId;

/// What one client has approved of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Approvals {
    pub(super) server: ServerId,
    /// What was behind the name when they were approved; not known where an earlier version wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    pub(super) tools: BTreeMap<String, Approval>,
}

/// One tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Approval {
    pub(super) approved: Seen,
    /// How it is described now, when that is not what was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changed: Option<Seen>,
}

/// A definition, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) fingerprint: Fingerprint,
    pub(super) definition: Value,
}

/// How a tool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is as it was approved.
    Approved,
    /// It is not, and that is written down.
    Held,
    /// It is not known like this yet.
    Unseen,
}

impl Approvals {
    fn none(server: &ServerId) -> Self {
        Self {
            server: server.clone(),
            endpoint: None,
            tools: BTreeMap::new(),
        }
    }

    /// What the file says; none when there is none yet.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, AccessError> {
        file::read(path)?
            .map(|bytes| Self::parse(&bytes, path))
            .transpose()
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, AccessError> {
        serde_json::from_slice(bytes).map_err(|_| AccessError::Damaged(path.to_owned()))
    }

    pub(super) fn text(&self, path: &Path) -> Result<Vec<u8>, AccessError> {
        serde_json::to_vec(self).map_err(|_| AccessError::Damaged(path.to_owned()))
    }

    /// Changes the file, which is made when there is none.
    pub(super) fn update<T>(
        path: &Path,
        server: &ServerId,
        change: impl FnOnce(&mut Self) -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        file::update(path, |before| {
            let mut approvals = match before {
                Some(bytes) => Self::parse(bytes, path)?,
                None => Self::none(server),
            };
            let outcome = change(&mut approvals)?;
            Ok((approvals.text(path)?, outcome))
        })
    }

    /// Whether they are about what is behind the name now; whoever does not know says yes.
    pub(super) fn are_of(&self, endpoint: Option<&Endpoint>) -> bool {
        endpoint.is_none() || self.endpoint.as_ref() == endpoint
    }

    /// Has them be about what is behind the name now. Nothing was approved of another server that was called the same.
    pub(super) fn bind(&mut self, endpoint: Option<Endpoint>) {
        let Some(endpoint) = endpoint else { return };
        if self.endpoint.as_ref().is_some_and(|before| *before != endpoint) {
            self.tools.clear();
        }
        self.endpoint = Some(endpoint);
    }

    /// How a tool stands.
    pub(super) fn standing(&self, tool: &str, definition: &Definition) -> Standing {
        let Some(approval) = self.tools.get(tool) else {
            return Standing::Unseen;
        };
        let is = |seen: &Seen| seen.fingerprint == definition.fingerprint;
        match &approval.changed {
            None if is(&approval.approved) => Standing::Approved,
            Some(changed) if is(changed) && !is(&approval.approved) => Standing::Held,
            _ => Standing::Unseen,
        }
    }

    /// Whether every one of these tools is known as it is.
    pub(super) fn know(&self, client: &Client, tools: &ToolSet) -> bool {
        let allowed = |tool: &str| client.rules().allows_tool(&self.server, tool);
        let mut known = tools.iter().filter(|(tool, _)| allowed(tool));
        known.all(|(tool, definition)| self.standing(tool, definition) != Standing::Unseen)
    }

    /// Takes note of the tools as they are now: approves those that are new, and holds back those that changed.
    pub(super) fn take_note(&mut self, client: &Client, tools: &ToolSet, now: Timestamp) {
        for (tool, definition) in tools.iter() {
            if !client.rules().allows_tool(&self.server, tool) {
                continue;
            }
            let seen = || Seen {
                at: now,
                fingerprint: definition.fingerprint.clone(),
                definition: definition.value(),
            };
            let approval = self.tools.entry(tool.to_owned()).or_insert_with(|| Approval {
                approved: seen(),
                changed: None,
            });
            let is_approved = approval.approved.fingerprint == definition.fingerprint;
            let is_known = approval
                .changed
                .as_ref()
                .is_some_and(|changed| changed.fingerprint == definition.fingerprint);
            if is_approved {
                approval.changed = None;
            } else if !is_known {
                approval.changed = Some(seen());
            }
        }
    }

    /// When the first of them was approved.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.tools.values().map(|approval| approval.approved.at).min()
    }

    /// How many tools are held back.
    pub(super) fn count_held(&self) -> u32 {
        let held = self.tools.values().filter(|approval| approval.changed.is_some());
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// Approves what was reviewed, all of it or nothing; how many tools that were. Only what is written down can be
    /// approved, and only as long as it is what was shown.
    pub(super) fn approve(
        &mut self,
        client: &Client,
        reviewed: &[ReviewedTool],
        now: Timestamp,
    ) -> Result<usize, AccessError> {
        for reviewed in reviewed {
            self.check(client, reviewed)?;
        }
        let mut approved = 0;
        for reviewed in reviewed {
            let Some(approval) = self.tools.get_mut(&reviewed.tool) else {
                continue;
            };
            if let Some(changed) = approval.changed.take() {
                approval.approved = Seen { at: now, ..changed };
                approved += 1;
            }
        }
        Ok(approved)
    }

    /// Whether a tool is held back as it was reviewed.
    fn check(&self, client: &Client, reviewed: &ReviewedTool) -> Result<(), AccessError> {
        let (client, tool) = (client.name().to_owned(), reviewed.tool.clone());
        let server = self.server.clone();
        let held = self
            .tools
            .get(&tool)
            .and_then(|approval| approval.changed.as_ref());
        match held {
            None => Err(AccessError::NothingHeld {
                client,
                server,
                tool: Some(tool),
            }),
            Some(changed) if changed.fingerprint.as_str() != reviewed.version => {
                Err(AccessError::ToolChangedAgain { client, server, tool })
            }
            Some(_) => Ok(()),
        }
    }
}

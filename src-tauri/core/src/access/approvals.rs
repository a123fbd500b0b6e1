//! The tools of one server as one client was first told of them.
//!
//! Trust on first use: what a client sees of a tool the first time is approved with it. From then on a tool whose text
//! or schema differs is held back, because a description is an instruction to a model, and the one that was agreed to
//! is not the one that is there. A tool that disappears stays approved as it was, so that it cannot come back as
//! another one. All of it is about an address or a program: another one that was given the name is another server.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccessError, Client, ReviewedTool, Source, ToolSet,
    definition::{Canon, Definition, Fingerprint},
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
    /// The same of what was behind the name before, the last one first: whoever comes back is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<Before>,
}

/// What was approved of another server that had the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Before {
    endpoint: Endpoint,
    tools: BTreeMap<String, Approval>,
}

/// One tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Approval {
    pub(super) approved: Seen,
    /// How it is described now, when that is not what was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changed: Option<Seen>,
    /// What was approved before, the last one first. A server that goes back to it, or is asked by a program that has
    /// not looked since, asks nobody again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Fingerprint>,
}

impl Approval {
    fn of(approved: Seen) -> Self {
        Self {
            approved,
            changed: None,
            earlier: Vec::new(),
        }
    }

    fn approves(&self, fingerprint: &Fingerprint) -> bool {
        self.approved.fingerprint == *fingerprint || self.earlier.contains(fingerprint)
    }

    /// Approves what it became.
    fn agree(&mut self, changed: Seen, now: Timestamp) {
        let approved = Seen { at: now, ..changed };
        let before = std::mem::replace(&mut self.approved, approved);
        self.earlier.insert(0, before.fingerprint);
        self.earlier.truncate(EARLIER);
    }
}

/// A definition, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) fingerprint: Fingerprint,
    pub(super) definition: Canon,
}

/// How many earlier definitions of a tool stay approved.
const EARLIER: usize = 8;

/// Of how many other servers that had the name it is remembered what was approved.
const BEFORE: usize = 4;

/// How a tool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is as it was approved.
    Approved,
    /// It is not, and that is written down.
    Held,
    /// It is not, and nobody has taken note of it yet.
    Changed,
    /// It was never seen.
    Unseen,
}

impl Approvals {
    fn none(server: &ServerId) -> Self {
        Self {
            server: server.clone(),
            endpoint: None,
            tools: BTreeMap::new(),
            before: Vec::new(),
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

    /// Has them be about what is behind the name now. What was approved of another server that was called the same is not
    /// approved of this one, and is kept for when that one comes back.
    pub(super) fn bind(&mut self, endpoint: Option<Endpoint>) {
        let Some(endpoint) = endpoint else { return };
        if self.endpoint.as_ref() == Some(&endpoint) {
            return;
        }
        let Some(old) = self.endpoint.replace(endpoint.clone()) else {
            return;
        };
        let known = self.before.iter().position(|before| before.endpoint == endpoint);
        let known = known.map(|at| self.before.remove(at).tools);
        let tools = std::mem::replace(&mut self.tools, known.unwrap_or_default());
        self.before.insert(0, Before { endpoint: old, tools });
        self.before.truncate(BEFORE);
    }

    /// How a tool stands.
    pub(super) fn standing(&self, tool: &str, definition: &Definition) -> Standing {
        let Some(approval) = self.tools.get(tool) else {
            return Standing::Unseen;
        };
        match &approval.changed {
            _ if approval.approves(&definition.fingerprint) => Standing::Approved,
            Some(changed) if changed.fingerprint == definition.fingerprint => Standing::Held,
            _ => Standing::Changed,
        }
    }

    /// Whether there is nothing to take note of in a list.
    pub(super) fn know(&self, client: &Client, (tools, source): (&ToolSet, Source)) -> bool {
        let allowed = |tool: &str| client.rules().allows_tool(&self.server, tool);
        let mut known = tools.iter().filter(|(tool, _)| allowed(tool));
        known.all(|(tool, definition)| {
            let was_changed = || self.tools.get(tool).is_some_and(|known| known.changed.is_some());
            match self.standing(tool, definition) {
                Standing::Unseen => false,
                _ if source == Source::Memory => true,
                Standing::Held => true,
                Standing::Approved => !was_changed(),
                Standing::Changed => false,
            }
        })
    }

    /// Takes note of the tools as they are now: approves those that are new, and holds back those that changed. What is
    /// only remembered may be older than what was noted, and changes nothing.
    pub(super) fn take_note(&mut self, client: &Client, (tools, source): (&ToolSet, Source), now: Timestamp) {
        for (tool, definition) in tools.iter() {
            if !client.rules().allows_tool(&self.server, tool) {
                continue;
            }
            let seen = || Seen {
                at: now,
                fingerprint: definition.fingerprint.clone(),
                definition: definition.canonical.clone(),
            };
            let approval = self
                .tools
                .entry(tool.to_owned())
                .or_insert_with(|| Approval::of(seen()));
            if source == Source::Memory {
                continue;
            }
            let is_approved = approval.approves(&definition.fingerprint);
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
                approval.agree(changed, now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Transport;

    fn at(url: &str) -> Endpoint {
        Endpoint::of(&Transport::StreamableHttp {
            url: url.parse().expect("a URL"),
            headers: http::HeaderMap::new(),
        })
    }

    #[test]
    fn another_server_of_the_name_is_trusted_anew_and_the_one_that_comes_back_is_known() {
        let client = Client::on_standard_streams();
        let mut approvals = Approvals::none(&"notes".parse().expect("a name"));
        let tools = |text: &str| {
            let tool = serde_json::json!({ "name": "search", "description": text });
            ToolSet::of(&[tool])
        };
        let mut list = |url: &str, text: &str| {
            approvals.bind(Some(at(url)));
            approvals.take_note(&client, (&tools(text), Source::Server), Timestamp::UNIX_EPOCH);
            approvals.count_held()
        };
        assert_eq!(list("https://one.example", "a"), 0);
        assert_eq!(list("https://one.example", "b"), 1);
        assert_eq!(list("https://other.example", "c"), 0);
        assert_eq!(list("https://one.example", "b"), 1, "it is held back as before");
        for number in 0..=BEFORE {
            list(&format!("https://{number}.example"), "d");
        }
        assert_eq!(list("https://one.example", "b"), 0, "not for ever");
    }
}

//! The redacted evidence of a sign-in: which URL answered what, what was decided, and which rule decided it.
//!
//! `omlx mcp doctor` and the panel show it; the log repeats it. Steps hold statuses, sentences and redacted URLs, and
//! nothing that was in a body.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many steps are kept; a sign-in takes about a dozen.
const KEPT: usize = 200;

/// One step of discovery, registration, authorization, token use or sign-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Step {
    /// When.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub at: Timestamp,
    /// The part of the journey.
    pub stage: Stage,
    /// `GET https://…` with redacted values; none for a decision without a request.
    pub request: Option<String>,
    /// The HTTP status that came back.
    pub status: Option<u16>,
    /// What was decided, one sentence.
    pub decision: String,
    /// The rule that decided, such as `RFC 9728 §3.3`.
    pub rule: Option<String>,
}

/// The part of the journey a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// 401 or 403 and its challenge.
    Challenge,
    /// Protected resource metadata.
    ResourceMetadata,
    /// Authorization server metadata.
    ServerMetadata,
    /// Becoming a client.
    Registration,
    /// The browser and what came back.
    Authorization,
    /// The token endpoint.
    Token,
    /// Replacing the access token.
    Refresh,
    /// Signing out.
    Revocation,
    /// Who is signed in.
    Identity,
}

/// A bounded, shared list of [`Step`]s; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<Mutex<VecDeque<Step>>>);

impl Timeline {
    /// Adds a step, and drops the oldest one when there are too many.
    pub fn push(&self, step: Step) {
        tracing::debug!(stage = ?step.stage, request = step.request, status = step.status, rule = step.rule, "{}", step.decision);
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.len() == KEPT {
            steps.pop_front();
        }
        steps.push_back(step);
    }

    /// The steps so far, oldest first.
    pub fn steps(&self) -> Vec<Step> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Begins anew for the next attempt, with what led to it: the challenge, if that is the last step.
    pub fn begin_anew(&self) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let led_here = steps.pop_back().filter(|step| step.stage == Stage::Challenge);
        steps.clear();
        steps.extend(led_here);
    }
}

//! Which era a server speaks, and in which order to find out (MCP 2026-07-28, "Backward compatibility"). No I/O.
//!
//! | step | its answer | next |
//! |---|---|---|
//! | `server/discover` | understood | stateless era |
//! | | unsupported version, older ones offered | `initialize` with the newest of them |
//! | | any other 4xx, a JSON-RPC error, nothing usable | `initialize` |
//! | `initialize` | understood | session era |
//! | | unsupported version | `server/discover`, if not asked yet |
//! | | 400, 404, 405 without a modern error | GET for the legacy event stream |
//! | event stream | `endpoint` event | legacy HTTP+SSE |
//! | any | 401, 403, network, 429, 5xx, redirect, web page | the end: nothing is guessed from these |
//!
//! A remembered era is tried first; only when it does not fit any more does the table start from its top.

use std::mem::discriminant;

use rmcp::model::ProtocolVersion;
use serde::{Deserialize, Serialize};

use super::open::OpenError;

/// How a server wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// MCP 2026-07-28: no handshake, no session.
    Stateless,
    /// MCP 2025-11-25 and older: `initialize`, over HTTP with a session.
    Session,
    /// MCP 2024-11-05 over HTTP+SSE.
    LegacySse,
}

/// One way of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Discover,
    Initialize(ProtocolVersion),
    EventStream,
}

/// What became of a step that did not lead to a connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Says nothing about the era, or too much to go on.
    Final(OpenError),
    /// The server speaks these versions instead.
    Unsupported(Vec<ProtocolVersion>, OpenError),
    /// It answered, and not as a server of this era does.
    Misunderstood(OpenError),
    /// 400, 404 or 405 without a modern error: perhaps there is nothing to POST to.
    NotHere(OpenError),
}

/// Where the search stands.
#[derive(Debug)]
pub(crate) struct Detection {
    step: Step,
    tried: Vec<Step>,
    nothing_to_post_to: bool,
    reason: Option<OpenError>,
}

impl Detection {
    /// Begins with the remembered era, else with the newest.
    pub(crate) fn start(remembered: Option<Era>) -> Self {
        let step = match remembered {
            Some(Era::Session) => Step::Initialize(ProtocolVersion::LATEST_WITH_INITIALIZE),
            Some(Era::LegacySse) => Step::EventStream,
            Some(Era::Stateless) | None => Step::Discover,
        };
        Self {
            step,
            tried: Vec::new(),
            nothing_to_post_to: false,
            reason: None,
        }
    }

    /// What to do now.
    pub(crate) fn step(&self) -> &Step {
        &self.step
    }

    /// Where to go on after a failed step; an error when there is nothing left to try.
    pub(crate) fn after(mut self, failure: Failure) -> Result<Self, OpenError> {
        self.tried.push(self.step.clone());
        let next = match &failure {
            Failure::Final(_) => None,
            Failure::Unsupported(versions, _) => self.with_version(versions),
            Failure::Misunderstood(_) => self.older(),
            Failure::NotHere(_) => {
                self.nothing_to_post_to |= matches!(self.step, Step::Initialize(_));
                self.older()
            }
        };
        match next {
            Some(step) => {
                self.remember_reason(failure);
                self.step = step;
                Ok(self)
            }
            None => Err(self.conclusion(failure)),
        }
    }

    fn older(&self) -> Option<Step> {
        let initialize = Step::Initialize(ProtocolVersion::LATEST_WITH_INITIALIZE);
        let event_stream = self.nothing_to_post_to.then_some(Step::EventStream);
        [Some(Step::Discover), Some(initialize), event_stream]
            .into_iter()
            .flatten()
            .find(|step| !self.has_tried(step))
    }

    /// Whether a step was taken, `initialize` with whatever version.
    fn has_tried(&self, step: &Step) -> bool {
        self.tried
            .iter()
            .any(|tried| discriminant(tried) == discriminant(step))
    }

    fn with_version(&self, offered: &[ProtocolVersion]) -> Option<Step> {
        let handshakes = offered.iter().filter(|version| version.has_initialize());
        let next = match self.step {
            Step::Discover => Step::Initialize(handshakes.max_by_key(|version| version.as_str())?.clone()),
            Step::Initialize(_) => Step::Discover,
            Step::EventStream => return None,
        };
        (!self.has_tried(&next)).then_some(next)
    }

    /// `initialize` is understood by nearly every server, so what it answered tells a user most.
    fn remember_reason(&mut self, failure: Failure) {
        if self.reason.is_none() || matches!(self.step, Step::Initialize(_)) {
            self.reason = Some(failure.into_error());
        }
    }

    fn conclusion(self, failure: Failure) -> OpenError {
        match failure {
            Failure::Final(error) | Failure::Unsupported(_, error) => error,
            failure if matches!(self.step, Step::Initialize(_)) => failure.into_error(),
            failure => self.reason.unwrap_or_else(|| failure.into_error()),
        }
    }
}

impl Failure {
    /// The error alone.
    pub(crate) fn into_error(self) -> OpenError {
        match self {
            Self::Final(error)
            | Self::Unsupported(_, error)
            | Self::Misunderstood(error)
            | Self::NotHere(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// An error that can be told from others.
    fn error(seconds: u64) -> OpenError {
        OpenError::TimedOut {
            after: Duration::from_secs(seconds),
        }
    }

    fn seconds(error: &OpenError) -> u64 {
        match error {
            OpenError::TimedOut { after } => after.as_secs(),
            other => panic!("{other}"),
        }
    }

    fn not_here(seconds: u64) -> Failure {
        Failure::NotHere(error(seconds))
    }

    fn misunderstood(seconds: u64) -> Failure {
        Failure::Misunderstood(error(seconds))
    }

    fn initialize() -> Step {
        Step::Initialize(ProtocolVersion::V_2025_11_25)
    }

    /// The steps taken until the search ends, and the error it ends with.
    fn walk(remembered: Option<Era>, failures: Vec<Failure>) -> (Vec<Step>, Option<u64>) {
        let mut detection = Detection::start(remembered);
        let mut steps = vec![detection.step().clone()];
        for failure in failures {
            match detection.after(failure) {
                Ok(next) => detection = next,
                Err(error) => return (steps, Some(seconds(&error))),
            }
            steps.push(detection.step().clone());
        }
        (steps, None)
    }

    #[test]
    fn an_unknown_server_is_asked_from_the_newest_era_to_the_oldest() {
        let (steps, end) = walk(None, vec![misunderstood(1), not_here(2), not_here(3)]);
        assert_eq!(steps, [Step::Discover, initialize(), Step::EventStream]);
        assert_eq!(end, Some(2), "what initialize answered is told");
    }

    #[test]
    fn a_refused_handshake_does_not_lead_to_the_event_stream() {
        let (steps, end) = walk(None, vec![misunderstood(1), misunderstood(2)]);
        assert_eq!(steps, [Step::Discover, initialize()]);
        assert_eq!(end, Some(2));
    }

    #[test]
    fn nothing_is_guessed_from_a_final_answer() {
        for remembered in [None, Some(Era::Session), Some(Era::LegacySse)] {
            let (steps, end) = walk(remembered, vec![Failure::Final(error(7))]);
            assert_eq!((steps.len(), end), (1, Some(7)));
        }
    }

    #[test]
    fn a_remembered_era_is_tried_first_and_the_others_when_it_no_longer_fits() {
        let (steps, _) = walk(Some(Era::Session), vec![not_here(1), not_here(2), not_here(3)]);
        assert_eq!(steps, [initialize(), Step::Discover, Step::EventStream]);
        let (steps, end) = walk(
            Some(Era::LegacySse),
            vec![not_here(1), misunderstood(2), not_here(3)],
        );
        assert_eq!(steps, [Step::EventStream, Step::Discover, initialize()]);
        assert_eq!(end, Some(3));
    }

    #[test]
    fn the_versions_a_server_offers_decide_the_next_step() {
        let offered = vec![ProtocolVersion::V_2024_11_05, ProtocolVersion::V_2025_06_18];
        let (steps, _) = walk(None, vec![Failure::Unsupported(offered, error(1))]);
        assert_eq!(steps[1], Step::Initialize(ProtocolVersion::V_2025_06_18));
        let newer = vec![ProtocolVersion::V_2026_07_28];
        let (steps, _) = walk(Some(Era::Session), vec![Failure::Unsupported(newer, error(1))]);
        assert_eq!(steps, [initialize(), Step::Discover]);
        let (_, end) = walk(None, vec![Failure::Unsupported(vec![], error(4))]);
        assert_eq!(end, Some(4));
    }
}

//! When somebody is called: a pure function of what was heard and of the time.
//!
//! A need is told when it has lasted for a moment, so that what mends itself is never told. The same need of the same
//! server is told once; when it was met in between and comes back at once, it is not told again either.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use omlx_mcp::{Action, Problem, ServerId};

/// How long a need has to last.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// How long the same need of the same server is not told again, whatever happened in between.
const LIMIT: Duration = Duration::from_mins(5);

/// A server that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) server: ServerId,
    pub(super) problem: Problem,
}

/// What was heard, and what was told.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: BTreeMap<ServerId, (Problem, Instant)>,
    told: BTreeMap<(ServerId, String), Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Whether the need has been met since.
    is_over: bool,
}

impl Calls {
    /// A server needs somebody.
    pub(super) fn hear(&mut self, server: ServerId, problem: Problem, now: Instant) {
        let reason = (server.clone(), problem.code.to_string());
        let is_known = self
            .told
            .get(&reason)
            .is_some_and(|told| !told.is_over || now < told.at + LIMIT);
        if !is_known {
            let since = self.waiting.get(&server).map_or(now, |(_, since)| *since);
            self.waiting.insert(server, (problem, since));
        }
    }

    /// What is to be told now; `is_due` says whether a server still needs somebody.
    pub(super) fn ripe(&mut self, now: Instant, is_due: impl Fn(&ServerId) -> bool) -> Vec<Call> {
        self.waiting.retain(|server, _| is_due(server));
        for ((server, _), told) in &mut self.told {
            told.is_over |= !is_due(server);
        }
        let is_ripe = |since: Instant| now >= since + SETTLE;
        let ripe = self.waiting.extract_if(.., |_, (_, since)| is_ripe(*since));
        let calls: Vec<_> = ripe
            .map(|(server, (problem, _))| Call { server, problem })
            .collect();
        for call in &calls {
            let reason = (call.server.clone(), call.problem.code.to_string());
            let told = Told {
                at: now,
                is_over: false,
            };
            self.told.insert(reason, told);
        }
        calls
    }

    /// When to look again; none when nothing waits.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.values().map(|(_, since)| *since + SETTLE).min()
    }
}

impl Call {
    /// The headline.
    pub(super) fn title(&self) -> String {
        let server = &self.server;
        match self.problem.action {
            Action::Reauthenticate => format!("Sign in to {server} again"),
            Action::Allow => format!("{server} asks for more permission"),
            Action::Unlock => "The keychain is locked".to_owned(),
            _ => format!("Sign in to {server}"),
        }
    }

    /// What the button says.
    pub(super) fn button(&self) -> &'static str {
        match self.problem.action {
            Action::Allow => "Allow",
            Action::Unlock => "Try Again",
            _ => "Log In",
        }
    }

    /// The sentence below, as one.
    pub(super) fn text(&self) -> String {
        let mut letters = self.problem.message.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).chain(['.']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ServerId {
        "notion".parse().expect("a name")
    }

    fn problem(code: &'static str) -> Problem {
        Problem {
            code: code.into(),
            message: "notion no longer accepts the sign-in".to_owned(),
            action: Action::Reauthenticate,
        }
    }

    const DUE: fn(&ServerId) -> bool = |_| true;
    const MET: fn(&ServerId) -> bool = |_| false;

    #[test]
    fn a_need_is_told_once_it_has_lasted() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.hear(id(), problem("refresh_rejected"), start);
        assert_eq!(calls.next(), Some(start + SETTLE));
        assert!(calls.ripe(start, DUE).is_empty());
        assert_eq!(calls.ripe(start + SETTLE, DUE).len(), 1);
        assert!(calls.ripe(start + 2 * SETTLE, DUE).is_empty());
        assert_eq!(calls.next(), None);
    }

    #[test]
    fn what_mends_itself_is_never_told() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.hear(id(), problem("refresh_rejected"), start);
        assert!(calls.ripe(start + SETTLE, MET).is_empty());
        assert!(calls.ripe(start + 2 * SETTLE, DUE).is_empty());
    }

    #[test]
    fn the_same_need_is_told_again_only_when_it_comes_back_after_a_while() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        let mut told = |at: Instant, is_met: bool| {
            if is_met {
                calls.ripe(at, MET);
            }
            calls.hear(id(), problem("refresh_rejected"), at);
            calls.ripe(at + SETTLE, DUE).len()
        };
        assert_eq!(told(start, false), 1);
        assert_eq!(told(start + 2 * LIMIT, false), 0, "it was never met");
        assert_eq!(told(start + 2 * LIMIT + SETTLE, true), 1);
        assert_eq!(
            told(start + 2 * LIMIT + 3 * SETTLE, true),
            0,
            "it came back at once"
        );
    }

    #[test]
    fn another_need_of_the_same_server_is_told() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.hear(id(), problem("sign_in_needed"), start);
        assert_eq!(calls.ripe(start + SETTLE, DUE).len(), 1);
        calls.hear(id(), problem("refresh_rejected"), start + SETTLE);
        assert_eq!(calls.ripe(start + 2 * SETTLE, DUE).len(), 1);
    }

    #[test]
    fn it_is_said_in_sentences() {
        let call = Call {
            server: id(),
            problem: problem("refresh_rejected"),
        };
        assert_eq!(call.title(), "Sign in to notion again");
        assert_eq!(call.text(), "Notion no longer accepts the sign-in.");
        assert_eq!(call.button(), "Log In");
    }
}

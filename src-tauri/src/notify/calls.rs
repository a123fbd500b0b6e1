//! When somebody is called: a pure function of what is needed and of the time.
//!
//! A need is told when it has lasted for a moment, so that what mends itself is never told. The same need of the same
//! server is told once; when it was met in between and comes back at once, it is not told again either. When a client calls the
//! server, an old need is told once more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use omlx_mcp::{Action, Problem, ServerId};

use super::{Notice, Subject};
use crate::words::{Words, fill};

/// How long a need has to last.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// How long the same need of the same server is not told again, whatever happened in between.
pub(super) const LIMIT: Duration = Duration::from_mins(5);

/// A server that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) server: ServerId,
    pub(super) problem: Problem,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Servers whose need was told and is met.
    pub(super) over: BTreeSet<ServerId>,
    /// Needs to be told.
    pub(super) told: Vec<Call>,
}

/// What is needed, and what was told.
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
    /// Takes in everything that is needed at this moment.
    pub(super) fn heed(&mut self, needs: Vec<Call>, now: Instant) -> News {
        let over = self.release(&needs);
        for need in needs {
            self.hear(need, now);
        }
        News {
            over,
            told: self.ripe(now),
        }
    }

    /// A client called a server in vain: a need that was told a while ago counts as not told.
    pub(super) fn remind(&mut self, called: &ServerId, now: Instant) {
        self.told
            .retain(|(server, _), told| server != called || now < told.at + LIMIT);
    }

    /// When to look again; none when nothing waits.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.values().map(|(_, since)| *since + SETTLE).min()
    }

    fn release(&mut self, needs: &[Call]) -> BTreeSet<ServerId> {
        let is_due = |server: &ServerId| needs.iter().any(|need| need.server == *server);
        self.waiting.retain(|server, _| is_due(server));
        let met = self.told.iter_mut();
        let met = met.filter(|((server, _), told)| !told.is_over && !is_due(server));
        met.map(|((server, _), told)| {
            told.is_over = true;
            server.clone()
        })
        .collect()
    }

    fn hear(&mut self, Call { server, problem }: Call, now: Instant) {
        let reason = (server.clone(), problem.code.to_string());
        match self.told.get_mut(&reason) {
            Some(told) if !told.is_over || now < told.at + LIMIT => told.is_over = false,
            _ => {
                let since = self.waiting.get(&server).map_or(now, |(_, since)| *since);
                self.waiting.insert(server, (problem, since));
            }
        }
    }

    fn ripe(&mut self, now: Instant) -> Vec<Call> {
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
}

impl Call {
    /// As it is shown.
    pub(super) fn notice(self, words: &Words) -> Notice {
        Notice {
            title: self.title(words),
            text: self.text(),
            button: self.button(words),
            subject: Subject::Need(self.server),
        }
    }

    /// The headline.
    fn title(&self, words: &Words) -> String {
        let message = match self.problem.action {
            Action::Reauthenticate => words.notice_again,
            Action::Allow => words.notice_more,
            Action::Unlock => words.banner_locked_title,
            _ => words.notice_sign_in,
        };
        fill(message, "name", self.server.as_str())
    }

    /// What the button says.
    fn button(&self, words: &Words) -> &'static str {
        match self.problem.action {
            Action::Allow => words.action_allow,
            Action::Unlock => words.action_retry,
            _ => words.notice_log_in,
        }
    }

    /// The sentence below, as one.
    fn text(&self) -> String {
        let mut letters = self.problem.message.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).chain(['.']).collect()
    }
}

#[cfg(test)]
mod tests {
    use omlx_mcp::settings::Language;

    use super::*;
    use crate::words;

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

    fn need(code: &'static str) -> Vec<Call> {
        vec![Call {
            server: id(),
            problem: problem(code),
        }]
    }

    #[test]
    fn a_need_is_told_once_it_has_lasted() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        assert!(calls.heed(need("refresh_rejected"), start).told.is_empty());
        assert_eq!(calls.next(), Some(start + SETTLE));
        assert_eq!(
            calls.heed(need("refresh_rejected"), start + SETTLE).told,
            need("refresh_rejected")
        );
        let later = calls.heed(need("refresh_rejected"), start + 2 * LIMIT);
        assert_eq!((later, calls.next()), (News::default(), None));
    }

    #[test]
    fn what_mends_itself_is_never_told() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.heed(need("refresh_rejected"), start);
        assert_eq!(calls.heed(Vec::new(), start + SETTLE), News::default());
        assert_eq!(calls.next(), None);
    }

    #[test]
    fn a_need_that_was_told_is_over_once_when_it_is_met() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.heed(need("refresh_rejected"), start);
        calls.heed(need("refresh_rejected"), start + SETTLE);
        let met = calls.heed(Vec::new(), start + 2 * SETTLE);
        assert_eq!(
            (met.over.into_iter().collect::<Vec<_>>(), met.told),
            (vec![id()], Vec::new())
        );
        assert_eq!(calls.heed(Vec::new(), start + 3 * SETTLE), News::default());
    }

    #[test]
    fn the_same_need_is_told_again_only_when_it_comes_back_after_a_while() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        let mut told = |at: Instant| {
            calls.heed(Vec::new(), at);
            calls.heed(need("refresh_rejected"), at);
            calls.heed(need("refresh_rejected"), at + SETTLE).told.len()
        };
        assert_eq!(told(start), 1);
        assert_eq!(told(start + 2 * SETTLE), 0, "it came back at once");
        assert_eq!(told(start + 2 * LIMIT), 1);
    }

    #[test]
    fn a_need_that_came_back_at_once_and_stays_is_not_told_later() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.heed(need("refresh_rejected"), start);
        calls.heed(need("refresh_rejected"), start + SETTLE);
        calls.heed(Vec::new(), start + 2 * SETTLE);
        for at in [start + 3 * SETTLE, start + 2 * LIMIT, start + 3 * LIMIT] {
            assert_eq!(calls.heed(need("refresh_rejected"), at), News::default());
        }
    }

    #[test]
    fn a_need_that_was_never_met_is_told_again_when_a_client_calls_after_a_while() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.heed(need("sign_in_needed"), start);
        calls.heed(need("sign_in_needed"), start + SETTLE);
        let mut called = |at: Instant| {
            calls.remind(&id(), at);
            calls.heed(need("sign_in_needed"), at);
            calls.heed(need("sign_in_needed"), at + SETTLE).told.len()
        };
        assert_eq!(called(start + 2 * SETTLE), 0, "it was told just now");
        assert_eq!(called(start + 2 * LIMIT), 1);
    }

    #[test]
    fn another_need_of_the_same_server_is_told() {
        let (mut calls, start) = (Calls::default(), Instant::now());
        calls.heed(need("sign_in_needed"), start);
        assert_eq!(calls.heed(need("sign_in_needed"), start + SETTLE).told.len(), 1);
        calls.heed(need("refresh_rejected"), start + SETTLE);
        let told = calls.heed(need("refresh_rejected"), start + 2 * SETTLE).told;
        assert_eq!(told, need("refresh_rejected"));
    }

    #[test]
    fn it_is_said_in_sentences() {
        let call = Call {
            server: id(),
            problem: problem("refresh_rejected"),
        };
        let said = |language| {
            let words = words::of(language);
            (call.title(words), call.button(words))
        };
        assert_eq!(
            said(Language::English),
            ("Sign in to notion again".to_owned(), "Log In")
        );
        assert_eq!(
            said(Language::SimplifiedChinese),
            ("请重新登录 notion".to_owned(), "登录")
        );
        assert_eq!(call.text(), "Notion no longer accepts the sign-in.");
    }
}

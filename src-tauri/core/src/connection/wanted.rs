//! A client calls a server that needs a person: they are told of it once for one need, in every process, whichever of
//! them the client called.

use std::time::Duration;

use jiff::Timestamp;

use super::{owner::Owner, state::Input};
use crate::{AuthStatus, Event};

/// How long a person is left alone after they were asked, whoever calls.
const PAUSE: Duration = Duration::from_mins(5);

/// What was told of the present need.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The need that was told because of a call: how the server stands, and the problem's code.
    told: Option<(AuthStatus, String)>,
    /// When a person was last asked for anything.
    asked_at: Option<Timestamp>,
    /// The last mark, of whichever process.
    marked_at: Option<Timestamp>,
    /// When this process last set one for the present need.
    wrote_at: Option<Timestamp>,
}

impl Wanted {
    /// Nothing was told yet; what was marked before is not told any more.
    pub(super) fn since(marked_at: Option<Timestamp>) -> Self {
        Self {
            marked_at,
            ..Self::default()
        }
    }

    /// A person is asked by itself: the need is news.
    pub(super) fn asked(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
    }

    /// A need that was met is another one when it comes back.
    pub(super) fn follow(&mut self, auth: AuthStatus) {
        if matches!(auth, AuthStatus::Authenticated | AuthStatus::NotRequired) {
            self.told = None;
            self.asked_at = None;
            self.wrote_at = None;
        }
    }
}

impl Owner {
    /// A client of this process called in vain.
    pub(super) async fn wanted(&mut self) {
        if self.state.need(&self.config.id).is_none() {
            return;
        }
        let now = self.shared.clock.now();
        if !is_recent(self.progress.wanted.wrote_at, now) {
            self.progress.wanted.wrote_at = Some(now);
            self.progress.wanted.marked_at = Some(now);
            self.recorder.wanted(now).await;
        }
        self.ask_for_a_person(now).await;
    }

    /// A client of another process may have called in vain.
    pub(super) async fn wanted_elsewhere(&mut self) {
        if self.state.need(&self.config.id).is_none() {
            return;
        }
        let marked_at = self.recorder.wanted_at();
        if marked_at != self.progress.wanted.marked_at {
            self.progress.wanted.marked_at = marked_at;
            self.ask_for_a_person(self.shared.clock.now()).await;
        }
    }

    async fn ask_for_a_person(&mut self, now: Timestamp) {
        let Some(problem) = self.state.need(&self.config.id) else {
            return;
        };
        let need = (self.state.auth, problem.code.clone().into_owned());
        let wanted = &mut self.progress.wanted;
        if wanted.told.as_ref() == Some(&need) || is_recent(wanted.asked_at, now) {
            return;
        }
        wanted.told = Some(need);
        wanted.asked_at = Some(now);
        if self.state.problem.is_none() {
            // Whoever signed out was left alone; now somebody is needed.
            self.apply(Input::Unauthorized(problem)).await;
        }
        self.shared.tell(Event::Wanted {
            server: self.config.id.clone(),
        });
    }
}

fn is_recent(instant: Option<Timestamp>, now: Timestamp) -> bool {
    instant.is_some_and(|instant| now.duration_since(instant).unsigned_abs() < PAUSE)
}

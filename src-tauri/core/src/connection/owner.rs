//! The owner task of one server: the only place that changes its [`State`].
//!
//! Everything slow (connecting, signing in, refreshing) runs as a task of its own and reports back, so a command is
//! answered while a browser is awaited. Background work never opens a browser.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{self, Attempt, Ended},
    backoff::{Backoff, Dice},
    era::Era,
    front::{Command, Shared},
    guarded::{Guarded, Unready},
    link::Link,
    live::{Ear, Heard, Live},
    open::Opened,
    recorder::Recorder,
    refusals::StepUps,
    server_log::ServerLog,
    signing_in::{SignOutReply, SigningIn},
    state::{Input, State, attention},
    wanted::Wanted,
};
use crate::{
    AuthStatus, ConnectionStatus, Event, Explain,
    config::ServerConfig,
    event::{ServerSnapshot, SignInPrompt},
    oauth::{challenge::BearerChallenge, refresh::RefreshOutcome},
    sign_in::SignInError,
    sign_out::SignOutReport,
    store::VaultError,
};

/// How long after a refresh, or after one that was not possible, the next one is tried, at least.
const REFRESH_PAUSE: Duration = Duration::from_secs(30);

/// How long a server is given to take note that its session is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a task of the owner's came back with.
pub(super) enum Done {
    Attempt(Ended),
    /// The tools of a connection that may be another one's by now.
    Listed(Arc<Opened>, Ended),
    SignIn(Result<(), SignInError>),
    SignOut(Result<SignOutReport, VaultError>, SignOutReply),
    Refresh,
}

/// What reaches the owner while a task is still running.
pub(super) enum Note {
    TransportConnected { provider: Option<String> },
    Prompt(SignInPrompt),
    Refreshed(RefreshOutcome),
}

/// Owns one server.
pub(crate) struct Owner {
    pub(super) shared: Arc<Shared>,
    pub(super) config: Arc<ServerConfig>,
    /// Everything about authorization; none for a server that never signs in.
    pub(super) guarded: Option<Guarded>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) notes: mpsc::UnboundedReceiver<Note>,
    pub(super) noting: mpsc::UnboundedSender<Note>,
    pub(super) status: watch::Sender<ServerSnapshot>,
    pub(super) live: watch::Sender<Option<Live>>,
    /// The same, as it is lent; may be there when no connection of our own is.
    pub(super) link: watch::Sender<Option<Link>>,
    pub(super) log: ServerLog,
    pub(super) stop: CancellationToken,
    pub(super) state: State,
    pub(super) recorder: Recorder,
    pub(super) era: Option<Era>,
    pub(super) progress: Progress,
}

/// What an owner is in the middle of.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) work: JoinSet<Done>,
    pub(super) attempting: Option<AbortHandle>,
    pub(super) signing_in: SigningIn,
    /// What was lent led nowhere: the server is asked first now.
    pub(super) lent_in_vain: bool,
    pub(super) backoff: Backoff,
    pub(super) ear: Option<Ear>,
    pub(super) refresh_at: Option<Timestamp>,
    /// What the server last said it wants.
    pub(super) challenge: Option<BearerChallenge>,
    /// How each operation that was refused for its scope has fared since.
    pub(super) step_ups: HashMap<String, StepUps>,
    pub(super) wanted: Wanted,
}

impl Owner {
    /// Runs until stopped. A refresh under way is finished by its own task.
    pub(crate) async fn run(mut self) {
        if self.config.enabled {
            self.connect().await;
        } else {
            self.apply(Input::Disabled).await;
        }
        let stop = self.stop.clone();
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                // What a task has noted came before its end.
                Some(note) = self.notes.recv() => self.take(note).await,
                Some(done) = self.progress.work.join_next() => self.finish(done).await,
                () = Guarded::moved(self.guarded.as_mut()) => {
                    self.adopt().await;
                    self.wanted_elsewhere().await;
                }
                heard = Ear::hear(self.progress.ear.as_mut()) => self.heard(heard).await,
                () = until(&self.shared, due) => self.wake().await,
            }
            self.answer_sign_in();
        }
        self.close().await;
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::SignIn { options, reply } => self.begin_sign_in(options, reply).await,
            Command::CancelSignIn => self.cancel_sign_in().await,
            Command::Redirected(offer) => self.progress.signing_in.offer(offer),
            Command::SignOut { reply } => self.begin_sign_out(reply).await,
            Command::Retry { begun } => {
                self.connect().await;
                // Whoever asked may have gone.
                let _ = begun.send(());
            }
            Command::Wanted => self.wanted().await,
            // Of many requests that got lost at once, the first leads to a new attempt.
            Command::Lost(opened) if self.is_open(&opened) => self.connect().await,
            Command::Lost(_) => {}
        }
    }

    async fn finish(&mut self, done: Result<Done, JoinError>) {
        match done {
            Ok(Done::Attempt(ended)) => self.attempted(ended).await,
            Ok(Done::Listed(of, ended)) => self.listed(&of, ended).await,
            Ok(Done::SignIn(outcome)) => self.signed_in(outcome).await,
            Ok(Done::SignOut(report, reply)) => self.signed_out(report, reply).await,
            // A bug in a task must not end its owner: the state stays what it was.
            Err(error) if error.is_panic() => tracing::error!(server = %self.config.id, "a task panicked"),
            Ok(Done::Refresh) | Err(_) => {}
        }
    }

    async fn take(&mut self, note: Note) {
        match note {
            Note::TransportConnected { provider } => {
                tracing::info!(server = %self.config.id, "transport connected");
                self.shared.tell(Event::TransportConnected {
                    server: self.config.id.clone(),
                });
                self.apply(Input::TransportConnected { provider }).await;
            }
            // One that was given up meanwhile has nothing to show.
            Note::Prompt(_) if self.state.auth != AuthStatus::Authenticating => {}
            Note::Prompt(prompt) => {
                self.shared.tell(Event::SignInStarted {
                    server: self.config.id.clone(),
                    prompt: prompt.clone(),
                });
                self.apply(Input::Prompted(prompt)).await;
            }
            Note::Refreshed(outcome) => self.refreshed(outcome).await,
        }
    }

    async fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Closed => {
                self.disconnect();
                let retry_at = self.next_attempt(None);
                self.apply(Input::Unavailable {
                    problem: None,
                    retry_at,
                })
                .await;
            }
            Heard::Lost => {
                self.progress.lent_in_vain = true;
                self.connect().await;
            }
            Heard::Refused(refusal) => self.refused(&refusal).await,
            Heard::ToolsChanged => self.rediscover(),
        }
    }

    /// Begins a connection attempt, in place of any other.
    pub(super) async fn connect(&mut self) {
        self.disconnect();
        if self.config.enabled {
            self.apply(Input::Connecting).await;
            let attempt = Attempt::of(self);
            self.progress.attempting = Some(
                self.progress
                    .work
                    .spawn(async move { Done::Attempt(attempt.run().await) }),
            );
        }
    }

    fn rediscover(&mut self) {
        if let Some(live) = self.live.borrow().clone() {
            let limit = self.config.timeout;
            self.progress.work.spawn(async move {
                Done::Listed(Arc::clone(&live.opened), attempt::list(live.opened, limit).await)
            });
        }
    }

    /// The tools were listed again; of a connection that is gone by now nothing counts.
    async fn listed(&mut self, of: &Arc<Opened>, ended: Ended) {
        // A refusal was heard already, like that of any other request.
        if self.is_open(of) && !matches!(ended, Ended::Refused(_)) {
            self.attempted(ended).await;
        }
    }

    pub(super) fn disconnect(&mut self) {
        if let Some(attempt) = self.progress.attempting.take() {
            attempt.abort();
        }
        self.progress.ear = None;
        self.live.send_replace(None);
        self.link.send_replace(None);
    }

    async fn attempted(&mut self, ended: Ended) {
        self.progress.attempting = None;
        match ended {
            Ended::Discovered(live) => self.discovered(live).await,
            Ended::Lent(link) => self.lent(link).await,
            Ended::Refused(refusal) => self.refused(&refusal).await,
            Ended::Stuck(input) => self.apply(*input).await,
            Ended::Unavailable { problem, retry_after } => {
                let retry_at = self.next_attempt(retry_after);
                self.apply(Input::Unavailable {
                    problem: Some(problem),
                    retry_at,
                })
                .await;
            }
        }
        self.schedule_refresh();
    }

    async fn discovered(&mut self, live: Live) {
        let tool_count = u32::try_from(live.tools.len()).unwrap_or(u32::MAX);
        tracing::info!(
            "Connected to MCP server '{}' ({tool_count} tools available)",
            self.config.id
        );
        self.progress.backoff.reset();
        self.era = Some(live.era());
        self.recorder.tools(&live.tools).await;
        self.recorder.introduction(live.introduction()).await;
        self.progress.lent_in_vain = false;
        self.link.send_replace(Some(live.link()));
        self.progress
            .ear
            .get_or_insert_with(|| Ear::on(&live.opened, &self.shared.clock));
        self.live.send_replace(Some(live));
        self.apply(Input::Discovered { tool_count }).await;
        self.shared.tell(Event::ToolsDiscovered {
            server: self.config.id.clone(),
            tool_count,
        });
    }

    /// Lends what needed no connection of our own. What the server is like is what an earlier process found.
    async fn lent(&mut self, link: Link) {
        tracing::info!(server = %self.config.id, "lent as an earlier process found it");
        self.progress.ear = Some(Ear::on_lent(&link));
        self.link.send_replace(Some(link));
        self.apply(Input::Lent).await;
    }

    /// Whether there is no need to ask the server before it is lent: an earlier process has found out how it is spoken
    /// to and who may, and nothing has gone wrong since.
    pub(super) fn may_lend_unasked(&self) -> bool {
        let known = self.guarded.is_none()
            || self.state.grant.is_some()
            || self.recorder.recorded().auth == Some(AuthStatus::NotRequired);
        self.shared.lending && known && !self.progress.lent_in_vain
    }

    pub(super) fn next_attempt(&mut self, retry_after: Option<Duration>) -> Timestamp {
        self.shared
            .clock
            .after(self.progress.backoff.next(retry_after, Dice::roll()))
    }

    fn due(&self) -> Option<Timestamp> {
        [self.state.retry_at, self.progress.refresh_at]
            .into_iter()
            .flatten()
            .min()
    }

    async fn wake(&mut self) {
        let now = self.shared.clock.now();
        if self.progress.refresh_at.is_some_and(|at| at <= now) {
            self.progress.refresh_at = None;
            self.refresh_ahead();
        }
        if self.state.retry_at.is_some_and(|at| at <= now) {
            self.connect().await;
        }
    }

    fn refresh_ahead(&mut self) {
        if let Some(guarded) = &self.guarded {
            let refresh = guarded.refresh_ahead();
            self.progress.work.spawn(async move {
                refresh.await;
                Done::Refresh
            });
        }
    }

    /// A refresh came to its end, ahead of time or behind a request.
    async fn refreshed(&mut self, outcome: RefreshOutcome) {
        match outcome {
            RefreshOutcome::Unsaved { ref cause, .. } => {
                tracing::error!(server = %self.config.id, code = cause.code(), "{cause}");
                self.schedule_refresh();
            }
            RefreshOutcome::Refreshed(_) | RefreshOutcome::Adopted(_) => {
                self.adopt().await;
                self.schedule_refresh();
            }
            RefreshOutcome::Rejected { ref code } => {
                self.adopt().await;
                self.ended(code).await;
            }
            RefreshOutcome::Gone => self.adopt().await,
            RefreshOutcome::Unavailable { .. } | RefreshOutcome::OutcomeUnknown { .. } => {
                let pause = outcome.retry_after().unwrap_or_default().max(REFRESH_PAUSE);
                let again = self.is_live().then(|| self.shared.clock.after(pause));
                self.progress.refresh_at = again;
            }
        }
    }

    /// The grant has ended, even where the disk would not take note of it.
    async fn ended(&mut self, code: &str) {
        let stands = matches!(&self.state.grant, Some(grant) if grant.standing.rejection().is_none());
        if let Some(guarded) = self.guarded.as_ref().filter(|_| stands) {
            let problem = guarded.ended(code);
            self.disconnect();
            self.apply(Input::RefreshRejected(problem)).await;
        }
    }

    /// Takes over what is on disk: another process signed in, refreshed or signed out, or this one just did.
    pub(super) async fn adopt(&mut self) {
        let Some(guarded) = self.guarded.clone() else {
            return;
        };
        let stored = match guarded.summary() {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(server = %self.config.id, code = error.code(), "the stored grant cannot be read");
                return;
            }
        };
        if stored == self.state.grant {
            return;
        }
        let Some(summary) = stored else {
            return self.forget().await;
        };
        if summary.standing.rejection().is_some() {
            self.disconnect();
        }
        let renewed =
            self.state.grant.as_ref().map(|old| old.authenticated_at) != Some(summary.authenticated_at);
        self.apply(Input::Granted(Box::new(summary))).await;
        if !renewed {
            self.shared.tell(Event::TokenRefreshed {
                server: self.config.id.clone(),
            });
        }
        match guarded.present().await {
            Ok(_) if renewed || self.is_unconnected() => self.connect().await,
            Err(Unready::Locked(problem)) => self.apply(Input::KeychainLocked(problem)).await,
            // An attempt under way hears of it from the server, with the challenge that a new sign-in goes by.
            Err(Unready::Ended(_)) if self.progress.attempting.is_some() => {}
            Err(Unready::Ended(problem)) => {
                self.disconnect();
                self.apply(Input::RefreshRejected(problem)).await;
            }
            // What cannot be read now is read again when it is next needed.
            Ok(_) | Err(Unready::Unavailable { .. }) => {}
        }
        self.schedule_refresh();
    }

    fn is_unconnected(&self) -> bool {
        !matches!(
            self.state.connection,
            ConnectionStatus::Connected | ConnectionStatus::Connecting
        )
    }

    /// The grant is gone: stop presenting it, and end what it had opened.
    pub(super) async fn forget(&mut self) {
        if let Some(guarded) = &self.guarded {
            guarded.tokens.withdraw();
        }
        self.disconnect();
        self.progress.refresh_at = None;
        self.apply(Input::SignedOut).await;
        self.shared.tell(Event::SignedOut {
            server: self.config.id.clone(),
        });
    }

    /// Whether this is the connection in use, and not an earlier one.
    fn is_open(&self, opened: &Arc<Opened>) -> bool {
        let live = self.live.borrow();
        live.as_ref()
            .is_some_and(|live| Arc::ptr_eq(&live.opened, opened))
    }

    pub(super) fn is_live(&self) -> bool {
        self.link.borrow().is_some()
    }

    /// Plans the next refresh ahead of time. Without a connection there is none to plan: the next attempt looks at the
    /// token first. Tokens that live for seconds are not chased, but refreshed when they are rejected.
    fn schedule_refresh(&mut self) {
        let renewal = self
            .guarded
            .as_ref()
            .and_then(|guarded| guarded.tokens.renewal_at());
        let soonest = self.shared.clock.after(REFRESH_PAUSE);
        self.progress.refresh_at = renewal.filter(|_| self.is_live()).map(|at| at.max(soonest));
    }

    /// Changes the state, tells everyone, and remembers what a later process should know.
    pub(super) async fn apply(&mut self, input: Input) {
        let (before, is_observed) = (self.state.clone(), input.is_observed());
        self.state = before.clone().after(input);
        let snapshot = self.state.snapshot(&self.config);
        self.status.send_replace(snapshot.clone());
        self.shared.changed.mark();
        self.progress.wanted.follow(self.state.auth);
        if let Some(problem) = attention(&before, &self.state) {
            self.progress.wanted.asked(self.shared.clock.now());
            tracing::info!(server = %self.config.id, code = %problem.code, "{}", problem.message);
            self.shared.tell(Event::AttentionNeeded {
                server: self.config.id.clone(),
                problem,
            });
        }
        if is_observed {
            let recorded = self.recorder.observe(&snapshot, self.era, &self.shared.clock);
            recorded.await;
        }
        if let Some(guarded) = self.guarded.as_ref().filter(|_| before.auth != self.state.auth) {
            let steps = guarded.http.timeline().steps();
            // Nothing new is no reason to forget what an earlier process found out.
            if !steps.is_empty() {
                self.recorder.timeline(&steps).await;
            }
        }
    }

    async fn close(&mut self) {
        self.progress.ear = None;
        self.link.send_replace(None);
        let live = self.live.send_replace(None);
        if let Some(opened) = live.and_then(|live| Arc::into_inner(live.opened)) {
            // The server is told that its session is over; one that does not listen is not waited for.
            let _ = tokio::time::timeout(FAREWELL, opened.close()).await;
        }
        self.progress
            .signing_in
            .end(&Err(SignInError::Cancelled.problem()));
        self.progress.work.shutdown().await;
        if let Some(guarded) = &self.guarded {
            guarded.tokens.settled().await;
        }
    }
}

async fn until(shared: &Shared, instant: Option<Timestamp>) {
    match instant {
        Some(instant) => shared.clock.sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

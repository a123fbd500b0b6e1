//! Signing in and out, from the owner's side: who waits for it, and how an answer from outside reaches it.

use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use super::{
    front::{BrowserUse, SignInOptions, SignedIn},
    owner::{Done, Note, Owner},
    refused::Refused,
    state::Input,
};
use crate::{
    Action, AuthStatus, ConnectionStatus, Event, Explain, Problem,
    oauth::scope::Scopes,
    sign_in::{Offer, SignIn, SignInError},
    sign_out::{Leaving, SignOutReport},
    store::VaultError,
};

/// Who waits for the report of a sign-out.
pub(super) type SignOutReply = oneshot::Sender<Result<SignOutReport, Problem>>;

/// The sign-in under way, if any.
#[derive(Default)]
pub(super) struct SigningIn {
    task: Option<AbortHandle>,
    responses: Option<mpsc::Sender<Offer>>,
    waiting: Vec<oneshot::Sender<Result<SignedIn, Problem>>>,
    /// The token is there; what is waited for is the tools.
    granted: bool,
}

impl SigningIn {
    /// Hands over an answer that came by another way than the listener; the sign-in itself compares the `state`.
    pub(super) fn offer(&self, offer: Offer) {
        if let Some(responses) = &self.responses {
            // A sign-in that is over drops the offer, and with it its reply: not taken.
            let _ = responses.try_send(offer);
        }
    }

    /// Gives it up, if it still runs, and tells whoever waits.
    pub(super) fn end(&mut self, outcome: &Result<SignedIn, Problem>) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.responses = None;
        self.granted = false;
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(outcome.clone());
        }
    }
}

impl Owner {
    /// Starts a sign-in; one that is under way is joined, so that a second click opens no second tab.
    pub(super) async fn begin_sign_in(
        &mut self,
        options: SignInOptions,
        reply: oneshot::Sender<Result<SignedIn, Problem>>,
    ) {
        if self.guarded.is_none() {
            let refused = Refused::NothingToSignInTo {
                server: self.config.id.clone(),
            };
            let _ = reply.send(Err(refused.problem()));
            return;
        }
        self.progress.signing_in.waiting.push(reply);
        self.start_sign_in(options).await;
    }

    /// Signs in without being asked, because no person takes part; the server counts as being connected meanwhile.
    pub(super) async fn sign_in_unattended(&mut self) {
        self.apply(Input::Connecting).await;
        self.start_sign_in(SignInOptions::default()).await;
    }

    async fn start_sign_in(&mut self, options: SignInOptions) {
        let Some(guarded) = self
            .guarded
            .clone()
            .filter(|_| self.progress.signing_in.task.is_none())
        else {
            return;
        };
        let (responses, receiver) = mpsc::channel(4);
        let noting = self.noting.clone();
        let sign_in = SignIn {
            key: guarded.key,
            auth: self.config.auth.clone(),
            vault: guarded.vault,
            refresher: guarded.tokens.refresher().clone(),
            http: guarded.http,
            challenge: self.progress.challenge.clone(),
            held: self.held_scopes(),
            browser: (options.browser == BrowserUse::Open).then(|| self.shared.browser.clone()),
            prompt: Box::new(move |prompt| drop(noting.send(Note::Prompt(prompt)))),
            responses: receiver,
            deadline: self.shared.clock.after(options.patience),
            used: None,
            links: self.shared.links(),
        };
        sign_in.http.timeline().begin_anew();
        self.progress.signing_in.responses = Some(responses);
        self.progress.signing_in.task = Some(
            self.progress
                .work
                .spawn(async move { Done::SignIn(sign_in.run().await) }),
        );
        self.apply(Input::SignInStarted).await;
    }

    /// Scopes to ask for besides those of the challenge: the ones granted, and the ones another process was refused for
    /// (MCP "Step-Up Authorization Flow", union). None when a sign-in begins anew.
    fn held_scopes(&self) -> Scopes {
        match &self.state.grant {
            Some(grant) if self.state.wants_more() => grant.scopes.union(&self.state.missing),
            _ => Scopes::default(),
        }
    }

    pub(super) async fn cancel_sign_in(&mut self) {
        if self.state.auth == AuthStatus::Authenticating {
            let cancelled = SignInError::Cancelled.problem();
            self.apply(Input::SignInFailed(None)).await;
            self.settle_unattended(&cancelled).await;
            self.progress.signing_in.end(&Err(cancelled));
        }
    }

    pub(super) async fn signed_in(&mut self, outcome: Result<(), SignInError>) {
        self.progress.signing_in.task = None;
        self.progress.signing_in.responses = None;
        match outcome {
            Ok(()) => {
                self.progress.signing_in.granted = true;
                self.shared.tell(Event::SignInFinished {
                    server: self.config.id.clone(),
                    problem: None,
                });
                self.adopt().await;
            }
            Err(error) => {
                let problem = error.problem();
                self.shared.tell(Event::SignInFinished {
                    server: self.config.id.clone(),
                    problem: Some(problem.clone()),
                });
                self.apply(Input::SignInFailed(Some(problem.clone()))).await;
                self.settle_unattended(&problem).await;
                self.progress.signing_in.end(&Err(problem));
            }
        }
    }

    /// A sign-in nobody asked for was part of connecting, which has now failed for the same reason.
    async fn settle_unattended(&mut self, problem: &Problem) {
        let is_over = self.progress.attempting.is_none();
        let by_itself = self.config.auth.grant.is_unattended();
        if !by_itself || !is_over || self.state.connection != ConnectionStatus::Connecting {
            return;
        }
        let problem = problem.clone();
        let input = if problem.action == Action::Retry {
            Input::Unavailable {
                problem: Some(problem),
                retry_at: self.next_attempt(None),
            }
        } else {
            Input::Unauthorized(problem)
        };
        self.apply(input).await;
    }

    /// Answers whoever asked for the sign-in, once the server was connected with the new token, or could not be.
    pub(super) fn answer_sign_in(&mut self) {
        if self.progress.signing_in.granted && self.state.connection != ConnectionStatus::Connecting {
            let snapshot = self.state.snapshot(&self.config);
            self.progress.signing_in.end(&Ok(SignedIn { snapshot }));
        }
    }

    /// Signs out; what cannot be undone at the server is reported, and never keeps this machine from forgetting.
    pub(super) async fn begin_sign_out(&mut self, reply: SignOutReply) {
        self.cancel_sign_in().await;
        let Some(guarded) = self.guarded.clone() else {
            let server = self.config.id.clone();
            let _ = reply.send(Err(Refused::NothingToSignInTo { server }.problem()));
            return;
        };
        let auth = self.config.auth.clone();
        self.progress.work.spawn(async move {
            let leaving = Leaving {
                vault: &guarded.vault,
                http: &guarded.http,
                auth: &auth,
                name: (&guarded.key).into(),
            };
            let report = leaving.run(guarded.tokens.refresher().forget(&guarded.key)).await;
            Done::SignOut(report, reply)
        });
    }

    pub(super) async fn signed_out(
        &mut self,
        report: Result<SignOutReport, VaultError>,
        reply: SignOutReply,
    ) {
        // The vault may have told it already, and another sign-in may have followed.
        let is_known = self.state.grant.is_none() && self.state.auth == AuthStatus::NotAuthenticated;
        let is_gone = self
            .guarded
            .as_ref()
            .is_some_and(|guarded| matches!(guarded.summary(), Ok(None)));
        if is_gone && !is_known {
            self.forget().await;
        }
        // The asker may have gone away; the sign-out stands.
        let _ = reply.send(report.map_err(|error| error.problem()));
    }
}

//! What the owner does about a 401 or a 403: whose turn it is, by what was sent and what came back.

use std::sync::Arc;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::{
    authorized_http::{Presented, Refusal},
    owner::Owner,
    refused::{Refused, wanted_scopes},
    state::Input,
};
use crate::{
    Explain,
    oauth::{
        challenge::BearerChallenge,
        endpoint::redacted,
        refresh::GrantEnded,
        timeline::{Stage, Step},
    },
};

/// How often one operation may ask for more scopes before the server is said to refuse it (MCP "Step-Up
/// Authorization Flow": "a few"). With the sign-in before them, a person agrees three times at most.
const STEP_UPS: u32 = 2;

/// After how long an operation that was refused is given all its chances again.
const FORGIVEN: SignedDuration = SignedDuration::from_hours(1);

/// How often a new sign-in did not help one operation. Refusals under one and the same sign-in count once: trying again
/// without having allowed anything proves nothing.
#[derive(Debug, Default)]
pub(super) struct StepUps {
    in_vain: u32,
    /// When it was last refused, and how old the sign-in was.
    last: Option<(Timestamp, Option<Timestamp>)>,
}

impl StepUps {
    /// Counts a refusal at `now`, under the sign-in of `authenticated_at`; whether there is any use in asking again.
    fn refused(&mut self, now: Timestamp, authenticated_at: Option<Timestamp>) -> bool {
        match self.last.replace((now, authenticated_at)) {
            Some((before, _)) if now.duration_since(before) > FORGIVEN => self.in_vain = 0,
            Some((_, sign_in)) if sign_in != authenticated_at => self.in_vain += 1,
            _ => {}
        }
        self.in_vain < STEP_UPS
    }
}

impl Owner {
    /// Acts on a refusal, of a connection attempt or of any later request.
    pub(super) async fn refused(&mut self, refusal: &Arc<Refusal>) {
        let challenge = BearerChallenge::from_headers(&refusal.challenges);
        self.note(refusal, challenge.as_ref());
        let input = match refusal.status {
            StatusCode::UNAUTHORIZED => self.unauthorized(refusal, challenge).await,
            _ => self.forbidden(refusal, challenge),
        };
        if let Some(input) = input {
            if !matches!(input, Input::ScopeMissing { .. } | Input::ScopeRefused(_)) {
                self.disconnect();
            }
            if matches!(input, Input::Unauthorized(_)) && self.config.auth.grant.is_unattended() {
                return self.sign_in_unattended().await;
            }
            self.apply(input).await;
        }
    }

    /// The first line of the evidence: what was asked, and what the refusal wants.
    fn note(&self, refusal: &Refusal, challenge: Option<&BearerChallenge>) {
        let (Some(guarded), Some(url)) = (&self.guarded, self.config.transport.url()) else {
            return;
        };
        let decision = match (wanted_scopes(refusal), challenge) {
            (Some(wanted), _) => format!("it asks for more scope: {wanted}"),
            (
                None,
                Some(BearerChallenge {
                    resource_metadata: Some(_),
                    ..
                }),
            ) => "it asks for a token, and says where its metadata is".to_owned(),
            (None, Some(_)) => "it asks for a token".to_owned(),
            (None, None) => "it refuses, and names no way in".to_owned(),
        };
        let operation = refusal
            .operation
            .as_deref()
            .map(|operation| format!(" {operation}"));
        guarded.http.timeline().push(Step {
            at: guarded.http.clock().now(),
            stage: Stage::Challenge,
            request: Some(format!("POST {}{}", redacted(url), operation.unwrap_or_default())),
            status: Some(refusal.status.as_u16()),
            decision,
            rule: Some("RFC 6750 §3".to_owned()),
        });
    }

    async fn unauthorized(&mut self, refusal: &Refusal, challenge: Option<BearerChallenge>) -> Option<Input> {
        let server = self.config.id.clone();
        if self.guarded.is_none() || refusal.presented == Presented::StaticHeader {
            return Some(Input::Failed(Refused::CredentialRejected { server }.problem()));
        }
        self.progress.challenge = challenge;
        // The refresh that this 401 led to has left its outcome on disk.
        self.adopt().await;
        if self.progress.attempting.is_some() {
            // Somebody has signed in meanwhile, and that is being tried.
            return None;
        }
        let ended = self
            .state
            .grant
            .as_ref()
            .and_then(|grant| grant.standing.rejection().map(str::to_owned));
        Some(match (ended, refusal.presented) {
            (Some(code), _) => Input::RefreshRejected(GrantEnded::new(server.as_str(), &code).problem()),
            (None, Presented::Token) if self.state.grant.is_some() => {
                Input::RefreshRejected(Refused::TokenRejected { server }.problem())
            }
            _ => Input::Unauthorized(Refused::SignInNeeded { server }.problem()),
        })
    }

    fn forbidden(&mut self, refusal: &Refusal, challenge: Option<BearerChallenge>) -> Option<Input> {
        let server = self.config.id.clone();
        let Some(wanted) = wanted_scopes(refusal).filter(|_| self.guarded.is_some()) else {
            // A call that is not allowed says so itself; only a server that refuses everything is a failed connection.
            let failed = !self.is_live();
            return failed.then(|| Input::Failed(Refused::forbidden(&server, refusal).problem()));
        };
        self.progress.challenge = challenge;
        let operation = refusal.operation.clone();
        let operation = operation.unwrap_or_else(|| "the connection".to_owned());
        if !self.may_step_up(&operation) {
            let problem = Refused::ScopeRefused { server, operation }.problem();
            return Some(if self.is_live() {
                Input::ScopeRefused(problem)
            } else {
                Input::Failed(problem)
            });
        }
        let grant = self.state.grant.as_ref();
        let granted = grant.map(|grant| grant.scopes.clone()).unwrap_or_default();
        Some(Input::ScopeMissing {
            missing: wanted.difference(&granted),
            problem: Refused::scope_missing(&server, &wanted, &granted).problem(),
        })
    }

    fn may_step_up(&mut self, operation: &str) -> bool {
        let authenticated_at = self.state.grant.as_ref().map(|grant| grant.authenticated_at);
        let step_ups = self.progress.step_ups.entry(operation.to_owned()).or_default();
        step_ups.refused(self.shared.clock.now(), authenticated_at)
    }
}

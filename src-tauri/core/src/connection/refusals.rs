//! What the owner does about a 401 or a 403: whose turn it is, by what was sent and what came back.

use std::sync::Arc;

use http::StatusCode;

use super::{
    authorized_http::{Presented, Refusal},
    owner::Owner,
    refused::Refused,
    state::Input,
};
use crate::{
    Explain, Problem,
    oauth::{challenge::BearerChallenge, scope::Scopes},
};

/// How often one operation may ask for more scopes before the server is said to refuse it (MCP "Step-Up
/// Authorization Flow": "a few").
const STEP_UPS: u32 = 3;

/// RFC 6750 §3.1
const INSUFFICIENT_SCOPE: &str = "insufficient_scope";

impl Owner {
    /// Acts on a refusal, of a connection attempt or of any later request.
    pub(super) async fn refused(&mut self, refusal: &Arc<Refusal>) {
        let challenge = BearerChallenge::from_headers(&refusal.challenges);
        let input = match refusal.status {
            StatusCode::UNAUTHORIZED => self.unauthorized(refusal, challenge).await,
            _ => self.forbidden(refusal, challenge),
        };
        if let Some(input) = input {
            if !matches!(input, Input::ScopeMissing { .. }) {
                self.disconnect();
            }
            self.apply(input).await;
        }
    }

    async fn unauthorized(&mut self, refusal: &Refusal, challenge: Option<BearerChallenge>) -> Option<Input> {
        let server = self.config.id.clone();
        if self.guarded.is_none() || refusal.presented == Presented::StaticHeader {
            return Some(Input::Failed(Refused::CredentialRejected { server }.problem()));
        }
        self.progress.challenge = challenge;
        // The refresh that this 401 led to has left its outcome on disk.
        self.adopt().await;
        let ended = self
            .state
            .grant
            .as_ref()
            .and_then(|grant| grant.standing.rejection().map(str::to_owned));
        Some(match (ended, refusal.presented) {
            (Some(code), _) => Input::RefreshRejected(Refused::grant_ended(&server, &code).problem()),
            (None, Presented::Token) if self.state.grant.is_some() => {
                Input::RefreshRejected(Refused::TokenRejected { server }.problem())
            }
            _ => Input::Unauthorized(Refused::SignInNeeded { server }.problem()),
        })
    }

    fn forbidden(&mut self, refusal: &Refusal, challenge: Option<BearerChallenge>) -> Option<Input> {
        let wants_scope = challenge
            .as_ref()
            .and_then(|challenge| challenge.error.as_deref())
            == Some(INSUFFICIENT_SCOPE);
        if !wants_scope || self.guarded.is_none() {
            // A call that is not allowed says so itself; only a server that refuses everything is a failed connection.
            return self
                .live
                .borrow()
                .is_none()
                .then(|| Input::Failed(self.forbidden_problem(refusal)));
        }
        let wanted = challenge
            .as_ref()
            .and_then(|challenge| challenge.scope.clone())
            .unwrap_or_default();
        self.progress.challenge = challenge;
        let operation = refusal
            .operation
            .clone()
            .unwrap_or_else(|| "the connection".to_owned());
        let asked = self.progress.step_ups.entry(operation.clone()).or_default();
        *asked += 1;
        let server = self.config.id.clone();
        if *asked > STEP_UPS {
            return Some(Input::Failed(
                Refused::ScopeRefused { server, operation }.problem(),
            ));
        }
        let granted = self
            .state
            .grant
            .as_ref()
            .map(|grant| grant.scopes.clone())
            .unwrap_or_default();
        let missing = wanted.difference(&granted);
        let problem = Refused::ScopeMissing {
            server,
            scopes: named(&missing, &wanted),
        }
        .problem();
        Some(Input::ScopeMissing { missing, problem })
    }

    fn forbidden_problem(&self, refusal: &Refusal) -> Problem {
        Refused::Forbidden {
            server: self.config.id.clone(),
            detail: refusal.detail.clone(),
        }
        .problem()
    }
}

fn named(missing: &Scopes, wanted: &Scopes) -> String {
    if missing.is_empty() {
        wanted.to_string()
    } else {
        missing.to_string()
    }
}

//! The token of one server's grant, where every request finds it: one atomic load, no lock, no disk, no keychain.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{
    backoff::Dice,
    owner::Note,
    token_source::{TokenSource, Verdict},
};
use crate::{
    clock::later,
    config::{AuthConfig, ResourceChoice},
    oauth::{
        bearer::Bearer,
        grant::{Grant, GrantKey},
        refresh::{RefreshOutcome, RefreshReason, Refresher, due_at, is_renewable, over_at},
    },
};

/// Presents the grant's access token, and has it refreshed when it was rejected.
pub(crate) struct GrantTokens {
    bearer: ArcSwapOption<Bearer>,
    /// When the presented token should be replaced, and when it must be.
    renewal: ArcSwapOption<(Timestamp, Timestamp)>,
    key: GrantKey,
    auth: AuthConfig,
    refresher: Refresher,
    /// The owner hears of every outcome, whoever asked.
    noting: mpsc::UnboundedSender<Note>,
}

impl GrantTokens {
    pub(crate) fn new(
        key: GrantKey,
        auth: AuthConfig,
        refresher: Refresher,
        noting: mpsc::UnboundedSender<Note>,
    ) -> Arc<Self> {
        Arc::new(Self {
            bearer: ArcSwapOption::empty(),
            renewal: ArcSwapOption::empty(),
            key,
            auth,
            refresher,
            noting,
        })
    }

    pub(crate) fn refresher(&self) -> &Refresher {
        &self.refresher
    }

    /// Whether `grant` is one the config file still asks for: an entry that now pins another issuer or resource must
    /// not be served with tokens of the old one (MCP "Authorization Server Binding").
    pub(crate) fn fits(&self, grant: &Grant) -> bool {
        let issuer = self
            .auth
            .issuer
            .as_ref()
            .is_none_or(|pinned| *pinned == grant.issuer);
        let resource = match &self.auth.resource {
            ResourceChoice::Exact(pinned) => grant.resource.as_ref() == Some(pinned),
            ResourceChoice::Discovered | ResourceChoice::Omitted => true,
        };
        issuer && resource
    }

    /// Presents `grant` from now on.
    pub(crate) fn present(&self, grant: &Grant) {
        let renewable = is_renewable(&grant.tokens, &self.auth);
        let renewal = due_at(&grant.tokens)
            .zip(over_at(&grant.tokens))
            .filter(|_| renewable);
        self.renewal.store(renewal.map(Arc::new));
        let known = self.current();
        let known = known.as_deref().and_then(Bearer::prover);
        match Bearer::of(grant, known, self.refresher.clock()) {
            Ok(bearer) => self.bearer.store(Some(Arc::new(bearer))),
            Err(error) => {
                tracing::warn!(server = %self.key.server, "{error}");
                self.bearer.store(None);
            }
        }
    }

    /// Presents nothing from now on.
    pub(crate) fn withdraw(&self) {
        self.renewal.store(None);
        self.bearer.store(None);
    }

    /// Refreshes the grant if `reason` still holds when its turn comes; tells the owner how that ended.
    pub(crate) async fn refresh(&self, reason: RefreshReason) -> RefreshOutcome {
        let outcome = self.refresher.refresh(&self.key, &self.auth, reason).await;
        match (&outcome, outcome.grant()) {
            (_, Some(grant)) => self.present(grant),
            (RefreshOutcome::Rejected { .. } | RefreshOutcome::Gone, None) => self.withdraw(),
            _ => {}
        }
        // The owner may be gone already, at shutdown.
        let _ = self.noting.send(Note::Refreshed(outcome.clone()));
        outcome
    }

    /// When to replace the presented token ahead of its end: not in all processes at once, and before it must be.
    pub(crate) fn renewal_at(&self) -> Option<Timestamp> {
        let (due, over) = *self.renewal.load_full()?;
        let margin = Duration::try_from(over.duration_since(due)).unwrap_or_default();
        Some(later(due, margin.mul_f64(Dice::roll().share() / 2.0)))
    }

    /// Waits for refreshes under way; they must not be cut off between request and save.
    pub(crate) async fn settled(&self) {
        self.refresher.settled().await;
    }

    async fn verdict(&self, sent: &Bearer) -> Verdict {
        // Another request may have had it refreshed while this one was under way.
        if let Some(current) = self.current().filter(|current| differs(current, sent)) {
            return Verdict::Retry(current);
        }
        let token = sent.access_token().clone();
        let outcome = self.refresh(RefreshReason::Rejected { token }).await;
        match (&outcome, outcome.problem(self.key.server.as_str())) {
            (_, _) if outcome.grant().is_some() => self
                .current()
                .filter(|current| differs(current, sent))
                .map_or(Verdict::GiveUp, Verdict::Retry),
            (RefreshOutcome::Unavailable { .. } | RefreshOutcome::OutcomeUnknown { .. }, Some(problem)) => {
                Verdict::Unavailable(problem)
            }
            _ => Verdict::GiveUp,
        }
    }
}

impl TokenSource for GrantTokens {
    fn current(&self) -> Option<Arc<Bearer>> {
        self.bearer.load_full()
    }

    fn rejected<'a>(&'a self, sent: &'a Arc<Bearer>) -> BoxFuture<'a, Verdict> {
        self.verdict(sent).boxed()
    }
}

fn differs(current: &Bearer, sent: &Bearer) -> bool {
    current.access_token().secret() != sent.access_token().secret()
}

//! What one server's owner knows about authorization: where its grant is, and what presents it.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use super::{front::Shared, grant_tokens::GrantTokens, owner::Note, refused::Refused};
use crate::{
    Explain, Problem,
    config::{AuthType, ServerConfig},
    network::{AddressGuard, NetworkError},
    oauth::{
        grant::{Grant, GrantKey},
        http::Http,
        refresh::{GrantEnded, RefreshOutcome, RefreshReason, Refresher, over_at},
        timeline::Timeline,
    },
    store::{GrantSummary, Seen, Vault, VaultError},
};

/// One server's place in the vault, and the token in use.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(super) key: GrantKey,
    pub(super) vault: Vault,
    pub(super) http: Http,
    pub(super) tokens: Arc<GrantTokens>,
    changes: watch::Receiver<Seen>,
}

/// Why there is no token to go on with.
pub(super) enum Unready {
    /// The grant is over, or cannot be read any more; a person is needed.
    Ended(Problem),
    /// The keychain refuses.
    Locked(Problem),
    /// It is tried again later.
    Unavailable {
        problem: Problem,
        retry_after: Option<Duration>,
    },
}

impl Guarded {
    /// None for a server that never signs in: stdio, `auth: none`, or a credential among its static headers.
    pub(super) fn of(
        config: &ServerConfig,
        shared: &Shared,
        noting: &mpsc::UnboundedSender<Note>,
    ) -> Result<Option<Self>, NetworkError> {
        let Some(key) = GrantKey::of(config).filter(|_| wants_oauth(config)) else {
            return Ok(None);
        };
        let vault = match &config.auth.token_store {
            Some(folder) => shared.vault.in_folder(folder.clone()),
            None => shared.vault.clone(),
        };
        let guard = AddressGuard::of(&key.url, &config.auth);
        let http = shared
            .network
            .http(guard, shared.clock.clone(), Timeline::default())?;
        let refresher = Refresher::new(vault.clone(), http.clone());
        let tokens = GrantTokens::new(key.clone(), config.auth.clone(), refresher, noting.clone());
        let changes = vault.changes();
        Ok(Some(Self {
            key,
            vault,
            http,
            tokens,
            changes,
        }))
    }

    /// What is stored, without its secrets.
    pub(super) fn summary(&self) -> Result<Option<GrantSummary>, VaultError> {
        self.vault.summary(&self.key)
    }

    /// Waits until this or another process changed the vault; for ever where there is none to watch.
    pub(super) async fn moved(guarded: Option<&mut Self>) {
        if let Some(guarded) = guarded
            && guarded.changes.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Presents the stored grant, whatever its age; nothing when there is none.
    pub(super) async fn present(&self) -> Result<Option<Grant>, Unready> {
        let Some(grant) = self.load().await? else {
            self.tokens.withdraw();
            return Ok(None);
        };
        if let Some(code) = grant.standing.rejection() {
            self.tokens.withdraw();
            return Err(Unready::Ended(self.ended(code)));
        }
        if !self.tokens.fits(&grant) {
            self.tokens.withdraw();
            let server = self.key.server.clone();
            return Err(Unready::Ended(Refused::GrantElsewhere { server }.problem()));
        }
        self.tokens.present(&grant);
        Ok(Some(grant))
    }

    /// Presents the stored grant, refreshed first when it is over.
    pub(super) async fn ready(&self) -> Result<(), Unready> {
        let Some(grant) = self.present().await? else {
            return Ok(());
        };
        if over_at(&grant.tokens).is_none_or(|end| end > self.http.clock().now()) {
            return Ok(());
        }
        let outcome = self.tokens.refresh(RefreshReason::Expiring).await;
        match (&outcome, outcome.problem(self.key.server.as_str())) {
            (RefreshOutcome::Rejected { code }, _) => Err(Unready::Ended(self.ended(code))),
            (RefreshOutcome::Unavailable { .. } | RefreshOutcome::OutcomeUnknown { .. }, Some(problem)) => {
                Err(Unready::Unavailable {
                    problem,
                    retry_after: outcome.retry_after(),
                })
            }
            _ => Ok(()),
        }
    }

    async fn load(&self) -> Result<Option<Grant>, Unready> {
        self.vault.load(&self.key).await.map_err(|error| match error {
            VaultError::Locked | VaultError::OutOfReach { .. } => Unready::Locked(error.problem()),
            VaultError::KeyBusy(_) | VaultError::Disk(_) => Unready::Unavailable {
                problem: error.problem(),
                retry_after: None,
            },
            _ => Unready::Ended(error.problem()),
        })
    }

    /// Why a grant cannot go on.
    pub(super) fn ended(&self, code: &str) -> Problem {
        GrantEnded::new(self.key.server.as_str(), code).problem()
    }

    /// Replaces the token before it ends.
    pub(super) fn refresh_ahead(&self) -> impl Future<Output = RefreshOutcome> + Send + 'static {
        let tokens = Arc::clone(&self.tokens);
        async move { tokens.refresh(RefreshReason::Expiring).await }
    }
}

/// Whether a 401 of this server is answered with a sign-in.
///
/// A credential in the config file speaks for itself: a server that rejects it must say so, and not open a browser.
fn wants_oauth(config: &ServerConfig) -> bool {
    match config.auth.kind {
        Some(AuthType::OAuth2) => true,
        Some(AuthType::None) => false,
        None => !config
            .transport
            .headers()
            .is_some_and(|headers| headers.contains_key(http::header::AUTHORIZATION)),
    }
}

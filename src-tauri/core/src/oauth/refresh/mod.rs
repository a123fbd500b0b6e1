//! Replacing an access token (RFC 6749 §6): a transaction, because a rotating refresh token works only once.
//!
//! ```text
//! fresh already? → use it, no lock
//! owned task, one per grant in this process        a caller that goes away cancels nothing
//!   the grant's lock, across processes             one at a time, bounded, the holder is named
//!     reread the vault                             someone else refreshed? → adopt, no request
//!     POST with the exact resource                 scope policy; a lost client registers again, once
//!     carry forward, save, only then expose        a disk that refuses: keep, keep trying, say so
//!   publish
//! ```
//!
//! This module alone rotates tokens. It refuses to guess: only a sure rejection ends a grant, and a grant that has
//! ended is remembered as such, so that no process asks again for nothing. A process killed between the request and
//! the save leaves a mark in the lock file; the next one tries once with what is stored, which is all that can be done.

mod freshness;
mod keeping;
mod outcome;
mod renewal;
mod slot;
mod transaction;
mod unattended;
mod verdict;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::sync::broadcast;

use self::{slot::Slots, transaction::Transaction};
use super::{
    grant::{Grant, GrantKey, Standing, TokenSet},
    http::Http,
};
use crate::{
    clock::Clock,
    config::AuthConfig,
    store::{Stopped, Vault, VaultError},
};

pub use freshness::{due_at, over_at};
pub use keeping::KeepError;
pub use outcome::{GrantEnded, NO_REFRESH_TOKEN, RefreshCause, RefreshNews, RefreshOutcome, RefreshReason};

/// How long another process may take for the same grant: one request at its slowest, and then some.
const LOCK_WAIT: Duration = Duration::from_secs(45);

/// How much unread news is kept for a slow listener.
const NEWS: usize = 64;

/// Refreshes grants of one vault; cheap to clone, and every clone shares the flights.
#[derive(Clone, Debug)]
pub struct Refresher(Arc<Shop>);

type Flight = Shared<BoxFuture<'static, RefreshOutcome>>;

/// What all clones and all tasks share.
struct Shop {
    vault: Vault,
    http: Http,
    slots: Slots,
    flights: Mutex<HashMap<GrantKey, Flight>>,
    news: broadcast::Sender<RefreshNews>,
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher")
            .field("in_flight", &self.flights().len())
            .finish_non_exhaustive()
    }
}

impl Refresher {
    /// For grants in `vault`, with `http`'s clock and timeline.
    pub fn new(vault: Vault, http: Http) -> Self {
        Self(Arc::new(Shop {
            vault,
            http,
            slots: Slots::default(),
            flights: Mutex::default(),
            news: broadcast::Sender::new(NEWS),
        }))
    }

    /// The grant as it stands, fresh or not; what could not be saved yet counts. Makes no request, takes no lock.
    pub async fn current(&self, key: &GrantKey) -> Result<Option<Arc<Grant>>, VaultError> {
        self.0.current(key).await
    }

    /// The clock that decides what is due.
    pub fn clock(&self) -> &Clock {
        self.0.http.clock()
    }

    /// Every outcome of a transaction from now on, whoever asked for it.
    pub fn news(&self) -> broadcast::Receiver<RefreshNews> {
        self.0.news.subscribe()
    }

    /// Brings a token that serves `reason`, with as few requests as possible: none, or one for everybody who asks.
    pub async fn refresh(&self, key: &GrantKey, auth: &AuthConfig, reason: RefreshReason) -> RefreshOutcome {
        if let Ok(Some(grant)) = self.current(key).await {
            if let Standing::Rejected { code, .. } = &grant.standing {
                return RefreshOutcome::Rejected { code: code.clone() };
            }
            if self.0.suffices(&grant, auth, &reason) {
                return RefreshOutcome::Adopted(grant);
            }
        }
        loop {
            let outcome = self.0.flight(key, auth, &reason).await;
            // A flight for somebody else's reason may end with the very token that was rejected here.
            if !is_rejected_one(&outcome, &reason) {
                return outcome;
            }
        }
    }

    /// Waits until no transaction is under way: to be done before the runtime ends, which would cut them off.
    pub async fn settled(&self) {
        loop {
            let under_way: Vec<_> = self.0.flights().values().cloned().collect();
            if under_way.is_empty() {
                return;
            }
            futures::future::join_all(under_way).await;
        }
    }
}

/// Whether there is a way to a new token without a person.
pub(crate) fn is_renewable(tokens: &TokenSet, auth: &AuthConfig) -> bool {
    auth.grant.is_unattended() || tokens.refresh_token.is_some()
}

fn is_rejected_one(outcome: &RefreshOutcome, reason: &RefreshReason) -> bool {
    match (outcome, reason) {
        (RefreshOutcome::Adopted(grant), RefreshReason::Rejected { token }) => {
            grant.tokens.access_token.secret() == token.secret()
        }
        _ => false,
    }
}

impl Shop {
    async fn current(&self, key: &GrantKey) -> Result<Option<Arc<Grant>>, VaultError> {
        match self.slots.unsaved(key) {
            Some(grant) => Ok(Some(grant)),
            None => Ok(self.vault.load(key).await?.map(Arc::new)),
        }
    }

    /// Whether the grant serves the reason as it is.
    fn suffices(&self, grant: &Grant, auth: &AuthConfig, reason: &RefreshReason) -> bool {
        let (tokens, now) = (&grant.tokens, self.http.clock().now());
        let good = grant.standing == Standing::Good && !freshness::is_over(tokens, now);
        good && match reason {
            // What cannot be renewed is used to its end.
            RefreshReason::Expiring => !is_renewable(tokens, auth) || !freshness::is_due(tokens, now),
            RefreshReason::Rejected { token } => tokens.access_token.secret() != token.secret(),
        }
    }

    /// The flight of this grant: the one under way, else a new one.
    fn flight(self: &Arc<Self>, key: &GrantKey, auth: &AuthConfig, reason: &RefreshReason) -> Flight {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(key) {
            return flight.clone();
        }
        let landing = Landing {
            shop: Arc::clone(self),
            key: key.clone(),
        };
        let transaction = Transaction {
            shop: Arc::clone(self),
            key: key.clone(),
            auth: auth.clone(),
            reason: reason.clone(),
        };
        let task = tokio::spawn(async move {
            let outcome = transaction.run().await;
            drop(landing);
            outcome
        });
        let flight = task
            .map(|ended| ended.unwrap_or_else(|_| cut_off()))
            .boxed()
            .shared();
        flights.insert(key.clone(), flight.clone());
        flight
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<GrantKey, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, key: &GrantKey, outcome: &RefreshOutcome) {
        // Nobody has to listen.
        let _ = self.news.send(RefreshNews {
            key: key.clone(),
            outcome: outcome.clone(),
        });
    }
}

fn cut_off() -> RefreshOutcome {
    RefreshOutcome::OutcomeUnknown {
        cause: Stopped.into(),
    }
}

/// Takes the flight off the board however its task ends.
struct Landing {
    shop: Arc<Shop>,
    key: GrantKey,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.shop.flights().remove(&self.key);
    }
}

#[cfg(test)]
mod tests;

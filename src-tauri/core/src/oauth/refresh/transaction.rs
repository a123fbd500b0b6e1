//! One transaction, from the lock to the news. The process may die at any line; what is stored is right at every one.

use std::sync::Arc;

use super::{
    LOCK_WAIT, NO_REFRESH_TOKEN, RefreshCause, RefreshOutcome, RefreshReason, Shop, is_renewable,
    keeping::{self, Saved},
    renewal::{Failure, Renewal, Renewed},
    slot::{Slot, Unsaved, is_same},
    unattended,
};
use crate::{
    clock::later,
    config::AuthConfig,
    oauth::{
        grant::{Grant, GrantKey, Standing},
        timeline::Stage,
        token::TokenError,
    },
    store::{GrantLock, fault},
};

/// Everything one transaction needs; owned, because it outlives whoever asked for it.
pub(super) struct Transaction {
    pub(super) shop: Arc<Shop>,
    pub(super) key: GrantKey,
    pub(super) auth: AuthConfig,
    pub(super) reason: RefreshReason,
}

/// The grant as it is under the lock; nothing read before counts any more.
struct Held {
    grant: Arc<Grant>,
    lock: Arc<GrantLock>,
}

impl Transaction {
    /// Runs to the end and publishes how it ended.
    pub(super) async fn run(self) -> RefreshOutcome {
        let mut slot = self.shop.slots.hold(&self.key).await;
        let outcome = match self.hold(&mut slot).await {
            Ok(held) => self.decide(&mut slot, held).await,
            Err(outcome) => outcome,
        };
        drop(slot);
        let _ = fault::reach("refresh", "publish");
        self.shop.publish(&self.key, &outcome);
        outcome
    }

    /// The lock, and the grant under it.
    async fn hold(&self, slot: &mut Slot) -> Result<Held, RefreshOutcome> {
        if let Some(unsaved) = &slot.unsaved {
            let (grant, lock) = (Arc::clone(&unsaved.grant), Arc::clone(&unsaved.lock));
            return match self.shop.save(slot, &grant).await {
                Saved::SignedOut => Err(RefreshOutcome::Gone),
                Saved::Failed(_) => Ok(Held { grant, lock }),
                Saved::Done => {
                    lock.unmark();
                    Ok(Held { grant, lock })
                }
            };
        }
        let lock = match self.shop.vault.lock(&self.key, LOCK_WAIT).await {
            Ok(lock) => Arc::new(lock),
            Err(error) => return Err(self.without_lock(error.into()).await),
        };
        if lock.was_cut_off() {
            self.note(
                "an earlier refresh was cut off, perhaps before its tokens were saved; what is stored is tried once",
            );
        }
        match self.shop.vault.load(&self.key).await {
            Ok(Some(grant)) => Ok(Held {
                grant: Arc::new(grant),
                lock,
            }),
            Ok(None) => Err(RefreshOutcome::Gone),
            Err(error) => Err(RefreshOutcome::Unavailable { cause: error.into() }),
        }
    }

    /// Whoever holds the lock may have saved what we need without letting go of it.
    async fn without_lock(&self, cause: RefreshCause) -> RefreshOutcome {
        match self.shop.current(&self.key).await {
            Ok(Some(grant)) if self.shop.suffices(&grant, &self.auth, &self.reason) => {
                RefreshOutcome::Adopted(grant)
            }
            _ => RefreshOutcome::Unavailable { cause },
        }
    }

    async fn decide(&self, slot: &mut Slot, mut held: Held) -> RefreshOutcome {
        loop {
            if let Some(outcome) = self.without_request(slot, &held).await {
                return outcome;
            }
            let code = match self.renew(&held).await {
                Ok(renewed) => return self.commit(slot, &held, renewed).await,
                Err(Failure::Ended { code }) => code,
                Err(Failure::Unknown(cause)) => return RefreshOutcome::OutcomeUnknown { cause },
                Err(Failure::Kept(cause)) => return self.postpone(slot, cause),
            };
            match self.newer(slot, &held).await {
                // Once more for each grant that somebody saves meanwhile: there is progress, if not ours.
                Newer::Grant(grant) => held.grant = grant,
                Newer::Gone => return RefreshOutcome::Gone,
                Newer::Nothing => return self.end(slot, &held, code).await,
            }
        }
    }

    /// What is already clear without asking the server.
    async fn without_request(&self, slot: &mut Slot, held: &Held) -> Option<RefreshOutcome> {
        let grant = &held.grant;
        if self.shop.suffices(grant, &self.auth, &self.reason) {
            self.note("the stored token is good: another process had refreshed, or nothing was due");
            return Some(RefreshOutcome::Adopted(Arc::clone(grant)));
        }
        if let Standing::Rejected { code, .. } = &grant.standing {
            return Some(RefreshOutcome::Rejected { code: code.clone() });
        }
        if let Some((rejected, code)) = &slot.rejected
            && is_same(rejected, grant)
        {
            return Some(RefreshOutcome::Rejected { code: code.clone() });
        }
        if !is_renewable(&grant.tokens, &self.auth) {
            return Some(self.end(slot, held, NO_REFRESH_TOKEN.to_owned()).await);
        }
        match &slot.resting {
            Some((until, error)) if *until > self.shop.http.clock().now() => {
                Some(RefreshOutcome::Unavailable {
                    cause: error.clone().into(),
                })
            }
            _ => None,
        }
    }

    async fn renew(&self, held: &Held) -> Result<Renewed, Failure> {
        if self.auth.grant.is_unattended() {
            return unattended::fetch(&self.shop, &self.auth, &held.grant).await;
        }
        let Some(refresh_token) = &held.grant.tokens.refresh_token else {
            return Err(Failure::Ended {
                code: NO_REFRESH_TOKEN.to_owned(),
            });
        };
        held.lock.mark();
        let renewal = Renewal {
            shop: &self.shop,
            auth: &self.auth,
            grant: &held.grant,
            refresh_token,
        };
        let outcome = renewal.run().await;
        match &outcome {
            Err(Failure::Ended { .. }) => held.lock.unmark(),
            // Unless the trouble is older, no token was lost.
            Err(Failure::Kept(_)) if !held.lock.was_cut_off() => held.lock.unmark(),
            _ => {}
        }
        outcome
    }

    /// Nothing is lost; at most the server asked for patience.
    fn postpone(&self, slot: &mut Slot, cause: RefreshCause) -> RefreshOutcome {
        if let RefreshCause::Token(
            error @ TokenError::Unavailable {
                retry_after: Some(wait),
                ..
            },
        ) = &cause
        {
            slot.resting = Some((later(self.shop.http.clock().now(), *wait), error.clone()));
        }
        RefreshOutcome::Unavailable { cause }
    }

    /// What was put in the vault meanwhile, by someone who does not know the lock: one look before a person is asked.
    async fn newer(&self, slot: &Slot, held: &Held) -> Newer {
        if slot.unsaved.is_some() {
            return Newer::Nothing;
        }
        match self.shop.vault.load(&self.key).await {
            Ok(Some(grant)) if !is_same(&grant, &held.grant) => Newer::Grant(Arc::new(grant)),
            Ok(None) => Newer::Gone,
            Ok(Some(_)) | Err(_) => Newer::Nothing,
        }
    }

    /// Saves, then exposes.
    async fn commit(&self, slot: &mut Slot, held: &Held, renewed: Renewed) -> RefreshOutcome {
        let grant = Arc::new(renewed.into_grant(&self.shop.http, &held.grant));
        (slot.rejected, slot.resting) = (None, None);
        let _ = fault::reach("refresh", "save");
        match self.shop.save(slot, &grant).await {
            Saved::Done => {
                held.lock.unmark();
                RefreshOutcome::Refreshed(grant)
            }
            Saved::SignedOut => {
                held.lock.unmark();
                RefreshOutcome::Gone
            }
            Saved::Failed(cause) => {
                self.note("the new tokens could not be saved; they are used, and saving is tried again");
                self.keep_unsaved(slot, held, &grant);
                RefreshOutcome::Unsaved { grant, cause }
            }
        }
    }

    fn keep_unsaved(&self, slot: &mut Slot, held: &Held, grant: &Arc<Grant>) {
        let unsaved = Unsaved {
            grant: Arc::clone(grant),
            lock: Arc::clone(&held.lock),
        };
        if self.shop.slots.put(slot, unsaved) {
            tokio::spawn(keeping::keep_saving(Arc::clone(&self.shop), self.key.clone()));
        }
    }

    /// Remembers that only a person can go on, for every process, or at least for this one.
    async fn end(&self, slot: &mut Slot, held: &Held, code: String) -> RefreshOutcome {
        let ended = Arc::new(Grant {
            standing: Standing::Rejected {
                code: code.clone(),
                at: self.shop.http.clock().now(),
            },
            ..Grant::clone(&held.grant)
        });
        if held.lock.was_cut_off() {
            self.note("the refresh token was probably spent by the refresh that was cut off");
        }
        match self.shop.save(slot, &ended).await {
            Saved::Done => {}
            Saved::SignedOut => return RefreshOutcome::Gone,
            Saved::Failed(_) if slot.unsaved.is_some() => self.keep_unsaved(slot, held, &ended),
            Saved::Failed(_) => slot.rejected = Some((ended, code.clone())),
        }
        RefreshOutcome::Rejected { code }
    }

    fn note(&self, decision: &str) {
        self.shop.http.note(Stage::Refresh, decision, "RFC 6749 §6");
    }
}

/// What a second look into the vault found.
enum Newer {
    Grant(Arc<Grant>),
    Gone,
    Nothing,
}

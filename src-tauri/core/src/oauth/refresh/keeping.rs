//! Putting a grant into the vault, or taking it out, without getting into a refresh's way.

use std::{sync::Arc, time::Duration};

use super::{LOCK_WAIT, RefreshOutcome, Refresher, Shop, slot::Slot};
use crate::{
    Action, Explain,
    oauth::{
        grant::{Grant, GrantKey},
        revocation,
        timeline::Stage,
    },
    store::{LockError, VaultError},
};

/// The first pause before saving is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long signing out waits for another process before it goes ahead all the same.
const FORGET_WAIT: Duration = Duration::from_secs(5);

/// A new grant could not be put into the vault; whatever was there is still there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeepError {
    /// Another process holds the grant.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The vault would not take it.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Explain for KeepError {
    fn code(&self) -> &'static str {
        match self {
            Self::Lock(error) => error.code(),
            Self::Vault(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Lock(error) => error.action(),
            Self::Vault(error) => error.action(),
        }
    }
}

impl Refresher {
    /// Saves the grant of a new sign-in in place of whatever was there.
    ///
    /// A sign-in must not be saved around this: a refresh of the old grant that is under way, here or in another
    /// process, would overwrite it.
    pub async fn keep(&self, grant: Grant) -> Result<Arc<Grant>, KeepError> {
        let shop = &self.0;
        let mut slot = shop.slots.hold(&grant.key).await;
        let _lock = match &slot.unsaved {
            Some(unsaved) => Arc::clone(&unsaved.lock),
            None => Arc::new(shop.vault.lock(&grant.key, LOCK_WAIT).await?),
        };
        shop.vault.save(&grant).await?;
        shop.slots.clear(&mut slot, &grant.key);
        (slot.rejected, slot.resting) = (None, None);
        Ok(Arc::new(grant))
    }

    /// Takes a grant out of the vault; false when there was none. Does not revoke it, and needs no key.
    pub async fn forget(&self, key: &GrantKey) -> Result<bool, VaultError> {
        let shop = &self.0;
        // Signing out succeeds whoever is in the way; a refresh that ends later finds nothing and gives its tokens back.
        let Ok(mut slot) = tokio::time::timeout(FORGET_WAIT, shop.slots.hold(key)).await else {
            return shop.vault.remove(key).await;
        };
        let _lock = match &slot.unsaved {
            Some(unsaved) => Some(Arc::clone(&unsaved.lock)),
            None => shop.vault.lock(key, FORGET_WAIT).await.ok().map(Arc::new),
        };
        let was_unsaved = slot.unsaved.is_some();
        shop.slots.clear(&mut slot, key);
        (slot.rejected, slot.resting) = (None, None);
        Ok(shop.vault.remove(key).await? || was_unsaved)
    }
}

/// Tries again and again until the disk takes what it refused, or nobody wants it saved any more.
pub(super) async fn keep_saving(shop: Arc<Shop>, key: GrantKey) {
    let mut pause = FIRST_PAUSE;
    loop {
        shop.http.clock().sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let mut slot = shop.slots.hold(&key).await;
        let Some(unsaved) = &slot.unsaved else {
            return;
        };
        let (grant, lock) = (Arc::clone(&unsaved.grant), Arc::clone(&unsaved.lock));
        let outcome = match shop.save(&mut slot, &grant).await {
            Saved::Done => RefreshOutcome::Refreshed(grant),
            Saved::SignedOut => RefreshOutcome::Gone,
            Saved::Failed(_) => continue,
        };
        lock.unmark();
        drop(slot);
        shop.publish(&key, &outcome);
        return;
    }
}

/// How saving went.
pub(super) enum Saved {
    /// It survives a power cut.
    Done,
    /// Somebody signed out since the grant was read; it was revoked instead.
    SignedOut,
    /// The vault would not take it.
    Failed(VaultError),
}

impl Shop {
    /// Saves a grant that was read from the vault before and changed since; what was removed is not brought back.
    pub(super) async fn save(&self, slot: &mut Slot, grant: &Grant) -> Saved {
        if matches!(self.vault.load(&grant.key).await, Ok(None)) {
            self.slots.clear(slot, &grant.key);
            self.http.note(
                Stage::Refresh,
                "signed out meanwhile: the new tokens are given back",
                "RFC 7009",
            );
            revocation::revoke(&self.http, grant).await;
            return Saved::SignedOut;
        }
        match self.vault.save(grant).await {
            Ok(()) => {
                self.slots.clear(slot, &grant.key);
                Saved::Done
            }
            Err(error) => Saved::Failed(error),
        }
    }
}

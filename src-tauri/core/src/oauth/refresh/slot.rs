//! What this process remembers about a grant between two transactions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use crate::{
    oauth::{
        grant::{Grant, GrantKey},
        token::TokenError,
    },
    store::GrantLock,
};

/// One slot per grant, made when first needed.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<GrantKey, Entry>>);

#[derive(Default)]
struct Entry {
    slot: Arc<tokio::sync::Mutex<Slot>>,
    /// The same grant as in the slot, to be read while a transaction holds it.
    unsaved: Option<Arc<Grant>>,
}

/// Held by at most one transaction at a time.
#[derive(Default)]
pub(super) struct Slot {
    /// New tokens the disk would not take.
    pub(super) unsaved: Option<Unsaved>,
    /// A grant that has ended, and why, for the case that even this could not be saved.
    pub(super) rejected: Option<(Arc<Grant>, String)>,
    /// What the server said when it asked for patience, and until when.
    pub(super) resting: Option<(Timestamp, TokenError)>,
}

/// New tokens the disk would not take. The lock is kept: another process that refreshed with the old token would make
/// the server revoke the whole family.
pub(super) struct Unsaved {
    pub(super) grant: Arc<Grant>,
    pub(super) lock: Arc<GrantLock>,
}

/// Whether two grants hold the same tokens.
pub(super) fn is_same(left: &Grant, right: &Grant) -> bool {
    let refresh = |grant: &Grant| {
        grant
            .tokens
            .refresh_token
            .as_ref()
            .map(|token| token.secret().clone())
    };
    left.tokens.access_token.secret() == right.tokens.access_token.secret() && refresh(left) == refresh(right)
}

impl Slots {
    /// The slot of a grant, once whoever holds it has let go.
    pub(super) async fn hold(&self, key: &GrantKey) -> OwnedMutexGuard<Slot> {
        let slot = self.with(key, |entry| Arc::clone(&entry.slot));
        slot.lock_owned().await
    }

    /// The grant that could not be saved yet.
    pub(super) fn unsaved(&self, key: &GrantKey) -> Option<Arc<Grant>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key)?.unsaved.clone()
    }

    /// Puts what could not be saved where everybody sees it; true when nothing was there before.
    pub(super) fn put(&self, slot: &mut Slot, unsaved: Unsaved) -> bool {
        self.with(&unsaved.grant.key, |entry| {
            entry.unsaved = Some(Arc::clone(&unsaved.grant));
        });
        slot.unsaved.replace(unsaved).is_none()
    }

    /// It is saved, or no longer to be.
    pub(super) fn clear(&self, slot: &mut Slot, key: &GrantKey) {
        slot.unsaved = None;
        self.with(key, |entry| entry.unsaved = None);
    }

    fn with<T>(&self, key: &GrantKey, work: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(entries.entry(key.clone()).or_default())
    }
}

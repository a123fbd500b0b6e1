//! How many connections there may be. Whoever opens many and says nothing loses the oldest of them; one that has shown
//! its key is never closed for another's sake.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

/// The most connections on which nobody has shown a key yet.
const STRANGERS: usize = 128;

/// The most connections of known clients.
const KNOWN: usize = 1024;

/// Everybody who is connected; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Crowd(Arc<Inner>);

#[derive(Default)]
struct Inner {
    strangers: Mutex<VecDeque<(u64, CancellationToken)>>,
    entered: AtomicU64,
    known: AtomicUsize,
}

/// One connection's place; given back when dropped.
pub(super) struct Seat {
    crowd: Crowd,
    number: u64,
    leave: CancellationToken,
    known: AtomicBool,
}

impl Crowd {
    /// Takes a place, from the stranger who has held one longest if there is none left.
    pub(super) fn enter(&self) -> Seat {
        let (leave, number) = (
            CancellationToken::new(),
            self.0.entered.fetch_add(1, Ordering::Relaxed),
        );
        let mut strangers = self.strangers();
        if strangers.len() >= STRANGERS
            && let Some((_, oldest)) = strangers.pop_front()
        {
            oldest.cancel();
        }
        strangers.push_back((number, leave.clone()));
        Seat {
            crowd: self.clone(),
            number,
            leave,
            known: AtomicBool::default(),
        }
    }

    fn strangers(&self) -> std::sync::MutexGuard<'_, VecDeque<(u64, CancellationToken)>> {
        self.0.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Somebody has shown a key here. False when there are too many already.
    pub(super) fn is_known(&self) -> bool {
        if self.known.load(Ordering::Relaxed) {
            return true;
        }
        if self.crowd.0.known.fetch_add(1, Ordering::Relaxed) >= KNOWN {
            self.crowd.0.known.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.known.store(true, Ordering::Relaxed);
        self.forget();
        true
    }

    /// Returns when the place is needed for another.
    pub(super) async fn left(&self) {
        self.leave.cancelled().await;
    }

    /// Takes it off the list of strangers.
    fn forget(&self) {
        self.crowd
            .strangers()
            .retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.known.load(Ordering::Relaxed) {
            self.crowd.0.known.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_stranger_goes_and_a_known_client_stays() {
        let crowd = Crowd::default();
        let known = crowd.enter();
        assert!(known.is_known());
        let first = crowd.enter();
        let others: Vec<_> = (0..STRANGERS).map(|_| crowd.enter()).collect();
        assert!(first.leave.is_cancelled());
        assert!(!known.leave.is_cancelled());
        assert!(others.iter().all(|seat| !seat.leave.is_cancelled()));
        drop(others);
        assert_eq!(crowd.strangers().len(), 0);
    }
}

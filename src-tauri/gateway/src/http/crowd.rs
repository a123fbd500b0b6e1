//! How many connections there may be. Whoever opens many and says nothing loses the oldest of them; one that has shown
//! its key is never closed for another's sake.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::guest::Guest;

/// The most connections on which nobody has shown a key yet.
const STRANGERS: usize = 128;

/// The most connections of known clients.
const KNOWN: usize = 1024;

/// How often it is looked whether a client's key still opens: a stream may be open for days.
const LOOK: Duration = Duration::from_secs(5);

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
    /// Who showed a key here first; who comes after, over the same connection, is asked for theirs all the same.
    known: OnceLock<Guest>,
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
            known: OnceLock::new(),
        }
    }

    fn strangers(&self) -> std::sync::MutexGuard<'_, VecDeque<(u64, CancellationToken)>> {
        self.0.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Somebody has shown a key here. False when there are too many already.
    pub(super) fn is_known(&self, guest: &Guest) -> bool {
        if self.known.get().is_some() {
            return true;
        }
        if self.crowd.0.known.fetch_add(1, Ordering::Relaxed) >= KNOWN {
            self.crowd.0.known.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        if self.known.set(guest.clone()).is_err() {
            // Another request of this connection was faster.
            self.crowd.0.known.fetch_sub(1, Ordering::Relaxed);
        }
        self.forget();
        true
    }

    /// Returns when the place is needed for another, or its holder's key was taken away.
    pub(super) async fn left(&self) {
        loop {
            tokio::select! {
                () = self.leave.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.known.get().is_some_and(Guest::is_revoked) {
                return;
            }
        }
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
        if self.known.get().is_some() {
            self.crowd.0.known.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use omlx_mcp::{
        access::{Access, Client},
        clock::Clock,
        store::Home,
    };

    use super::*;
    use crate::guest::Lobby;

    #[tokio::test]
    async fn the_oldest_stranger_goes_and_a_known_client_stays() {
        let crowd = Crowd::default();
        let known = crowd.enter();
        let lobby = Lobby::open(Access::open(&Home::at("nowhere"), Clock::system()));
        assert!(known.is_known(&lobby.guest(Client::on_standard_streams())));
        let first = crowd.enter();
        let others: Vec<_> = (0..STRANGERS).map(|_| crowd.enter()).collect();
        assert!(first.leave.is_cancelled());
        assert!(!known.leave.is_cancelled());
        assert!(others.iter().all(|seat| !seat.leave.is_cancelled()));
        drop(others);
        assert_eq!(crowd.strangers().len(), 0);
    }
}

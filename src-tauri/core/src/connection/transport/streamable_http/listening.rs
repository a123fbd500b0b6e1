//! When the GET stream of a session may be opened.
//!
//! rmcp opens it right after the handshake. It is held back until the first request has been answered, so that a
//! start costs no request more than it needs; and a server that closes it again and again is asked less and less
//! often.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// The longest pause between two attempts at an event stream.
pub(super) const MAX_PAUSE: Duration = Duration::from_mins(1);

/// A GET stream that lived at least this long was worth opening.
const WORTHWHILE: Duration = Duration::from_secs(20);

/// Shared by all clones of one client.
#[derive(Debug)]
pub(super) struct Listening {
    answered: watch::Sender<bool>,
    streams: Mutex<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    opened_at: Option<Instant>,
    short_lived: u32,
    oversized: bool,
}

impl Listening {
    pub(super) fn new() -> Self {
        Self {
            answered: watch::Sender::new(false),
            streams: Mutex::default(),
        }
    }

    /// A request other than the handshake has been answered.
    pub(super) fn note_answer(&self) {
        if !*self.answered.borrow() {
            self.answered.send_replace(true);
        }
    }

    /// An event was too large; it would only be sent again.
    pub(super) fn note_oversized(&self) {
        self.streams().oversized = true;
    }

    /// Whether opening another stream is of no use.
    pub(super) fn is_hopeless(&self) -> bool {
        self.streams().oversized
    }

    /// Waits until the first request was answered, and between two streams that were closed at once.
    pub(super) async fn turn(&self) {
        // The sender lives in `self`, so the wait cannot end early.
        let _ = self.answered.subscribe().wait_for(|answered| *answered).await;
        let pause = self.streams().pause(Instant::now());
        tokio::time::sleep(pause).await;
        self.streams().opened_at = Some(Instant::now());
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn pause(&mut self, now: Instant) -> Duration {
        let Some(opened_at) = self.opened_at else {
            return Duration::ZERO;
        };
        if now.duration_since(opened_at) >= WORTHWHILE {
            self.short_lived = 0;
            return Duration::ZERO;
        }
        self.short_lived = self.short_lived.saturating_add(1);
        // rmcp waits a second of its own.
        let seconds = 2_u64.saturating_pow(self.short_lived) - 2;
        Duration::from_secs(seconds).min(MAX_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn streams_that_do_not_last_are_opened_less_and_less_often() {
        let mut streams = Streams::default();
        let start = Instant::now();
        assert_eq!(streams.pause(start), Duration::ZERO, "the first one at once");
        streams.opened_at = Some(start);
        let pauses: Vec<_> = (0..8).map(|_| streams.pause(start).as_secs()).collect();
        assert_eq!(pauses, [0, 2, 6, 14, 30, 60, 60, 60]);
        assert_eq!(streams.pause(start + WORTHWHILE), Duration::ZERO);
        assert_eq!(streams.short_lived, 0, "one that lasted starts over");
    }
}

//! The clock seam: instants for expiry and time-outs that a test can move by hand.
//!
//! Expiry is compared against wall-clock time because it must survive a restart and a machine asleep. A wait is
//! therefore made of short naps, so that a clock that jumps is noticed within half a minute.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The longest a wait goes without looking at the wall clock again.
const NAP: Duration = Duration::from_secs(30);

/// Tells the time and waits for it; cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until its [`ManualClock`] moves it.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let time = Arc::new(watch::Sender::new(start));
        (
            Self(Source::Manual(Arc::clone(&time))),
            ManualClock {
                time,
                moved: Mutex::new(()),
            },
        )
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// The instant `delay` from now, saturating at the end of time.
    pub fn after(&self, delay: Duration) -> Timestamp {
        later(self.now(), delay)
    }

    /// Waits until the clock shows `instant` or later; returns at once when it already does.
    pub async fn sleep_until(&self, instant: Timestamp) {
        match &self.0 {
            Source::System => nap_until(instant).await,
            Source::Manual(time) => {
                let mut time = time.subscribe();
                // The sender lives in `self`, so the wait cannot end early.
                let _ = time.wait_for(|now| *now >= instant).await;
            }
        }
    }

    /// Waits for `delay`.
    pub async fn sleep(&self, delay: Duration) {
        self.sleep_until(self.after(delay)).await;
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

/// Moves a manual [`Clock`], and wakes whoever waits for the new time.
#[derive(Debug)]
pub struct ManualClock {
    time: Arc<watch::Sender<Timestamp>>,
    moved: Mutex<()>,
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let _guard = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let now = *self.time.borrow();
        self.time.send_replace(later(now, by));
    }

    /// Whether anybody waits for this clock to move.
    pub fn is_awaited(&self) -> bool {
        self.time.receiver_count() > 0
    }

    /// Sets the clock to any instant, the past included.
    pub fn set(&self, instant: Timestamp) {
        self.time.send_replace(instant);
    }
}

/// `instant + delay`, saturating instead of failing at the end of time.
pub fn later(instant: Timestamp, delay: Duration) -> Timestamp {
    SignedDuration::try_from(delay)
        .ok()
        .and_then(|delay| instant.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX)
}

async fn nap_until(instant: Timestamp) {
    while let Ok(left) = Duration::try_from(instant.duration_since(Timestamp::now())) {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_a_sleeper_only_when_it_is_moved_far_enough() {
        let (clock, hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_mins(1)).await }
        });
        tokio::task::yield_now().await;
        hand.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hand.advance(Duration::from_secs(1));
        sleeper.await.expect("the sleeper wakes");
    }

    #[tokio::test]
    async fn an_instant_in_the_past_is_not_waited_for() {
        Clock::system().sleep_until(Timestamp::UNIX_EPOCH).await;
    }

    #[test]
    fn the_end_of_time_is_reached_without_an_overflow() {
        assert_eq!(later(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
    }
}

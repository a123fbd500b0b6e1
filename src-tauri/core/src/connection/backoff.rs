//! How long to wait before trying again: doubling from one second to five minutes, jittered, and never less than
//! the server asked for. Pure: the caller rolls the dice and does the waiting.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait we choose ourselves.
const LONGEST: Duration = Duration::from_mins(5);

/// The waits of one server, growing with each failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

/// A random share in `0.0..1.0`.
#[derive(Clone, Copy, Debug)]
pub struct Dice(f64);

impl Dice {
    /// A share that was rolled elsewhere, clamped to `0.0..=1.0`.
    pub fn new(share: f64) -> Self {
        Self(share.clamp(0.0, 1.0))
    }

    /// The share that was rolled.
    pub fn share(self) -> f64 {
        self.0
    }

    /// A share from the operating system's random numbers; the middle when there are none.
    pub fn roll() -> Self {
        let mut bytes = [0; 4];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Self(f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)),
            Err(_) => Self(0.5),
        }
    }
}

impl Backoff {
    /// The wait after one more failure: between half and all of the doubled time, so that many clients of one server
    /// do not come back together. `retry_after` is the least to wait, and is stretched by up to a tenth.
    pub fn next(&mut self, retry_after: Option<Duration>, dice: Dice) -> Duration {
        let ceiling = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = ceiling.mul_f64(0.5 + dice.0 / 2.0);
        match retry_after {
            Some(asked) => own.max(asked.mul_f64(1.0 + dice.0 / 10.0)),
            None => own,
        }
    }

    /// How often it failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// After a success the next failure starts over.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_from_one_second_to_five_minutes() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..11)
            .map(|_| backoff.next(None, Dice::new(1.0)).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::default();
        let first = backoff.next(None, Dice::new(0.0));
        backoff.next(None, Dice::new(0.0));
        assert_eq!(backoff.failures(), 2);
        backoff.reset();
        assert_eq!(backoff.next(None, Dice::new(0.0)), first);
    }

    #[test]
    fn a_server_is_left_alone_as_long_as_it_asks() {
        let mut backoff = Backoff::default();
        let asked = Some(Duration::from_secs(100));
        assert_eq!(backoff.next(asked, Dice::new(0.0)), Duration::from_secs(100));
        assert_eq!(backoff.next(asked, Dice::new(1.0)), Duration::from_secs(110));
        assert_eq!(
            backoff.next(Some(Duration::ZERO), Dice::new(1.0)),
            Duration::from_secs(4)
        );
    }

    proptest! {
        #[test]
        fn no_wait_is_too_short_or_too_long(share in -1.0f64..2.0, failures in 0u32..200) {
            let mut backoff = Backoff { failures };
            let wait = backoff.next(None, Dice::new(share));
            prop_assert!(wait >= FIRST / 2 && wait <= LONGEST);
        }
    }
}

//! When a token is due, and when it is over; pure arithmetic on instants.
//!
//! Both lie before the end the server gave: clocks differ, and a request takes time. Tokens that live for seconds get
//! shorter margins than tokens that live for hours, or they would never be fresh at all.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::oauth::grant::TokenSet;

/// The longest time before the end at which a token is replaced in the background.
const LEAD: Duration = Duration::from_mins(5);

/// The longest time before the end at which a token is no longer sent.
const SKEW: Duration = Duration::from_secs(30);

/// When the token should be replaced ahead of its end; none when nobody knows its end.
///
/// Background work may add jitter up to [`over_at`].
pub fn due_at(tokens: &TokenSet) -> Option<Timestamp> {
    before_end(tokens, LEAD, 5)
}

/// When the token should no longer be sent; none when nobody knows its end.
pub fn over_at(tokens: &TokenSet) -> Option<Timestamp> {
    before_end(tokens, SKEW, 10)
}

/// `most` before the end, but never more than that fraction of the lifetime.
fn before_end(tokens: &TokenSet, most: Duration, fraction: u32) -> Option<Timestamp> {
    let ends_at = tokens.expires_at?;
    let lifetime = Duration::try_from(ends_at.duration_since(tokens.received_at)).unwrap_or_default();
    let margin = SignedDuration::try_from(most.min(lifetime / fraction)).unwrap_or_default();
    ends_at.checked_sub(margin).ok()
}

/// Whether the token should be replaced by now.
pub(super) fn is_due(tokens: &TokenSet, now: Timestamp) -> bool {
    due_at(tokens).is_some_and(|at| at <= now)
}

/// Whether the token should no longer be sent.
pub(super) fn is_over(tokens: &TokenSet, now: Timestamp) -> bool {
    over_at(tokens).is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::testing::{grant, start};

    fn living_for(lifetime: Duration) -> TokenSet {
        let mut tokens = grant("https://as.example").tokens;
        tokens.expires_at = Some(start() + lifetime);
        tokens
    }

    #[test]
    fn an_hour_is_refreshed_five_minutes_early_and_not_sent_in_its_last_half_minute() {
        let tokens = living_for(Duration::from_hours(1));
        assert_eq!(due_at(&tokens), Some(start() + Duration::from_mins(55)));
        assert_eq!(over_at(&tokens), Some(start() + Duration::from_secs(3570)));
        assert!(is_due(&tokens, start() + Duration::from_mins(55)));
        assert!(!is_over(&tokens, start() + Duration::from_mins(55)));
    }

    #[test]
    fn a_token_of_ten_seconds_is_fresh_for_most_of_them() {
        let tokens = living_for(Duration::from_secs(10));
        assert!(!is_due(&tokens, start() + Duration::from_secs(7)));
        assert!(is_due(&tokens, start() + Duration::from_secs(8)));
        assert!(!is_over(&tokens, start() + Duration::from_secs(8)));
        assert!(is_over(&tokens, start() + Duration::from_secs(9)));
    }

    #[test]
    fn a_token_without_an_end_is_neither_due_nor_over() {
        let mut tokens = living_for(Duration::ZERO);
        assert!(is_over(&tokens, start()));
        tokens.expires_at = None;
        assert!(!is_due(&tokens, Timestamp::MAX) && !is_over(&tokens, Timestamp::MAX));
    }

    #[test]
    fn an_end_before_the_beginning_is_simply_over() {
        let mut tokens = living_for(Duration::ZERO);
        tokens.expires_at = Some(Timestamp::MIN);
        assert!(is_over(&tokens, start()));
    }
}

//! Instants as a person says them: "3 minutes ago", "in 58 minutes".

use jiff::{SignedDuration, Timestamp};

use crate::output::text::counted;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// An instant as seen from `now`; its date (UTC) when it is more than a month away.
pub(crate) fn relative(instant: Timestamp, now: Timestamp) -> String {
    let distance = instant.duration_since(now);
    let seconds = distance.unsigned_abs().as_secs();
    if seconds > 30 * DAY {
        return format!("on {}", instant.strftime("%Y-%m-%d"));
    }
    match (distance > SignedDuration::ZERO, seconds) {
        (true, 0) => "now".to_owned(),
        (true, _) => format!("in {}", amount(seconds)),
        (false, ..5) => "just now".to_owned(),
        (false, _) => format!("{} ago", amount(seconds)),
    }
}

/// Whole units, rounded down: what is left is never said to be more than it is.
fn amount(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    counted(usize::try_from(count).unwrap_or(usize::MAX), unit)
}

/// The time of day (UTC), for steps that follow each other closely.
pub(crate) fn of_day(instant: Timestamp) -> String {
    instant.strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_in_the_largest_whole_unit() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().expect("a timestamp");
        let told = |seconds: i64| relative(now + SignedDuration::from_secs(seconds), now);
        assert_eq!(told(0), "just now");
        assert_eq!(told(-4), "just now");
        assert_eq!(told(-5), "5 seconds ago");
        assert_eq!(told(1), "in 1 second");
        assert_eq!(told(59 * 60 - 1), "in 58 minutes");
        assert_eq!(told(-60), "1 minute ago");
        assert_eq!(told(-7199), "1 hour ago");
        assert_eq!(told(86_400 * 3), "in 3 days");
        assert_eq!(told(-86_400 * 40), "on 2026-04-22");
    }
}

//! Waiting for what other processes do: look, and look again, until it is so or the time is up.

use std::{error::Error, time::Duration};

use tokio::time::{MissedTickBehavior, timeout};

/// How long anything may take before a scenario gives up; only ever reached by one that fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked.
const BEAT: Duration = Duration::from_millis(25);

/// Looks until `look` finds something, for [`PATIENCE`] at most; `what` names it where it never comes.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> Result<T, Box<dyn Error>> {
    within(PATIENCE, what, look).await
}

/// The same with another limit.
pub async fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Box<dyn Error>> {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looking = async {
        loop {
            beat.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    timeout(limit, looking)
        .await
        .map_err(|_| format!("waited {limit:?} in vain: {what}").into())
}

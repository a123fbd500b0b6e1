//! Blocking work, off the async threads.

use tokio::{sync::oneshot, task};

use crate::{Action, Explain};

/// The program is ending, or the work ended in a panic: nothing can be said about its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program is ending")]
pub struct Stopped;

impl Explain for Stopped {
    fn code(&self) -> &'static str {
        "stopped"
    }

    fn action(&self) -> Action {
        Action::Retry
    }
}

/// Work that the disk ends soon. A caller that goes away does not cancel it.
pub(super) async fn brief<T, F>(work: F) -> Result<T, Stopped>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    task::spawn_blocking(work).await.map_err(|_| Stopped)
}

/// Work that may wait for a person: on a thread that a runtime shutting down does not wait for.
pub(super) async fn patient<T, F>(work: F) -> Result<T, Stopped>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new()
        .name("vault-key".to_owned())
        .spawn(move || answer.send(work()).is_ok())
        .map_err(|_| Stopped)?;
    answered.await.map_err(|_| Stopped)
}

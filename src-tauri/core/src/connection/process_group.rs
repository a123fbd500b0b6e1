//! Child processes in a group of their own, so that what they started ends with them.

use tokio::process::{Child, Command};

/// How hard to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// SIGTERM
    Politely,
    /// SIGKILL
    Firmly,
}

/// The group of one child, named by the child's process id.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    leader: Option<i32>,
}

impl ProcessGroup {
    /// Makes the command the leader of a new group.
    pub(crate) fn prepare(command: &mut Command) {
        #[cfg(unix)]
        command.process_group(0);
        command.kill_on_drop(true);
    }

    /// The group of a child that was prepared and has been started.
    pub(crate) fn of(child: &Child) -> Self {
        Self {
            leader: child.id().and_then(|id| i32::try_from(id).ok()),
        }
    }

    /// Signals every process in the group; one that has none left is fine.
    #[cfg(unix)]
    pub(crate) fn end(&self, ask: Ask) {
        use nix::{
            sys::signal::{Signal, killpg},
            unistd::Pid,
        };
        let signal = match ask {
            Ask::Politely => Signal::SIGTERM,
            Ask::Firmly => Signal::SIGKILL,
        };
        if let Some(leader) = self.leader {
            let _ = killpg(Pid::from_raw(leader), signal);
        }
    }

    /// Nothing beyond what `kill_on_drop` does: there are no process groups here.
    #[cfg(not(unix))]
    pub(crate) fn end(&self, _ask: Ask) {}
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.end(Ask::Firmly);
    }
}

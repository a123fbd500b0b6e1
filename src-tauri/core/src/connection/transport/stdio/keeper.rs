//! One task per child: it learns how the child ends, and ends it when the connection is over.

use std::{fmt, process::ExitStatus, time::Duration};

use tokio::{process::Child, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::StdioFault;
use crate::connection::{
    process_group::{Ask, ProcessGroup},
    server_log::{LogSource, ServerLog},
};

/// How long a child may take to end by itself, and again after being asked.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait for the rest of what a child wrote, and for the exit of one that closed its output.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a child process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// It still runs, and has closed its output.
    OutputClosed,
}

/// Tells how the child ended, once it has.
#[derive(Clone, Debug)]
pub struct ExitWatch {
    pub(super) command: String,
    pub(super) exit: watch::Receiver<Option<Exit>>,
    pub(super) log: ServerLog,
}

/// The owner of a child.
pub(super) struct Keeper {
    pub(super) child: Child,
    pub(super) group: ProcessGroup,
    pub(super) stderr: Option<JoinHandle<()>>,
    pub(super) exit: watch::Sender<Option<Exit>>,
    pub(super) stop: CancellationToken,
}

impl Keeper {
    /// Runs until the child has ended and nobody needs its group any more.
    pub(super) async fn run(mut self) {
        tokio::select! {
            biased;
            status = self.child.wait() => self.publish(status.ok()).await,
            () = self.stop.cancelled() => {}
        }
        self.stop.cancelled().await;
        self.end().await;
        // What the child left behind must not outlive the connection.
        self.group.end(Ask::Firmly);
    }

    /// MCP "stdio", "Shutdown": its input is closed by now; wait, ask, wait, kill.
    async fn end(&mut self) {
        if let Ok(status) = tokio::time::timeout(GRACE, self.child.wait()).await {
            return self.publish(status.ok()).await;
        }
        self.group.end(Ask::Politely);
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.group.end(Ask::Firmly);
            // It has been killed: nothing is left to be done should waiting for it fail.
            let _ = self.child.wait().await;
        }
    }

    /// Tells how the child ended, after its last words have been read.
    async fn publish(&mut self, status: Option<ExitStatus>) {
        if let Some(stderr) = self.stderr.take() {
            // Whatever it started may hold the pipe open, so the end is not waited for without a limit.
            let _ = tokio::time::timeout(LAST_WORDS, stderr).await;
        }
        if let Some(status) = status {
            self.exit.send_if_modified(|exit| {
                let first = exit.is_none();
                exit.get_or_insert(Exit::from(status));
                first
            });
        }
    }
}

impl ExitWatch {
    /// How the child ended; none while it runs.
    pub fn fault(&self) -> Option<StdioFault> {
        let exit = (*self.exit.borrow())?;
        Some(StdioFault::Exited {
            command: self.command.clone(),
            exit,
            last_line: self.log.last(LogSource::Stderr),
        })
    }

    /// Waits until the child has ended; none when it was ended by us.
    pub async fn ended(&mut self) -> Option<StdioFault> {
        // The keeper is gone without a word: we ended the child ourselves.
        self.exit.wait_for(Option::is_some).await.ok()?;
        self.fault()
    }

    /// How the child ended, where the connection broke off just now and it may be about to.
    pub(in crate::connection) async fn fault_soon(&mut self) -> Option<StdioFault> {
        tokio::time::timeout(LAST_WORDS * 2, self.ended())
            .await
            .ok()
            .flatten()
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Self::Signal(signal);
        }
        Self::Code(status.code().unwrap_or_default())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::OutputClosed => f.write_str("closed its output"),
        }
    }
}

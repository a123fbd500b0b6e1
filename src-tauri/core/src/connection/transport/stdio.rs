//! A server as a child process (MCP "stdio"): messages on its standard streams, one a line.
//!
//! No shell is involved. The child leads a process group of its own, and the whole group ends with the connection:
//! standard input is closed, then asked to end, then killed. Standard error goes to the [`ServerLog`].

use std::{ffi::OsString, fmt, io, path::PathBuf, process::ExitStatus, process::Stdio, time::Duration};

use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
    task::JoinHandle,
};

use super::body::MAX_MESSAGE;
use crate::{
    Action, Explain,
    connection::{
        fault::said,
        process_group::{Ask, ProcessGroup},
        server_log::{LogSource, ServerLog},
    },
};

/// How long a child may take to end by itself, and again after being asked.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait for a child that closed its output, to learn how it ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is started.
pub struct StdioCommand<'a> {
    /// The program.
    pub command: &'a str,
    /// Its arguments.
    pub args: &'a [String],
    /// Variables on top of the inherited ones.
    pub env: &'a [(String, String)],
    /// Its working directory.
    pub cwd: Option<&'a PathBuf>,
    /// PATH, when it is not the inherited one; a PATH in `env` wins.
    pub path: Option<OsString>,
}

/// A child process could not be started, or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StdioFault {
    /// There is no such program.
    #[error("`{command}` was not found; PATH is {path}")]
    CommandNotFound {
        /// As configured.
        command: String,
        /// Where it was looked for.
        path: String,
    },
    /// The working directory is not there.
    #[error("the working directory {} does not exist", .folder.display())]
    FolderNotFound {
        /// As configured.
        folder: PathBuf,
    },
    /// It is there and cannot be run.
    #[error("`{command}` cannot be started: {cause}")]
    CannotStart {
        /// As configured.
        command: String,
        /// The operating system's reason.
        cause: String,
    },
    /// It ended while it was needed.
    #[error("`{command}` {exit}{}", said(.last_line.as_deref()))]
    Exited {
        /// As configured.
        command: String,
        /// How.
        exit: Exit,
        /// The last line it wrote to standard error.
        last_line: Option<String>,
    },
}

/// How a child process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It still runs, and has closed its output.
    OutputClosed,
}

/// Tells how the child ended, once it has.
#[derive(Clone, Debug)]
pub struct ExitWatch {
    command: String,
    exit: watch::Receiver<Option<Exit>>,
    log: ServerLog,
}

/// A running child process.
pub struct StdioTransport {
    io: AsyncRwTransport<RoleClient, ChildStdout, ChildStdin>,
    child: Child,
    group: ProcessGroup,
    stderr: Option<JoinHandle<()>>,
    exit: watch::Sender<Option<Exit>>,
}

impl StdioTransport {
    /// Starts the child. Errors: [`StdioFault::CommandNotFound`] and its neighbours, nothing later than that.
    pub fn start(what: &StdioCommand<'_>, log: &ServerLog) -> Result<(Self, ExitWatch), StdioFault> {
        if let Some(folder) = what.cwd.filter(|folder| !folder.is_dir()) {
            return Err(StdioFault::FolderNotFound {
                folder: folder.clone(),
            });
        }
        let mut child = what.command().spawn().map_err(|error| what.fault(&error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(what.cannot_start("its standard streams are missing"));
        };
        let stderr = child
            .stderr
            .take()
            .map(|stderr| tokio::spawn(log.clone().drain(stderr)));
        let exit = watch::Sender::new(None);
        let watch = ExitWatch {
            command: what.command.to_owned(),
            exit: exit.subscribe(),
            log: log.clone(),
        };
        let transport = Self {
            io: AsyncRwTransport::new(stdout, stdin).with_max_line_length(MAX_MESSAGE),
            group: ProcessGroup::of(&child),
            child,
            stderr,
            exit,
        };
        Ok((transport, watch))
    }

    /// Learns how the child ended, its last words included.
    async fn note_exit(&mut self) {
        if self.exit.borrow().is_some() {
            return;
        }
        let status = tokio::time::timeout(LAST_WORDS, self.child.wait()).await;
        if let Some(stderr) = &mut self.stderr {
            // Whatever it started may hold the pipe open, so the end is not waited for without a limit.
            let _ = tokio::time::timeout(LAST_WORDS, stderr).await;
            self.stderr = None;
        }
        let exit = match status {
            Ok(Ok(status)) => Exit::from(status),
            _ => Exit::OutputClosed,
        };
        self.exit.send_replace(Some(exit));
    }

    async fn ended_within_grace(&mut self) -> bool {
        tokio::time::timeout(GRACE, self.child.wait()).await.is_ok()
    }
}

impl Transport<RoleClient> for StdioTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        item: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.io.send(item)
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        let message = self.io.receive().await;
        if message.is_none() {
            self.note_exit().await;
        }
        message
    }

    /// MCP "stdio", "Shutdown": close its input, wait, ask, wait, kill.
    async fn close(&mut self) -> Result<(), Self::Error> {
        self.io.close().await?;
        if !self.ended_within_grace().await {
            self.group.end(Ask::Politely);
            if !self.ended_within_grace().await {
                self.group.end(Ask::Firmly);
                self.child.wait().await?;
            }
        }
        // What the child left behind must not outlive the connection.
        self.group.end(Ask::Firmly);
        Ok(())
    }
}

impl StdioCommand<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.command);
        command
            .args(self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = self.cwd {
            command.current_dir(folder);
        }
        ProcessGroup::prepare(&mut command);
        command
    }

    fn search_path(&self) -> OsString {
        let own = self.env.iter().rev().find(|(name, _)| name == "PATH");
        own.map(|(_, value)| value.into())
            .or_else(|| self.path.clone())
            .or_else(|| std::env::var_os("PATH"))
            .unwrap_or_default()
    }

    fn fault(&self, error: &io::Error) -> StdioFault {
        match error.kind() {
            io::ErrorKind::NotFound if self.is_there() => {
                self.cannot_start("the interpreter named in its first line is missing")
            }
            io::ErrorKind::NotFound => StdioFault::CommandNotFound {
                command: self.command.to_owned(),
                path: self.search_path().to_string_lossy().into_owned(),
            },
            io::ErrorKind::PermissionDenied => self.cannot_start("it may not be executed"),
            _ => self.cannot_start(&error.to_string()),
        }
    }

    fn is_there(&self) -> bool {
        let base = self.cwd.cloned().unwrap_or_default();
        if self.command.contains('/') {
            return base.join(self.command).is_file();
        }
        std::env::split_paths(&self.search_path()).any(|folder| folder.join(self.command).is_file())
    }

    fn cannot_start(&self, cause: &str) -> StdioFault {
        StdioFault::CannotStart {
            command: self.command.to_owned(),
            cause: cause.to_owned(),
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

    /// Waits until the child has ended.
    pub async fn ended(&mut self) -> Option<StdioFault> {
        // The sender is gone when the transport was closed by us: that is no fault.
        self.exit.wait_for(Option::is_some).await.ok()?;
        self.fault()
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

impl Explain for StdioFault {
    fn code(&self) -> &'static str {
        match self {
            Self::CommandNotFound { .. } => "command_not_found",
            Self::FolderNotFound { .. } => "folder_not_found",
            Self::CannotStart { .. } => "cannot_start",
            Self::Exited { .. } => "exited",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Exited { .. } => Action::Retry,
            _ => Action::EditConfig,
        }
    }
}

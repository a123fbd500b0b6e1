//! A server as a child process (MCP "stdio"): messages on its standard streams, one a line.
//!
//! No shell is involved. The child leads a process group of its own, and the whole group ends with the connection:
//! standard input is closed, then asked to end, then killed. Standard error goes to the [`ServerLog`].

mod keeper;
mod program;

use std::{ffi::OsString, io, path::PathBuf, process::Stdio};

use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use tokio::{
    process::{ChildStdin, ChildStdout, Command},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use self::keeper::LAST_WORDS;
pub use self::keeper::{Exit, ExitWatch};
pub use self::program::{Program, Speaking};
use super::body::MAX_MESSAGE;
use crate::{
    Action, Explain,
    connection::{
        fault::said,
        process_group::ProcessGroup,
        server_log::{LogSource, ServerLog},
    },
};

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
    #[error("`{command}` was not found")]
    CommandNotFound {
        /// As configured.
        command: String,
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

/// A running child process; dropping it ends the child in the background.
pub struct StdioTransport {
    io: AsyncRwTransport<RoleClient, ChildStdout, ChildStdin>,
    exit: watch::Sender<Option<Exit>>,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
}

impl StdioTransport {
    /// Starts the child. Errors: [`StdioFault::CommandNotFound`] and its neighbours, nothing later than that.
    pub fn start(what: &StdioCommand<'_>, log: &ServerLog) -> Result<(Self, ExitWatch), StdioFault> {
        let Program {
            input,
            output,
            exit,
            sender,
            stop,
            keeper,
        } = Program::start(what, log)?;
        let transport = Self {
            io: AsyncRwTransport::new(output, input).with_max_line_length(MAX_MESSAGE),
            exit: sender,
            stop: stop.disarm(),
            keeper,
        };
        Ok((transport, exit))
    }

    /// At the end of its output: gives the child a moment to end too.
    async fn note_end_of_output(&self) {
        let mut exit = self.exit.subscribe();
        let ended = exit.wait_for(Option::is_some);
        if tokio::time::timeout(LAST_WORDS, ended).await.is_err() {
            self.exit.send_replace(Some(Exit::OutputClosed));
        }
    }
}

impl Drop for StdioTransport {
    fn drop(&mut self) {
        self.stop.cancel();
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
            self.note_end_of_output().await;
        }
        message
    }

    /// Ends the child and what it started, and waits for that.
    async fn close(&mut self) -> Result<(), Self::Error> {
        self.io.close().await?;
        self.stop.cancel();
        (&mut self.keeper).await.map_err(io::Error::other)
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

    /// Why it could not be started; where it was looked for is told in the log.
    fn fault(&self, error: &io::Error, log: &ServerLog) -> StdioFault {
        match error.kind() {
            io::ErrorKind::NotFound if self.is_there() => {
                self.cannot_start("the interpreter named in its first line is missing")
            }
            io::ErrorKind::NotFound => {
                if !self.command.contains('/') {
                    let path = self.search_path();
                    let looked = format!("looked for in PATH: {}", path.to_string_lossy());
                    log.push(LogSource::Stderr, &looked);
                }
                StdioFault::CommandNotFound {
                    command: self.command.to_owned(),
                }
            }
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

#[cfg(test)]
#[cfg(unix)]
mod tests;

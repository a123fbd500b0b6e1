//! A child process with its bare streams, for whoever speaks MCP to it without this crate.

use tokio::{
    process::{ChildStdin, ChildStdout},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Exit, ExitWatch, StdioCommand, StdioFault, keeper::Keeper};
use crate::{
    config::{ServerConfig, Transport},
    connection::{login_path::LoginPath, process_group::ProcessGroup, server_log::ServerLog},
};

/// A running child process; dropping it ends the child in the background.
#[derive(Debug)]
pub struct Program {
    /// Its standard input.
    pub(super) input: ChildStdin,
    /// Its standard output.
    pub(super) output: ChildStdout,
    /// How it ended, once it has.
    pub(super) exit: ExitWatch,
    pub(super) sender: watch::Sender<Option<Exit>>,
    pub(super) stop: DropGuard,
    pub(super) keeper: JoinHandle<()>,
}

impl Program {
    /// Starts the program of an entry; none for one reached over HTTP.
    pub(crate) async fn of(
        server: &ServerConfig,
        login_path: Option<&LoginPath>,
        log: &ServerLog,
    ) -> Option<Result<Self, StdioFault>> {
        let Transport::Stdio {
            command,
            args,
            env,
            cwd,
        } = &server.transport
        else {
            return None;
        };
        let path = match login_path {
            Some(login) => login.get().await,
            None => None,
        };
        let what = StdioCommand {
            command,
            args,
            env,
            cwd: cwd.as_ref(),
            path,
        };
        Some(Self::start(&what, log))
    }

    /// Starts the child. Errors: [`StdioFault::CommandNotFound`] and its neighbours, nothing later than that.
    pub(super) fn start(what: &StdioCommand<'_>, log: &ServerLog) -> Result<Self, StdioFault> {
        if let Some(folder) = what.cwd.filter(|folder| !folder.is_dir()) {
            return Err(StdioFault::FolderNotFound {
                folder: folder.clone(),
            });
        }
        let child = what.command().spawn();
        let mut child = child.map_err(|error| what.fault(&error, log))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(what.cannot_start("its standard streams are missing"));
        };
        let stderr = child.stderr.take();
        let (sender, stop) = (watch::Sender::new(None), CancellationToken::new());
        let exit = ExitWatch {
            command: what.command.to_owned(),
            exit: sender.subscribe(),
            log: log.clone(),
        };
        let keeper = Keeper {
            group: ProcessGroup::of(&child),
            child,
            stderr: stderr.map(|stderr| tokio::spawn(log.clone().drain(stderr))),
            exit: sender.clone(),
            stop: stop.clone(),
        };
        Ok(Self {
            input,
            output,
            exit,
            sender,
            stop: stop.drop_guard(),
            keeper: tokio::spawn(keeper.run()),
        })
    }

    /// Its input, and the rest: it goes on for as long as either is there, and ends in the background with the rest.
    pub fn split(self) -> (ChildStdin, Speaking) {
        let speaking = Speaking {
            output: self.output,
            exit: self.exit,
            _stop: self.stop,
        };
        (self.input, speaking)
    }
}

/// The half of a program that speaks; the program ends when this is dropped.
#[derive(Debug)]
pub struct Speaking {
    /// Its standard output.
    pub output: ChildStdout,
    exit: ExitWatch,
    _stop: DropGuard,
}

impl Speaking {
    /// How the program ended, where its output has ended just now and it may be about to.
    pub async fn fault_soon(&mut self) -> Option<StdioFault> {
        self.exit.fault_soon().await
    }
}

//! The app itself, as the desktop starts it.

use std::{
    error::Error,
    io,
    path::PathBuf,
    process::{Command, ExitStatus},
};

use super::{
    process::{Process, Resident, Session, below},
    waiting::eventually,
};

/// The variable that names another app to be tested than the one built beside the tests.
const VARIABLE: &str = "OMLX_CONNECT_APP";

/// A running app.
#[derive(Debug)]
pub(super) struct App(Resident);

impl App {
    /// Where the app under test is; the error says how it is built.
    pub(super) fn program() -> Result<PathBuf, Box<dyn Error>> {
        let program = match std::env::var_os(VARIABLE) {
            Some(program) => PathBuf::from(program),
            None => built_beside_the_tests()?,
        };
        program
            .exists()
            .then_some(program)
            .ok_or_else(|| "the app is not built: run `scripts/app.sh` first".into())
    }

    /// Starts it.
    pub(super) fn start(session: &Session) -> Result<Self, Box<dyn Error>> {
        Ok(Self(Resident::start(&mut Self::command(session, &[])?)?))
    }

    /// Starts it although one runs already, as a link or a double click would, and waits until it has gone again.
    pub(super) async fn again(session: &Session, arguments: &[&str]) -> Result<ExitStatus, Box<dyn Error>> {
        let mut second = Resident::start(&mut Self::command(session, arguments)?)?;
        eventually("the end of a second instance", async || {
            second.child().try_wait().ok().flatten()
        })
        .await
    }

    fn command(session: &Session, arguments: &[&str]) -> Result<Command, Box<dyn Error>> {
        let mut command = session.command(Self::program()?)?;
        command.args(arguments);
        Ok(command)
    }

    /// Kills it, as a crash would.
    pub(super) fn kill(mut self) -> io::Result<()> {
        self.0.kill()
    }

    /// Waits until it has ended by itself.
    pub(super) async fn end(mut self) -> Result<ExitStatus, Box<dyn Error>> {
        eventually("the end of the app", async || {
            self.0.child().try_wait().ok().flatten()
        })
        .await
    }

    /// Everything it has started and that still runs.
    pub(super) fn helpers(&self) -> Vec<Process> {
        below(self.0.id())
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

/// `target/{profile}/omlx-connect`, two folders above a test program in `deps`, one above any other.
fn built_beside_the_tests() -> Result<PathBuf, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let folder = this.parent().ok_or("no folder")?;
    let folder = if folder.ends_with("deps") {
        folder.parent().ok_or("no folder")?
    } else {
        folder
    };
    Ok(folder.join("omlx-connect"))
}

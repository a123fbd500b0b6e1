//! A screen nobody sees, and what is on it.

use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
};

use super::process::{Resident, Session};

/// An X server of its own, with a window manager, without which no window has the focus or can be closed.
#[derive(Debug)]
pub(super) struct Screen {
    _windows: Resident,
    _server: Resident,
}

impl Screen {
    /// Starts it, and tells the session its name.
    pub(super) fn start(session: &mut Session) -> Result<Self, Box<dyn Error>> {
        let mut command = session.command("Xvfb")?;
        command
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1100x800x24",
                "-nolisten",
                "tcp",
            ])
            .stdout(Stdio::piped());
        let mut server = Resident::start(&mut command)?;
        let output = server.child().stdout.take().ok_or("no standard output")?;
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number)?;
        if number.trim().is_empty() {
            return Err("Xvfb ended without a screen; its log says why".into());
        }
        session.set("DISPLAY", format!(":{}", number.trim()));
        Ok(Self {
            _windows: Resident::start(&mut session.command("openbox")?)?,
            _server: server,
        })
    }

    /// Closes the window with this title, as its close button would.
    pub(super) fn close(session: &Session, title: &str) -> Result<(), Box<dyn Error>> {
        let closed = session.command("wmctrl")?.args(["-F", "-c", title]).status()?;
        closed
            .success()
            .then_some(())
            .ok_or_else(|| format!("no window {title:?} to close").into())
    }

    /// Keeps a picture of what is in `window`: its title, or `root` for all there is.
    pub(super) fn photograph(session: &Session, window: &str, file: &Path) -> Result<(), Box<dyn Error>> {
        let taken = session
            .command("import")?
            .args(["-window", window])
            .arg(file)
            .status()?;
        taken
            .success()
            .then_some(())
            .ok_or_else(|| "no picture was taken".into())
    }
}

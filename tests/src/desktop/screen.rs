//! A screen nobody sees, and what is on it.

use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
};

use super::process::{Resident, Session};

/// An X server of its own.
#[derive(Debug)]
pub(super) struct Screen(#[expect(dead_code, reason = "held so that it ends with the desktop")] Resident);

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
        Ok(Self(server))
    }

    /// Keeps a picture of all that is on it.
    pub(super) fn photograph(session: &Session, file: &Path) -> Result<(), Box<dyn Error>> {
        let taken = session
            .command("import")?
            .args(["-window", "root"])
            .arg(file)
            .status()?;
        taken
            .success()
            .then_some(())
            .ok_or_else(|| "no picture was taken".into())
    }
}

//! Starting a command, forgetting what it prints, and burying it when it ends.

use std::{
    io,
    process::{Child, Command as Process, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::command::Command;

/// An opener that fails within this time found no browser; one that ends badly later was a browser that was closed.
const FAILS_WITHIN: Duration = Duration::from_secs(5);

/// Starts the first command that can be started; should it fail at once, the next ones are tried from a thread.
pub(super) fn first_that_works(commands: Vec<Command>) -> io::Result<()> {
    let mut commands = commands.into_iter();
    let child = start_any(&mut commands)?;
    thread::Builder::new()
        .name("browser".to_owned())
        .spawn(move || attend(child, commands))
        .map(drop)
}

fn start_any(commands: &mut impl Iterator<Item = Command>) -> io::Result<Child> {
    let mut last = io::ErrorKind::NotFound.into();
    for command in commands {
        match start(&command) {
            Ok(child) => return Ok(child),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits for each child, so that none stays a zombie.
fn attend(mut child: Child, mut commands: impl Iterator<Item = Command>) {
    loop {
        let began = Instant::now();
        let failed = child.wait().is_ok_and(|status| !status.success());
        if !failed || began.elapsed() > FAILS_WITHIN {
            return;
        }
        match start_any(&mut commands) {
            Ok(next) => child = next,
            Err(_) => return,
        }
    }
}

fn start(command: &Command) -> io::Result<Child> {
    let mut process = Process::new(&command.program);
    process
        .args(&command.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Ctrl-C in our terminal must not close the browser.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut process, 0);
    process.spawn()
}

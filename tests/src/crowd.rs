//! Real processes that call side by side.

use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::Desk;

/// One process of a crowd, started and waiting for the word.
#[derive(Debug)]
pub struct Caller(Child);

/// How one process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; a signal when it was killed.
    pub status: ExitStatus,
    /// What became of each call: `served`, or the code of what went wrong.
    pub calls: Vec<String>,
}

impl Caller {
    /// Starts `program` (the kit's `callers`) on `desk` with so many callers, and a fault to run into.
    pub fn start(
        program: &str,
        desk: &Desk,
        callers: usize,
        fault: Option<&str>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(program);
        command
            .arg(desk.config_path())
            .arg(desk.home_path())
            .arg(callers.to_string());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(fault) = fault {
            command.env("OMLX_FAULT", fault);
        }
        Ok(Self(command.spawn()?))
    }

    /// Gives the word, and lets go.
    pub fn go(&mut self) -> Result<(), Box<dyn Error>> {
        let input = self.0.stdin.as_mut().ok_or("no standard input")?;
        // One that died before is found out at its end.
        let _ = writeln!(input, "go");
        Ok(())
    }

    /// Waits for the end. Blocking.
    pub fn end(mut self) -> Result<Ended, Box<dyn Error>> {
        let output = self.0.stdout.take().ok_or("no standard output")?;
        let lines: Vec<_> = BufReader::new(output).lines().collect::<Result<_, _>>()?;
        let calls = lines
            .get(1)
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default();
        Ok(Ended {
            status: self.0.wait()?,
            calls,
        })
    }
}

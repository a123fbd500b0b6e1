//! The command line as a person types it: a real process on one desk, with nothing of this machine in its environment.

use std::{
    error::Error,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

use crate::Desk;

/// How long anything may take before a scenario gives up; only ever reached by one that fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command line to be run.
#[derive(Debug)]
pub struct Omlx(Command);

/// A command line that has come to its end.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code; none when it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub data: String,
    /// Standard error.
    pub words: String,
}

/// A command line under way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    data: Lines<BufReader<ChildStdout>>,
    words: ChildStderr,
}

impl Omlx {
    /// `program` (the binary under test) with these words, on `desk`.
    pub fn on(desk: &Desk, program: impl AsRef<Path>, words: &[&str]) -> Self {
        let mut command = Command::new(program.as_ref());
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", desk.path())
            .env("OMLX_MCP_CONFIG", desk.config_path())
            .env("OMLX_CONNECT_HOME", desk.home_path())
            .env("OMLX_CONNECT_KEYCHAIN", "off")
            .current_dir(desk.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self(command)
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Starts it.
    pub fn start(mut self) -> io::Result<Running> {
        let mut child = self.0.spawn()?;
        let none = || io::Error::other("a stream is missing");
        Ok(Running {
            input: child.stdin.take(),
            data: BufReader::new(child.stdout.take().ok_or_else(none)?).lines(),
            words: child.stderr.take().ok_or_else(none)?,
            child,
        })
    }

    /// Runs it to its end, with nothing on standard input.
    pub async fn run(self) -> Result<Ran, Box<dyn Error>> {
        let mut running = self.start()?;
        running.input = None;
        running.end().await
    }

    /// Runs it to its end while nobody reads its standard output.
    pub async fn run_unread(mut self) -> Result<Ran, Box<dyn Error>> {
        let mut child = self.0.spawn()?;
        drop((child.stdin.take(), child.stdout.take()));
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await??;
        Ok(Ran::of(output.status, &[], &output.stderr))
    }
}

impl Running {
    /// The next line of standard output.
    pub async fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let line = tokio::time::timeout(PATIENCE, self.data.next_line()).await??;
        line.ok_or_else(|| "standard output has ended".into())
    }

    /// Its process id.
    pub fn id(&self) -> Result<u32, &'static str> {
        self.child.id().ok_or("it has ended already")
    }

    /// Types a line.
    pub async fn type_in(&mut self, line: &str) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(format!("{line}\n").as_bytes()).await?;
        input.flush().await
    }

    /// Closes its standard input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Closes both of its standard streams, as the end of whoever started it does, and waits for its end.
    pub async fn desert(self) -> Result<Ran, Box<dyn Error>> {
        let Self {
            mut child,
            input,
            data,
            mut words,
        } = self;
        drop((input, data));
        let ending = async { io::Result::Ok((all(&mut words).await?, child.wait().await?)) };
        let (words, status) = tokio::time::timeout(PATIENCE, ending).await??;
        Ok(Ran::of(status, &[], &words))
    }

    /// Presses Ctrl-C.
    pub async fn interrupt(&self) -> Result<(), Box<dyn Error>> {
        let process = self.id()?;
        let kill = format!("kill -INT {process}");
        let sent = Command::new("/bin/sh").args(["-c", &kill]).status().await?;
        sent.success()
            .then_some(())
            .ok_or_else(|| "no signal was sent".into())
    }

    /// Waits for its end; what was read of its standard output before is not in the result.
    pub async fn end(mut self) -> Result<Ran, Box<dyn Error>> {
        let mut rest = self.data.into_inner();
        let streams = async {
            let (data, words) = tokio::join!(all(&mut rest), all(&mut self.words));
            io::Result::Ok((data?, words?, self.child.wait().await?))
        };
        let (data, words, status) = tokio::time::timeout(PATIENCE, streams).await??;
        Ok(Ran::of(status, &data, &words))
    }
}

async fn all(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl Ran {
    fn of(status: ExitStatus, data: &[u8], words: &[u8]) -> Self {
        Self {
            code: status.code(),
            data: String::from_utf8_lossy(data).into_owned(),
            words: String::from_utf8_lossy(words).into_owned(),
        }
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Result<serde_json::Value, Box<dyn Error>> {
        serde_json::from_str(&self.data).map_err(|error| format!("{error}: {self:?}").into())
    }
}

/// A program that a desk keeps for its processes to find.
pub fn script(desk: &Desk, name: &str, lines: &str) -> io::Result<PathBuf> {
    let file = desk.path().join(name);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, format!("#!/bin/sh\n{lines}\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

/// A browser for `$BROWSER`, whose person agrees to everything.
pub fn browser_script(desk: &Desk) -> io::Result<PathBuf> {
    script(desk, "browser.sh", r#"exec curl -sL -o /dev/null "$1""#)
}

/// Where the authorization server sends the browser back to, after the person agreed.
pub async fn agreed(url: &str) -> Result<String, Box<dyn Error>> {
    let asked = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{redirect_url}", url])
        .output()
        .await?;
    Ok(String::from_utf8(asked.stdout)?)
}

//! A shell on an empty machine: the built program, run with nothing of ours around it.

use std::{error::Error, fs, io, net::SocketAddr, path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdout, Command},
};
use url::Url;

/// The machine.
pub(crate) struct Shell {
    folder: TempDir,
}

/// What a program left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its standard output.
    pub(crate) data: String,
    /// Its standard error.
    pub(crate) words: String,
}

/// A program that runs.
pub(crate) struct Running {
    child: Child,
    data: Option<BufReader<ChildStdout>>,
}

impl Shell {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = TempDir::new()?;
        fs::create_dir(folder.path().join("tmp"))?;
        Ok(Self { folder })
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// `omlx mcp …` to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> io::Result<Ended> {
        self.start(words)?.end().await
    }

    /// `omlx …` to its end.
    pub(crate) async fn run_whole(&self, words: &[&str]) -> io::Result<Ended> {
        self.spawn(words)?.end().await
    }

    /// `omlx mcp …`
    pub(crate) fn start(&self, words: &[&str]) -> io::Result<Running> {
        self.spawn(&[&["mcp"], words].concat())
    }

    /// Signs in as over SSH: the address is opened elsewhere, and the one it leads to is pasted.
    pub(crate) async fn sign_in(&self, server: &str) -> Result<Ended, Box<dyn Error>> {
        let mut login = self.start(&["login", server, "--no-browser"])?;
        let url = login.first_line().await?;
        login.type_line(&answer(&url).await?).await?;
        Ok(login.end().await?)
    }

    fn spawn(&self, words: &[&str]) -> io::Result<Running> {
        let folder = self.folder.path();
        let mut child = Command::new(env!("CARGO_BIN_EXE_omlx"))
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("PATH", folder.join("bin"))
            .env("HOME", folder)
            .env("TMPDIR", folder.join("tmp"))
            .env("LANG", "C.UTF-8")
            .env("OMLX_CONNECT_HOME", folder.join("home"))
            .env("OMLX_CONNECT_KEYCHAIN", "off")
            .env("OMLX_MCP_CONFIG", folder.join("mcp.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let data = child.stdout.take().map(BufReader::new);
        Ok(Running { child, data })
    }
}

impl Running {
    pub(crate) async fn first_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if let Some(data) = &mut self.data {
            data.read_line(&mut line).await?;
        }
        Ok(line.trim_end().to_owned())
    }

    pub(crate) async fn type_line(&mut self, line: &str) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(input) => input.write_all(format!("{line}\n").as_bytes()).await,
            None => Ok(()),
        }
    }

    /// As the reader of a pipe that ends first.
    pub(crate) fn close_data(&mut self) {
        self.data = None;
    }

    pub(crate) async fn signal(&self, signal: &str) -> io::Result<()> {
        let id = self.child.id().map(|id| id.to_string()).unwrap_or_default();
        Command::new("kill").args([signal, &id]).status().await.map(drop)
    }

    pub(crate) async fn end(mut self) -> io::Result<Ended> {
        drop(self.child.stdin.take());
        let (mut data, mut words) = (String::new(), String::new());
        let mut told = self.child.stderr.take();
        let read_data = async {
            match &mut self.data {
                Some(stream) => stream.read_to_string(&mut data).await,
                None => Ok(0),
            }
        };
        let read_words = async {
            match &mut told {
                Some(stream) => stream.read_to_string(&mut words).await,
                None => Ok(0),
            }
        };
        tokio::try_join!(read_data, read_words)?;
        let code = self.child.wait().await?.code().unwrap_or(-1);
        Ok(Ended { code, data, words })
    }
}

/// What the browser would end up at, asked of an authorization server that agrees by itself.
async fn answer(url: &str) -> Result<String, Box<dyn Error>> {
    let url = Url::parse(url)?;
    let host = url.socket_addrs(|| None)?.pop().ok_or("an address")?;
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let location = reply.lines().find_map(|line| line.strip_prefix("location: "));
    Ok(location.ok_or("a redirect")?.to_owned())
}

/// Where the redirect of an authorization URL is listened for.
pub(crate) fn redirect_uri(url: &str) -> Result<SocketAddr, Box<dyn Error>> {
    let url = Url::parse(url)?;
    let redirect = url.query_pairs().find(|(name, _)| name == "redirect_uri");
    let redirect = Url::parse(&redirect.ok_or("a redirect URI")?.1)?;
    Ok(redirect.socket_addrs(|| None)?.pop().ok_or("an address")?)
}

//! A client on either side, as small as it can be.

use std::{
    path::Path,
    process::Stdio as Streams,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::Outcome;

static NUMBER: AtomicU64 = AtomicU64::new(1);

fn request(method: &str, params: &Value) -> String {
    let id = NUMBER.fetch_add(1, Ordering::Relaxed);
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

fn call(tool: &str, size: usize) -> String {
    request(
        "tools/call",
        &json!({ "name": tool, "arguments": { "size": size } }),
    )
}

fn hello() -> String {
    let client = json!({ "name": "bench", "version": "1" });
    request(
        "initialize",
        &json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client }),
    )
}

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn command(program: &str, words: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(words)
        .env("OMLX_MCP_CONFIG", folder.join("mcp.json"))
        .env("OMLX_CONNECT_HOME", folder.join("home"))
        .env("OMLX_CONNECT_KEYCHAIN", "off")
        .stdin(Streams::piped())
        .stdout(Streams::piped())
        .stderr(Streams::null())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end; its standard output.
pub(crate) async fn run(program: &str, words: &[&str], folder: &Path) -> Outcome<String> {
    Ok(String::from_utf8(
        command(program, words, folder).output().await?.stdout,
    )?)
}

/// A program that says where it listens; it ends when this is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    _process: Child,
}

/// Starts one.
pub(crate) async fn serve(program: &str, words: &[&str], folder: &Path) -> Outcome<Served> {
    let mut process = command(program, words, folder).spawn()?;
    let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
    let url = lines.next_line().await?.ok_or("it ended at once")?;
    Ok(Served {
        url,
        _process: process,
    })
}

/// One kept connection over HTTP.
pub(crate) struct Http {
    url: Uri,
    key: Option<String>,
    session: Option<String>,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Http {
    pub(crate) async fn new(url: &str, key: Option<&str>) -> Outcome<Self> {
        let url: Uri = url.parse()?;
        let mut way = Self {
            sender: connected(&url).await?,
            url,
            key: key.map(str::to_owned),
            session: None,
        };
        way.post(hello()).await?;
        way.post(INITIALIZED.to_owned()).await?;
        Ok(way)
    }

    pub(crate) async fn call(&mut self, tool: &str, size: usize) -> Outcome {
        let length = self.post(call(tool, size)).await?;
        if length > size {
            Ok(())
        } else {
            Err("the answer is too short".into())
        }
    }

    pub(crate) async fn list(&mut self) -> Outcome {
        let length = self.post(request("tools/list", &json!({}))).await?;
        if length > 100_000 {
            Ok(())
        } else {
            Err("tools are missing".into())
        }
    }

    async fn post(&mut self, body: String) -> Outcome<usize> {
        let mut request = Request::post(self.url.path())
            .header(
                "host",
                self.url.authority().map(ToString::to_string).unwrap_or_default(),
            )
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::from(body))?).await?;
        if let Some(session) = answer.headers().get("mcp-session-id") {
            self.session = Some(session.to_str()?.to_owned());
        }
        if !answer.status().is_success() {
            return Err(format!("{} at {}", answer.status(), self.url).into());
        }
        let mut length = 0;
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(length)
    }

    /// Calls a second with `many` connections.
    pub(crate) async fn storm(&self, many: u32, time: Duration) -> Outcome<f64> {
        let (url, key) = (self.url.to_string(), self.key.clone());
        let mut ways = Vec::new();
        for _ in 0..many {
            ways.push(Self::new(&url, key.as_deref()).await?);
        }
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for mut way in ways {
            tasks.spawn(async move {
                let mut made = 0_u32;
                while begun.elapsed() < time {
                    way.call("echo", 0).await?;
                    made += 1;
                }
                Outcome::Ok(made)
            });
        }
        let mut made = 0;
        while let Some(done) = tasks.join_next().await {
            made += done??;
        }
        Ok(f64::from(made) / begun.elapsed().as_secs_f64())
    }
}

async fn connected(url: &Uri) -> Outcome<http1::SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(url.authority().ok_or("no host")?.as_str()).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A process on standard streams.
pub(crate) struct Stdio {
    pub(crate) process: u32,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    _child: Child,
}

impl Stdio {
    pub(crate) async fn start(program: &str, words: &[&str], folder: &Path) -> Outcome<Self> {
        let mut child = command(program, words, folder).spawn()?;
        let mut way = Self {
            process: child.id().ok_or("it ended at once")?,
            input: child.stdin.take().ok_or("no input")?,
            output: BufReader::with_capacity(1 << 16, child.stdout.take().ok_or("no output")?),
            line: Vec::new(),
            _child: child,
        };
        way.say(&hello()).await?;
        way.hear().await?;
        way.say(INITIALIZED).await?;
        Ok(way)
    }

    pub(crate) async fn call(&mut self, tool: &str, size: usize) -> Outcome {
        self.say(&call(tool, size)).await?;
        if self.hear().await? > size {
            Ok(())
        } else {
            Err("the answer is too short".into())
        }
    }

    pub(crate) async fn list(&mut self) -> Outcome {
        self.say(&request("tools/list", &json!({}))).await?;
        if self.hear().await? > 100_000 {
            Ok(())
        } else {
            Err("tools are missing".into())
        }
    }

    /// Calls a second with `many` on their way.
    pub(crate) async fn storm(&mut self, many: u32, time: Duration) -> Outcome<f64> {
        for _ in 0..many {
            self.say(&call("echo", 0)).await?;
        }
        let (begun, mut made) = (Instant::now(), 0_u32);
        while begun.elapsed() < time {
            self.hear().await?;
            self.say(&call("echo", 0)).await?;
            made += 1;
        }
        let rate = f64::from(made) / begun.elapsed().as_secs_f64();
        for _ in 0..many {
            self.hear().await?;
        }
        Ok(rate)
    }

    async fn say(&mut self, line: &str) -> Outcome {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(())
    }

    async fn hear(&mut self) -> Outcome<usize> {
        self.line.clear();
        match self.output.read_until(b'\n', &mut self.line).await? {
            0 => Err("it ended".into()),
            length => Ok(length),
        }
    }
}

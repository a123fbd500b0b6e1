//! Clients that are not ours and the official example server, with nothing, the bridge and the gateway between them.
#![cfg(unix)]

mod rust;

use std::{error::Error, net::TcpListener, path::PathBuf, process::Stdio};

use omlx_tests::{Desk, Omlx, Running, TestResult, in_time, interop_folder, node, python};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

/// What a client is pointed at.
#[derive(Clone, Copy, Debug)]
enum At<'a> {
    /// A program and its arguments, to be spoken to over stdio.
    Program(&'a [&'a str]),
    /// An endpoint, and the key it wants.
    Url(&'a str, Option<&'a str>),
}

/// Whose client it is.
#[derive(Clone, Copy, Debug)]
enum Theirs {
    TypeScript,
    Python,
    Rust,
    /// The bridge that many use today, with the TypeScript client before it; it has no way to a program.
    McpRemote,
}

impl Theirs {
    /// What the client makes of whatever it is pointed at.
    async fn used(self, desk: &Desk, at: At<'_>) -> Result<Value, Box<dyn Error>> {
        let modules = interop_folder().join("node_modules");
        let mut command = match self {
            Self::Rust => return rust::used(desk, at).await,
            Self::Python => {
                let mut python = Command::new(python()?);
                python.arg("everything.py");
                python
            }
            Self::TypeScript | Self::McpRemote => {
                let mut script = Command::new(node()?);
                script.arg("everything.mjs");
                script
            }
        };
        match (self, at) {
            (Self::McpRemote, At::Url(url, key)) => {
                let proxy = modules.join("mcp-remote/dist/proxy.js");
                command.arg("stdio").arg(node()?).arg(proxy);
                command.args([url, "--allow-http", "--transport", "http-only"]);
                if let Some(key) = key {
                    command.args(["--header", &format!("Authorization:Bearer {key}")]);
                }
            }
            (_, At::Program(words)) => {
                command.arg("stdio").args(words);
            }
            (_, At::Url(url, key)) => {
                command.args(["http", url]).args(key);
            }
        }
        told(on(desk, command)).await
    }
}

/// The same command, with the desk's folders and nothing of this machine's.
fn on(desk: &Desk, mut command: Command) -> Command {
    command
        .current_dir(interop_folder())
        .env("HOME", desk.path())
        .env("OMLX_MCP_CONFIG", desk.config_path())
        .env("OMLX_CONNECT_HOME", desk.home_path())
        .env("OMLX_CONNECT_KEYCHAIN", "off")
        .kill_on_drop(true);
    command
}

async fn told(mut command: Command) -> Result<Value, Box<dyn Error>> {
    let ran = tokio::time::timeout(std::time::Duration::from_mins(2), command.output()).await??;
    let words = String::from_utf8_lossy(&ran.stderr);
    serde_json::from_slice(&ran.stdout).map_err(|error| format!("{error}: {words}").into())
}

/// The example server, over HTTP and as a program, and both lent.
struct Lent {
    desk: Desk,
    program: String,
    script: String,
    url: String,
    key: String,
    /// Where the gateway lends `remote` and `local`.
    gateways: [String; 2],
    _serving: Running,
    _server: Child,
}

impl Lent {
    async fn new() -> Result<Self, Box<dyn Error>> {
        let (server, url) = over_http().await?;
        let (program, script) = (node()?.display().to_string(), everything().display().to_string());
        let desk = Desk::new()?;
        desk.configure(&json!({
            "remote": { "transport": "streamable-http", "url": url },
            "local": { "command": program, "args": [script, "stdio"] },
        }))?;
        let added = Omlx::on(&desk, OMLX, &["mcp", "access", "add", "theirs", "--json"]);
        let added = added.run().await?.json()?;
        let mut serving = Omlx::on(&desk, OMLX, &["mcp", "serve", "--port", "0"]).start()?;
        Ok(Self {
            program,
            script,
            url,
            key: added["key"].as_str().ok_or("no key")?.to_owned(),
            gateways: [serving.line().await?, serving.line().await?],
            desk,
            _serving: serving,
            _server: server,
        })
    }

    /// What `client` makes of the server over HTTP is the same by every way.
    async fn remote_is_the_same(&self, client: Theirs) -> TestResult {
        let direct = client.used(&self.desk, At::Url(&self.url, None)).await?;
        has_everything(&direct);
        if !matches!(client, Theirs::McpRemote) {
            let bridge = At::Program(&[OMLX, "mcp", "bridge", "remote"]);
            assert_eq!(
                client.used(&self.desk, bridge).await?,
                direct,
                "{client:?}: bridge"
            );
        }
        let gateway = At::Url(&self.gateways[0], Some(&self.key));
        assert_eq!(
            client.used(&self.desk, gateway).await?,
            direct,
            "{client:?}: gateway"
        );
        Ok(())
    }

    /// The same of the program.
    async fn local_is_the_same(&self, client: Theirs) -> TestResult {
        let program = [&*self.program, &*self.script, "stdio"];
        let direct = client.used(&self.desk, At::Program(&program)).await?;
        has_everything(&direct);
        let bridge = At::Program(&[OMLX, "mcp", "bridge", "local"]);
        assert_eq!(
            client.used(&self.desk, bridge).await?,
            direct,
            "{client:?}: bridge"
        );
        let gateway = At::Url(&self.gateways[1], Some(&self.key));
        assert_eq!(
            client.used(&self.desk, gateway).await?,
            direct,
            "{client:?}: gateway"
        );
        Ok(())
    }
}

/// A comparison of nothing with nothing would hold, too.
fn has_everything(told: &Value) {
    let tools = told["tools"].as_array();
    assert!(tools.is_some_and(|tools| tools.len() > 10), "{told:#}");
    assert_eq!(told["heard"]["sampled"], 1, "{told:#}");
    assert_eq!(told["heard"]["elicited"], 1, "{told:#}");
    assert_eq!(told["heard"]["progress"], true, "{told:#}");
    assert!(
        told["echo"].as_str().is_some_and(|echo| echo.contains("hello")),
        "{told:#}"
    );
    let wrong = told["wrong"].as_str().unwrap_or_default();
    assert!(
        wrong.contains("error") && wrong.contains("no-such-tool"),
        "{told:#}"
    );
    assert!(
        told["resource"].as_u64() > Some(0) && told["prompt"].as_u64() > Some(0),
        "{told:#}"
    );
}

fn everything() -> PathBuf {
    interop_folder().join("node_modules/@modelcontextprotocol/server-everything/dist/index.js")
}

/// The example server over streamable HTTP, and its URL.
async fn over_http() -> Result<(Child, String), Box<dyn Error>> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let server = Command::new(node()?)
        .arg(everything())
        .arg("streamableHttp")
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    in_time(async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    Ok((server, format!("http://127.0.0.1:{port}/mcp")))
}

async fn same_by_every_way(client: Theirs) -> TestResult {
    let lent = Lent::new().await?;
    lent.remote_is_the_same(client).await?;
    lent.local_is_the_same(client).await
}

#[tokio::test]
async fn everything_a_server_offers_is_the_same_to_the_typescript_client() -> TestResult {
    same_by_every_way(Theirs::TypeScript).await
}

#[tokio::test]
async fn everything_a_server_offers_is_the_same_to_the_python_client() -> TestResult {
    same_by_every_way(Theirs::Python).await
}

#[tokio::test]
async fn everything_a_server_offers_is_the_same_to_the_rust_client() -> TestResult {
    same_by_every_way(Theirs::Rust).await
}

#[tokio::test]
async fn everything_a_server_offers_is_the_same_to_mcp_remote() -> TestResult {
    Lent::new().await?.remote_is_the_same(Theirs::McpRemote).await
}

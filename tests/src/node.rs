//! Counterparts that are not ours, from npm: they run under a Node of their own, as child processes.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use omlx_mcp::network::{Network, NetworkSettings};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long a counterpart may take to say where it is.
const START: Duration = Duration::from_mins(1);

/// What to do when the counterparts' packages are not there.
const MISSING: &str = "the Node packages of tests/interop are missing: run `scripts/setup.sh node` first";

/// oidc-provider, a certified authorization server, in front of a small MCP server. Ends when dropped.
#[derive(Debug)]
pub struct Provider {
    _process: Child,
    http: reqwest::Client,
    issuer: String,
    mcp: String,
    control: String,
}

impl Provider {
    /// Starts it, and waits until it answers.
    pub async fn start() -> Result<Self, Box<dyn Error>> {
        Self::run(Command::new(node()?)).await
    }

    /// The same with every token bound to a key, and a nonce in every proof (RFC 9449).
    pub async fn start_binding() -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(node()?);
        command.env("DPOP", "1");
        Self::run(command).await
    }

    /// The same with a page on which somebody has to press "Continue".
    pub async fn start_asking() -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(node()?);
        command.env("CONSENT", "ask");
        Self::run(command).await
    }

    async fn run(mut command: Command) -> Result<Self, Box<dyn Error>> {
        let mut process = command
            .arg("provider.mjs")
            .current_dir(folder())
            .env("NODE_ENV", "production")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = tokio::time::timeout(START, lines.next_line()).await??;
        let ready: Value = serde_json::from_str(&ready.ok_or("the provider ended at once")?)?;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            _process: process,
            // Only to have TLS set up; everything here is plain http on this machine.
            http: Network::new(&NetworkSettings::default())?.client()?,
            issuer: text(&ready, "issuer")?,
            mcp: text(&ready, "mcp")?,
            control: text(&ready, "control")?,
        })
    }

    /// The MCP endpoint.
    pub fn mcp_url(&self) -> &str {
        &self.mcp
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Lets time pass at the provider, and nowhere else.
    pub async fn forward(&self, by: Duration) -> Result<(), reqwest::Error> {
        let url = format!("{}/__clock?forward={}", self.control, by.as_secs());
        self.http.post(url).send().await?.error_for_status().map(drop)
    }

    /// Everything it was asked, in order.
    pub async fn calls(&self) -> Result<Vec<Value>, reqwest::Error> {
        let calls = self.http.get(format!("{}/__calls", self.control)).send();
        calls.await?.json().await
    }

    /// The token requests with this grant type, in order.
    pub async fn token_requests(&self, grant_type: &str) -> Result<Vec<Value>, reqwest::Error> {
        let mut calls = self.calls().await?;
        calls.retain(|call| call["grant_type"] == grant_type);
        Ok(calls)
    }

    /// Asks one of the provider's endpoints as any client could.
    pub async fn ask(
        &self,
        path: &str,
        form: &[(&str, &str)],
        client: Option<&Witness>,
    ) -> Result<(u16, Value), Box<dyn Error>> {
        let mut request = self.http.post(format!("{}{path}", self.issuer)).form(form);
        if let Some(client) = client {
            request = request.basic_auth(&client.id, Some(&client.secret));
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or_default()))
    }

    /// Registers a client of the test's own.
    pub async fn witness(&self) -> Result<Witness, Box<dyn Error>> {
        let metadata = serde_json::json!({
            "redirect_uris": ["https://witness.example/"],
            "token_endpoint_auth_method": "client_secret_basic",
        });
        let registered = self
            .http
            .post(format!("{}/reg", self.issuer))
            .json(&metadata)
            .send()
            .await?;
        let registered: Value = registered.error_for_status()?.json().await?;
        Ok(Witness {
            id: text(&registered, "client_id")?,
            secret: text(&registered, "client_secret")?,
        })
    }
}

/// A confidential client that may introspect anyone's tokens (RFC 7662).
#[derive(Debug)]
pub struct Witness {
    id: String,
    secret: String,
}

/// The folder of the counterparts.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

/// The counterparts' own Node, because the system's may be older than they want.
pub fn node() -> Result<PathBuf, &'static str> {
    let modules = folder().join("node_modules");
    let node = modules.join(".bin/node");
    let complete = node.exists() && modules.join("oidc-provider").exists();
    complete.then_some(node).ok_or(MISSING)
}

fn text(document: &Value, member: &str) -> io::Result<String> {
    let text = document[member].as_str().map(str::to_owned);
    text.ok_or_else(|| io::Error::other(format!("no {member} in the answer")))
}

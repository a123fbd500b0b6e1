//! What lends is a real process here, and who borrows is written by hand, so that every byte is its own: a client of the
//! bridge ([`Client`]) and one of the gateway ([`Lent`]).

use std::error::Error;

use omlx_demo::{Demo, DemoOptions, Era};
use omlx_mcp::network::{Network, NetworkSettings};
use omlx_tests::{Desk, Omlx, Ran, Running, TestResult, in_time};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

pub(crate) const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

pub(crate) const REFRESH: &str = "POST /token grant_type=refresh_token";

/// An MCP client of the session era, written by hand so that every byte is its own.
pub(crate) struct Client {
    pub(crate) process: Running,
    pub(crate) next: u64,
    /// Messages that were no answer to what was asked last.
    pub(crate) aside: Vec<Value>,
}

impl Client {
    pub(crate) fn start(desk: &Desk, words: &[&str]) -> Result<Self, Box<dyn Error>> {
        let words = [&["mcp", "bridge"], words].concat();
        let process = Omlx::on(desk, OMLX, &words).with("OMLX_LOG", "trace");
        Ok(Self::of(process.start()?))
    }

    pub(crate) fn of(process: Running) -> Self {
        Self {
            process,
            next: 0,
            aside: Vec::new(),
        }
    }

    /// One that has shaken hands.
    pub(crate) async fn greeted(desk: &Desk, words: &[&str]) -> Result<(Self, Value), Box<dyn Error>> {
        let mut client = Self::start(desk, words)?;
        let answer = client.greet().await?;
        Ok((client, answer))
    }

    /// Shakes hands, asks for the tools, and leaves.
    pub(crate) async fn first_list(mut self) -> Result<Value, Box<dyn Error>> {
        self.greet().await?;
        let tools = self.ask("tools/list", json!({})).await?;
        self.leave().await?;
        Ok(tools)
    }

    async fn greet(&mut self) -> Result<Value, Box<dyn Error>> {
        let answer = self.ask("initialize", Self::hello()).await?;
        self.initialized().await?;
        Ok(answer)
    }

    /// What it says of itself.
    pub(crate) fn hello() -> Value {
        json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "by hand", "version": "1" },
        })
    }

    pub(crate) async fn initialized(&mut self) -> TestResult {
        self.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await
    }

    pub(crate) async fn say(&mut self, message: &Value) -> TestResult {
        Ok(self.process.type_in(&message.to_string()).await?)
    }

    pub(crate) async fn begin(&mut self, method: &str, params: Value) -> Result<u64, Box<dyn Error>> {
        self.next += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.say(&request).await?;
        Ok(self.next)
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Box<dyn Error>> {
        let id = self.begin(method, params).await?;
        self.answer(id).await
    }

    pub(crate) async fn answer(&mut self, id: u64) -> Result<Value, Box<dyn Error>> {
        loop {
            let message = self.hear().await?;
            if message["id"] == id && message.get("method").is_none() {
                return Ok(message);
            }
            self.aside.push(message);
        }
    }

    pub(crate) async fn hear(&mut self) -> Result<Value, Box<dyn Error>> {
        let line = self.process.line().await?;
        let message: Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        Ok(message)
    }

    pub(crate) async fn until(&mut self, method: &str) -> Result<Value, Box<dyn Error>> {
        loop {
            let message = self.hear().await?;
            if message["method"] == method {
                return Ok(message);
            }
        }
    }

    /// Closes its end, as a client that is gone does, and waits for the process.
    pub(crate) async fn leave(mut self) -> Result<Ran, Box<dyn Error>> {
        self.process.hang_up();
        self.process.end().await
    }

    pub(crate) async fn echo(&mut self, text: &str) -> Result<Value, Box<dyn Error>> {
        let call = json!({ "name": "echo", "arguments": { "text": text } });
        let answer = self.ask("tools/call", call).await?;
        Ok(answer["result"].clone())
    }
}

pub(crate) async fn signed_in(era: Era) -> Result<(Demo, Desk), Box<dyn Error>> {
    let demo = Demo::start(DemoOptions {
        era,
        ..DemoOptions::headless()
    })
    .await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    desk.sign_in().await?;
    demo.forget_calls();
    Ok((demo, desk))
}

/// A gateway that runs, and a client that has a key for it.
pub(crate) struct Lent {
    pub(crate) demo: Demo,
    pub(crate) desk: Desk,
    pub(crate) process: Running,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) http: reqwest::Client,
}

pub(crate) async fn new_key(desk: &Desk, words: &[&str]) -> Result<String, Box<dyn Error>> {
    let words = [&["mcp", "access", "add", "--json"], words].concat();
    let added = Omlx::on(desk, OMLX, &words).run().await?.json()?;
    let key = added["key"].as_str().ok_or_else(|| format!("no key: {added}"))?;
    assert!(key.starts_with("omlx_"), "{key}");
    Ok(key.to_owned())
}

impl Lent {
    pub(crate) async fn new(era: Era) -> Result<Self, Box<dyn Error>> {
        let demo = Demo::start(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        desk.sign_in().await?;
        Self::over(demo, desk).await
    }

    pub(crate) async fn over(demo: Demo, desk: Desk) -> Result<Self, Box<dyn Error>> {
        let key = new_key(&desk, &["by hand"]).await?;
        let mut process = Omlx::on(&desk, OMLX, &["mcp", "serve", "--port", "0", "--json"])
            .with("OMLX_LOG", "debug")
            .start()?;
        let mut listening = String::new();
        while serde_json::from_str::<Value>(&listening).is_err() {
            listening.push_str(&process.line().await?);
        }
        let listening: Value = serde_json::from_str(&listening)?;
        let url = listening["url"].as_str().ok_or("no URL")?.to_owned();
        let lent = Self {
            demo,
            desk,
            process,
            url,
            key,
            http: Network::new(&NetworkSettings::default())?.client()?,
        };
        Ok(lent)
    }

    /// The same once its own connection is there.
    pub(crate) async fn ready(era: Era) -> Result<Self, Box<dyn Error>> {
        let lent = Self::new(era).await?;
        in_time(lent.demo.until("rpc=tools/list status=200", 2)).await?;
        Ok(lent)
    }

    pub(crate) fn to(&self, path: &str) -> RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.key)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        let asked = self
            .http
            .get(format!("{}{path}", self.url))
            .bearer_auth(&self.key);
        Ok(asked.send().await?.json().await?)
    }

    /// Waits until the gateway says so of the server.
    pub(crate) async fn until_auth(&self, word: &str) -> TestResult {
        in_time(async {
            while self.get("/status").await?["servers"][0]["auth"] != word {
                tokio::task::yield_now().await;
            }
            TestResult::Ok(())
        })
        .await?
    }

    pub(crate) async fn message(
        &self,
        path: &str,
        session: Option<&str>,
        message: Value,
    ) -> Result<Response, Box<dyn Error>> {
        let mut request = self.to(path).body(message.to_string());
        if let Some(session) = session {
            request = request
                .header("mcp-session-id", session)
                .header("mcp-protocol-version", "2025-11-25");
        }
        Ok(request.send().await?)
    }

    /// Shakes hands, and returns the session's name with the server's answer.
    pub(crate) async fn greet(&self, path: &str) -> Result<(Option<String>, Value), Box<dyn Error>> {
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "by hand", "version": "1" },
        } });
        let answer = self.message(path, None, hello).await?;
        let name = answer.headers().get("mcp-session-id").cloned();
        let name = name.map(|name| name.to_str().map(str::to_owned)).transpose()?;
        let answer = message_of(answer).await?;
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.message(path, name.as_deref(), note).await?;
        Ok((name, answer))
    }

    pub(crate) async fn ask(
        &self,
        path: &str,
        session: Option<&str>,
        (method, params): (&str, Value),
    ) -> Result<Value, Box<dyn Error>> {
        let request = json!({ "jsonrpc": "2.0", "id": "q", "method": method, "params": params });
        message_of(self.message(path, session, request).await?).await
    }

    pub(crate) async fn echo(&self, path: &str, session: Option<&str>) -> Result<Value, Box<dyn Error>> {
        Ok(self.ask(path, session, ("tools/call", echo("hello"))).await?["result"].clone())
    }
}

pub(crate) fn echo(text: &str) -> Value {
    json!({ "name": "echo", "arguments": { "text": text } })
}

pub(crate) const DEMO: &str = "/servers/demo/mcp";

/// The answer, whether it came as a document or as an event.
pub(crate) async fn message_of(answer: Response) -> Result<Value, Box<dyn Error>> {
    let text = answer.text().await?;
    if text.trim_start().starts_with('{') {
        return Ok(serde_json::from_str(&text)?);
    }
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let messages = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    messages
        .into_iter()
        .find(|message| message.get("result").is_some() || message.get("error").is_some())
        .ok_or_else(|| format!("no answer in {text:?}").into())
}

pub(crate) fn text_of(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

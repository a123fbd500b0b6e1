//! One server's side, for one client of all: greeted in the client's name when it is first needed.

use bytes::Bytes;
use omlx_mcp::handle::Server;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Merged, lock};
use crate::{
    away,
    guest::Guest,
    message::{self, INTERNAL_ERROR, Message},
    outlet::Outlet,
    relay::Relay,
};

/// One server's side.
pub(super) struct Back {
    pub(super) relay: Relay,
    /// By its entry as it was when this was begun.
    pub(super) server: Server,
    /// What the server said it can do.
    capabilities: OnceCell<Value>,
}

impl Back {
    /// Nothing has been asked yet.
    pub(super) fn new(server: &Server, told: (Outlet, Guest)) -> Self {
        Self {
            relay: Relay::new(server.clone(), told),
            server: server.clone(),
            capabilities: OnceCell::new(),
        }
    }

    /// Whether it has been greeted.
    pub(super) fn is_ready(&self) -> bool {
        self.capabilities.initialized()
    }

    /// Whether it said that it can do this.
    pub(super) fn can(&self, capability: &str) -> bool {
        let said = self.capabilities.get();
        said.is_some_and(|said| said.get(capability).is_some())
    }

    /// Greets it, once. An error is the server's.
    pub(super) async fn ready(&self, merged: &Merged) -> Result<(), Value> {
        self.capabilities.get_or_try_init(|| self.greet(merged)).await?;
        Ok(())
    }

    /// Asks something of our own.
    pub(super) async fn ask(
        &self,
        merged: &Merged,
        (method, params): (&str, &Value),
    ) -> Result<Value, Value> {
        let (id, answer) = lock(&merged.0.open).wait();
        self.relay.take(message::request(&id.raw(), method, params)).await;
        let answer = answer.await.map_err(|_| gone())?;
        read(&answer)
    }

    /// Sets the level of log messages, where the server knows any.
    pub(super) async fn set_level(&self, merged: &Merged, level: &Value) {
        if self.can("logging") {
            self.ask_level(merged, level).await;
        }
    }

    async fn greet(&self, merged: &Merged) -> Result<Value, Value> {
        let mut hello = lock(&merged.0.hello).clone();
        if hello["protocolVersion"].is_null() {
            hello = json!({
                "protocolVersion": away::version(None),
                "capabilities": {},
                "clientInfo": { "name": "client", "version": "" },
            });
        }
        let said = self.ask(merged, ("initialize", &hello)).await?;
        self.relay
            .take(message::notification("notifications/initialized"))
            .await;
        let capabilities = said["capabilities"].clone();
        let level = lock(&merged.0.level).clone();
        if let (Some(level), Some(_)) = (level, capabilities.get("logging")) {
            self.ask_level(merged, &level).await;
        }
        Ok(capabilities)
    }

    /// Whatever is answered to it changes nothing.
    async fn ask_level(&self, merged: &Merged, level: &Value) {
        let (id, _) = lock(&merged.0.open).wait();
        let params = json!({ "level": level });
        let text = message::request(&id.raw(), "logging/setLevel", &params);
        self.relay.take(text).await;
    }
}

fn read(answer: &Bytes) -> Result<Value, Value> {
    let seen = Message::peek(answer).map_err(|_| gone())?;
    match (seen.result, seen.error) {
        (Some(result), _) => serde_json::from_str(result.get()).map_err(|_| gone()),
        (None, error) => {
            let error = error.and_then(|error| serde_json::from_str(error.get()).ok());
            Err(error.unwrap_or_else(gone))
        }
    }
}

fn gone() -> Value {
    json!({ "code": INTERNAL_ERROR, "message": "the server's answer was not understood" })
}

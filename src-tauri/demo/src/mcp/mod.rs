//! The Model Context Protocol in both eras on one endpoint, and the legacy HTTP+SSE transport next to it.
//!
//! JSON-RPC is written by hand rather than taken from rmcp's server: the client under test is built on rmcp, and a bug
//! both sides share would cancel out; and tests must reach below what an SDK lets through (a header that contradicts
//! the body, a stream that ends too soon, a session that is gone, a list of a thousand tools in pages of ten).

mod headers;
mod legacy_sse;
mod message;
mod methods;
mod session;
mod sessions;
mod stateless;
mod stream;
mod tools;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::response::Response;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::sessions::Sessions;
use crate::{
    incoming::Incoming,
    options::Era,
    reply::{method_not_allowed, text},
    resource_server::{Face, bearer},
    world::World,
};

/// The one revision without `initialize`.
const STATELESS_VERSION: &str = "2026-07-28";

/// The revisions with `initialize` that streamable HTTP has, newest first.
const SESSION_VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

const TOOLS_CHANGED: &str = "notifications/tools/list_changed";

/// What the MCP side remembers between requests.
#[derive(Debug, Default)]
pub(crate) struct McpState {
    pub(crate) sessions: Sessions,
    /// Streams of `subscriptions/listen`.
    listeners: Mutex<Vec<Listener>>,
    /// Streams of the legacy transport, by session.
    streams: Mutex<HashMap<String, UnboundedSender<Value>>>,
    /// Notes by author.
    notes: Mutex<HashMap<String, Vec<String>>>,
}

#[derive(Debug)]
struct Listener {
    /// The id of the request that opened it.
    id: Value,
    topic: Topic,
    sender: UnboundedSender<Value>,
}

/// What a listener asked to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Tools,
    Nothing,
}

impl McpState {
    pub(crate) fn tools_changed(&self) {
        let plain = json!({"jsonrpc": "2.0", "method": TOOLS_CHANGED});
        self.sessions.tell_all(&plain);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| {
            let mut message = plain.clone();
            message["params"] = json!({"_meta": {message::SUBSCRIPTION_ID: listener.id}});
            listener.topic == Topic::Nothing || listener.sender.send(message).is_ok()
        });
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|_, stream| stream.send(plain.clone()).is_ok());
    }

    /// Ends every stream of `subscriptions/listen` in good order.
    pub(crate) fn end_listeners(&self) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.drain(..) {
            // Whoever is gone needs no ending.
            let _ = listener.sender.send(message::listen_ended(&listener.id));
        }
    }

    /// A stream that begins with `first`, and tells of changed tools if `topic` says so.
    fn listen(&self, id: Value, first: Value, topic: Topic) -> UnboundedReceiver<Value> {
        let (sender, receiver) = unbounded_channel();
        // The receiver is right here.
        let _ = sender.send(first);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.sender.is_closed());
        listeners.push(Listener { id, topic, sender });
        receiver
    }
}

/// `/mcp`, `/sse`, `/messages`; all else is 404.
pub(crate) async fn serve(world: &Arc<World>, incoming: &Incoming) -> Response {
    match incoming.path.as_str() {
        "/mcp" => streamable_http(world, incoming).await,
        "/sse" if incoming.method == Method::GET => legacy_sse::open(world, incoming),
        "/sse" => method_not_allowed("GET"),
        "/messages" if incoming.method == Method::POST => legacy_sse::post(world, incoming),
        _ => text(404, "there is nothing here"),
    }
}

async fn streamable_http(world: &Arc<World>, incoming: &Incoming) -> Response {
    let caller = match bearer::admit(world, incoming, Face::Mcp) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    let era = world.options().era;
    let is_post = incoming.method == Method::POST;
    match era {
        Era::Stateless if !is_post => method_not_allowed("POST"),
        Era::Stateless => stateless::post(world, incoming, caller).await,
        Era::Both if is_post && headers::speaks_stateless(incoming) => {
            stateless::post(world, incoming, caller).await
        }
        Era::Both | Era::Session => session::serve(world, incoming, caller).await,
    }
}

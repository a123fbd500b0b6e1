//! What the methods answer, whichever era asks.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    SESSION_VERSIONS, STATELESS_VERSION,
    message::{INVALID_PARAMS, METHOD_NOT_FOUND, RpcError, RpcRequest, SERVER_INFO},
    tools,
};
use crate::{
    fault::Fault,
    incoming::Incoming,
    options::Reply,
    resource_server::{
        Face,
        bearer::{Caller, insufficient_scope},
    },
    scope::Scope,
    world::World,
};

const INSTRUCTIONS: &str = "A demo: the tools are harmless, and nothing is kept.";

/// A request with all that is needed to answer it.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) world: Arc<World>,
    pub(super) caller: Caller,
    pub(super) request: RpcRequest,
    pub(super) version: &'static str,
}

/// Where messages go that come before the answer.
pub(super) type Outlet = UnboundedSender<Value>;

impl Ask {
    pub(super) fn is_stateless(&self) -> bool {
        self.version == STATELESS_VERSION
    }

    fn is_call(&self) -> bool {
        self.request.method == "tools/call"
    }

    /// 403, when the tool needs a scope the token does not have.
    pub(super) fn refused(&self, face: Face) -> Option<Response> {
        let scope = tools::needed_scope(self.request.params["name"].as_str()?)?;
        (self.is_call() && !self.caller.may(scope))
            .then(|| insufficient_scope(&self.world, face, &Scope::parse(scope)))
    }

    /// Whether the answer is to come as a stream; `None` when it does not matter.
    pub(super) fn delivery(&self) -> Delivery {
        let progress = self.is_call() && self.progress_token().is_some();
        let reply = self.world.options().tools.reply;
        match reply {
            Reply::Stream => Delivery::Stream,
            Reply::AsNeeded if progress => Delivery::Stream,
            Reply::AsNeeded | Reply::Json => Delivery::Json,
        }
    }

    pub(super) fn progress_token(&self) -> Option<&Value> {
        self.request.params["_meta"].get("progressToken")
    }

    /// The answer; messages before it go to `outlet`.
    pub(super) async fn outcome(&self, outlet: Option<&Outlet>) -> Result<Value, RpcError> {
        let params = &self.request.params;
        match (self.request.method.as_str(), self.is_stateless()) {
            ("tools/list", _) => tools::list(&self.world, params).map(|result| self.listed(result)),
            ("tools/call", _) => tools::call(self, outlet)
                .await
                .map(|result| self.completed(result)),
            ("ping", false) => Ok(json!({})),
            ("server/discover", true) => Ok(self.listed(discovered())),
            (method, _) => Err(RpcError::unknown_method(method)),
        }
    }

    fn completed(&self, mut result: Value) -> Value {
        if self.is_stateless() {
            result["resultType"] = json!("complete");
            result["_meta"] = json!({SERVER_INFO: server_info()});
        }
        result
    }

    /// Nothing here may be kept: any test may change the list at any time.
    fn listed(&self, result: Value) -> Value {
        let mut result = self.completed(result);
        if self.is_stateless() {
            result["ttlMs"] = json!(0);
            result["cacheScope"] = json!("private");
        }
        result
    }
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Json,
    Stream,
}

/// A JSON-RPC error that a fault wants for this request.
pub(super) fn spoiled(world: &World, incoming: &Incoming) -> Option<RpcError> {
    world.fault(incoming, |fault| match fault {
        Fault::RpcError { code, message } => Some(RpcError::new(*code, message.clone())),
        _ => None,
    })
}

/// The HTTP status of an answer in the stateless era.
pub(super) fn stateless_status(outcome: &Result<Value, RpcError>) -> u16 {
    match outcome {
        Err(error) if error.code == METHOD_NOT_FOUND => 404,
        _ => 200,
    }
}

/// The result of `initialize`: the version asked for, or the newest we have.
pub(super) fn initialized(params: &Value) -> Result<(&'static str, Value), RpcError> {
    let asked = params["protocolVersion"].as_str();
    let asked = asked.ok_or_else(|| RpcError::new(INVALID_PARAMS, "protocolVersion is missing"))?;
    let spoken = SESSION_VERSIONS.into_iter().find(|version| *version == asked);
    let version = spoken.unwrap_or(SESSION_VERSIONS[0]);
    Ok((version, greeting(version)))
}

/// What `initialize` answers.
pub(super) fn greeting(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": capabilities(),
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    })
}

fn discovered() -> Value {
    json!({
        "supportedVersions": [STATELESS_VERSION],
        "capabilities": capabilities(),
        "instructions": INSTRUCTIONS,
    })
}

fn capabilities() -> Value {
    json!({"tools": {"listChanged": true}})
}

fn server_info() -> Value {
    json!({"name": "omlx-demo", "title": "oMLX Demo", "version": env!("CARGO_PKG_VERSION")})
}

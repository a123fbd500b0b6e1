//! JSON-RPC messages.

use serde_json::{Value, json};

/// `_meta` key of notifications on a `subscriptions/listen` stream.
pub(super) const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// `_meta` key of the server's name in stateless results.
pub(super) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const HEADER_MISMATCH: i64 = -32020;
pub(super) const UNSUPPORTED_VERSION: i64 = -32022;
/// What servers of the session era say when anything about the session or the header fields is wrong.
pub(super) const BAD_REQUEST: i64 = -32000;
pub(super) const NO_SESSION: i64 = -32001;

/// A message from a client.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Request(RpcRequest),
    Notification,
    /// `notifications/cancelled`, with the id of the request that is not to be answered any more.
    Cancelled(Value),
    /// An answer to a request of ours; we make none.
    Response,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct RpcRequest {
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Value,
}

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl RpcError {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        Self::new(METHOD_NOT_FOUND, format!("Method not found: {method}"))
    }
}

/// Reads one message; a batch is none.
pub(super) fn parse(json: &Value) -> Result<Message, RpcError> {
    let invalid = || RpcError::new(INVALID_REQUEST, "Invalid Request");
    if json["jsonrpc"] != "2.0" {
        return Err(invalid());
    }
    let Some(method) = json.get("method") else {
        let answer = json.get("result").is_some() || json.get("error").is_some();
        return if answer {
            Ok(Message::Response)
        } else {
            Err(invalid())
        };
    };
    let method = method.as_str().ok_or_else(invalid)?.to_owned();
    let params = json.get("params").cloned().unwrap_or_else(|| json!({}));
    if !params.is_object() {
        return Err(RpcError::new(INVALID_PARAMS, "params must be an object"));
    }
    match json.get("id") {
        None if method == "notifications/cancelled" => Ok(Message::Cancelled(params["requestId"].clone())),
        None => Ok(Message::Notification),
        Some(id) if id.is_string() || id.is_i64() || id.is_u64() => Ok(Message::Request(RpcRequest {
            id: id.clone(),
            method,
            params,
        })),
        Some(_) => Err(invalid()),
    }
}

/// The answer to a request.
pub(super) fn answer(id: &Value, outcome: Result<Value, RpcError>) -> Value {
    match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => {
            let mut detail = json!({"code": error.code, "message": error.message});
            if let Some(data) = error.data {
                detail["data"] = data;
            }
            json!({"jsonrpc": "2.0", "id": id, "error": detail})
        }
    }
}

/// Whether a message ends the stream of its request.
pub(super) fn is_answer(message: &Value) -> bool {
    message.get("result").is_some() || message.get("error").is_some()
}

/// The end of a `subscriptions/listen` stream.
pub(super) fn listen_ended(id: &Value) -> Value {
    answer(
        id,
        Ok(json!({"resultType": "complete", "_meta": {SUBSCRIPTION_ID: id}})),
    )
}

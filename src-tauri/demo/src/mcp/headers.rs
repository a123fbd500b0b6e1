//! The header fields of the stateless era, which must say what the body says (SEP-2243).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    STATELESS_VERSION,
    message::{HEADER_MISMATCH, INVALID_PARAMS, RpcError, RpcRequest, UNSUPPORTED_VERSION},
};
use crate::incoming::Incoming;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const VERSION_FIELD: &str = "mcp-protocol-version";

/// Whether a request is meant for the stateless era, well-formed or not.
pub(super) fn speaks_stateless(incoming: &Incoming) -> bool {
    let body = incoming.json.as_ref();
    let field = incoming.header(VERSION_FIELD);
    let method = incoming.call.rpc_method.as_deref();
    field.is_some_and(|version| version >= STATELESS_VERSION)
        || body.is_some_and(|body| body["params"]["_meta"].get(VERSION).is_some())
        || matches!(method, Some("server/discover" | "subscriptions/listen"))
}

/// What every message must have: the version, twice, and its method.
pub(super) fn check(headers: &HeaderMap, body: &Value) -> Result<(), RpcError> {
    let field = one(headers, VERSION_FIELD)?.ok_or_else(|| missing(VERSION_FIELD))?;
    let meta = &body["params"]["_meta"];
    if body.get("id").is_some() {
        let complete = meta[VERSION].is_string() && meta[CAPABILITIES].is_object();
        if !complete {
            return Err(RpcError::new(
                INVALID_PARAMS,
                format!("_meta needs {VERSION} and {CAPABILITIES}"),
            ));
        }
        if meta[VERSION] != field {
            return Err(mismatch(VERSION_FIELD));
        }
    }
    if field != STATELESS_VERSION {
        return Err(unsupported(field));
    }
    match one(headers, "mcp-method")? {
        Some(method) if body["method"] == method => Ok(()),
        Some(_) => Err(mismatch("mcp-method")),
        None => Err(missing("mcp-method")),
    }
}

/// The error for a version that is not spoken, with those that are.
pub(super) fn unsupported(requested: &str) -> RpcError {
    RpcError {
        code: UNSUPPORTED_VERSION,
        message: "Unsupported protocol version".to_owned(),
        data: Some(json!({"supported": [STATELESS_VERSION], "requested": requested})),
    }
}

/// What a call must have besides: its name, and the arguments the tool wants as header fields.
pub(super) fn check_call(
    headers: &HeaderMap,
    request: &RpcRequest,
    tool: Option<&Value>,
) -> Result<(), RpcError> {
    let name = request.params["name"].as_str().unwrap_or_default();
    agree(headers, "mcp-name", Some(name.to_owned()))?;
    let properties = tool.and_then(|tool| tool["inputSchema"]["properties"].as_object());
    for (property, schema) in properties.into_iter().flatten() {
        let Some(field) = schema["x-mcp-header"].as_str() else {
            continue;
        };
        let field = format!("mcp-param-{}", field.to_ascii_lowercase());
        agree(headers, &field, as_text(&request.params["arguments"][property]))?;
    }
    Ok(())
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn agree(headers: &HeaderMap, field: &str, expected: Option<String>) -> Result<(), RpcError> {
    let sent = one(headers, field)?.map(decoded).transpose()?;
    match (sent, expected) {
        (None, None) => Ok(()),
        (Some(sent), Some(expected)) if sent == expected => Ok(()),
        (None, Some(_)) => Err(missing(field)),
        _ => Err(mismatch(field)),
    }
}

/// A field's only value; two of them are a contradiction, even when they are alike.
fn one<'a>(headers: &'a HeaderMap, field: &str) -> Result<Option<&'a str>, RpcError> {
    let mut values = headers.get_all(field).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(mismatch(field));
    }
    first.to_str().map(Some).map_err(|_| mismatch(field))
}

/// Undoes `=?base64?…?=`.
fn decoded(value: &str) -> Result<String, RpcError> {
    let wrapped = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    let Some(wrapped) = wrapped else {
        return Ok(value.to_owned());
    };
    let bytes = STANDARD.decode(wrapped).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| RpcError::new(HEADER_MISMATCH, "a header field is not valid base64"))
}

fn missing(field: &str) -> RpcError {
    RpcError::new(HEADER_MISMATCH, format!("the {field} header field is missing"))
}

fn mismatch(field: &str) -> RpcError {
    RpcError::new(
        HEADER_MISMATCH,
        format!("the {field} header field contradicts the body"),
    )
}

//! The tools: small, harmless, and one of each kind a client has to cope with.

mod catalogue;
mod convert;
mod run;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    message::{INVALID_PARAMS, RpcError},
    methods::{Ask, Outlet},
};
use crate::world::World;

/// The scope a tool needs on top of the base scope.
pub(super) fn needed_scope(tool: &str) -> Option<&'static str> {
    (tool == "add_note").then_some("notes:write")
}

/// The definition of the tool a call names.
pub(super) fn find(world: &World, params: &Value) -> Option<Value> {
    let name = params["name"].as_str()?;
    let extra = world.options().tools.extra;
    catalogue::all(extra)
        .into_iter()
        .find(|tool| tool["name"] == name)
}

/// One page of `tools/list`.
pub(super) fn list(world: &World, params: &Value) -> Result<Value, RpcError> {
    let (extra, page_size) = {
        let tools = &world.options().tools;
        (tools.extra, tools.page_size)
    };
    let tools = catalogue::all(extra);
    let start = match params.get("cursor") {
        None => 0,
        Some(cursor) => position(cursor)
            .filter(|start| *start < tools.len())
            .ok_or_else(|| RpcError::new(INVALID_PARAMS, "Invalid cursor"))?,
    };
    let end = page_size.map_or(tools.len(), |size| (start + size.max(1)).min(tools.len()));
    let mut page = json!({"tools": tools[start..end]});
    if end < tools.len() {
        page["nextCursor"] = json!(URL_SAFE_NO_PAD.encode(format!("from:{end}")));
    }
    Ok(page)
}

fn position(cursor: &Value) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.as_str()?).ok()?;
    std::str::from_utf8(&bytes)
        .ok()?
        .strip_prefix("from:")?
        .parse()
        .ok()
}

/// `tools/call`: an unknown tool is an error of the protocol, anything else that goes wrong is a result.
pub(super) async fn call(ask: &Ask, outlet: Option<&Outlet>) -> Result<Value, RpcError> {
    let name = ask.request.params["name"].as_str().unwrap_or_default();
    if find(&ask.world, &ask.request.params).is_none() {
        return Err(RpcError::new(INVALID_PARAMS, format!("Unknown tool: {name}")));
    }
    let result = run::run(ask, name, outlet).await;
    Ok(result.unwrap_or_else(|sentence| json!({"content": [text(&sentence)], "isError": true})))
}

fn text(words: &str) -> Value {
    json!({"type": "text", "text": words})
}

//! oMLX's own API (`/v1/mcp/*`), so that whoever speaks to oMLX can speak to this; and `/status`.

use http::StatusCode;
use omlx_mcp::{ConnectionStatus, ServerId, ServerSnapshot};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    reply::{self, Reply},
    router::{Asked, Desk},
};
use crate::{
    away,
    guest::{self, Guest},
    merged::names,
};

#[derive(Serialize)]
struct Tool {
    name: String,
    description: Value,
    server: ServerId,
    parameters: Value,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(alias = "tool")]
    tool_name: String,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct Executed {
    tool_name: String,
    content: Value,
    is_error: bool,
    error_message: Option<String>,
}

/// `GET /v1/mcp/tools`
pub(super) fn tools(desk: &Desk, guest: &Guest) -> Reply {
    let mut tools = Vec::new();
    for server in names::servers_of(&desk.handle, guest) {
        for tool in names::tools_of(&server, guest) {
            tools.push(Tool {
                name: names::full_name(server.id(), tool["name"].as_str().unwrap_or_default()),
                description: tool.get("description").cloned().unwrap_or_default(),
                server: server.id().clone(),
                parameters: tool.get("inputSchema").cloned().unwrap_or_default(),
            });
        }
    }
    reply::json(StatusCode::OK, &json!({ "count": tools.len(), "tools": tools }))
}

/// `GET /v1/mcp/servers`; `auth` is ours.
pub(super) fn servers(desk: &Desk, guest: &Guest) -> Reply {
    let servers: Vec<Value> = names::servers_of(&desk.handle, guest)
        .iter()
        .map(|server| {
            let ServerSnapshot {
                id,
                transport,
                connection,
                tool_count,
                problem,
                auth,
                ..
            } = server.snapshot();
            json!({
                "name": id,
                "state": state(connection),
                "transport": transport,
                "tools_count": tool_count.unwrap_or_default(),
                "error": problem.map(|problem| problem.message),
                "auth": auth,
            })
        })
        .collect();
    reply::json(StatusCode::OK, &json!({ "servers": servers }))
}

/// oMLX's words for a connection.
fn state(connection: ConnectionStatus) -> &'static str {
    match connection {
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::Connecting => "connecting",
        ConnectionStatus::Failed => "error",
        ConnectionStatus::Disabled | ConnectionStatus::Idle | ConnectionStatus::Waiting => "disconnected",
    }
}

/// `POST /v1/mcp/execute`
pub(super) async fn execute(desk: &Desk, asked: &Asked) -> Reply {
    let Ok(wanted) = serde_json::from_slice::<Execution>(&asked.body) else {
        let sentence = "expected {\"tool_name\": \"server__tool\", \"arguments\": {…}}";
        return reply::refusal(StatusCode::BAD_REQUEST, "not_understood", sentence);
    };
    let arguments = wanted.arguments.unwrap_or_default();
    let result = call(desk, &asked.guest, (&wanted.tool_name, arguments)).await;
    let is_error = result.get("isError").and_then(Value::as_bool).unwrap_or_default();
    let content = result.get("content").cloned().unwrap_or_else(|| json!([]));
    let said = content
        .pointer("/0/text")
        .and_then(Value::as_str)
        .map(str::to_owned);
    reply::json(
        StatusCode::OK,
        &Executed {
            tool_name: wanted.tool_name,
            content,
            is_error,
            error_message: said.filter(|_| is_error),
        },
    )
}

/// `GET /status`: the product's own words for every server this client may use.
pub(super) fn status(desk: &Desk, guest: &Guest) -> Reply {
    let snapshot = desk.handle.snapshot().borrow().clone();
    let servers: Vec<&ServerSnapshot> = snapshot
        .servers
        .iter()
        .filter(|server| guest.may_use(&server.id))
        .collect();
    let document = json!({
        "client": guest.client().name(),
        "servers": servers,
        "config_problems": snapshot.config_problems,
    });
    reply::json(StatusCode::OK, &document)
}

/// Calls a tool by its full name; what goes wrong is a result that says so.
pub(super) async fn call(desk: &Desk, guest: &Guest, (name, arguments): (&str, Map<String, Value>)) -> Value {
    let Some((server, tool)) = names::by_name((&desk.handle, guest), name) else {
        let listed = "the names are those of `tools/list`, such as server__tool";
        return away::told_call(&format!("there is no tool '{name}' here; {listed}"));
    };
    let raw = serde_json::value::to_raw_value(&arguments).ok();
    let called = guest.calls(server.id(), tool, raw.as_deref().map(|raw: &RawValue| raw));
    if let Err(refusal) = guest.permit(&server, tool) {
        called.over(omlx_mcp::Explain::code(&refusal));
        return guest::refused(&refusal);
    }
    match server.call(tool, arguments).await {
        Ok(result) => {
            let result = serde_json::to_value(&result).unwrap_or_default();
            let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
            called.over(if failed { "tool_error" } else { "ok" });
            result
        }
        Err(problem) => {
            called.over(&problem.code);
            away::failed_call(&server, &problem)
        }
    }
}

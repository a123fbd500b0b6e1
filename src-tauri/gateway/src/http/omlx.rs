//! oMLX's own API (`/v1/mcp/*`), so that whoever speaks to oMLX can speak to this; and `/status`.

use std::borrow::Cow;

use http::StatusCode;
use omlx_mcp::{ConnectionStatus, ServerId, ServerSnapshot, handle::Server};
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
    let name = full_name(desk, (&asked.guest, &wanted.tool_name));
    let result = call(desk, &asked.guest, (&name, arguments)).await;
    let is_error = result.get("isError").and_then(Value::as_bool).unwrap_or_default();
    let said = result.pointer("/content/0/text").and_then(Value::as_str);
    let said = said.map(str::to_owned);
    let content = content_of(&result);
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

/// A tool may be named without its server, as in oMLX; the first server that lists it is meant.
fn full_name<'a>(desk: &Desk, (guest, name): (&Guest, &'a str)) -> Cow<'a, str> {
    if name.contains(names::SEPARATOR) {
        return name.into();
    }
    let lists = |server: &Server| {
        let tools = names::tools_of(server, guest);
        tools.iter().any(|tool| tool["name"] == name)
    };
    let found = names::servers_of(&desk.handle, guest).into_iter().find(lists);
    found.map_or(name.into(), |server| names::full_name(server.id(), name).into())
}

/// What a tool said, as oMLX passes it on: the text of the one item there is, or a list; of a result without content what
/// it has in structured form.
fn content_of(result: &Value) -> Value {
    let said = |item: &Value| {
        let text = item.get("text").or_else(|| item.get("data"));
        text.cloned().unwrap_or_else(|| item.to_string().into())
    };
    match result.get("content").and_then(Value::as_array).map(Vec::as_slice) {
        None | Some([]) => result.get("structuredContent").cloned().unwrap_or_default(),
        Some([item]) => said(item),
        Some(items) => items.iter().map(said).collect(),
    }
}

/// `GET /status`: the product's own words for every server this client may use. What a person is shown to sign in is not
/// the client's: with it somebody else could sign in in their place.
pub(super) fn status(desk: &Desk, guest: &Guest) -> Reply {
    let snapshot = desk.handle.snapshot().borrow().clone();
    let lent = snapshot.servers.iter().filter(|server| guest.may_use(&server.id));
    let told = |server: &ServerSnapshot| ServerSnapshot {
        prompt: None,
        ..server.clone()
    };
    let servers: Vec<ServerSnapshot> = lent.map(told).collect();
    let document = json!({ "client": guest.client().name(), "servers": servers });
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
        return guest::refused(&server, &refusal);
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

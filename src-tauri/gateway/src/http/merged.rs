//! `/mcp`: the tools of all servers under oMLX's names. Both eras, and no session: nothing is kept between two requests.
//!
//! Only tools are merged. Prompts have no names of the kind, resources have URIs that two servers may share, and a
//! server that asks back while a tool runs has nobody here to ask: for these there is an endpoint for each server.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, StatusCode};
use omlx_mcp::{Event, connection::Era};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::broadcast::error::RecvError;

use super::{
    omlx,
    reply::{self, Reply},
    router::{Asked, Desk},
};
use crate::{
    away,
    guest::Guest,
    message::{self, Kind, METHOD_NOT_FOUND, Message},
};

/// How often a silent stream says that it is there.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(25);

/// Answers a request to all servers.
pub(super) async fn answer(desk: &Arc<Desk>, asked: Asked) -> Reply {
    match asked.method {
        Method::POST => post(desk, &asked).await,
        Method::GET => listen(desk),
        _ => reply::empty(StatusCode::NO_CONTENT),
    }
}

async fn post(desk: &Arc<Desk>, asked: &Asked) -> Reply {
    let seen = match Message::peek(&asked.body) {
        Ok(seen) => seen,
        Err(why) => {
            let error = message::error(None, why.code(), &why.to_string());
            return reply::json_text(StatusCode::BAD_REQUEST, error);
        }
    };
    match (seen.kind(), seen.id) {
        (Some(Kind::Request), Some(id)) => request(desk, &asked.guest, (id, &seen)).await,
        _ => reply::empty(StatusCode::ACCEPTED),
    }
}

async fn request(desk: &Arc<Desk>, guest: &Guest, (id, seen): (&RawValue, &Message<'_>)) -> Reply {
    let params = seen.params();
    let era = away::era_of(seen);
    let result = match seen.method() {
        "initialize" => {
            let mut hello = introduction();
            hello["protocolVersion"] = away::version(params.protocol_version.as_deref()).into();
            hello
        }
        "server/discover" => {
            let mut hello = introduction();
            hello["supportedVersions"] = json!([away::STATELESS_VERSION]);
            away::listed(hello, era)
        }
        "ping" | "logging/setLevel" => json!({}),
        "tools/list" => away::listed(json!({ "tools": tools(desk, guest) }), era),
        "tools/call" => {
            let name = params.name.as_deref().unwrap_or_default();
            let arguments = params
                .arguments
                .and_then(|arguments| serde_json::from_str(arguments.get()).ok());
            let arguments: Map<String, Value> = arguments.unwrap_or_default();
            away::complete(omlx::call(desk, guest, (name, arguments)).await, era)
        }
        "subscriptions/listen" if era == Era::Stateless => return subscribed(desk, id),
        other => {
            let sentence = format!("{other} is not merged; each server has an endpoint of its own for it");
            let status = if era == Era::Stateless {
                StatusCode::NOT_FOUND
            } else {
                StatusCode::OK
            };
            return reply::json_text(status, message::error(Some(id), METHOD_NOT_FOUND, &sentence));
        }
    };
    reply::json_text(StatusCode::OK, message::result(id, &result))
}

fn introduction() -> Value {
    json!({
        "capabilities": { "tools": { "listChanged": true } },
        "serverInfo": {
            "name": "omlx-connect",
            "title": omlx_mcp::PRODUCT,
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

/// Every tool a client may see, as its server listed it but for its name.
fn tools(desk: &Desk, guest: &Guest) -> Vec<Value> {
    let mut all = Vec::new();
    for server in omlx::servers_of(desk, guest) {
        for mut tool in omlx::tools_of(&server, guest) {
            tool["name"] = omlx::full_name(&server, &tool).into();
            all.push(tool);
        }
    }
    all
}

/// What is said by itself: that the tools are not what they were (session era).
fn listen(desk: &Arc<Desk>) -> Reply {
    let changed = message::notification("notifications/tools/list_changed");
    reply::events(changes(desk, reply::event(&changed)).boxed())
}

/// The same for a client of the stateless era.
fn subscribed(desk: &Arc<Desk>, id: &RawValue) -> Reply {
    let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
    let note = |method: &str, params: Value| {
        reply::event(&message::text(
            &json!({ "jsonrpc": "2.0", "method": method, "params": params }),
        ))
    };
    let taken = json!({ "_meta": meta, "notifications": { "toolsListChanged": true } });
    let acknowledged = note("notifications/subscriptions/acknowledged", taken);
    let changed = note("notifications/tools/list_changed", json!({ "_meta": meta }));
    let first = stream::once(std::future::ready(acknowledged));
    reply::events(first.chain(changes(desk, changed)).boxed())
}

fn changes(desk: &Arc<Desk>, changed: Bytes) -> impl futures::Stream<Item = Bytes> + Send + 'static {
    let state = (desk.handle.events(), Arc::clone(desk));
    stream::unfold(state, move |(mut news, desk)| {
        let changed = changed.clone();
        async move {
            loop {
                let heard = tokio::select! {
                    () = desk.stop.cancelled() => return None,
                    heard = news.recv() => heard,
                    () = tokio::time::sleep(KEEP_ALIVE) => {
                        return Some((Bytes::from_static(b":\n\n"), (news, desk)));
                    }
                };
                let due = match heard {
                    Ok(Event::ToolsDiscovered { .. } | Event::ConfigChanged) | Err(RecvError::Lagged(_)) => {
                        true
                    }
                    Ok(_) => false,
                    Err(RecvError::Closed) => return None,
                };
                if due {
                    return Some((changed, (news, desk)));
                }
            }
        }
    })
}

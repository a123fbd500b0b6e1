//! The stateless era (2026-07-28): every request stands for itself.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    STATELESS_VERSION, Topic, headers,
    message::{self, INVALID_REQUEST, Message, RpcError, RpcRequest, SUBSCRIPTION_ID, answer},
    methods::{Ask, Delivery, spoiled, stateless_status},
    stream::{self, Abort},
    tools,
};
use crate::{
    incoming::Incoming,
    reply::{empty, json, text},
    resource_server::{Face, bearer::Caller},
    world::World,
};

/// `POST /mcp`
pub(super) async fn post(world: &Arc<World>, incoming: &Incoming, caller: Caller) -> Response {
    if !(incoming.accepts("application/json") && incoming.accepts("text/event-stream")) {
        return text(406, "accept both application/json and text/event-stream");
    }
    let Some(body) = &incoming.json else {
        return text(415, "send JSON");
    };
    let request = match checked(incoming, body) {
        Ok(Some(request)) => request,
        Ok(None) => return empty(202),
        Err(error) => return json(400, &answer(&body["id"], Err(error))),
    };
    let tool = tools::find(world, &request.params);
    if request.method == "tools/call"
        && let Err(error) = headers::check_call(&incoming.headers, &request, tool.as_ref())
    {
        return json(400, &answer(&request.id, Err(error)));
    }
    if let Some(error) = spoiled(world, incoming) {
        return json(200, &answer(&request.id, Err(error)));
    }
    if request.method == "subscriptions/listen" {
        return listen(world, &request);
    }
    let ask = Ask {
        world: Arc::clone(world),
        caller,
        request,
        version: STATELESS_VERSION,
    };
    respond(ask).await
}

/// The request in the body; none for a notification.
fn checked(incoming: &Incoming, body: &Value) -> Result<Option<RpcRequest>, RpcError> {
    let message = message::parse(body)?;
    if body["method"] == "initialize" && !headers::speaks_stateless(incoming) {
        let requested = body["params"]["protocolVersion"].as_str().unwrap_or_default();
        return Err(headers::unsupported(requested));
    }
    match message {
        Message::Response => Err(RpcError::new(INVALID_REQUEST, "clients send no responses")),
        Message::Notification | Message::Cancelled(_) => {
            headers::check(&incoming.headers, body).map(|()| None)
        }
        Message::Request(request) => {
            headers::check(&incoming.headers, body)?;
            Ok(Some(request))
        }
    }
}

async fn respond(ask: Ask) -> Response {
    if let Some(refusal) = ask.refused(Face::Mcp) {
        return refusal;
    }
    if ask.delivery() == Delivery::Stream {
        return streamed(ask);
    }
    let outcome = ask.outcome(None).await;
    json(stateless_status(&outcome), &answer(&ask.request.id, outcome))
}

fn streamed(ask: Ask) -> Response {
    let (sender, receiver) = unbounded_channel();
    let task = tokio::spawn(async move {
        let outcome = ask.outcome(Some(&sender)).await;
        // A client that went away wants no answer.
        let _ = sender.send(answer(&ask.request.id, outcome));
    });
    stream::from_channel(receiver, Some(Abort(task)))
}

/// `subscriptions/listen`: an acknowledgement of what will be told, then the news.
fn listen(world: &Arc<World>, request: &RpcRequest) -> Response {
    let wanted = request.params["notifications"]["toolsListChanged"] == true;
    let (topic, accepted) = if wanted {
        (Topic::Tools, json!({"toolsListChanged": true}))
    } else {
        (Topic::Nothing, json!({}))
    };
    let acknowledged = json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {"_meta": {SUBSCRIPTION_ID: request.id}, "notifications": accepted},
    });
    let receiver = world.mcp.listen(request.id.clone(), acknowledged, topic);
    stream::from_channel(receiver, None)
}

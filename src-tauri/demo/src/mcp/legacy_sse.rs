//! The legacy HTTP+SSE transport (2024-11-05): answers come on the stream of a `GET`, not on the `POST`.

use std::sync::{Arc, PoisonError};

use axum::response::Response;
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{
    message::{self, Message, RpcError, RpcRequest, answer},
    methods::{Ask, greeting, spoiled},
    stream as events,
};
use crate::{
    incoming::Incoming,
    reply::text,
    resource_server::{
        Face,
        bearer::{self, Caller},
    },
    secret::{Kind, mint},
    world::World,
};

const VERSION: &str = "2024-11-05";

/// `GET /sse`: first where to post, then the messages.
pub(super) fn open(world: &Arc<World>, incoming: &Incoming) -> Response {
    if let Err(refusal) = bearer::admit(world, incoming, Face::Sse) {
        return *refusal;
    }
    let id = mint(Kind::Session);
    let (sender, mut receiver) = unbounded_channel();
    let endpoint = format!("event: endpoint\ndata: /messages?session_id={id}\n\n");
    world
        .mcp
        .streams
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, sender);
    let opening = stream::once(async { Ok(endpoint.into()) });
    let messages = stream::poll_fn(move |context| receiver.poll_recv(context));
    let messages = messages.map(|message| Ok(events::event(&message)));
    events::response(opening.chain(messages))
}

/// `POST /messages`: 202, and the answer on the stream.
pub(super) fn post(world: &Arc<World>, incoming: &Incoming) -> Response {
    let caller = match bearer::admit(world, incoming, Face::Sse) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    let id = incoming.query.get("session_id").unwrap_or_default();
    let sender = {
        let streams = world.mcp.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.get(id).filter(|sender| !sender.is_closed()).cloned()
    };
    let Some(sender) = sender else {
        return text(404, "there is no such session");
    };
    let Some(body) = &incoming.json else {
        return text(400, "send JSON");
    };
    match message::parse(body) {
        Ok(Message::Request(request)) => {
            if let Some(error) = spoiled(world, incoming) {
                tell(&sender, answer(&request.id, Err(error)));
                return text(202, "accepted");
            }
            respond(world, caller, request, sender)
        }
        Ok(Message::Notification | Message::Cancelled(_) | Message::Response) => text(202, "accepted"),
        Err(_) => text(400, "not a message"),
    }
}

fn respond(
    world: &Arc<World>,
    caller: Caller,
    request: RpcRequest,
    sender: UnboundedSender<Value>,
) -> Response {
    let ask = Ask {
        world: Arc::clone(world),
        caller,
        request,
        version: VERSION,
    };
    if let Some(refusal) = ask.refused(Face::Sse) {
        return refusal;
    }
    tokio::spawn(async move {
        let outcome: Result<Value, RpcError> = if ask.request.method == "initialize" {
            Ok(greeting(VERSION))
        } else {
            ask.outcome(Some(&sender)).await
        };
        tell(&sender, answer(&ask.request.id, outcome));
    });
    text(202, "accepted")
}

/// Whoever closed the stream wants no answer.
fn tell(sender: &UnboundedSender<Value>, message: Value) {
    let _ = sender.send(message);
}

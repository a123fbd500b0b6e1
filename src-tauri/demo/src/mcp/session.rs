//! Streamable HTTP with sessions (2025-03-26 to 2025-11-25).

use std::sync::Arc;

use axum::response::Response;
use futures::{StreamExt, stream};
use http::{HeaderName, Method};
use serde_json::Value;

use super::{
    SESSION_VERSIONS,
    message::{self, BAD_REQUEST, INVALID_REQUEST, Message, NO_SESSION, RpcError, RpcRequest, answer},
    methods::{Ask, Delivery, initialized, spoiled},
    sessions::{Place, Session},
    stream as events,
};
use crate::{
    incoming::Incoming,
    reply::{empty, json, method_not_allowed, text, with_header},
    resource_server::{Face, bearer::Caller},
    world::World,
};

const SESSION_FIELD: HeaderName = HeaderName::from_static("mcp-session-id");

/// The one revision that has batches.
const BATCHING: &str = "2025-03-26";

/// Any request to `/mcp` that is not of the stateless era.
pub(super) async fn serve(world: &Arc<World>, incoming: &Incoming, caller: Caller) -> Response {
    if incoming.method == Method::POST {
        return post(world, incoming, caller).await;
    }
    if incoming.method != Method::GET && incoming.method != Method::DELETE {
        return method_not_allowed("GET, POST, DELETE");
    }
    let session = match known(world, incoming, &caller) {
        Ok(session) => session,
        Err(refusal) => return *refusal,
    };
    if incoming.method == Method::GET {
        return listen(world, incoming, &session);
    }
    if !world.options().tools.delete_ends_session {
        return method_not_allowed("GET, POST");
    }
    world
        .mcp
        .sessions
        .close(incoming.header(SESSION_FIELD.as_str()).unwrap_or_default());
    empty(204)
}

async fn post(world: &Arc<World>, incoming: &Incoming, caller: Caller) -> Response {
    if !(incoming.accepts("application/json") && incoming.accepts("text/event-stream")) {
        return text(406, "accept both application/json and text/event-stream");
    }
    let Some(body) = &incoming.json else {
        return text(415, "send JSON");
    };
    if body["method"] == "initialize" && !incoming.headers.contains_key(&SESSION_FIELD) {
        return initialize(world, incoming, &caller);
    }
    let session = match known(world, incoming, &caller) {
        Ok(session) => session,
        Err(refusal) => return *refusal,
    };
    if let Value::Array(batch) = body
        && session.version == BATCHING
    {
        return answer_batch(world, &caller, &session, batch).await;
    }
    match message::parse(body) {
        Ok(Message::Request(request)) => {
            if let Some(error) = spoiled(world, incoming) {
                return json(200, &answer(&request.id, Err(error)));
            }
            respond(ask(world, &caller, &session, request), session).await
        }
        Ok(Message::Cancelled(id)) => {
            session.cancel(&id);
            empty(202)
        }
        Ok(Message::Notification | Message::Response) => empty(202),
        Err(error) => json(400, &answer(&Value::Null, Err(error))),
    }
}

fn initialize(world: &Arc<World>, incoming: &Incoming, caller: &Caller) -> Response {
    let body = incoming.json.as_ref().unwrap_or(&Value::Null);
    let request = match message::parse(body) {
        Ok(Message::Request(request)) => request,
        Ok(_) => {
            let error = RpcError::new(INVALID_REQUEST, "initialize needs an id");
            return json(400, &answer(&Value::Null, Err(error)));
        }
        Err(error) => return json(400, &answer(&Value::Null, Err(error))),
    };
    if let Some(error) = spoiled(world, incoming) {
        return json(200, &answer(&request.id, Err(error)));
    }
    match initialized(&request.params) {
        Ok((version, result)) => {
            let subject = caller.subject().map(str::to_owned);
            let id = world.mcp.sessions.open(version, subject);
            with_header(json(200, &answer(&request.id, Ok(result))), &SESSION_FIELD, &id)
        }
        Err(error) => json(400, &answer(&request.id, Err(error))),
    }
}

/// The session of a request. One of another caller is answered like one that does not exist.
fn known(world: &World, incoming: &Incoming, caller: &Caller) -> Result<Arc<Session>, Box<Response>> {
    let refuse = |status, code, sentence| {
        let error = RpcError::new(code, sentence);
        Box::new(json(status, &answer(&Value::Null, Err(error))))
    };
    let field = incoming.header("mcp-protocol-version");
    if field.is_some_and(|version| !SESSION_VERSIONS.contains(&version)) {
        return Err(refuse(
            400,
            BAD_REQUEST,
            "Bad Request: Unsupported protocol version",
        ));
    }
    let id = incoming
        .header(SESSION_FIELD.as_str())
        .ok_or_else(|| refuse(400, BAD_REQUEST, "Bad Request: Mcp-Session-Id header is required"))?;
    let session = world
        .mcp
        .sessions
        .find(id)
        .filter(|session| session.subject.as_deref() == caller.subject())
        .ok_or_else(|| refuse(404, NO_SESSION, "Session not found"))?;
    if field.is_some_and(|version| version != session.version) {
        return Err(refuse(
            400,
            BAD_REQUEST,
            "Bad Request: not the negotiated protocol version",
        ));
    }
    Ok(session)
}

fn ask(world: &Arc<World>, caller: &Caller, session: &Session, request: RpcRequest) -> Ask {
    Ask {
        world: Arc::clone(world),
        caller: caller.clone(),
        request,
        version: session.version,
    }
}

async fn respond(ask: Ask, session: Arc<Session>) -> Response {
    if let Some(refusal) = ask.refused(Face::Mcp) {
        return refusal;
    }
    if ask.delivery() == Delivery::Json {
        let outcome = ask.outcome(None).await;
        return json(200, &answer(&ask.request.id, outcome));
    }
    let place = session.open_stream();
    let body = session.events(place);
    let id = ask.request.id.clone();
    let task = tokio::spawn(run(ask, Arc::clone(&session), place));
    session.running(id, place, task.abort_handle());
    events::response(body.boxed())
}

/// Answers into the session's log: a client that went away may come back for it.
async fn run(ask: Ask, session: Arc<Session>, place: Place) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let forward = async {
        while let Some(message) = receiver.recv().await {
            session.tell(place, message);
        }
    };
    let work = async {
        let outcome = ask.outcome(Some(&sender)).await;
        drop(sender);
        outcome
    };
    let (outcome, ()) = tokio::join!(work, forward);
    session.tell(place, answer(&ask.request.id, outcome));
}

async fn answer_batch(world: &Arc<World>, caller: &Caller, session: &Session, batch: &[Value]) -> Response {
    let mut answers = Vec::new();
    for body in batch {
        match message::parse(body) {
            Ok(Message::Request(request)) => {
                let ask = ask(world, caller, session, request);
                if let Some(refusal) = ask.refused(Face::Mcp) {
                    return refusal;
                }
                let outcome = ask.outcome(None).await;
                answers.push(answer(&ask.request.id, outcome));
            }
            Ok(Message::Cancelled(id)) => session.cancel(&id),
            Ok(Message::Notification | Message::Response) => {}
            Err(error) => answers.push(answer(&Value::Null, Err(error))),
        }
    }
    if answers.is_empty() {
        return empty(202);
    }
    json(200, &Value::Array(answers))
}

/// `GET /mcp`: the standalone stream, or what was missed of any stream.
fn listen(world: &World, incoming: &Incoming, session: &Arc<Session>) -> Response {
    if !incoming.accepts("text/event-stream") {
        return text(406, "accept text/event-stream");
    }
    let resumed = incoming.header("last-event-id").and_then(Place::after);
    let place = resumed.unwrap_or_else(|| session.standalone());
    let retry = world.options().tools.retry;
    let hint = retry.map(|retry| Ok(format!("retry: {}\n\n", retry.as_millis()).into()));
    // A comment makes the stream begin at once, whether or not there is news.
    let opening = stream::iter([Some(Ok(": open\n\n".into())), hint].into_iter().flatten());
    events::response(opening.chain(session.events(place)).boxed())
}

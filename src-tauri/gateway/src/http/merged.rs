//! `/mcp`: all servers as one, in both eras. A client of the session era has a session of ours here (`session`), one of
//! the stateless era is translated for (`newer`); behind both is `crate::merged`. Without a session, a script gets the
//! tools, and nothing is kept between two requests.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Method, StatusCode};
use omlx_mcp::{Event, connection::Era};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::broadcast::error::RecvError;

use super::{
    answers::SIGN_OF_LIFE,
    endpoint, newer, omlx,
    reply::{self, Reply},
    router::{Asked, Desk},
    session::Session,
};
use crate::{
    away,
    behind::Offer,
    guest::Guest,
    merged::names,
    message::{self, Kind, Message},
};

/// Answers a request to all servers.
pub(super) async fn answer(desk: &Arc<Desk>, asked: Asked) -> Reply {
    let session = match asked.headers.get(endpoint::SESSION_ID) {
        Some(name) => match named(desk, &asked, name) {
            Some(session) => Some(session),
            None => return endpoint::gone(),
        },
        None => None,
    };
    if asked.method == Method::POST {
        return post(desk, &asked, session).await;
    }
    if let Some(refused) = endpoint::unknown_version(&asked.headers) {
        return refused;
    }
    match (asked.method, session) {
        (Method::GET, Some(session)) => session.listen(&desk.stop),
        (Method::GET, None) => listen(desk),
        (_, Some(session)) => {
            desk.sessions.end(&session).await;
            reply::empty(StatusCode::NO_CONTENT)
        }
        (_, None) => reply::empty(StatusCode::NO_CONTENT),
    }
}

/// The session of that name, begun anew where an earlier gateway had it; a name that is not ours is nobody's here.
fn named(desk: &Desk, asked: &Asked, name: &HeaderValue) -> Option<Arc<Session>> {
    match desk.sessions.find(name, (&asked.guest, None)) {
        Ok(found) => found,
        Err(()) if asked.method == Method::DELETE => None,
        Err(()) => {
            let offer = Offer::All(desk.handle.clone());
            desk.sessions.begin_again(name, (&offer, &asked.guest))
        }
    }
}

async fn post(desk: &Arc<Desk>, asked: &Asked, session: Option<Arc<Session>>) -> Reply {
    if !endpoint::is_json(&asked.headers) {
        return endpoint::not_json();
    }
    let seen = match Message::peek(&asked.body) {
        Ok(seen) => seen,
        Err(why) => return reply::json_text(StatusCode::BAD_REQUEST, why.answer()),
    };
    if session.is_none() {
        let offer = Offer::All(desk.handle.clone());
        // Each of them says in its message which version it is of.
        if away::era_of(&seen) == Era::Stateless {
            return newer::post(desk, &offer, (asked, &seen)).await;
        }
        if seen.method() == "initialize" {
            return endpoint::begin(desk, &offer, (asked, &seen)).await;
        }
    }
    if let Some(refused) = endpoint::unknown_version(&asked.headers) {
        return refused;
    }
    match (session, seen.kind(), seen.id) {
        (Some(session), ..) => session.post(asked.body.clone(), &seen).await,
        (None, Some(Kind::Request), Some(id)) => request(desk, &asked.guest, (id, &seen)).await,
        _ => reply::empty(StatusCode::ACCEPTED),
    }
}

/// A request without a session, as a script may send it: tools alone.
async fn request(desk: &Arc<Desk>, guest: &Guest, (id, seen): (&RawValue, &Message<'_>)) -> Reply {
    let params = seen.params();
    let result = match seen.method() {
        "ping" => json!({}),
        "tools/list" => json!({ "tools": names::tools(&desk.handle, guest) }),
        "tools/call" => {
            let name = params.name.as_deref().unwrap_or_default();
            let arguments = params
                .arguments
                .and_then(|arguments| serde_json::from_str(arguments.get()).ok());
            let arguments: Map<String, Value> = arguments.unwrap_or_default();
            omlx::call(desk, guest, (name, arguments)).await
        }
        _ => return endpoint::session_needed(seen),
    };
    reply::json_text(StatusCode::OK, message::result(id, &result))
}

/// What is said by itself: that the tools are not what they were (session era).
fn listen(desk: &Arc<Desk>) -> Reply {
    let changed = message::notification("notifications/tools/list_changed");
    reply::events(changes(desk, reply::event(&changed)).boxed())
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
                    () = tokio::time::sleep(endpoint::KEEP_ALIVE) => {
                        return Some((SIGN_OF_LIFE, (news, desk)));
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

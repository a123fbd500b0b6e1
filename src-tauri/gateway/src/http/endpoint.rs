//! `/servers/{name}/mcp`: which way a request goes.
//!
//! | server | request | way |
//! |---|---|---|
//! | over streamable HTTP, there | any | `forward` |
//! | the same, but of the stateless era alone | `initialize` | a new session |
//! | any | names a session of ours | that session |
//! | a program, or legacy HTTP+SSE, or away | `initialize` | a new session |
//! | away | any other | answered in its place |
//! | of the session era, however reached | of the stateless era | `newer` |
//! | a program, or legacy HTTP+SSE | any other | refused: begin a session |

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use omlx_mcp::{
    Problem,
    access::Source,
    connection::{Era, Link, authorized_http::AuthorizedHttp},
    handle::Server,
};
use serde_json::json;

use super::{
    answers::SIGN_OF_LIFE,
    forward, informed, newer,
    reply::{self, Reply},
    router::{Asked, Desk},
    session::Session,
};
use crate::{
    away,
    behind::Offer,
    guest::{self, ListAsked},
    message::{self, INVALID_REQUEST, Kind, Message},
    relay::HURRY,
};

/// The header that names a session (MCP 2025-11-25, "Session Management").
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// How long a first look at a server may take before it counts as away; one that is known from before has less
/// ([`HURRY`]).
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server that does not answer, and is not known to be away, is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// The largest answer to a handshake, in bytes.
const MAX_HANDSHAKE: usize = 4 * 1024 * 1024;

/// How often a silent stream says that it is there. Some clients, oMLX among them, take five seconds of silence for the
/// end.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// Answers a request to one server.
pub(super) async fn answer(desk: &Arc<Desk>, server: &Server, asked: Asked) -> Reply {
    let session = match asked
        .headers
        .get(SESSION_ID)
        .map(|id| desk.sessions.find(id, (&asked.guest, Some(server.id()))))
    {
        Some(Err(())) => return gone(),
        Some(Ok(session)) => session,
        None => None,
    };
    if session.is_some()
        && let Some(refused) = unknown_version(&asked.headers)
    {
        return refused;
    }
    match asked.method {
        Method::POST => post(desk, server, (asked, session)).await,
        Method::GET => get(desk, server, (asked, session)).await,
        _ => delete(desk, server, (asked, session)).await,
    }
}

async fn post(desk: &Arc<Desk>, server: &Server, (asked, session): (Asked, Option<Arc<Session>>)) -> Reply {
    if !is_json(&asked.headers) {
        return not_json();
    }
    let body = asked.body.clone();
    let seen = match Message::peek(&body) {
        Ok(seen) => seen,
        Err(why) => return reply::json_text(StatusCode::BAD_REQUEST, why.answer()),
    };
    let params = seen.params();
    if let (Some(id), "tools/call", Some(tool)) = (seen.id, seen.method(), params.name.as_deref())
        && let Err(refusal) = asked.guest.permit(server, tool)
    {
        let called = asked.guest.calls(server.id(), tool, params.arguments);
        called.over(omlx_mcp::Explain::code(&refusal));
        return reply::json_text(
            StatusCode::OK,
            message::result(id, &guest::refused(server, &refusal)),
        );
    }
    if let Some(session) = session {
        return session.post(asked.body, &seen).await;
    }
    match link(server).await {
        Ok(
            Link::Program
            | Link::Http {
                era: Era::Session | Era::LegacySse,
                ..
            },
        ) if away::era_of(&seen) == Era::Stateless => {
            newer::post(desk, &Offer::One(server.clone()), (&asked, &seen)).await
        }
        Ok(Link::Http { http, era }) if era != Era::LegacySse => {
            let reply = forward::post(desk, (server, &http), (&asked, &seen)).await;
            if let (Some(id), "subscriptions/listen") = (seen.id, seen.method()) {
                return informed::subscribed(reply, (id, &seen), (&asked.guest, server)).await;
            }
            if era != Era::Stateless || seen.method() != "initialize" || away::era_of(&seen) != Era::Session {
                return reply;
            }
            match taken(reply).await {
                Some(reply) => reply,
                None => begin(desk, &Offer::One(server.clone()), (&asked, &seen)).await,
            }
        }
        Ok(_) if seen.method() == "initialize" => {
            begin(desk, &Offer::One(server.clone()), (&asked, &seen)).await
        }
        Ok(_) => session_needed(&seen),
        Err(problem) => in_its_place(desk, server, ((&asked, &seen), &problem)).await,
    }
}

/// Answers for a server that is away.
pub(super) async fn in_its_place(
    desk: &Arc<Desk>,
    server: &Server,
    ((asked, seen), problem): ((&Asked, &Message<'_>), &Problem),
) -> Reply {
    match (seen.kind(), seen.method()) {
        (Some(Kind::Request), "initialize") => begin(desk, &Offer::One(server.clone()), (asked, seen)).await,
        (Some(Kind::Request), "tools/list") => {
            let answer = away::answer(server, seen, problem).unwrap_or_default();
            let answer = match ListAsked::of(seen) {
                Some(list) => asked
                    .guest
                    .sieve_answer(server, (answer, Source::Memory), &list)
                    .unwrap_or_default(),
                None => answer,
            };
            reply::json_text(StatusCode::OK, answer)
        }
        (Some(Kind::Request), _) => {
            let answer = away::answer(server, seen, problem).unwrap_or_default();
            reply::json_text(StatusCode::OK, answer)
        }
        _ => reply::empty(StatusCode::ACCEPTED),
    }
}

/// The answer of a server that knows sessions; none of one that refuses to begin any.
async fn taken(reply: Reply) -> Option<Reply> {
    if !reply.status().is_success() {
        return None;
    }
    if !is_json(reply.headers()) {
        return Some(reply);
    }
    let (head, mut body) = reply.into_parts();
    let mut text = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = frame.ok()?.into_data().unwrap_or_default();
        if text.len() + data.len() > MAX_HANDSHAKE {
            return None;
        }
        text.extend_from_slice(&data);
    }
    let refused = Message::peek(&text).is_ok_and(|seen| seen.error.is_some());
    (!refused).then(|| Reply::from_parts(head, reply::whole(text.freeze())))
}

/// A session of ours, begun with this request.
pub(super) async fn begin(desk: &Arc<Desk>, offer: &Offer, (asked, seen): (&Asked, &Message<'_>)) -> Reply {
    let Some((name, session)) = desk.sessions.begin(offer, &asked.guest) else {
        let sentence = "the operating system gives no random numbers, so no session can be begun";
        return reply::refusal(StatusCode::SERVICE_UNAVAILABLE, "no_session", sentence);
    };
    let mut answer = session.post(asked.body.clone(), seen).await;
    answer.headers_mut().insert(SESSION_ID, name);
    answer
}

pub(super) fn session_needed(seen: &Message<'_>) -> Reply {
    let error =
        json!({ "code": INVALID_REQUEST, "message": "the session is missing: begin with `initialize`" });
    reply::json_text(StatusCode::BAD_REQUEST, message::error_with(seen.id, &error))
}

async fn get(desk: &Arc<Desk>, server: &Server, (asked, session): (Asked, Option<Arc<Session>>)) -> Reply {
    if let Some(session) = session {
        return session.listen(&desk.stop);
    }
    match link(server).await {
        Ok(Link::Http { http, era }) if era != Era::LegacySse => {
            match forward::get((server, &http), &asked).await {
                Some(reply) => informed::in_session(reply, (&asked.guest, server)).await,
                None => until_there(desk, server),
            }
        }
        Ok(_) => gone(),
        Err(_) => until_there(desk, server),
    }
}

/// A stream that stays silent while the server is away, says that the tools may have changed once it is there, and ends,
/// so that the client listens to the server again.
fn until_there(desk: &Arc<Desk>, server: &Server) -> Reply {
    let (stop, mut link) = (desk.stop.clone(), server.link());
    let there = async move {
        if link.borrow_and_update().is_some() {
            // As far as is known it is there, and has not answered: not much is asked of it for a while.
            let _ = tokio::time::timeout(PAUSE, link.wait_for(Option::is_none)).await;
        }
        link.wait_for(Option::is_some).await.is_ok()
    };
    let silence = stream::unfold(Some(Box::pin(there)), move |waiting| {
        let stop = stop.clone();
        async move {
            let mut there = waiting?;
            tokio::select! {
                () = stop.cancelled() => None,
                // An entry that is gone has nothing to say any more.
                is_there = &mut there => is_there.then(|| {
                    let changed = message::notification("notifications/tools/list_changed");
                    (reply::event(&changed), None)
                }),
                () = tokio::time::sleep(KEEP_ALIVE) => Some((SIGN_OF_LIFE, Some(there))),
            }
        }
    });
    reply::events(silence.boxed())
}

async fn delete(desk: &Arc<Desk>, server: &Server, (asked, session): (Asked, Option<Arc<Session>>)) -> Reply {
    if let Some(session) = session {
        desk.sessions.end(&session).await;
        return reply::empty(StatusCode::NO_CONTENT);
    }
    match link(server).await {
        Ok(Link::Http { http, era }) if era != Era::LegacySse => forward::delete(&http, &asked).await,
        _ => gone(),
    }
}

/// What requests go through, as soon as it is known whether there is anything.
pub(super) async fn link(server: &Server) -> Result<Link, Problem> {
    let now = server.link().borrow().clone();
    if let Some(link) = now {
        return Ok(link);
    }
    let patience = if server.introduction().is_known() {
        HURRY
    } else {
        PATIENCE
    };
    // One that takes longer than this is told as what it is by then.
    let _ = tokio::time::timeout(patience, server.settled()).await;
    let now = server.link().borrow().clone();
    now.ok_or_else(|| server.obstacle())
}

pub(super) fn not_json() -> Reply {
    let sentence = "a message is sent as application/json";
    reply::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", sentence)
}

/// The session is not there any more (MCP 2025-11-25: the client begins anew).
pub(super) fn gone() -> Reply {
    let error = message::error(
        None,
        INVALID_REQUEST,
        "there is no such session: begin with `initialize`",
    );
    reply::json_text(StatusCode::NOT_FOUND, error)
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    const JSON: &[u8] = b"application/json";
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.and_then(|kind| kind.get(..JSON.len()))
        .is_some_and(|kind| kind.eq_ignore_ascii_case(JSON))
}

/// The refusal of a version of the protocol that nobody knows (MCP 2025-11-25, "Protocol Version Header"). Who names none
/// is of 2025-03-26. What is passed on is its server's to judge.
pub(super) fn unknown_version(headers: &HeaderMap) -> Option<Reply> {
    let mut named = headers.get_all(PROTOCOL_VERSION).iter();
    if named.all(|version| away::VERSIONS.iter().any(|known| version == known)) {
        return None;
    }
    let sentence = format!(
        "MCP-Protocol-Version names none that is known; known are {}",
        away::VERSIONS.join(", ")
    );
    let error = message::error(None, INVALID_REQUEST, &sentence);
    Some(reply::json_text(StatusCode::BAD_REQUEST, error))
}

/// Where requests go, for what is left of this module.
pub(super) type Way<'a> = (&'a Server, &'a AuthorizedHttp);

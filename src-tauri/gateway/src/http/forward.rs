//! A request to a server over streamable HTTP, passed on with the server's credential in the place of the client's, and
//! its answer passed back as it arrives.
//!
//! Only header fields that MCP defines go either way. The client's key and cookies never go up; the server's challenge,
//! cookies and tokens never come down (MCP "Token Passthrough").

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame};
use omlx_mcp::{
    Explain,
    access::Source,
    connection::{
        authorized_http::{AuthorizedHttp, Outgoing},
        fault::HttpFault,
    },
    handle::Server,
};

use super::{
    endpoint::{self, Way},
    passage::{Awaited, Passage, Sieve},
    reply::{self, Reply},
    router::{Asked, Desk},
    unfinished::Unfinished,
};
use crate::{
    away,
    events::messages,
    guest::{Called, Guest, ListAsked, REJECTED, outcome_of_result},
    message::{Id, Kind, Message},
    relay::is_away,
    scan::Scan,
    upstream::{
        fault::Unanswered,
        http::{Media, collected, is_trouble, media, refusal_in, unexpected},
    },
};

/// The largest list of tools, in bytes.
const MAX_LIST: usize = 16 * 1024 * 1024;

/// The largest JSON that comes with a server's failure, in bytes.
const MAX_TROUBLE: usize = 1024 * 1024;

/// Up to here a stream whose length is known is passed back in one piece, in bytes: who writes the length of a stream has
/// written all of it.
const SHORT: u64 = 64 * 1024;

/// Fields of a request that are passed on, besides `mcp-*`.
const UP: [HeaderName; 5] = [
    header::ACCEPT,
    header::CONTENT_TYPE,
    LAST_EVENT_ID,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// Fields of an answer that are passed back, besides `mcp-*`.
const DOWN: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::RETRY_AFTER,
    header::ALLOW,
    header::CONTENT_LENGTH,
];

/// How a call is written down whose answer did not come to its end.
const BROKEN_OFF: &str = "connection_lost";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const ACCEPT_BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// Passes a message on.
pub(super) async fn post(
    desk: &Arc<Desk>,
    (server, http): Way<'_>,
    (asked, seen): (&Asked, &Message<'_>),
) -> Reply {
    let params = seen.params();
    let mut request = outgoing(asked);
    request.body = asked.body.clone();
    request.operation = Some(params.operation(seen.method()));
    request.headers.entry(header::ACCEPT).or_insert(ACCEPT_BOTH);
    let called = match (seen.method(), params.name.as_deref()) {
        ("tools/call", Some(tool)) => Some(asked.guest.calls(server.id(), tool, params.arguments)),
        _ => None,
    };
    let response = match http.send(request).await {
        Ok(response) => response,
        Err(fault) => {
            let why = Unanswered::Http(fault);
            return unanswered(desk, (server, called), ((asked, seen), why)).await;
        }
    };
    let (kind, status) = (media(&response), response.status());
    let request = matches!(seen.kind(), Some(Kind::Request));
    if request && kind == Media::Other && !status.is_client_error() {
        let why = unexpected(&response);
        return unanswered(desk, (server, called), ((asked, seen), why)).await;
    }
    if request && kind == Media::Json && is_trouble(status) {
        return match in_trouble(response).await {
            Ok(error) => {
                if let Some(called) = called {
                    called.over(REJECTED);
                }
                error
            }
            Err(why) => unanswered(desk, (server, called), ((asked, seen), why)).await,
        };
    }
    if seen.method() == "tools/list"
        && status.is_success()
        && let Some(list) = ListAsked::of(seen)
    {
        return match listed((server, asked), &list, response).await {
            Ok(sieved) => sieved,
            Err(why) => unanswered(desk, (server, called), ((asked, seen), why)).await,
        };
    }
    let (kind, look) = looked_at((server, seen), (status, kind));
    let is_stream = matches!(look, Look::Events(_));
    let is_short = is_stream && response.content_length().is_some_and(|length| length <= SHORT);
    let answer = passed_back((response, kind), (called, look));
    if is_short {
        in_one_piece(answer).await
    } else {
        answer
    }
}

/// As what an answer is passed back, and what is looked at on its way.
fn looked_at((server, seen): (&Server, &Message<'_>), (status, kind): (StatusCode, Media)) -> (Media, Look) {
    let id = seen.id.filter(|_| seen.kind() == Some(Kind::Request));
    match id {
        _ if !status.is_success() => (kind, Look::Away),
        Some(id) if kind == Media::Events => {
            let owed = Unfinished::of(server, (id, seen.method()));
            (kind, Look::Events(Passage::new(Awaited::Answer(owed))))
        }
        Some(id) => (kind, Look::Document(Scan::against_others(Some(&Id::of(id))))),
        // Nothing that is said to what awaits no answer is one.
        None => (Media::Other, Look::Away),
    }
}

/// A JSON-RPC error is the server's own answer; any other JSON is that of something in front of it.
async fn in_trouble(response: reqwest::Response) -> Result<Reply, Unanswered> {
    let (status, fields) = (response.status(), passing(response.headers(), &DOWN));
    let body = refusal_in(response, MAX_TROUBLE).await?;
    let mut answer = Response::new(reply::whole(body));
    (*answer.status_mut(), *answer.headers_mut()) = (status, fields);
    Ok(answer)
}

/// Passes on the wish to listen; none when the server is away.
pub(super) async fn get((server, http): Way<'_>, asked: &Asked) -> Option<Reply> {
    let mut request = outgoing(asked);
    request.operation = Some("GET event stream".to_owned());
    match http.send(request).await {
        Ok(response) if response.status().is_success() => {
            let awaited = if asked.headers.contains_key(LAST_EVENT_ID) {
                Awaited::Rest(sieve_of_rest(server, &asked.guest))
            } else {
                Awaited::Nothing
            };
            // Some clients take whatever comes for events.
            let kind = Some(media(&response)).filter(|kind| *kind == Media::Events);
            let look = Look::Events(Passage::new(awaited));
            Some(passed_back(
                (response, kind.unwrap_or(Media::Other)),
                (None, look),
            ))
        }
        Ok(response) => Some(passed_back_as_it_is(response)),
        // Listening can be begun as often as one likes.
        Err(HttpFault::Interrupted { .. }) => None,
        Err(fault) if is_away(&Unanswered::Http(fault.clone()), "") => None,
        Err(_) => Some(reply::empty(StatusCode::BAD_GATEWAY)),
    }
}

/// Answers to lists of tools, without what the client may not see: which of the answers that come on a stream that is
/// taken up again are such is not known.
fn sieve_of_rest(server: &Server, guest: &Guest) -> Sieve {
    let (server, guest) = (server.clone(), guest.clone());
    Box::new(move |answer| {
        let Ok(seen) = Message::peek(&answer) else {
            return Bytes::new();
        };
        let (Some(id), Some(_)) = (seen.id, seen.result) else {
            return answer;
        };
        let list = ListAsked::page(id);
        let sieved = guest.sieve_answer(&server, (answer, Source::Server), &list);
        sieved.unwrap_or_default()
    })
}

/// Passes on the end of a session; where the server cannot be told, it is over all the same.
pub(super) async fn delete(http: &AuthorizedHttp, asked: &Asked) -> Reply {
    match http.send(outgoing(asked)).await {
        Ok(response) => passed_back_as_it_is(response),
        Err(_) => reply::empty(StatusCode::NO_CONTENT),
    }
}

fn outgoing(asked: &Asked) -> Outgoing {
    let mut request = Outgoing::new(match asked.method {
        Method::GET => Method::GET,
        Method::DELETE => Method::DELETE,
        _ => Method::POST,
    });
    request.headers = passing(&asked.headers, &UP);
    request
}

fn passing(fields: &HeaderMap, besides: &[HeaderName]) -> HeaderMap {
    let passing = |name: &HeaderName| besides.contains(name) || name.as_str().starts_with("mcp-");
    fields
        .iter()
        .filter(|(name, _)| passing(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What is told when the server gave no answer.
async fn unanswered(
    desk: &Arc<Desk>,
    (server, called): (&Server, Option<Called>),
    ((asked, seen), why): ((&Asked, &Message<'_>), Unanswered),
) -> Reply {
    let problem = match &why {
        Unanswered::Http(fault) => server.explain(fault).await,
        other => other.problem(),
    };
    if let Some(called) = called {
        called.over(&problem.code);
    }
    if is_away(&why, seen.method()) && !away::FORGOTTEN.contains(&seen.method()) {
        return endpoint::in_its_place(desk, server, ((asked, seen), &problem)).await;
    }
    match (seen.kind(), seen.id) {
        (Some(Kind::Request), Some(id)) => {
            let answer = away::failure(id, seen.method(), (server, &problem));
            reply::json_text(StatusCode::OK, answer)
        }
        _ => reply::empty(StatusCode::BAD_GATEWAY),
    }
}

/// A list of tools, without those that the client may not see; any notification on the way stays before it.
async fn listed(
    (server, asked): (&Server, &Asked),
    list: &ListAsked,
    response: reqwest::Response,
) -> Result<Reply, Unanswered> {
    let (kind, fields) = (media(&response), passing(response.headers(), &DOWN));
    let body = collected(response, MAX_LIST).await?;
    let sieve = |message: Bytes| asked.guest.sieve_answer(server, (message, Source::Server), list);
    let sieved = match kind {
        Media::Events => {
            let sieved = messages(&body).into_iter().filter_map(sieve);
            let events = sieved.map(|message| reply::event(&message));
            events.collect::<Vec<_>>().concat().into()
        }
        _ => sieve(body).ok_or(Unanswered::NotUnderstood)?,
    };
    let mut answer = Response::new(reply::whole(sieved));
    *answer.headers_mut() = fields;
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(answer)
}

/// A short stream, collected.
async fn in_one_piece(reply: Reply) -> Reply {
    let (head, mut body) = reply.into_parts();
    let mut whole = BytesMut::new();
    // What came before the stream broke is passed back all the same.
    while let Some(Ok(frame)) = body.frame().await {
        whole.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
    }
    Response::from_parts(head, reply::whole(whole.freeze()))
}

fn passed_back_as_it_is(response: reqwest::Response) -> Reply {
    let kind = media(&response);
    passed_back((response, kind), (None, Look::Away))
}

fn passed_back(
    (response, kind): (reqwest::Response, Media),
    (called, look): (Option<Called>, Look),
) -> Reply {
    let status = response.status();
    let mut answer = Response::new(());
    *answer.status_mut() = status;
    *answer.headers_mut() = passing(response.headers(), &DOWN);
    if matches!(look, Look::Events(_)) {
        // Something may be added, or left out.
        answer.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let body: reqwest::Body = if kind == Media::Other {
        // Pages are not MCP, and say whatever a server's proxy says, our token included; the status is what counts.
        answer.headers_mut().remove(header::CONTENT_LENGTH);
        answer.headers_mut().remove(header::CONTENT_TYPE);
        Bytes::new().into()
    } else {
        response.into()
    };
    if called.is_none() && matches!(look, Look::Away) {
        return answer.map(|()| body.map_err(Into::into).boxed_unsync());
    }
    let told = Told {
        body: Box::pin(body),
        outcome: if status.is_success() { "ok" } else { REJECTED },
        called,
        look,
        over: false,
    };
    answer.map(|()| told.boxed_unsync())
}

/// What is looked at while a body is passed back.
enum Look {
    /// Nothing.
    Away,
    /// Whether the one message it is answers something else.
    Document(Scan),
    Events(Passage),
}

/// A body without answers that nobody waits for, which is finished where the server does not finish it, and has its call
/// written down once it has been passed on.
struct Told {
    body: Pin<Box<reqwest::Body>>,
    outcome: &'static str,
    called: Option<Called>,
    look: Look,
    /// Nothing more comes.
    over: bool,
}

impl Told {
    /// What of a piece is passed on. An error where it would make a message whole that is not for this client.
    fn seen(&mut self, data: Bytes) -> Result<Bytes, Unanswered> {
        let (data, is_for_it, is_refusal) = match &mut self.look {
            Look::Away => (data, true, false),
            Look::Document(scan) => {
                let is_for_it = scan.push(&data) == data.len();
                (data, is_for_it, scan.is_refusal())
            }
            Look::Events(passage) => (passage.push(&data), true, passage.is_refusal()),
        };
        if !is_for_it {
            self.over = true;
            self.outcome = Unanswered::NotUnderstood.code();
            return Err(Unanswered::NotUnderstood);
        }
        if is_refusal {
            self.outcome = REJECTED;
        } else if self.outcome == "ok" {
            self.outcome = outcome_of_result(&data);
        }
        Ok(data)
    }

    /// What is to be added now that nothing more comes.
    fn ending(&mut self) -> Option<Bytes> {
        let Look::Events(passage) = &mut self.look else {
            return None;
        };
        let ending = passage.ending()?;
        self.outcome = BROKEN_OFF;
        Some(ending)
    }
}

impl HttpBody for Told {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while !self.over {
            let over = match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    match self.seen(data) {
                        Ok(data) if data.is_empty() => continue,
                        passed => {
                            let passed = passed.map(Frame::data).map_err(Into::into);
                            return Poll::Ready(Some(passed));
                        }
                    }
                }
                Some(Err(broken)) => {
                    self.outcome = BROKEN_OFF;
                    Some(Err(broken.into()))
                }
                None => None,
            };
            self.over = true;
            let ending = self.ending().map(|ending| Ok(Frame::data(ending)));
            return Poll::Ready(ending.or(over));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.over || (!matches!(self.look, Look::Events(_)) && self.body.is_end_stream())
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self.look {
            Look::Events(_) => hyper::body::SizeHint::default(),
            _ => self.body.size_hint(),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(called) = self.called.take() {
            called.over(self.outcome);
        }
    }
}

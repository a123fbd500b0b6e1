//! Which path is what, and what every request has to pass before it gets there.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use omlx_mcp::handle::{Handle, Server};
use percent_encoding::percent_decode_str;
use tokio_util::sync::CancellationToken;

use super::{
    cors,
    crowd::Seat,
    endpoint, guard, merged,
    newer::Newer,
    omlx,
    reply::{self, Reply},
    sessions::Sessions,
};
use crate::guest::{Guest, Lobby};

/// The largest request, in bytes.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// What every request needs.
pub(super) struct Desk {
    pub(super) handle: Handle,
    pub(super) lobby: Lobby,
    pub(super) sessions: Sessions,
    pub(super) newer: Newer,
    /// Streams without an end of their own end with this.
    pub(super) stop: CancellationToken,
}

/// A request that was let in, its body read.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) guest: Guest,
}

enum Route<'a> {
    Server(&'a str),
    Merged,
    Tools,
    Servers,
    Execute,
    Status,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        Some(match path {
            "/mcp" => Self::Merged,
            "/v1/mcp/tools" => Self::Tools,
            "/v1/mcp/servers" => Self::Servers,
            "/v1/mcp/execute" => Self::Execute,
            "/status" => Self::Status,
            _ => Self::Server(path.strip_prefix("/servers/")?.strip_suffix("/mcp")?),
        })
    }

    /// What may be done there.
    fn methods(&self) -> &'static str {
        match self {
            Self::Server(_) | Self::Merged => "GET, POST, DELETE",
            Self::Tools | Self::Servers | Self::Status => "GET",
            Self::Execute => "POST",
        }
    }
}

/// Answers a request.
pub(super) async fn answer(desk: Arc<Desk>, seat: Arc<Seat>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    if let Err(refused) = guard::check_names(&head.headers) {
        return *refused;
    }
    let origin = head.headers.get(header::ORIGIN).cloned();
    let answered = admitted(&desk, &seat, (head, body)).await;
    let answer = answered.unwrap_or_else(|refused| *refused);
    match origin {
        Some(origin) => cors::let_read(answer, origin),
        None => answer,
    }
}

async fn admitted(
    desk: &Arc<Desk>,
    seat: &Seat,
    (head, body): (Parts, Incoming),
) -> Result<Reply, Box<Reply>> {
    let route = Route::of(head.uri.path());
    let methods = route.as_ref().map(Route::methods).unwrap_or_default();
    if let Some(answer) = cors::preflight(&head.method, &head.headers, methods) {
        return Ok(answer);
    }
    let guest = guard::admit(desk, &head.headers)?;
    if !seat.is_known(&guest) {
        let sentence = "there are too many connections already";
        return Err(Box::new(reply::refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_connections",
            sentence,
        )));
    }
    let Some(route) = route else {
        return Err(Box::new(nothing_here()));
    };
    if !methods.split(", ").any(|method| head.method == method) {
        return Err(Box::new(not_allowed(methods)));
    }
    let asked = Asked {
        method: head.method,
        headers: head.headers,
        body: whole(body).await?,
        guest,
    };
    Ok(match route {
        Route::Server(name) => endpoint::answer(desk, &server(desk, &asked.guest, name)?, asked).await,
        Route::Merged => merged::answer(desk, asked).await,
        Route::Tools => omlx::tools(desk, &asked.guest),
        Route::Servers => omlx::servers(desk, &asked.guest),
        Route::Execute => omlx::execute(desk, &asked).await,
        Route::Status => omlx::status(desk, &asked.guest),
    })
}

/// A server by the name in a path. One that a client may not use is not told from one that is not there.
fn server(desk: &Desk, guest: &Guest, name: &str) -> Result<Server, Box<Reply>> {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let found = desk.handle.server(&name).ok();
    found.filter(|server| guest.may_use(server.id())).ok_or_else(|| {
        let command = desk.handle.command();
        let sentence = format!(
            "there is no such server in the config file, or this client may not use it; `{command} status` lists \
             them, `{command} access allow` lets a client use one"
        );
        Box::new(reply::refusal(StatusCode::NOT_FOUND, "unknown_server", &sentence))
    })
}

async fn whole(body: Incoming) -> Result<Bytes, Box<Reply>> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let sentence = "a request of more than 32 MiB is not taken";
            let mut refused = reply::refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", sentence);
            // The rest of it is not read, so nothing can follow on this connection.
            refused
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            Err(Box::new(refused))
        }
        Err(_) => Err(Box::new(reply::empty(StatusCode::BAD_REQUEST))),
    }
}

fn nothing_here() -> Reply {
    let sentence = "nothing is here; there is /servers/{name}/mcp for one server, /mcp for all of them, /v1/mcp/tools, /v1/mcp/servers, /v1/mcp/execute and /status";
    reply::refusal(StatusCode::NOT_FOUND, "not_found", sentence)
}

fn not_allowed(methods: &'static str) -> Reply {
    let mut refused = reply::refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "that cannot be done here",
    );
    refused
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(methods));
    refused
}

//! The way of one request: read, written down, gates, faults, the handler, gates, faults.

use std::sync::Arc;

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use http::{Method, header};
use url::{Host, Url};

use crate::{
    authorization_server as oauth,
    connection::Wire,
    gate::Stage,
    incoming::Incoming,
    mcp, misbehave, proof,
    reply::{method_not_allowed, text},
    resource_server::resource_metadata,
    world::World,
};

pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new().fallback(serve).with_state(world)
}

async fn serve(
    State(world): State<Arc<World>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let Some(incoming) = Incoming::read(&world.calls, wire, request).await else {
        return text(413, "the request is too large or broke off");
    };
    let response = answer(&world, &incoming).await;
    if !incoming.wire.is_cut() {
        world
            .calls
            .answered(incoming.call.number, response.status().as_u16());
    }
    response
}

async fn answer(world: &Arc<World>, incoming: &Incoming) -> Response {
    if !is_local(world, incoming) {
        return text(403, "only programs and pages of this machine are served");
    }
    world.gates.pass(&incoming.call, Stage::Request).await;
    if let Some(response) = misbehave::instead(world, incoming).await {
        return proof::with_nonce(world, incoming, response);
    }
    let response = proof::with_nonce(world, incoming, route(world, incoming).await);
    world.gates.pass(&incoming.call, Stage::Reply).await;
    misbehave::afterwards(world, incoming, response)
}

/// Whether `Host` and `Origin` are this machine's, against DNS rebinding (MCP, "Security Warning" of the transport).
fn is_local(world: &World, incoming: &Incoming) -> bool {
    let host = incoming.header(header::HOST.as_str());
    let is_own = |host: &str| world.origin.strip_prefix("https://") == Some(host);
    if !host.is_some_and(|host| is_own(host) || is_loopback(&format!("http://{host}"))) {
        return false;
    }
    !incoming.headers.contains_key(header::ORIGIN)
        || incoming.header(header::ORIGIN.as_str()).is_some_and(is_loopback)
}

fn is_loopback(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn route(world: &Arc<World>, incoming: &Incoming) -> Response {
    if let Some(document) = metadata(world, incoming) {
        return document;
    }
    let method = &incoming.method;
    match incoming.path.as_str() {
        "/authorize" if method == Method::GET => oauth::authorization::begin(world, incoming),
        "/authorize" | "/userinfo" | "/jwks" if method != Method::GET => method_not_allowed("GET"),
        "/consent" | "/token" | "/revoke" | "/introspect" | "/register" | "/device_authorization"
            if method != Method::POST =>
        {
            method_not_allowed("POST")
        }
        "/consent" => oauth::consent::decide(world, incoming),
        "/token" => oauth::token::serve(world, incoming),
        "/revoke" => oauth::revocation::serve(world, incoming),
        "/introspect" => oauth::introspection::serve(world, incoming),
        "/userinfo" => oauth::userinfo::serve(world, incoming),
        "/jwks" => oauth::server_metadata::keys(),
        "/register" => oauth::registration::register(world, incoming),
        path if path.starts_with("/register/") => oauth::registration::manage(world, incoming),
        "/device_authorization" => oauth::device::begin(world, incoming),
        "/device" => oauth::device::page(world, incoming),
        "/" => oauth::page::welcome(world),
        _ => mcp::serve(world, incoming).await,
    }
}

fn metadata(world: &Arc<World>, incoming: &Incoming) -> Option<Response> {
    let document =
        resource_metadata::find(world, incoming).or_else(|| oauth::server_metadata::find(world, incoming))?;
    Some(if incoming.method == Method::GET {
        document
    } else {
        method_not_allowed("GET")
    })
}

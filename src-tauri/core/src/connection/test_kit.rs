//! A scripted loopback server that records what it was asked, and tokens a test can hand out.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use http::{HeaderMap, Method, StatusCode};
use oauth2::AccessToken;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::{
    authorized_http::AuthorizedHttp,
    client_handler::Handler,
    era::Era,
    open::OpenContext,
    server_log::ServerLog,
    token_source::{AnonymousTokens, TokenSource, Verdict},
};
use crate::{
    clock::Clock,
    config::{AuthConfig, ServerConfig, Transport},
    oauth::{bearer::Bearer, grant::TokenType},
};

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// `POST tools/list`, or `GET` where there is no message.
    pub(crate) fn line(&self) -> String {
        match self.body["method"].as_str() {
            Some(method) => format!("{} {method}", self.method),
            None => self.method.to_string(),
        }
    }
}

type Script = dyn Fn(&Seen) -> Response + Send + Sync;

/// A server that lives as long as the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let app = axum::Router::new().fallback({
            let seen = Arc::clone(&seen);
            move |request: Request| answer(Arc::clone(&script), Arc::clone(&seen), request)
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/mcp", self.address)).expect("a URL")
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    pub(crate) fn http(&self) -> AuthorizedHttp {
        self.http_with(Arc::new(AnonymousTokens))
    }

    pub(crate) fn http_with(&self, tokens: Arc<dyn TokenSource>) -> AuthorizedHttp {
        AuthorizedHttp::new(client(), self.url(), HeaderMap::new(), tokens)
    }
}

async fn answer(script: Arc<Script>, seen: Arc<Mutex<Vec<Seen>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let request = Seen {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request.clone());
    script(&request)
}

/// A client as `network` builds it: no redirects, ring.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client")
}

pub(crate) fn bearer(token: &str) -> Arc<Bearer> {
    let token = AccessToken::new(token.to_owned());
    Arc::new(Bearer::new(token, TokenType::Bearer).expect("usable"))
}

/// Tokens that were fixed beforehand: `current` first, `next` after a rejection.
#[derive(Default)]
pub(crate) struct ScriptedTokens {
    pub(crate) current: ArcSwapOption<Bearer>,
    pub(crate) next: Mutex<Vec<Verdict>>,
    pub(crate) rejections: Mutex<Vec<String>>,
}

impl ScriptedTokens {
    pub(crate) fn new(current: &str, next: Vec<Verdict>) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwapOption::new(Some(bearer(current))),
            next: Mutex::new(next),
            rejections: Mutex::default(),
        })
    }

    pub(crate) fn rejections(&self) -> Vec<String> {
        self.rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl TokenSource for ScriptedTokens {
    fn current(&self) -> Option<Arc<Bearer>> {
        self.current.load_full()
    }

    fn rejected<'a>(&'a self, sent: &'a Arc<Bearer>) -> BoxFuture<'a, Verdict> {
        let token = sent.access_token().secret().clone();
        self.rejections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(token);
        let verdict = self.next.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let verdict = verdict.unwrap_or(Verdict::GiveUp);
        if let Verdict::Retry(fresh) = &verdict {
            self.current.store(Some(Arc::clone(fresh)));
        }
        std::future::ready(verdict).boxed()
    }
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).expect("a response")
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Response {
    reply(status, &[("content-type", "application/json")], body.to_string())
}

pub(crate) fn result(request: &Seen, result: &Value) -> Response {
    json_reply(
        200,
        &json!({"jsonrpc": "2.0", "id": request.body["id"], "result": result}),
    )
}

pub(crate) fn rpc_error(status: StatusCode, id: &Value, code: i32) -> Response {
    let error = json!({"code": code, "message": "no"});
    json_reply(
        status.as_u16(),
        &json!({"jsonrpc": "2.0", "id": id, "error": error}),
    )
}

/// A body that sends `chunks` and then stays open.
pub(crate) fn open_ended(chunks: Vec<String>) -> Body {
    let chunks = stream::iter(chunks.into_iter().map(Bytes::from).map(Ok::<_, std::io::Error>));
    Body::from_stream(chunks.chain(stream::pending()))
}

/// A server of the stateless era with one tool.
pub(crate) fn stateless(seen: &Seen) -> Response {
    match seen.body["method"].as_str() {
        Some("server/discover") => result(seen, &discovered(&["2026-07-28"])),
        Some("tools/list") => result(seen, &tool_list()),
        Some("tools/call") => result(seen, &json!({"resultType": "complete", "content": []})),
        _ => rpc_error(StatusCode::NOT_FOUND, &seen.body["id"], -32601),
    }
}

pub(crate) fn discovered(versions: &[&str]) -> Value {
    json!({
        "resultType": "complete",
        "supportedVersions": versions,
        "capabilities": {"tools": {"listChanged": true}},
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "fake", "title": "A Fake", "version": "1"}},
    })
}

pub(crate) fn tool_list() -> Value {
    let schema =
        json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
    json!({"resultType": "complete", "tools": [{"name": "echo", "inputSchema": schema}], "ttlMs": 0, "cacheScope": "private"})
}

/// A server of the session era with one tool and a GET stream that stays open.
pub(crate) fn session(seen: &Seen) -> Response {
    match (seen.method.as_str(), seen.body["method"].as_str()) {
        ("POST", Some("initialize")) => {
            let mut response = result(seen, &initialized("2025-11-25"));
            response
                .headers_mut()
                .insert("mcp-session-id", http::HeaderValue::from_static("s-1"));
            response
        }
        ("POST", _) if seen.header("mcp-session-id") != "s-1" => {
            rpc_error(StatusCode::BAD_REQUEST, &Value::Null, -32000)
        }
        ("POST", Some(method)) if method.starts_with("notifications/") => reply(202, &[], ""),
        ("POST", Some("tools/list")) => result(seen, &json!({"tools": tool_list()["tools"]})),
        ("POST", Some("tools/call")) => result(seen, &json!({"content": []})),
        ("GET", _) => reply(200, &[("content-type", "text/event-stream")], open_ended(vec![])),
        ("DELETE", _) => reply(200, &[], ""),
        _ => rpc_error(StatusCode::BAD_REQUEST, &seen.body["id"], -32601),
    }
}

pub(crate) fn initialized(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "fake", "version": "1"},
    })
}

/// A server of 2024-11-05: what answers a POST comes on the one stream.
pub(crate) fn legacy() -> impl Fn(&Seen) -> Response + Send + Sync + 'static {
    let (sender, _) = tokio::sync::broadcast::channel::<String>(16);
    move |seen| {
        if seen.method == "GET" {
            let first = "event: endpoint\ndata: /messages?session=1\n\n".to_owned();
            let rest = stream::unfold(sender.subscribe(), async |mut receiver| {
                receiver.recv().await.ok().map(|text| (text, receiver))
            });
            let events = stream::iter([first]).chain(rest).map(Ok::<_, std::io::Error>);
            return reply(
                200,
                &[("content-type", "text/event-stream")],
                Body::from_stream(events),
            );
        }
        if seen.path != "/messages?session=1" {
            return reply(405, &[], "Method Not Allowed");
        }
        let answer = match seen.body["method"].as_str() {
            Some("initialize") => initialized("2024-11-05"),
            Some("tools/list") => json!({"tools": tool_list()["tools"]}),
            _ => return reply(202, &[], "Accepted"),
        };
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": answer});
        let _ = sender.send(format!("event: message\ndata: {message}\n\n"));
        reply(202, &[], "Accepted")
    }
}

/// An entry of the config file.
pub(crate) fn entry(transport: Transport) -> ServerConfig {
    ServerConfig {
        id: "fake".parse().expect("a name"),
        transport,
        enabled: true,
        paused: false,
        timeout: Duration::from_secs(10),
        auth: AuthConfig::default(),
    }
}

pub(crate) fn streamable(url: Url) -> ServerConfig {
    entry(Transport::StreamableHttp {
        url,
        headers: HeaderMap::new(),
    })
}

/// What opening a connection needs, without tokens.
pub(crate) fn context() -> OpenContext {
    let log = ServerLog::new(Clock::system());
    OpenContext {
        client: client().into(),
        tokens: Arc::new(AnonymousTokens),
        remembered_era: None,
        handler: Handler::new(log.clone(), None),
        log,
        login_path: None,
    }
}

pub(crate) fn remembering(era: Era) -> OpenContext {
    OpenContext {
        remembered_era: Some(era),
        ..context()
    }
}

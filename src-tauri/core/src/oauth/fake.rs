//! A loopback server that answers what a test tells it to, and remembers every request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use http::HeaderMap;
use serde_json::Value;
use url::Url;

use super::{http::Http, issuer::Issuer, timeline::Timeline};
use crate::{
    clock::Clock,
    network::{Network, NetworkSettings, ProxyChoice},
};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `GET /path?query`
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// By path: statuses and bodies in order, of which the last one stays.
type Answers = HashMap<String, Vec<(u16, String)>>;

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Answers>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The server; everything it was not told to answer is a 404 with a page.
pub(super) struct Fake {
    origin: String,
    script: Script,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let script = Script::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback({
            let script = script.clone();
            move |request| answer(script, request)
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { origin, script }
    }

    /// `http://127.0.0.1:port`, without a slash.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.origin)).unwrap()
    }

    pub(super) fn issuer(&self, path: &str) -> Issuer {
        Issuer::parse(&format!("{}{path}", self.origin)).unwrap()
    }

    /// Adds an answer at `path`; `{origin}` in the body becomes this server's.
    pub(super) fn at(&self, path: &str, status: u16, body: &str) -> &Self {
        let body = body.replace("{origin}", &self.origin);
        let mut answers = self.script.answers.lock().unwrap();
        answers.entry(path.to_owned()).or_default().push((status, body));
        drop(answers);
        self
    }

    /// Adds a document at `path`.
    pub(super) fn json(&self, path: &str, document: &Value) -> &Self {
        self.at(path, 200, &document.to_string())
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// The request lines so far, in order.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

/// A client without rules on addresses, since every fake is on loopback.
pub(super) fn http() -> Http {
    http_at(Clock::system())
}

pub(super) fn http_at(clock: Clock) -> Http {
    // Setting up the network reads the trust store, which is the slow part.
    static NETWORK: OnceLock<Network> = OnceLock::new();
    let settings = NetworkSettings {
        proxy: ProxyChoice::Direct,
        ..NetworkSettings::default()
    };
    let network = NETWORK.get_or_init(|| Network::new(&settings).unwrap());
    Http::new(network.client().unwrap(), clock, Timeline::default())
}

/// Whether some decision was noted with this rule.
pub(super) fn noted(http: &Http, rule: &str) -> bool {
    let steps = http.timeline().steps();
    steps.iter().any(|step| step.rule.as_deref() == Some(rule))
}

async fn answer(script: Script, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    script.seen.lock().unwrap().push(Seen {
        line: format!("{} {}", head.method, head.uri),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let mut answers = script.answers.lock().unwrap();
    let (status, body) = match answers.get_mut(head.uri.path()) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => (404, "<!doctype html><title>Not found</title>".to_owned()),
    };
    let response = Response::builder().status(status);
    let response = match status {
        300..400 => response.header("location", "/elsewhere"),
        _ => response,
    };
    response.body(Body::from(body)).unwrap()
}

//! A client without any cleverness: every request is written out by the test.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use omlx_demo::{Demo, DemoOptions, Now};
use reqwest::{Client, RequestBuilder, Response, header, redirect::Policy};
use serde_json::{Value, json};
use url::Url;

/// The verifier of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The challenge of RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) const REDIRECT: &str = "http://127.0.0.1:4999/oauth/callback";

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Hands(Arc<Mutex<SystemTime>>);

impl Hands {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(
            SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
        )))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn now(&self) -> Now {
        let time = Arc::clone(&self.0);
        Now::from_fn(move || *time.lock().unwrap())
    }
}

/// One demo and a client for it.
pub(crate) struct Hand {
    pub(crate) demo: Demo,
    pub(crate) http: Client,
}

/// What a registration came to.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) id: String,
    /// The registration access token.
    pub(crate) management: String,
}

/// Tokens in the clear.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Hand {
    pub(crate) async fn start(options: DemoOptions) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let demo = Demo::start(options).await.unwrap();
        Self { demo, http }
    }

    pub(crate) async fn headless() -> Self {
        Self::start(DemoOptions::headless()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.demo.origin())
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn register_as(&self, metadata: &Value) -> Response {
        self.http
            .post(self.url("/register"))
            .json(metadata)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn register(&self) -> Registered {
        let response = self
            .register_as(&json!({
                "client_name": "Hand",
                "application_type": "native",
                "redirect_uris": [REDIRECT],
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": "none",
            }))
            .await;
        assert_eq!(response.status(), 201);
        let document: Value = response.json().await.unwrap();
        Registered {
            id: document["client_id"].as_str().unwrap().to_owned(),
            management: document["registration_access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// The authorization request a right client sends, with some parameters replaced (an empty value leaves one out).
    pub(crate) fn authorization(&self, client_id: &str, changes: &[(&str, &str)]) -> Url {
        let resource = self.demo.resource();
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT),
            ("state", "state-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", resource.as_str()),
        ];
        parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        Url::parse_with_params(&self.url("/authorize"), parameters).unwrap()
    }

    pub(crate) async fn authorize(&self, client_id: &str, changes: &[(&str, &str)]) -> Response {
        let url = self.authorization(client_id, changes);
        self.http.get(url).send().await.unwrap()
    }

    /// The parameter of a redirect back to the client.
    pub(crate) fn sent_back(response: &Response, name: &str) -> Option<String> {
        assert_eq!(response.status(), 303);
        let target = response.headers()[header::LOCATION].to_str().unwrap();
        let target = Url::parse(target).unwrap();
        let pair = target.query_pairs().find(|(own, _)| own == name);
        pair.map(|(_, value)| value.into_owned())
    }

    pub(crate) async fn code(&self, client_id: &str) -> String {
        let response = self.authorize(client_id, &[]).await;
        Self::sent_back(&response, "code").unwrap()
    }

    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let response = self.http.post(self.url(path)).form(form).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn redeem(&self, client_id: &str, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let resource = self.demo.resource();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT),
            ("resource", resource.as_str()),
        ];
        form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        form.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.post_form("/token", &form).await
    }

    pub(crate) async fn sign_in(&self, client_id: &str) -> Tokens {
        let code = self.code(client_id).await;
        let (status, document) = self.redeem(client_id, &code, &[]).await;
        assert_eq!(status, 200, "{document}");
        Tokens::from(document)
    }

    pub(crate) async fn refresh(&self, client_id: &str, token: &str) -> (u16, Value) {
        let resource = self.demo.resource();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client_id),
            ("refresh_token", token),
            ("resource", resource.as_str()),
        ];
        self.post_form("/token", &form).await
    }

    /// A stateless request with every header field it needs.
    pub(crate) fn stateless(&self, method: &str, mut params: Value) -> RequestBuilder {
        params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
        let name = params["name"].as_str().map(str::to_owned);
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self
            .http
            .post(self.demo.mcp_url())
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .json(&body);
        match name {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
    }

    /// A request of the session era.
    pub(crate) fn in_session(&self, session: Option<&str>, method: &str, params: &Value) -> RequestBuilder {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let request = self
            .http
            .post(self.demo.mcp_url())
            .header("accept", "application/json, text/event-stream")
            .json(&body);
        match session {
            Some(session) => request.header("mcp-session-id", session),
            None => request,
        }
    }

    /// Whether an access token is accepted.
    pub(crate) async fn is_accepted(&self, token: &str) -> bool {
        let request = self.stateless("tools/list", json!({})).bearer_auth(token);
        request.send().await.unwrap().status() == 200
    }
}

impl From<Value> for Tokens {
    fn from(document: Value) -> Self {
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

/// The messages of an event stream that has ended.
pub(crate) async fn messages(response: Response) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads an event stream until `count` messages have come.
pub(crate) async fn next_messages(response: &mut Response, count: usize) -> Vec<Value> {
    let mut text = String::new();
    loop {
        let found: Vec<Value> = text
            .split_inclusive("\n\n")
            .filter(|event| event.ends_with("\n\n"))
            .filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")))
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect();
        if found.len() >= count {
            return found;
        }
        let piece = response
            .chunk()
            .await
            .unwrap()
            .expect("the stream ended too soon");
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
}

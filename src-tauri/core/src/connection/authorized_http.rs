//! Every HTTP request to an MCP server goes through here.
//!
//! | answer | what happens |
//! |---|---|
//! | 401 for want of a nonce (RFC 9449 §9) | once more, with a new proof |
//! | 401 to a token | the [`TokenSource`] is told which; with a new one, once more |
//! | 401 otherwise, 403 | a [`Refusal`], kept for the owner of the connection; never a refresh for a 403 |
//! | 307, 308 within the origin | followed once, body and token again |
//! | any other redirect | an error that names the host |
//! | everything else | the caller's, body unread |
//!
//! A token leaves only for the configured origin, and over plain http only on this machine. Redirects must be off in
//! the client that is handed in.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, Method, StatusCode,
    header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE},
};
use omlx_nearby::Address;
use tokio::sync::watch;
use url::Url;

use super::{
    carrier::{Carrier, Parcel},
    fault::{HttpFault, host, said},
    token_source::{TokenSource, Verdict},
};
use crate::{
    Action, Explain,
    oauth::{bearer::Bearer, dpop::is_nonce_challenge, endpoint::is_loopback, server_text::sentence},
};

/// How much of a refusal's body is looked at for the server's own words, in bytes, and for how long.
const DETAIL_BYTES: usize = 8 * 1024;
const DETAIL_WAIT: Duration = Duration::from_secs(2);

/// Sends requests to one MCP server; cheap to clone.
#[derive(Clone)]
pub struct AuthorizedHttp(Arc<Inner>);

struct Inner {
    client: Carrier,
    url: Url,
    /// Where that is, if it is on this machine.
    address: Option<Address>,
    headers: HeaderMap,
    tokens: Arc<dyn TokenSource>,
    refusals: watch::Sender<Option<Arc<Refusal>>>,
    /// Counts requests that found nobody there.
    unreached: watch::Sender<u64>,
}

/// One request, replayable because its body is in memory.
#[derive(Clone)]
pub struct Outgoing {
    /// How.
    pub method: Method,
    /// Where to, when it is not the configured URL; the origin must be the same.
    pub url: Option<Url>,
    /// Header fields of this request; they replace static ones of the same name.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// What is being done, for a refusal: the JSON-RPC method, and the tool's name for a call.
    pub operation: Option<String>,
}

/// A 401 or 403, with what the owner of the connection needs to act on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// 401 or 403.
    pub status: StatusCode,
    /// All `WWW-Authenticate` fields, in order (RFC 9110 §11.6.1).
    pub challenges: HeaderMap,
    /// What had been presented.
    pub presented: Presented,
    /// What was being done: the JSON-RPC method, and the tool's name for a call.
    pub operation: Option<String>,
    /// The server's own words, bounded.
    pub detail: Option<String>,
    /// The host.
    pub host: String,
}

/// The credential a refused request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// None.
    Nothing,
    /// An `Authorization` field from the config file.
    StaticHeader,
    /// A token from the [`TokenSource`].
    Token,
}

impl AuthorizedHttp {
    /// Binds a client, whose redirects are off, to one server's URL, static headers and tokens.
    pub fn new(
        client: impl Into<Carrier>,
        url: Url,
        headers: HeaderMap,
        tokens: Arc<dyn TokenSource>,
    ) -> Self {
        Self(Arc::new(Inner {
            client: client.into(),
            address: Address::of(&url),
            url,
            headers,
            tokens,
            refusals: watch::Sender::new(None),
            unreached: watch::Sender::new(0),
        }))
    }

    /// The configured URL.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// The last refusal of any request, whoever made it; the owner of the connection watches this.
    pub fn refusals(&self) -> watch::Receiver<Option<Arc<Refusal>>> {
        self.0.refusals.subscribe()
    }

    /// Changes with every request that found nobody there, of a call or of a stream that waits for news.
    pub(super) fn unreached(&self) -> watch::Receiver<u64> {
        self.0.unreached.subscribe()
    }

    /// Sends a request and returns the head of the response; the body is the caller's to stream and to bound.
    ///
    /// Errors: [`HttpFault::Refused`] for 401 and 403, redirects that are not followed, and the network. Any other
    /// status is a response.
    pub async fn send(&self, request: Outgoing) -> Result<reqwest::Response, HttpFault> {
        let url = self.destination(&request)?;
        let bearer = self.bearer(url)?;
        let response = self.attempt(&request, url, bearer.as_deref()).await?;
        let refusal = match self.admitted(response, &request, bearer.as_deref()).await {
            Ok(response) => return Ok(response),
            Err(refusal) => refusal,
        };
        let Some(sent) = bearer.filter(|_| refusal.status == StatusCode::UNAUTHORIZED) else {
            return Err(self.kept(refusal));
        };
        match self.0.tokens.rejected(&sent).await {
            Verdict::GiveUp => Err(self.kept(refusal)),
            Verdict::Unavailable(problem) => Err(HttpFault::TokenUnavailable(problem)),
            Verdict::Retry(fresh) => {
                let response = self.attempt(&request, url, Some(&fresh)).await?;
                let admitted = self.admitted(response, &request, Some(&fresh)).await;
                admitted.map_err(|refusal| self.kept(refusal))
            }
        }
    }

    fn destination<'a>(&'a self, request: &'a Outgoing) -> Result<&'a Url, HttpFault> {
        let configured = &self.0.url;
        match &request.url {
            Some(url) if url.origin() != configured.origin() => Err(HttpFault::ForeignEndpoint {
                host: host(configured),
                target: host(url),
            }),
            Some(url) => Ok(url),
            None => Ok(configured),
        }
    }

    fn bearer(&self, url: &Url) -> Result<Option<Arc<Bearer>>, HttpFault> {
        let bearer = self.0.tokens.current();
        if bearer.is_some() && url.scheme() != "https" && !is_loopback(url) {
            return Err(HttpFault::Insecure { host: host(url) });
        }
        Ok(bearer)
    }

    async fn attempt(
        &self,
        request: &Outgoing,
        url: &Url,
        bearer: Option<&Bearer>,
    ) -> Result<reqwest::Response, HttpFault> {
        let response = self.exchange(request, url, bearer).await?;
        let Some(target) = redirect(&response, url) else {
            return Ok(response);
        };
        let target = target?;
        let response = self.exchange(request, &target, bearer).await?;
        match redirect(&response, &target) {
            None => Ok(response),
            Some(second) => Err(HttpFault::Redirected {
                host: host(url),
                target: second.map_or_else(|_| host(&target), |second| host(&second)),
            }),
        }
    }

    /// One exchange, and one more where the server wants a nonce of its own in the proof (RFC 9449 §9): a refusal of
    /// the proof is none of the token.
    async fn exchange(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        bearer: Option<&Bearer>,
    ) -> Result<reqwest::Response, HttpFault> {
        let response = self.exchange_once(outgoing, url, bearer).await?;
        let Some(prover) = bearer.and_then(Bearer::prover) else {
            return Ok(response);
        };
        let has_nonce = prover.learn(response.headers());
        if !has_nonce || !is_nonce_challenge(response.status(), response.headers()) {
            return Ok(response);
        }
        // Read, so that the connection serves the next attempt too.
        detail(response).await;
        let response = self.exchange_once(outgoing, url, bearer).await?;
        prover.learn(response.headers());
        Ok(response)
    }

    async fn exchange_once(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        bearer: Option<&Bearer>,
    ) -> Result<reqwest::Response, HttpFault> {
        let mut headers = self.fields(&outgoing.headers);
        if let Some(bearer) = bearer {
            let presented = bearer.present(&mut headers, (&outgoing.method, url));
            presented.map_err(|error| HttpFault::TokenUnavailable(error.problem()))?;
        }
        let elsewhere = (*url != self.0.url).then(|| Address::of(url)).flatten();
        let own = self.0.address.as_ref().filter(|_| *url == self.0.url);
        let parcel = Parcel {
            method: &outgoing.method,
            url,
            address: own.or(elsewhere.as_ref()),
            headers,
            body: outgoing.body.clone(),
        };
        self.0.client.send(parcel).await.inspect_err(|fault| {
            if matches!(fault, HttpFault::Unreachable { .. }) {
                self.0.unreached.send_modify(|count| *count += 1);
            }
        })
    }

    /// Static fields, and the request's own in the place of those of the same name.
    fn fields(&self, own: &HeaderMap) -> HeaderMap {
        if self.0.headers.is_empty() {
            return own.clone();
        }
        let mut fields = self.0.headers.clone();
        replace(&mut fields, own);
        fields
    }

    /// Turns a 401 or 403 into a refusal. Its body is read, so that the connection serves the next request too.
    async fn admitted(
        &self,
        response: reqwest::Response,
        request: &Outgoing,
        bearer: Option<&Bearer>,
    ) -> Result<reqwest::Response, Arc<Refusal>> {
        let status = response.status();
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(response);
        }
        let fields = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let unshown = |value: &http::HeaderValue| {
            let mut value = value.clone();
            // Some servers repeat the token they refuse in it.
            value.set_sensitive(true);
            (WWW_AUTHENTICATE, value)
        };
        let challenges = fields.map(unshown).collect();
        Err(Arc::new(Refusal {
            status,
            challenges,
            presented: self.presented(bearer),
            operation: request.operation.clone(),
            host: host(&self.0.url),
            detail: detail(response).await,
        }))
    }

    /// Leaves a refusal where the owner of the connection sees it.
    fn kept(&self, refusal: Arc<Refusal>) -> HttpFault {
        self.0.refusals.send_replace(Some(Arc::clone(&refusal)));
        HttpFault::Refused(refusal)
    }

    fn presented(&self, bearer: Option<&Bearer>) -> Presented {
        if bearer.is_some() {
            Presented::Token
        } else if self.0.headers.contains_key(AUTHORIZATION) {
            Presented::StaticHeader
        } else {
            Presented::Nothing
        }
    }
}

impl Outgoing {
    /// A request to the configured URL.
    pub fn new(method: Method) -> Self {
        Self {
            method,
            url: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            operation: None,
        }
    }
}

/// `None` when the response is no redirect, the next URL when it may be followed.
fn redirect(response: &reqwest::Response, asked: &Url) -> Option<Result<Url, HttpFault>> {
    let status = response.status();
    let location = response.headers().get(LOCATION)?;
    if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
        return None;
    }
    let target = location.to_str().ok().and_then(|text| asked.join(text).ok());
    let kept = matches!(
        status,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    Some(match target {
        Some(target) if kept && target.origin() == asked.origin() => Ok(target),
        target => Err(HttpFault::Redirected {
            host: host(asked),
            target: target.as_ref().map_or_else(|| "nowhere".to_owned(), host),
        }),
    })
}

/// Each name in `from` takes the place of all fields of that name.
fn replace(headers: &mut HeaderMap, from: &HeaderMap) {
    for name in from.keys() {
        headers.remove(name);
    }
    headers.extend(from.iter().map(|(name, value)| (name.clone(), value.clone())));
}

/// The server's own words in a refusal: a JSON-RPC error, an OAuth error, or a short plain text.
async fn detail(mut response: reqwest::Response) -> Option<String> {
    let mut body = BytesMut::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= DETAIL_BYTES {
                break;
            }
        }
    };
    // A body that dawdles is not worth waiting for: the status has said what matters.
    let _ = tokio::time::timeout(DETAIL_WAIT, read).await;
    detail_of(&body)
}

/// The server's own words in an error body.
pub(crate) fn detail_of(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => ["/error/message", "/error_description", "/message", "/error"]
            .iter()
            .find_map(|pointer| json.pointer(pointer)?.as_str())
            .and_then(sentence),
        Err(_) if text.trim_start().starts_with(['<', '{', '[']) => None,
        Err(_) => sentence(text),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered {}{}",
            self.host,
            self.status,
            said(self.detail.as_deref())
        )
    }
}

impl std::error::Error for Refusal {}

impl Explain for Refusal {
    fn code(&self) -> &'static str {
        match (self.status, self.presented) {
            (StatusCode::UNAUTHORIZED, Presented::StaticHeader) => "credential_rejected",
            (StatusCode::UNAUTHORIZED, _) => "unauthorized",
            _ => "forbidden",
        }
    }

    fn action(&self) -> Action {
        match (self.status, self.presented) {
            (StatusCode::UNAUTHORIZED, Presented::Nothing) => Action::Connect,
            (StatusCode::UNAUTHORIZED, Presented::StaticHeader) => Action::EditConfig,
            (StatusCode::UNAUTHORIZED, Presented::Token) => Action::Reauthenticate,
            _ => Action::AskProvider,
        }
    }
}

/// Header values may be credentials, so only names are shown.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("bytes", &self.body.len())
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

/// Header values may be credentials, so only names are shown.
impl fmt::Debug for AuthorizedHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedHttp")
            .field("host", &host(&self.0.url))
            .field("headers", &self.0.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

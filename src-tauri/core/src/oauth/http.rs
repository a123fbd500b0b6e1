//! The one HTTP client of authorization: bounded, without redirects, and every exchange noted in the timeline.
//!
//! What is defended here: an endless or slow body (byte cap and total time-out), a redirect to another host (none is
//! followed), a plain-http URL (an [`Endpoint`] cannot be one), and an address inside the user's network that a public
//! server named (the [`AddressGuard`], which `crate::network` installs).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    dpop::{DpopKey, Prover},
    endpoint::{Endpoint, redacted},
    timeline::{Stage, Step, Timeline},
};
use crate::{
    Action, Explain,
    clock::Clock,
    network::{AddressGuard, PrivateAddress, tls_failure_in, wants_tls_certificate},
};

/// The longest any authorization request may take, body included.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body read from an authorization server, in bytes; metadata documents have a few kilobytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// Sends authorization requests.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    clock: Clock,
    timeline: Timeline,
    guard: AddressGuard,
    prover: Option<Prover>,
}

/// One request; the body is a form, because that is all OAuth sends besides registration's JSON.
pub struct HttpRequest {
    /// Where to.
    pub endpoint: Endpoint,
    /// How.
    pub method: Method,
    /// Header fields; credentials in here are marked sensitive by whoever builds them.
    pub headers: HeaderMap,
    /// The body with its media type.
    pub body: Option<(&'static str, String)>,
    /// For the timeline.
    pub stage: Stage,
}

/// A bounded response, body read whole.
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// At most [`MAX_BODY`] bytes.
    pub body: Bytes,
}

/// No usable response: the network, the time or the size. Never the end of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request surely never reached the server: name resolution, connect or TLS.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// Redacted.
        url: String,
        /// One plain phrase.
        cause: String,
    },
    /// TLS came to nothing, so no request was looked at.
    #[error("the secure connection to {url} failed: {cause}")]
    Tls {
        /// Redacted.
        url: String,
        /// One plain phrase.
        cause: String,
    },
    /// The request may have reached the server, and no whole response came back.
    #[error("{url} did not answer in full: {cause}")]
    Interrupted {
        /// Redacted.
        url: String,
        /// One plain phrase.
        cause: String,
    },
    /// The address is not one a server may name; nothing was sent.
    #[error("{url} is not asked: {cause}")]
    Refused {
        /// Redacted.
        url: String,
        /// Which address, and why.
        cause: PrivateAddress,
    },
    /// The body is larger than anything an authorization server sends.
    #[error("{url} sent more than {MAX_BODY} bytes")]
    TooLarge {
        /// Redacted.
        url: String,
    },
}

impl Explain for HttpError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls_failed",
            Self::Interrupted { .. } => "no_answer",
            Self::Refused { .. } => "private_address",
            Self::TooLarge { .. } => "response_too_large",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unreachable { .. } | Self::Tls { .. } | Self::Interrupted { .. } => Action::Retry,
            Self::Refused { .. } | Self::TooLarge { .. } => Action::AskProvider,
        }
    }
}

impl HttpRequest {
    /// A GET for a JSON document.
    pub fn get(endpoint: Endpoint, stage: Stage) -> Self {
        Self {
            endpoint,
            method: Method::GET,
            headers: accept_json(),
            body: None,
            stage,
        }
    }

    /// A POST of form parameters; a JSON answer is asked for, since some providers send a form otherwise.
    pub fn form(endpoint: Endpoint, stage: Stage, parameters: &[(&str, &str)]) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let body = Some(("application/x-www-form-urlencoded", form));
        Self {
            endpoint,
            method: Method::POST,
            headers: accept_json(),
            body,
            stage,
        }
    }

    /// A request with a JSON body.
    pub fn json(endpoint: Endpoint, stage: Stage, document: &serde_json::Value) -> Self {
        let body = Some(("application/json", document.to_string()));
        Self {
            endpoint,
            method: Method::POST,
            headers: accept_json(),
            body,
            stage,
        }
    }
}

impl Http {
    /// Wraps a client with redirects off, for addresses the user wrote; for those that servers name, see
    /// [`Network::http`](crate::network::Network::http).
    pub fn new(client: reqwest::Client, clock: Clock, timeline: Timeline) -> Self {
        Self {
            client,
            clock,
            timeline,
            guard: AddressGuard::open(),
            prover: None,
        }
    }

    /// The same, with a rule on the addresses that servers name.
    #[must_use]
    pub fn guarded(self, guard: AddressGuard) -> Self {
        Self { guard, ..self }
    }

    /// The same for a grant whose tokens are bound to a key: the token endpoint is shown a proof of it (RFC 9449 §5).
    #[must_use]
    pub fn proving(&self, key: Option<&DpopKey>) -> Self {
        let prover = key.map(|key| Prover::new(key.clone(), self.clock.clone()));
        Self {
            prover,
            ..self.clone()
        }
    }

    /// What proves that key.
    pub fn prover(&self) -> Option<&Prover> {
        self.prover.as_ref()
    }

    /// Checks an address that something else (the browser) will open; names are not resolved.
    pub async fn admit(&self, endpoint: &Endpoint) -> Result<(), HttpError> {
        let admitted = self.guard.admit(endpoint.as_url()).await;
        admitted.map_err(|cause| HttpError::Refused {
            url: redacted(endpoint.as_url()),
            cause,
        })
    }

    /// The clock every expiry is computed with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The evidence so far.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Notes a decision that needed no request of its own.
    pub fn note(&self, stage: Stage, decision: impl Into<String>, rule: &str) {
        let rule = (!rule.is_empty()).then(|| rule.to_owned());
        let at = self.clock.now();
        self.timeline.push(Step {
            at,
            stage,
            request: None,
            status: None,
            decision: decision.into(),
            rule,
        });
    }

    /// Sends one request and reads the whole, bounded response; redirects come back as they are.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let shown = redacted(request.endpoint.as_url());
        let line = format!("{} {shown}", request.method);
        let stage = request.stage;
        let outcome = self.exchange(request, &shown).await;
        let (status, decision) = match &outcome {
            Ok(response) => (
                Some(response.status.as_u16()),
                response
                    .status
                    .canonical_reason()
                    .unwrap_or("answered")
                    .to_owned(),
            ),
            Err(error) => (None, error.to_string()),
        };
        self.timeline.push(Step {
            at: self.clock.now(),
            stage,
            request: Some(line),
            status,
            decision,
            rule: None,
        });
        outcome
    }

    async fn exchange(&self, request: HttpRequest, shown: &str) -> Result<HttpResponse, HttpError> {
        self.admit(&request.endpoint).await?;
        let mut builder = self
            .client
            .request(request.method, request.endpoint.into_url())
            .headers(request.headers)
            .timeout(TIMEOUT);
        if let Some((media_type, body)) = request.body {
            builder = builder.header(header::CONTENT_TYPE, media_type).body(body);
        }
        let mut response = builder.send().await.map_err(|error| classify(&error, shown))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| interrupted(&error, shown))?
        {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(HttpError::TooLarge {
                    url: shown.to_owned(),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse {
            status,
            headers,
            body: body.freeze(),
        })
    }
}

fn accept_json() -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))])
}

fn classify(error: &reqwest::Error, shown: &str) -> HttpError {
    if let Some(cause) = refusal(error) {
        HttpError::Refused {
            url: shown.to_owned(),
            cause: cause.clone(),
        }
    } else if let Some(cause) =
        tls_failure_in(error).filter(|_| error.is_connect() || wants_tls_certificate(error))
    {
        HttpError::Tls {
            url: shown.to_owned(),
            cause,
        }
    } else if error.is_connect() || error.is_builder() {
        HttpError::Unreachable {
            url: shown.to_owned(),
            cause: root_cause(error),
        }
    } else {
        interrupted(error, shown)
    }
}

/// The guard's refusal, when that is what ended a name's resolution.
fn refusal(error: &reqwest::Error) -> Option<&PrivateAddress> {
    let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
    sources.into_iter().find_map(|error| error.downcast_ref())
}

fn interrupted(error: &reqwest::Error, shown: &str) -> HttpError {
    let cause = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        tls_failure_in(error).unwrap_or_else(|| root_cause(error))
    };
    HttpError::Interrupted {
        url: shown.to_owned(),
        cause,
    }
}

/// The innermost cause in one phrase. reqwest's own text repeats the URL with its query, so only the root is shown.
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    match root.downcast_ref::<reqwest::Error>() {
        Some(error) if error.is_timeout() => "no answer in time".to_owned(),
        Some(_) => "the connection broke".to_owned(),
        None => without_number(&root.to_string()),
    }
}

/// `Connection refused (os error 111)` without the number, which says nothing to a person.
fn without_number(text: &str) -> String {
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}

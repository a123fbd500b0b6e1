//! Streamable HTTP, both eras: rmcp's worker speaks the protocol, this speaks HTTP for it.
//!
//! What a server may get wrong without the connection failing: media types with parameters or none, a 200 where a 202
//! is due, errors with a foreign id, no event stream at all. What ends a request with an error of its own: 401, 403,
//! redirects, 429 and 5xx, web pages, bodies and events above the limit.

mod answer;
mod listening;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use rmcp::{
    model::{ClientJsonRpcMessage, ProtocolVersion},
    transport::{
        common::client_side_sse::ExponentialBackoff,
        streamable_http_client::{
            AuthRequiredError, InsufficientScopeError, StreamableHttpClient, StreamableHttpClientTransport,
            StreamableHttpClientTransportConfig, StreamableHttpError, StreamableHttpPostResponse,
            StreamableHttpResponseLimits,
        },
    },
};
use sse_stream::{Error as SseError, Sse};

pub use self::answer::is_session_lost;
pub(in crate::connection) use self::answer::{is_modern, operation};
use self::{
    answer::{Asked, server_error},
    listening::{Listening, MAX_PAUSE},
};
use super::{
    body::{MAX_MESSAGE, Media},
    event_stream,
};
use crate::connection::{
    authorized_http::{AuthorizedHttp, Outgoing},
    fault::HttpFault,
};

/// How much of an error's body is read, in bytes.
const MAX_ERROR: usize = 1024 * 1024;

/// How many requests may be in flight at once.
const IN_FLIGHT: usize = 64;

const ACCEPT_BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const ACCEPT_EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

type Fault = StreamableHttpError<HttpFault>;
type Fields = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

/// The transport rmcp drives.
pub type Transport = StreamableHttpClientTransport<StreamableHttp>;

/// HTTP for rmcp's worker; cheap to clone.
#[derive(Clone, Debug)]
pub struct StreamableHttp {
    http: AuthorizedHttp,
    listening: Arc<Listening>,
    faults: Faults,
}

/// The last fault of a POST: rmcp's worker loses those it meets between two messages.
#[derive(Clone, Debug, Default)]
pub(in crate::connection) struct Faults(Arc<Mutex<Option<HttpFault>>>);

/// A transport to the server behind `http`.
pub(in crate::connection) fn transport(http: &AuthorizedHttp) -> (Transport, Faults) {
    let faults = Faults::default();
    let client = StreamableHttp {
        http: http.clone(),
        listening: Arc::new(Listening::new()),
        faults: faults.clone(),
    };
    let mut config = StreamableHttpClientTransportConfig::with_uri(http.url().as_str())
        .max_concurrent_requests(IN_FLIGHT)
        .max_sse_event_size(MAX_MESSAGE)
        .max_json_response_size(MAX_MESSAGE)
        .max_error_response_size(MAX_ERROR);
    let mut retry = ExponentialBackoff::default();
    retry.max_delay = Some(MAX_PAUSE);
    config.retry_config = Arc::new(retry);
    (StreamableHttpClientTransport::with_client(client, config), faults)
}

impl StreamableHttp {
    async fn post(
        &self,
        message: ClientJsonRpcMessage,
        mut request: Outgoing,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let asked = Asked::of(&message, &request.headers);
        request.headers.insert(header::ACCEPT, ACCEPT_BOTH);
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = Bytes::from(serde_json::to_vec(&message)?);
        request.operation = operation(&message);
        drop(message);
        let outcome = self.exchange(request, asked, limits).await;
        if let Err(StreamableHttpError::Client(fault)) = &outcome {
            self.faults.note(fault);
        }
        outcome
    }

    async fn exchange(
        &self,
        request: Outgoing,
        asked: Asked,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let response = self
            .http
            .send(request)
            .await
            .map_err(StreamableHttpError::Client)?;
        if asked.id.is_some() && !asked.handshake {
            self.listening.note_answer();
        }
        asked.read(response, limits).await
    }

    async fn listen(
        &self,
        mut request: Outgoing,
        last_event: Option<String>,
        limit: usize,
    ) -> Result<Events, Fault> {
        // 2026-07-28 has no GET.
        if is_stateless(&request.headers) || self.listening.is_hopeless() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        request.headers.insert(header::ACCEPT, ACCEPT_EVENTS);
        request.operation = Some("GET event stream".to_owned());
        match last_event.map(HeaderValue::try_from) {
            Some(Ok(id)) => drop(request.headers.insert(LAST_EVENT_ID, id)),
            Some(Err(_)) => return Err(StreamableHttpError::ServerDoesNotSupportSse),
            None => self.listening.turn().await,
        }
        let response = self.http.send(request).await.map_err(not_again)?;
        self.stream(response, limit)
    }

    fn stream(&self, response: reqwest::Response, limit: usize) -> Result<Events, Fault> {
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(StreamableHttpError::Client(server_error(&response)));
        }
        if !status.is_success() || Media::of(response.headers()) != Media::EventStream {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let listening = Arc::clone(&self.listening);
        let events = event_stream::events(response, limit).inspect(move |event| {
            if matches!(event, Err(error) if event_stream::too_large(error).is_some()) {
                listening.note_oversized();
            }
        });
        Ok(events.boxed())
    }
}

impl Faults {
    fn note(&self, fault: &HttpFault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.clone());
    }

    /// The last fault, if there was one.
    pub(in crate::connection) fn last(&self) -> Option<HttpFault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn outgoing(method: Method, session: Option<Arc<str>>, fields: Fields) -> Outgoing {
    let mut request = Outgoing::new(method);
    request.headers.extend(fields);
    if let Some(Ok(session)) = session.map(|id| HeaderValue::from_str(&id)) {
        request.headers.insert(SESSION_ID, session);
    }
    request
}

/// Refusals must end the GET stream's retries: repeating them mends nothing, and the owner has been told.
fn not_again(fault: HttpFault) -> Fault {
    match &fault {
        HttpFault::Refused(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
            StreamableHttpError::AuthRequired(AuthRequiredError::new(String::new()))
        }
        HttpFault::Refused(_) => {
            StreamableHttpError::InsufficientScope(InsufficientScopeError::new(String::new(), None))
        }
        HttpFault::Redirected { .. } | HttpFault::Insecure { .. } => {
            StreamableHttpError::ServerDoesNotSupportSse
        }
        _ => StreamableHttpError::Client(fault),
    }
}

fn is_stateless(fields: &HeaderMap) -> bool {
    let version = fields.get(PROTOCOL_VERSION).map(HeaderValue::as_bytes);
    version.is_some_and(|version| version >= ProtocolVersion::NO_INITIALIZE.as_str().as_bytes())
}

impl StreamableHttpClient for StreamableHttp {
    type Error = HttpFault;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: Fields,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let request = outgoing(Method::POST, session_id, custom_headers);
        self.post(message, request, StreamableHttpResponseLimits::default())
            .await
    }

    async fn post_message_with_response_limits(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: Fields,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let request = outgoing(Method::POST, session_id, custom_headers);
        self.post(message, request, limits).await
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        custom_headers: Fields,
    ) -> Result<(), Fault> {
        // Whatever the answer, the session is over for us; 405 is as good as any (MCP 2025-11-25, "Session Management").
        let request = outgoing(Method::DELETE, Some(session_id), custom_headers);
        self.http
            .send(request)
            .await
            .map(drop)
            .map_err(StreamableHttpError::Client)
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        custom_headers: Fields,
    ) -> Result<Events, Fault> {
        let request = outgoing(Method::GET, session_id, custom_headers);
        self.listen(request, last_event_id, MAX_MESSAGE).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        _uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        custom_headers: Fields,
        max_sse_event_size: usize,
    ) -> Result<Events, Fault> {
        let request = outgoing(Method::GET, session_id, custom_headers);
        self.listen(request, last_event_id, max_sse_event_size).await
    }
}

#[cfg(test)]
mod tests;

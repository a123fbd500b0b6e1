//! Reading the answer to a POST: what it means for the protocol, whatever it looks like.

use futures::{StreamExt, stream::BoxStream};
use http::{HeaderMap, StatusCode};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use serde_json::Value;
use sse_stream::{Error as SseError, Sse};

use super::{Fault, MAX_ERROR, SESSION_ID};
use crate::{
    connection::{
        authorized_http::detail_of,
        fault::{Answer, HttpFault, host},
        transport::{
            body::{self, Media},
            event_stream,
        },
    },
    oauth::server_text::sentence,
};

/// The largest answer to `initialize` and `server/discover`, in bytes: whoever sends more is no MCP server.
const MAX_HANDSHAKE: usize = 4 * 1024 * 1024;

/// What a session that nobody knows is answered with, besides 404.
const UNKNOWN_SESSION: ErrorCode = ErrorCode(-32000);

/// What was asked, as far as the answer's reading depends on it.
pub(super) struct Asked {
    /// None for what awaits no answer: notifications and our own replies.
    pub(super) id: Option<RequestId>,
    pub(super) in_session: bool,
    pub(super) handshake: bool,
    initialize: bool,
}

impl Asked {
    pub(super) fn of(message: &ClientJsonRpcMessage, head: &HeaderMap) -> Self {
        let (id, request) = match message {
            ClientJsonRpcMessage::Request(request) => (Some(request.id.clone()), Some(&request.request)),
            _ => (None, None),
        };
        let initialize = matches!(request, Some(ClientRequest::InitializeRequest(_)));
        Self {
            id,
            in_session: head.contains_key(SESSION_ID),
            handshake: initialize || matches!(request, Some(ClientRequest::DiscoverRequest(_))),
            initialize,
        }
    }

    /// Reads a whole answer, or the head of an event stream.
    pub(super) async fn read(
        self,
        response: reqwest::Response,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(StreamableHttpPostResponse::Accepted),
            status if status.is_success() => self.success(response, limits).await,
            _ => self.failure(response).await,
        }
    }

    async fn success(
        self,
        response: reqwest::Response,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let session = response.headers().get(SESSION_ID);
        let session = session.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let media = Media::of(response.headers());
        if media == Media::EventStream {
            let events = event_stream::events(response, limits.max_sse_event_size);
            return Ok(StreamableHttpPostResponse::Sse(
                answering(events, self.id),
                session,
            ));
        }
        let host = host(response.url());
        let limit = if self.handshake { MAX_HANDSHAKE } else { usize::MAX };
        let body = body::read(response, limits.max_json_response_size.min(limit))
            .await
            .map_err(StreamableHttpError::Client)?;
        if self.id.is_none() {
            // Nothing in the answer to a notification matters, whatever it claims to be.
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let parsed = serde_json::from_slice(&body).map_err(|_| {
            let answer = not_mcp(media, &body);
            StreamableHttpError::Client(HttpFault::NotMcp { host, answer })
        });
        parsed.map(|message| StreamableHttpPostResponse::Json(message, session))
    }

    /// A status that is neither success nor refusal.
    async fn failure(self, response: reqwest::Response) -> Result<StreamableHttpPostResponse, Fault> {
        let status = response.status();
        let host = host(response.url());
        let server_error = server_error(&response);
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(StreamableHttpError::Client(server_error));
        }
        let html = Media::of(response.headers()) == Media::Html;
        let body = body::read_start(response, MAX_ERROR).await;
        if self.in_session && is_session_lost(status, &body) {
            return Err(StreamableHttpError::SessionExpired);
        }
        if let Some(error) = RpcError::parse(&body) {
            return self.rejected(error, status, host);
        }
        if status.is_server_error() {
            return Err(StreamableHttpError::Client(server_error));
        }
        let detail = if html { None } else { detail_of(&body) };
        Err(StreamableHttpError::Client(HttpFault::Status {
            host,
            status,
            detail,
        }))
    }

    /// A JSON-RPC error that came with an HTTP status of its own.
    fn rejected(
        self,
        error: RpcError,
        status: StatusCode,
        host: String,
    ) -> Result<StreamableHttpPostResponse, Fault> {
        let may_be_legacy = matches!(
            status,
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        );
        if self.initialize && may_be_legacy && !is_modern(error.data.code) {
            let detail = sentence(&error.data.message);
            return Err(StreamableHttpError::Client(HttpFault::Status {
                host,
                status,
                detail,
            }));
        }
        // Middleware cannot know the id; uncorrelated, the caller would wait for ever.
        let message = ServerJsonRpcMessage::error(error.data, self.id);
        Ok(StreamableHttpPostResponse::Json(message, None))
    }
}

/// What is being done, in words that tell one operation from another: step-ups are counted by it.
pub(in crate::connection) fn operation(message: &ClientJsonRpcMessage) -> Option<String> {
    match message {
        ClientJsonRpcMessage::Request(request) => Some(match &request.request {
            ClientRequest::CallToolRequest(call) => format!("tools/call {}", call.params.name),
            other => other.method().to_owned(),
        }),
        ClientJsonRpcMessage::Notification(_) => Some("notification".to_owned()),
        _ => None,
    }
}

/// The errors only a server of the stateless era answers with (MCP 2026-07-28, "Error handling").
pub(in crate::connection) fn is_modern(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::HEADER_MISMATCH
            | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
            | ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
    )
}

/// Whether a request that named a session is answered with that the server does not know it any more: with 404 (MCP
/// 2025-11-25, "Session Management"), or as the official TypeScript examples have it, with 400 and an error to nobody in
/// particular. The request was not looked at, so a new session and one more attempt do no harm.
pub fn is_session_lost(status: StatusCode, body: &[u8]) -> bool {
    let is_to_nobody = |error: RpcError| error.anonymous && error.data.code == UNKNOWN_SESSION;
    match status {
        StatusCode::NOT_FOUND => true,
        StatusCode::BAD_REQUEST => RpcError::parse(body).is_some_and(is_to_nobody),
        _ => false,
    }
}

/// 429 or 5xx, with the wait it asks for.
pub(super) fn server_error(response: &reqwest::Response) -> HttpFault {
    HttpFault::ServerError {
        host: host(response.url()),
        status: response.status(),
        retry_after: body::retry_after(response.headers()),
    }
}

struct RpcError {
    data: ErrorData,
    anonymous: bool,
}

impl RpcError {
    fn parse(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        json.get("jsonrpc")?;
        Some(Self {
            data: serde_json::from_value(json.get("error")?.clone()).ok()?,
            anonymous: json.get("id").is_none_or(Value::is_null),
        })
    }
}

fn not_mcp(media: Media, body: &[u8]) -> Answer {
    match media {
        _ if body.iter().all(u8::is_ascii_whitespace) => Answer::Nothing,
        Media::Html => Answer::WebPage,
        Media::Json => Answer::OtherJson,
        _ if body.trim_ascii_start().starts_with(b"<") => Answer::WebPage,
        _ => Answer::OtherMedia,
    }
}

/// Events that answer a request: one above the limit becomes the answer, so that the caller is not left waiting.
fn answering(
    events: impl futures::Stream<Item = Result<Sse, SseError>> + Send + 'static,
    id: Option<RequestId>,
) -> BoxStream<'static, Result<Sse, SseError>> {
    let events = events.map(move |event| {
        let Err(error) = &event else { return event };
        let (Some(too_large), Some(id)) = (event_stream::too_large(error), &id) else {
            return event;
        };
        let error = ErrorData::internal_error(too_large.to_string(), None);
        match serde_json::to_string(&ServerJsonRpcMessage::error(error, Some(id.clone()))) {
            Ok(text) => Ok(Sse::default().data(text)),
            Err(_) => event,
        }
    });
    events.boxed()
}

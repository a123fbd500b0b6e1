//! The legacy HTTP+SSE transport (MCP 2024-11-05): one GET for what the server says, a POST for each thing we say.
//!
//! The `endpoint` event may name a path on the same origin only: anything else would send messages, and the token
//! with them, wherever a server likes. When the stream ends the connection is over; reconnecting is the owner's.

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use http::{HeaderValue, Method, StatusCode, header};
use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};
use sse_stream::{Error as SseError, Sse};
use url::Url;

use super::{
    body::{self, MAX_MESSAGE, Media},
    event_stream,
    streamable_http::operation,
};
use crate::connection::{
    authorized_http::{AuthorizedHttp, Outgoing, detail_of},
    fault::{Answer, HttpFault, host},
};

/// How much of an answer to a POST is read, in bytes; what counts arrives on the stream.
const MAX_ANSWER: usize = 64 * 1024;

/// An open event stream with the endpoint it named.
pub struct LegacySse {
    http: AuthorizedHttp,
    endpoint: Url,
    events: BoxStream<'static, Result<Sse, SseError>>,
}

impl LegacySse {
    /// Opens the stream and waits for its `endpoint` event.
    pub async fn connect(http: &AuthorizedHttp) -> Result<Self, HttpFault> {
        let mut request = Outgoing::new(Method::GET);
        request
            .headers
            .insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        request.operation = Some("GET event stream".to_owned());
        let response = http.send(request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(status_fault(response).await);
        }
        let url = response.url().clone();
        let not_mcp = |answer| HttpFault::NotMcp {
            host: host(&url),
            answer,
        };
        match Media::of(response.headers()) {
            Media::EventStream => {}
            Media::Html => return Err(not_mcp(Answer::WebPage)),
            _ => return Err(not_mcp(Answer::OtherMedia)),
        }
        let mut events = event_stream::events(response, MAX_MESSAGE).boxed();
        while let Some(Ok(event)) = events.next().await {
            if event.event.as_deref() == Some("endpoint") {
                let endpoint = endpoint(&url, event.data.as_deref().unwrap_or(""))?;
                return Ok(Self {
                    http: http.clone(),
                    endpoint,
                    events,
                });
            }
        }
        Err(not_mcp(Answer::NoEndpoint))
    }
}

/// The endpoint is a URI reference against the stream's own URL.
fn endpoint(stream: &Url, reference: &str) -> Result<Url, HttpFault> {
    let endpoint = stream
        .join(reference.trim())
        .ok()
        .filter(|_| !reference.trim().is_empty());
    match endpoint {
        Some(endpoint) if endpoint.origin() == stream.origin() => Ok(endpoint),
        Some(foreign) => Err(HttpFault::ForeignEndpoint {
            host: host(stream),
            target: host(&foreign),
        }),
        None => Err(HttpFault::NotMcp {
            host: host(stream),
            answer: Answer::NoEndpoint,
        }),
    }
}

async fn status_fault(response: reqwest::Response) -> HttpFault {
    let (host, status) = (host(response.url()), response.status());
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let retry_after = body::retry_after(response.headers());
        return HttpFault::ServerError {
            host,
            status,
            retry_after,
        };
    }
    let detail = detail_of(&body::read_start(response, MAX_ANSWER).await);
    HttpFault::Status { host, status, detail }
}

impl Transport<RoleClient> for LegacySse {
    type Error = HttpFault;

    fn send(
        &mut self,
        item: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (http, endpoint) = (self.http.clone(), self.endpoint.clone());
        async move {
            let mut request = Outgoing::new(Method::POST);
            request
                .headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.operation = operation(&item);
            request.body = match serde_json::to_vec(&item) {
                Ok(body) => Bytes::from(body),
                Err(_) => return Ok(()),
            };
            request.url = Some(endpoint);
            let response = http.send(request).await?;
            if !response.status().is_success() {
                return Err(status_fault(response).await);
            }
            // Read to its end, so that the connection can be used again.
            body::read_start(response, MAX_ANSWER).await;
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            let event = self.events.next().await?.ok()?;
            if !matches!(event.event.as_deref(), None | Some("" | "message")) {
                continue;
            }
            // What is no message is skipped: keep-alives come in many forms.
            if let Some(message) = event.data.and_then(|data| serde_json::from_str(&data).ok()) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.events = futures::stream::empty().boxed();
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! The legacy HTTP+SSE transport (MCP 2024-11-05): one stream for what the server says, a POST for each thing we say.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use omlx_mcp::connection::{
    authorized_http::{AuthorizedHttp, Outgoing},
    fault::{Answer, HttpFault},
};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::{
    fault::Unanswered,
    http::{Media, collected, media},
    waiting::Waiting,
};
use crate::{
    events::{Part, Splitter},
    message::Id,
    outlet::Outlet,
};

/// How much of an answer to a POST is read, in bytes; what counts arrives on the stream.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest endpoint, in bytes.
const MAX_ENDPOINT: usize = 4 * 1024;

/// One client's stream; it ends when this is dropped.
pub(crate) struct LegacyWire {
    http: AuthorizedHttp,
    endpoint: Url,
    waiting: Arc<Waiting>,
    reading: AbortOnDropHandle<()>,
}

impl LegacyWire {
    /// Opens the stream and waits for its `endpoint` event.
    pub(crate) async fn open(http: AuthorizedHttp, out: Outlet) -> Result<Self, Unanswered> {
        let mut request = Outgoing::new(Method::GET);
        let events = HeaderValue::from_static("text/event-stream");
        request.headers.insert(header::ACCEPT, events);
        request.operation = Some("GET event stream".to_owned());
        let response = http.send(request).await?;
        if media(&response) != Media::Events {
            return Err(Unanswered::NotUnderstood);
        }
        let mut reader = Reader {
            url: response.url().clone(),
            response,
            splitter: Splitter::default(),
            out,
            waiting: Arc::default(),
        };
        let endpoint = reader.endpoint().await?;
        let waiting = Arc::clone(&reader.waiting);
        Ok(Self {
            http,
            endpoint,
            waiting,
            reading: AbortOnDropHandle::new(tokio::spawn(reader.run())),
        })
    }

    /// Whether the stream has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.reading.is_finished()
    }

    /// Passes on a request, and waits for its answer.
    pub(crate) async fn ask(&self, text: Bytes, (id, operation): (Id, String)) -> Result<Bytes, Unanswered> {
        let wait = self.waiting.begin(id);
        let mut post = self.message(text);
        post.operation = Some(operation);
        self.post(post).await?;
        wait.answer().await.ok_or(Unanswered::BrokenOff)
    }

    /// Passes on what awaits no answer.
    pub(crate) async fn tell(&self, text: Bytes) -> Result<(), Unanswered> {
        self.post(self.message(text)).await
    }

    fn message(&self, text: Bytes) -> Outgoing {
        let mut post = Outgoing::new(Method::POST);
        let json = HeaderValue::from_static("application/json");
        post.headers.insert(header::CONTENT_TYPE, json);
        post.url = Some(self.endpoint.clone());
        post.body = text;
        post
    }

    async fn post(&self, post: Outgoing) -> Result<(), Unanswered> {
        let response = self.http.send(post).await?;
        let status = response.status();
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let _ = collected(response, MAX_ANSWER).await;
        if status.is_success() {
            return Ok(());
        }
        Err(Unanswered::Http(HttpFault::Status {
            host,
            status,
            detail: None,
        }))
    }
}

struct Reader {
    url: Url,
    response: reqwest::Response,
    splitter: Splitter,
    out: Outlet,
    waiting: Arc<Waiting>,
}

impl Reader {
    /// The endpoint may be on the same origin only: anything else would send messages, and the token with them, wherever
    /// a server likes.
    async fn endpoint(&mut self) -> Result<Url, Unanswered> {
        let (mut is_endpoint, mut reference) = (false, Vec::new());
        while let Some(chunk) = self.response.chunk().await.map_err(|_| Unanswered::BrokenOff)? {
            let mut parts = Vec::new();
            self.splitter.push(&chunk, &mut parts);
            for part in parts {
                match part {
                    Part::Kind(kind) => is_endpoint = kind == "endpoint",
                    Part::Data(bytes) if is_endpoint && reference.len() < MAX_ENDPOINT => {
                        reference.extend_from_slice(bytes);
                    }
                    Part::End if is_endpoint => return self.resolved(&reference),
                    _ => {}
                }
            }
        }
        Err(Unanswered::Http(HttpFault::NotMcp {
            host: self.url.host_str().unwrap_or_default().to_owned(),
            answer: Answer::NoEndpoint,
        }))
    }

    fn resolved(&self, reference: &[u8]) -> Result<Url, Unanswered> {
        let reference = std::str::from_utf8(reference).unwrap_or_default().trim();
        let host = self.url.host_str().unwrap_or_default().to_owned();
        match self.url.join(reference) {
            Ok(endpoint) if endpoint.origin() == self.url.origin() && !reference.is_empty() => Ok(endpoint),
            Ok(foreign) if !reference.is_empty() => Err(Unanswered::Http(HttpFault::ForeignEndpoint {
                host,
                target: foreign.host_str().unwrap_or_default().to_owned(),
            })),
            _ => Err(Unanswered::Http(HttpFault::NotMcp {
                host,
                answer: Answer::NoEndpoint,
            })),
        }
    }

    async fn run(mut self) {
        // Nobody reading is the end of it, like a stream that breaks: both are the caller's to notice.
        let _ = self.pass_on().await;
        self.waiting.close();
    }

    async fn pass_on(&mut self) -> Result<(), Unanswered> {
        let mut passing = self.out.pass_whole();
        let mut other = false;
        while let Some(chunk) = self.response.chunk().await.map_err(|_| Unanswered::BrokenOff)? {
            let mut parts = Vec::new();
            self.splitter.push(&chunk, &mut parts);
            for part in parts {
                match part {
                    Part::Data(_) if other => {}
                    Part::Data(bytes) => passing.push(bytes).await?,
                    Part::End => {
                        other = false;
                        let theirs = passing.whole().is_some_and(|text| self.waiting.leaves(text));
                        let message = std::mem::replace(&mut passing, self.out.pass_whole());
                        if theirs {
                            message.finish().await?;
                        }
                    }
                    Part::Kind(kind) => other = !matches!(kind.as_str(), "" | "message"),
                    Part::Id(_) | Part::Retry(_) => {}
                }
            }
        }
        Ok(passing.abandon().await?)
    }
}

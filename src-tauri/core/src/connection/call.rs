//! Listing and calling tools on an open connection, each with a time limit, and hearing of changes.

use std::{collections::HashSet, sync::Arc, time::Duration};

use rmcp::{
    model::{
        CallToolRequestParams, CallToolResult, ClientRequest, ErrorCode, ErrorData, ListToolsRequest,
        ListToolsResult, PaginatedRequestParams, ServerNotification, ServerResult, SubscriptionFilter, Tool,
    },
    service::{PeerRequestOptions, ServiceError},
};

use super::{
    authorized_http::Refusal,
    backoff::{Backoff, Dice},
    era::Era,
    fault::{HttpFault, said},
    open::{Opened, http_fault},
    transport::stdio::StdioFault,
};
use crate::{Action, Explain, Problem, clock::Clock, oauth::server_text::sentence};

/// The most tools taken from one server: more is a list without an end.
const MAX_TOOLS: usize = 10_000;

/// What a cancellation may take on top of a time limit.
const GRACE: Duration = Duration::from_secs(1);

/// A request on an open connection failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// 401: the token is over, or was never good for this.
    #[error("{0}")]
    Unauthorized(Arc<Refusal>),
    /// 403: more permission is needed, or this account may not.
    #[error("{0}")]
    Forbidden(Arc<Refusal>),
    /// Anything else on the way to or from an HTTP server.
    #[error(transparent)]
    Http(HttpFault),
    /// The child process.
    #[error(transparent)]
    Stdio(StdioFault),
    /// The server answered with a JSON-RPC error.
    #[error("the server answered with an error{} ({code})", said(.message.as_deref()))]
    Rejected {
        /// The JSON-RPC error code.
        code: i32,
        /// The server's own words, bounded.
        message: Option<String>,
    },
    /// No answer within the limit; the server was told that nobody waits any more.
    #[error("no answer within {} s", .after.as_secs_f32())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The connection ended first; whether the request was carried out is unknown.
    #[error("the connection ended before the answer came")]
    Closed,
    /// The answer was of another kind than asked for.
    #[error("the server's answer makes no sense")]
    NotUnderstood,
    /// The list of tools has no end.
    #[error("the server lists more than {MAX_TOOLS} tools")]
    EndlessList,
}

impl Opened {
    /// All tools, page by page; one that cannot be read does not take the others with it. The limit is for each page.
    ///
    /// rmcp's own cache is passed by: it may answer with an old list where the server refuses.
    pub async fn tools(&self, limit: Duration) -> Result<Vec<Tool>, CallError> {
        let (mut tools, mut cursor, mut seen) = (Vec::new(), None, HashSet::new());
        loop {
            let page = self.tools_page(cursor, limit).await?;
            tools.extend(page.tools);
            if tools.len() > MAX_TOOLS {
                return Err(CallError::EndlessList);
            }
            match page.next_cursor.filter(|cursor| !cursor.is_empty()) {
                Some(next) if !seen.insert(next.clone()) => return Err(CallError::EndlessList),
                Some(next) => cursor = Some(next),
                None => return Ok(tools),
            }
        }
    }

    async fn tools_page(
        &self,
        cursor: Option<String>,
        limit: Duration,
    ) -> Result<ListToolsResult, CallError> {
        let request = ListToolsRequest {
            params: cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor))),
            ..ListToolsRequest::default()
        };
        let request = ClientRequest::ListToolsRequest(request);
        let answer = match self.request(request.clone(), limit).await {
            // A connection kept open may have been closed just now; reading a list twice does no harm.
            Err(CallError::Http(HttpFault::Interrupted { .. })) => self.request(request, limit).await,
            outcome => outcome,
        };
        match answer? {
            ServerResult::ListToolsResult(page) => Ok(page),
            ServerResult::CustomResult(other) => readable(&other.0).ok_or(CallError::NotUnderstood),
            _ => Err(CallError::NotUnderstood),
        }
    }

    async fn request(&self, request: ClientRequest, limit: Duration) -> Result<ServerResult, CallError> {
        let exchange = async {
            let options = PeerRequestOptions::with_timeout(limit);
            self.peer()
                .send_request_with_option(request, options)
                .await?
                .await_response()
                .await
        };
        match tokio::time::timeout(limit + GRACE, exchange).await {
            Ok(outcome) => outcome.map_err(|error| self.call_error(error, limit)),
            Err(_) => Err(CallError::TimedOut { after: limit }),
        }
    }

    /// Calls a tool and answers what the server asks in between. A header mismatch (MCP 2026-07-28, -32020) means that
    /// the tool has changed: it is listed anew and called once more.
    pub async fn call(
        &self,
        call: CallToolRequestParams,
        limit: Duration,
    ) -> Result<CallToolResult, CallError> {
        match self.call_once(call.clone(), limit).await {
            Err(CallError::Rejected { code, .. }) if ErrorCode(code) == ErrorCode::HEADER_MISMATCH => {
                self.tools(limit).await?;
                self.call_once(call, limit).await
            }
            outcome => outcome,
        }
    }

    async fn call_once(
        &self,
        call: CallToolRequestParams,
        limit: Duration,
    ) -> Result<CallToolResult, CallError> {
        // Dropping the call tells the server that nobody waits any more.
        match tokio::time::timeout(limit, self.service.call_tool(call)).await {
            Ok(outcome) => outcome.map_err(|error| self.call_error(error, limit)),
            Err(_) => Err(CallError::TimedOut { after: limit }),
        }
    }

    /// In the stateless era, listens for changed tools until the connection ends, and wakes those who watch
    /// [`Handler::tools_changed`](super::client_handler::Handler::tools_changed). In the session era they come by
    /// themselves, and this returns at once.
    pub async fn listen(&self, clock: &Clock) {
        let tools = self
            .peer()
            .peer_info()
            .and_then(|info| info.capabilities.tools.clone());
        if self.era != Era::Stateless || tools.and_then(|tools| tools.list_changed) != Some(true) {
            return;
        }
        let mut backoff = Backoff::default();
        while !self.ended.is_over() {
            if self.subscription().await.is_some() {
                backoff.reset();
                // Whatever changed in between was not heard.
                self.service.service().note_tools_changed();
            }
            clock.sleep(backoff.next(None, Dice::roll())).await;
        }
    }

    /// One subscription from its acknowledgement to its end; none when it was not granted.
    async fn subscription(&self) -> Option<()> {
        let wanted = SubscriptionFilter::builder().tools_list_changed().build();
        let mut subscription = self.peer().listen(wanted).await.ok()?;
        while let Ok(Some(notification)) = subscription.next().await {
            if matches!(notification, ServerNotification::ToolListChangedNotification(_)) {
                self.service.service().note_tools_changed();
            }
        }
        Some(())
    }

    fn call_error(&self, error: ServiceError, limit: Duration) -> CallError {
        match error {
            ServiceError::McpError(error) => CallError::rejected(&error),
            ServiceError::TransportSend(error) => match http_fault(error.error.as_ref()) {
                Some(fault) => fault.into(),
                None => self.closed(),
            },
            ServiceError::TransportClosed | ServiceError::Cancelled { .. } => self.closed(),
            ServiceError::Timeout { .. } => CallError::TimedOut { after: limit },
            _ => CallError::NotUnderstood,
        }
    }

    fn closed(&self) -> CallError {
        let fault = self
            .exit
            .as_ref()
            .and_then(super::transport::stdio::ExitWatch::fault);
        fault.map_or(CallError::Closed, CallError::Stdio)
    }
}

/// A page with a tool that is not as it should be: the others still count.
fn readable(page: &serde_json::Value) -> Option<ListToolsResult> {
    let tools = page.get("tools")?.as_array()?;
    let readable: Vec<Tool> = tools
        .iter()
        .filter_map(|tool| serde_json::from_value(tool.clone()).ok())
        .collect();
    if readable.len() < tools.len() {
        tracing::warn!(
            unreadable = tools.len() - readable.len(),
            "some tools are not as they should be"
        );
    }
    let mut result = ListToolsResult::with_all_items(readable);
    result.next_cursor = page
        .get("nextCursor")
        .and_then(|cursor| cursor.as_str())
        .map(str::to_owned);
    Some(result)
}

impl CallError {
    fn rejected(error: &ErrorData) -> Self {
        Self::Rejected {
            code: error.code.0,
            message: sentence(&error.message),
        }
    }

    /// Whether trying again later may help; a call itself is never repeated, since it may have been carried out.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(fault) => fault.is_transient(),
            Self::TimedOut { .. } | Self::Closed => true,
            _ => false,
        }
    }

    /// Whether the request got lost on its way, or its answer did: the server may be away.
    pub(super) fn is_of_network(&self) -> bool {
        matches!(
            self,
            Self::Http(HttpFault::Unreachable { .. } | HttpFault::Interrupted { .. })
        )
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http(fault) => fault.retry_after(),
            _ => None,
        }
    }

    /// The refusal, for whoever decides what it means.
    pub fn refusal(&self) -> Option<&Arc<Refusal>> {
        match self {
            Self::Unauthorized(refusal) | Self::Forbidden(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<HttpFault> for CallError {
    fn from(fault: HttpFault) -> Self {
        match fault {
            HttpFault::Refused(refusal) if refusal.status == http::StatusCode::UNAUTHORIZED => {
                Self::Unauthorized(refusal)
            }
            HttpFault::Refused(refusal) => Self::Forbidden(refusal),
            fault => Self::Http(fault),
        }
    }
}

impl Explain for CallError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(refusal) | Self::Forbidden(refusal) => refusal.code(),
            Self::Http(fault) => fault.code(),
            Self::Stdio(fault) => fault.code(),
            Self::Rejected { .. } => "call_rejected",
            Self::TimedOut { .. } => "timed_out",
            Self::Closed => "connection_lost",
            Self::NotUnderstood => "not_mcp",
            Self::EndlessList => "too_large",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unauthorized(refusal) | Self::Forbidden(refusal) => refusal.action(),
            Self::Http(fault) => fault.action(),
            Self::Stdio(fault) => fault.action(),
            Self::Rejected { .. } => Action::None,
            Self::TimedOut { .. } | Self::Closed => Action::Retry,
            Self::NotUnderstood | Self::EndlessList => Action::AskProvider,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Http(fault) => fault.problem(),
            _ => Problem {
                code: self.code().into(),
                message: self.to_string(),
                action: self.action(),
            },
        }
    }
}

#[cfg(test)]
mod tests;

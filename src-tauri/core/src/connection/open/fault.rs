//! Why a connection could not be opened.

use std::{sync::Arc, time::Duration};

use rmcp::{
    model::{ErrorData, ProtocolVersion},
    service::ClientInitializeError,
    transport::streamable_http_client::StreamableHttpError,
};

use crate::{
    Action, Explain, Problem,
    connection::{
        authorized_http::Refusal,
        fault::{HttpFault, said},
        transport::stdio::StdioFault,
    },
    oauth::server_text::{name, sentence},
};

/// No connection, and what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// 401: the server asks for authorization, or rejects what it got.
    #[error("{0}")]
    Unauthorized(Arc<Refusal>),
    /// 403: it knows who asks, and refuses; see the challenges for missing scopes.
    #[error("{0}")]
    Forbidden(Arc<Refusal>),
    /// Anything else on the way to or from an HTTP server.
    #[error(transparent)]
    Http(HttpFault),
    /// The child process.
    #[error(transparent)]
    Stdio(StdioFault),
    /// The server answered the handshake with an error.
    #[error("the server refuses the connection{} ({code})", said(.message.as_deref()))]
    Rejected {
        /// The JSON-RPC error code.
        code: i32,
        /// The server's own words, bounded.
        message: Option<String>,
    },
    /// No protocol version in common.
    #[error("the server speaks only MCP {}", .supported.join(", "))]
    NoCommonVersion {
        /// What it speaks.
        supported: Vec<String>,
    },
    /// No answer within the entry's time-out.
    #[error("no answer within {} s", .after.as_secs_f32())]
    TimedOut {
        /// The time-out.
        after: Duration,
    },
    /// The connection ended, or the answer made no sense.
    #[error("the server did not answer as an MCP server does")]
    NotUnderstood,
}

impl OpenError {
    /// Whether it mends itself, so that it is worth trying again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(fault) => fault.is_transient(),
            Self::Stdio(fault) => matches!(fault, StdioFault::Exited { .. }),
            Self::TimedOut { .. } => true,
            _ => false,
        }
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

    pub(super) fn rejected(error: &ErrorData) -> Self {
        Self::Rejected {
            code: error.code.0,
            message: sentence(&error.message),
        }
    }

    pub(super) fn no_common_version(supported: &[ProtocolVersion]) -> Self {
        let supported = supported
            .iter()
            .take(8)
            .filter_map(|version| name(version.as_str()));
        Self::NoCommonVersion {
            supported: supported.collect(),
        }
    }
}

impl From<HttpFault> for OpenError {
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

impl From<StdioFault> for OpenError {
    fn from(fault: StdioFault) -> Self {
        Self::Stdio(fault)
    }
}

/// The fault of one of our HTTP transports inside rmcp's error.
pub(crate) fn http_fault(error: &(dyn std::error::Error + 'static)) -> Option<HttpFault> {
    if let Some(fault) = error.downcast_ref::<HttpFault>() {
        return Some(fault.clone());
    }
    match error.downcast_ref::<StreamableHttpError<HttpFault>>()? {
        StreamableHttpError::Client(fault) => Some(fault.clone()),
        _ => None,
    }
}

/// The fault inside a failed handshake.
pub(super) fn handshake_fault(error: &ClientInitializeError) -> Option<HttpFault> {
    match error {
        ClientInitializeError::TransportError { error, .. } => http_fault(error.error.as_ref()),
        _ => None,
    }
}

impl Explain for OpenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(refusal) | Self::Forbidden(refusal) => refusal.code(),
            Self::Http(fault) => fault.code(),
            Self::Stdio(fault) => fault.code(),
            Self::Rejected { .. } => "connection_rejected",
            Self::NoCommonVersion { .. } => "no_common_version",
            Self::TimedOut { .. } => "timed_out",
            Self::NotUnderstood => "not_mcp",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unauthorized(refusal) | Self::Forbidden(refusal) => refusal.action(),
            Self::Http(fault) => fault.action(),
            Self::Stdio(fault) => fault.action(),
            Self::Rejected { .. } | Self::NoCommonVersion { .. } => Action::AskProvider,
            Self::TimedOut { .. } => Action::Retry,
            Self::NotUnderstood => Action::EditConfig,
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

//! Why a request got no answer from its server.

use omlx_mcp::{
    Action, Explain, Problem, connection::fault::HttpFault, connection::transport::stdio::StdioFault,
};

use crate::outlet::OutletError;

/// A request that the server did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// HTTP did not get that far, or was refused.
    #[error(transparent)]
    Http(#[from] HttpFault),
    /// The program cannot be started, or has ended.
    #[error(transparent)]
    Program(#[from] StdioFault),
    /// The server does not know the session any more (MCP 2025-11-25, "Session Management").
    #[error("the server has forgotten the session")]
    SessionLost,
    /// The answer ended before it was whole.
    #[error("the connection ended before the answer came; whether the request was carried out is unknown")]
    BrokenOff,
    /// Nothing was said to a handshake for as long as the server may take.
    #[error("the server does not answer")]
    Mute,
    /// The server's entry was changed, or taken out of the config file, or all servers were paused.
    #[error(
        "the server was switched off or changed before the answer came; whether the request was carried out is unknown"
    )]
    Replaced,
    /// The client does not want to know any more.
    #[error("the request was cancelled")]
    Cancelled,
    /// What came was no answer to this.
    #[error("the server's answer is not MCP")]
    NotUnderstood,
    /// The client.
    #[error(transparent)]
    Outlet(#[from] OutletError),
}

impl Explain for Unanswered {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(fault) => fault.code(),
            Self::Program(fault) => fault.code(),
            Self::SessionLost | Self::BrokenOff | Self::Replaced => "connection_lost",
            Self::Mute => "timed_out",
            Self::Cancelled => "cancelled",
            Self::NotUnderstood => "not_mcp",
            Self::Outlet(OutletError::TooLarge) => "too_large",
            Self::Outlet(OutletError::Gone) => "client_gone",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Http(fault) => fault.action(),
            Self::Program(fault) => fault.action(),
            Self::SessionLost | Self::Mute => Action::Retry,
            Self::NotUnderstood | Self::Outlet(OutletError::TooLarge) => Action::AskProvider,
            // Whether to call again is for whoever knows what the call does.
            Self::BrokenOff | Self::Replaced | Self::Cancelled | Self::Outlet(OutletError::Gone) => {
                Action::None
            }
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

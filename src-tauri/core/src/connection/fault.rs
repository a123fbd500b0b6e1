//! Why an exchange with an MCP server failed, told apart by what mends it.
//!
//! Nothing here repeats a body, a header value or a query: hosts, statuses and plain phrases only. Text written by
//! the server is bounded and stripped first.

use std::{error::Error, io, sync::Arc, time::Duration};

use http::StatusCode;
use omlx_nearby::Lost;
use url::Url;

use super::authorized_http::Refusal;
use crate::{Action, Explain, Problem, network};

/// No usable answer from an HTTP server.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HttpFault {
    /// 401 or 403: for the owner of the connection to act on, never to be retried as it is.
    #[error("{0}")]
    Refused(Arc<Refusal>),
    /// 401, and whether the grant still stands could not be found out now. Never the end of a grant.
    #[error("{}", .0.message)]
    TokenUnavailable(Problem),
    /// A token would have to travel over plain http.
    #[error("{host} is not https, so no token is sent there")]
    Insecure {
        /// The host.
        host: String,
    },
    /// A redirect that is not followed: another origin, another method, or a second one.
    #[error("{host} redirects to {target}; put the right URL into the config")]
    Redirected {
        /// The host asked.
        host: String,
        /// The host named, as far as it can be read.
        target: String,
    },
    /// The request surely never reached the server.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        cause: NetworkCause,
    },
    /// The request may have reached the server, and no whole answer came back.
    #[error("{host} did not answer in full: {cause}")]
    Interrupted {
        /// The host.
        host: String,
        /// Why.
        cause: NetworkCause,
    },
    /// 5xx or 429: it is tried again later.
    #[error("{host} answered {status}")]
    ServerError {
        /// The host.
        host: String,
        /// The status.
        status: StatusCode,
        /// How long the server asks to be left alone (RFC 9110 §10.2.3).
        retry_after: Option<Duration>,
    },
    /// Any other status that ends the matter.
    #[error("{}{}", answered(host, *status), said(.detail.as_deref()))]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: StatusCode,
        /// The server's own words, bounded.
        detail: Option<String>,
    },
    /// An answer that no MCP server gives: a web page, an empty body, something else than JSON-RPC.
    #[error("{host} answered with {answer}, not with MCP")]
    NotMcp {
        /// The host.
        host: String,
        /// What it was.
        answer: Answer,
    },
    /// More bytes than are accepted.
    #[error("{host} sent more than {limit} bytes in one message")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message was to be sent to another origin than the configured one.
    #[error("{host} names an endpoint at another host, {target}")]
    ForeignEndpoint {
        /// The host asked.
        host: String,
        /// The host named.
        target: String,
    },
}

/// What a server that speaks no MCP answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Answer {
    /// A web page: a wrong URL, a login page, a captive portal.
    #[error("a web page")]
    WebPage,
    /// Nothing, where an answer was due.
    #[error("nothing")]
    Nothing,
    /// JSON that is no JSON-RPC message.
    #[error("JSON that is no JSON-RPC message")]
    OtherJson,
    /// Any other media type.
    #[error("an unknown media type")]
    OtherMedia,
    /// An event stream without the `endpoint` event (MCP 2024-11-05).
    #[error("an event stream without an endpoint")]
    NoEndpoint,
}

/// Why bytes did not get through, in one plain phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkCause {
    /// DNS.
    #[error("its name cannot be resolved")]
    NameNotFound,
    /// Nothing listens there.
    #[error("nothing accepts connections there")]
    ConnectionRefused,
    /// Offline, or no route.
    #[error("there is no network to it")]
    NoRoute,
    /// TLS: the reason.
    #[error("the secure connection failed, {0}")]
    Tls(String),
    /// Time ran out.
    #[error("no answer in time")]
    TimedOut,
    /// Cut off.
    #[error("the connection broke")]
    Broken,
}

impl HttpFault {
    /// Reads a client's error; `url` is only asked for its host.
    pub fn network(error: &reqwest::Error, url: &Url) -> Self {
        let cause = NetworkCause::of(error);
        let host = host(url);
        if error.is_connect() || error.is_builder() {
            Self::Unreachable { host, cause }
        } else {
            Self::Interrupted { host, cause }
        }
    }

    /// The same for a server on this machine.
    pub(super) fn nearby(lost: Lost, url: &Url) -> Self {
        let host = host(url);
        let cause = |error: &(dyn Error + 'static)| {
            let known = NetworkCause::in_chain(error);
            known.unwrap_or(NetworkCause::Broken)
        };
        match lost {
            Lost::Unreached(error) => Self::Unreachable {
                host,
                cause: cause(&error),
            },
            Lost::Interrupted(error) => Self::Interrupted {
                host,
                cause: cause(&error),
            },
        }
    }

    /// Whether it mends itself: the network, the server's day, the authorization server's day.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { cause, .. } => !matches!(cause, NetworkCause::Tls(_)),
            Self::TokenUnavailable(problem) => {
                problem.action == Action::Retry || problem.action == Action::None
            }
            Self::Interrupted { .. } | Self::ServerError { .. } => true,
            _ => false,
        }
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ServerError { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl NetworkCause {
    /// Reads a client's error.
    pub fn of(error: &reqwest::Error) -> Self {
        if error.is_dns() {
            return Self::NameNotFound;
        }
        let found = Self::in_chain(error);
        found.unwrap_or_else(|| {
            if error.is_timeout() {
                Self::TimedOut
            } else {
                Self::Broken
            }
        })
    }

    /// Finds the cause in a chain of errors. TLS errors hide inside I/O errors, which `source()` steps over.
    fn in_chain(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(current) = next {
            if let Some(cause) = Self::of_one(current) {
                return Some(cause);
            }
            next = current.source();
        }
        None
    }

    fn of_one(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::Tls(network::tls_failure(tls)));
        }
        let io = error.downcast_ref::<io::Error>()?;
        if let Some(inner) = io.get_ref() {
            let inner: &(dyn Error + 'static) = inner;
            if let Some(cause) = Self::of_one(inner) {
                return Some(cause);
            }
        }
        match io.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::ConnectionRefused),
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable => Some(Self::NoRoute),
            io::ErrorKind::TimedOut => Some(Self::TimedOut),
            _ => None,
        }
    }
}

impl Explain for HttpFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::TokenUnavailable(_) => "token_unavailable",
            Self::Insecure { .. } => "insecure_url",
            Self::Redirected { .. } => "redirected",
            Self::Unreachable { cause, .. } | Self::Interrupted { cause, .. } => match cause {
                NetworkCause::Tls(_) => "tls_failed",
                NetworkCause::TimedOut => "timed_out",
                NetworkCause::Broken => "connection_lost",
                _ => "unreachable",
            },
            Self::Status { status, .. } if *status == StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
            Self::ServerError { .. } | Self::Status { .. } => "server_error",
            Self::NotMcp { .. } => "not_mcp",
            Self::TooLarge { .. } => "too_large",
            Self::ForeignEndpoint { .. } => "foreign_endpoint",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Refused(refusal) => refusal.action(),
            Self::TokenUnavailable(problem) => problem.action,
            // Of one call, and not of the entry.
            Self::Status { status, .. } if *status == StatusCode::PAYLOAD_TOO_LARGE => Action::None,
            Self::Insecure { .. } | Self::Redirected { .. } | Self::Status { .. } | Self::NotMcp { .. } => {
                Action::EditConfig
            }
            Self::Unreachable {
                cause: NetworkCause::Tls(_),
                ..
            }
            | Self::TooLarge { .. }
            | Self::ForeignEndpoint { .. } => Action::AskProvider,
            Self::Unreachable { .. } | Self::Interrupted { .. } | Self::ServerError { .. } => Action::Retry,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::TokenUnavailable(problem) => problem.clone(),
            _ => Problem {
                code: self.code().into(),
                message: self.to_string(),
                action: self.action(),
            },
        }
    }
}

/// The host with its port where it is not the scheme's own, fit to be shown.
pub fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A server's own words as the tail of a sentence.
pub(crate) fn said(detail: Option<&str>) -> String {
    detail.map(|text| format!(": {text}")).unwrap_or_default()
}

/// A status as a sentence; 413 is about what was sent (RFC 9110 §15.5.14).
fn answered(host: &str, status: StatusCode) -> String {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => format!("{host} takes no request as large as this one (413)"),
        status => format!("{host} answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_too_large_is_no_fault_of_the_config_file() {
        let fault = HttpFault::Status {
            host: "h".into(),
            status: StatusCode::PAYLOAD_TOO_LARGE,
            detail: None,
        };
        assert_eq!(fault.to_string(), "h takes no request as large as this one (413)");
        assert_eq!(
            (fault.code(), fault.action()),
            ("request_too_large", Action::None)
        );
    }

    #[test]
    fn a_certificate_nobody_trusts_is_found_inside_an_io_error() {
        let distrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(distrusted));
        let phrase = "its certificate is not trusted on this machine (OMLX_CONNECT_CA_FILE names a company's authority)";
        assert_eq!(
            NetworkCause::of_one(&wrapped),
            Some(NetworkCause::Tls(phrase.into()))
        );
    }

    #[test]
    fn a_wait_the_server_asked_for_is_kept_with_the_error() {
        let fault = HttpFault::ServerError {
            host: "h".into(),
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(Duration::from_secs(7)),
        };
        assert!(fault.is_transient());
        assert_eq!(fault.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(fault.to_string(), "h answered 503 Service Unavailable");
    }

    #[test]
    fn a_distrusted_certificate_is_not_retried() {
        let fault = HttpFault::Unreachable {
            host: "h".into(),
            cause: NetworkCause::Tls("its certificate has expired".into()),
        };
        assert!(!fault.is_transient());
        assert_eq!(fault.code(), "tls_failed");
    }
}

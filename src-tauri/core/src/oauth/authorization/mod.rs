//! The authorization request in the browser, and what comes back (RFC 6749 §4.1, 7636, 8707, 9207).
//!
//! ```text
//! AuthorizationRequest ─begin→ URL for the browser + PendingAuthorization (state, verifier, issuer, redirect URI)
//! redirected URL ─parse→ AuthorizationResponse
//! PendingAuthorization ─accept(response)→ RedeemableCode ─token::redeem→ tokens
//! ```
//!
//! A [`PendingAuthorization`] is consumed by the response it accepts, and the code it gives remembers the token
//! endpoint it may be sent to: a code is redeemed once, and only where it was issued.

use super::{endpoint::EndpointError, issuer::Issuer, refused};
use crate::{Action, Explain};

mod pending;
mod request;
mod response;

pub use pending::{PendingAuthorization, RedeemableCode, Verdict};
pub use request::AuthorizationRequest;
pub use response::AuthorizationResponse;

/// Why there is no authorization; nothing that a forged response said is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// The metadata has no authorization endpoint: this server issues no codes.
    #[error("{issuer} offers no sign-in in a browser: its metadata names no authorization endpoint")]
    NoAuthorizationEndpoint {
        /// The authorization server.
        issuer: Issuer,
    },
    /// The metadata has no token endpoint, so a code would be of no use.
    #[error("{issuer} issues no tokens: its metadata names no token endpoint")]
    NoTokenEndpoint {
        /// The authorization server.
        issuer: Issuer,
    },
    /// The client is known to another issuer (MCP "Authorization Server Binding").
    #[error("this client belongs to {client}, not to {server}")]
    ForeignClient {
        /// Whose client it is.
        client: Issuer,
        /// Who was to be asked.
        server: Issuer,
    },
    /// `authorize_params` names a parameter that is the protocol's own.
    #[error("auth.authorize_params cannot set {name}, which belongs to the protocol")]
    ReservedParameter {
        /// The parameter.
        name: String,
    },
    /// The redirect URI is one that MCP forbids: neither loopback, nor https, nor our private-use scheme.
    #[error("the redirect URI {0}")]
    RedirectUri(EndpointError),
    /// What came back is no authorization response.
    #[error("this is not the address the browser was sent back to")]
    Unreadable,
    /// It is a response to something else: an earlier attempt, or a forgery.
    #[error("this answer belongs to another sign-in")]
    StateMismatch,
    /// The issuer announced `iss` and the response has none (RFC 9207 §2.4).
    #[error(
        "the answer does not say that it comes from {expected}, which promised to say so; if its provider is known to \
         leave that out, set auth.allow_missing_iss to true"
    )]
    IssuerMissing {
        /// Who was asked.
        expected: Issuer,
    },
    /// The response comes from another issuer than the one that was asked (RFC 9207 §2.4).
    #[error("the answer does not come from {expected}, where the sign-in was started")]
    IssuerMismatch {
        /// Who was asked.
        expected: Issuer,
    },
    /// The person said no (`access_denied`).
    #[error("access was not allowed in the browser")]
    Denied,
    /// The authorization server refused (RFC 6749 §4.1.2.1).
    #[error("the authorization server answered {code}{}{}", description.as_ref().map_or_else(String::new, |text| format!(" ({text})")), refused::advice(code))]
    Refused {
        /// `error`, at most 64 harmless characters.
        code: String,
        /// `error_description`, fit to be shown.
        description: Option<String>,
    },
}

impl Explain for AuthorizationError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoAuthorizationEndpoint { .. } => "no_authorization_endpoint",
            Self::NoTokenEndpoint { .. } => "no_token_endpoint",
            Self::ForeignClient { .. } => "client_of_another_issuer",
            Self::ReservedParameter { .. } => "authorize_params_reserved",
            Self::RedirectUri(_) => "redirect_uri_invalid",
            Self::Unreadable => "redirect_unreadable",
            Self::StateMismatch => "state_mismatch",
            Self::IssuerMissing { .. } => "issuer_missing",
            Self::IssuerMismatch { .. } => "issuer_mismatch",
            Self::Denied => "access_denied",
            Self::Refused { .. } => "authorization_refused",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::NoAuthorizationEndpoint { .. } | Self::NoTokenEndpoint { .. } => Action::AskProvider,
            Self::ReservedParameter { .. } | Self::RedirectUri(_) | Self::IssuerMissing { .. } => {
                Action::EditConfig
            }
            Self::Unreadable => Action::Retry,
            Self::Refused { code, .. } => refused::action(code).unwrap_or(Action::Connect),
            Self::ForeignClient { .. } | Self::StateMismatch | Self::IssuerMismatch { .. } | Self::Denied => {
                Action::Connect
            }
        }
    }
}

#[cfg(test)]
mod tests;

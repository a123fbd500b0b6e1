//! Why there is no client identifier.

use crate::{
    Action, Explain,
    oauth::{http::HttpError, issuer::Issuer},
};

/// No client identifier could be obtained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The network, or an address that must not be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server is having a bad time; try again later.
    #[error("the registration at {issuer} answered {status}; try again later")]
    Unavailable {
        /// Which one.
        issuer: Issuer,
        /// 408, 429 or 5xx.
        status: u16,
    },
    /// Apps cannot register here; the provider gives out client identifiers by hand.
    #[error("{issuer} does not register apps; a client id from the provider is needed")]
    Unsupported {
        /// Which one.
        issuer: Issuer,
    },
    /// Nothing on this server answers as OAuth does: it may want a key in a header.
    #[error("{issuer} asks for credentials and offers no sign-in; it may want a key in a header")]
    NoSignIn {
        /// The origin whose default endpoints were tried.
        issuer: Issuer,
    },
    /// Only apps the provider knows may register (Figma answers a bare 403).
    #[error("{issuer} only registers apps it has approved, and {product} is not one of them; a client id from the provider is needed", product = crate::PRODUCT)]
    NotApproved {
        /// Which one.
        issuer: Issuer,
    },
    /// The redirect URIs were rejected: `invalid_redirect_uri` (RFC 7591 §3.2.2).
    #[error("{issuer} does not accept the redirect address of this app{}", detail(description.as_deref()))]
    RedirectRejected {
        /// Which one.
        issuer: Issuer,
        /// In its words, fit to be shown.
        description: Option<String>,
    },
    /// The registration was rejected (RFC 7591 §3.2.2).
    #[error("{issuer} rejected the registration: {code}{}", detail(description.as_deref()))]
    Rejected {
        /// Which one.
        issuer: Issuer,
        /// The error code, fit to be shown, or the HTTP status.
        code: String,
        /// In its words, fit to be shown.
        description: Option<String>,
    },
    /// The answer says success and names no client.
    #[error("{issuer} answered the registration with something that is not one")]
    Unreadable {
        /// Which one.
        issuer: Issuer,
    },
    /// The registration demands a way to authenticate that this app does not have.
    #[error("{issuer} wants the client to authenticate by {method}, which is not supported")]
    UnsupportedAuthMethod {
        /// Which one.
        issuer: Issuer,
        /// The method's name, fit to be shown.
        method: String,
    },
    /// A client id from the user belongs to another authorization server (MCP "Authorization Server Binding").
    #[error("the client id on file is for {known}, and the server now uses {issuer}")]
    IssuerChanged {
        /// Whom the server names now.
        issuer: Issuer,
        /// Where the client is known.
        known: Issuer,
    },
}

fn detail(description: Option<&str>) -> String {
    description.map_or_else(String::new, |text| format!(": {text}"))
}

impl RegistrationError {
    /// Whether trying again later may help without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        self.action() == Action::Retry
    }
}

impl Explain for RegistrationError {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(error) => error.code(),
            Self::Unavailable { .. } => "registration_unavailable",
            Self::Unsupported { .. } => "registration_unsupported",
            Self::NoSignIn { .. } => "no_sign_in_offered",
            Self::NotApproved { .. } => "registration_not_approved",
            Self::RedirectRejected { .. } => "redirect_rejected",
            Self::Rejected { .. } => "registration_rejected",
            Self::Unreadable { .. } => "registration_unreadable",
            Self::UnsupportedAuthMethod { .. } => "client_auth_unsupported",
            Self::IssuerChanged { .. } => "client_issuer_changed",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Http(error) => error.action(),
            Self::Unavailable { .. } => Action::Retry,
            Self::Unsupported { .. }
            | Self::NotApproved { .. }
            | Self::Rejected { .. }
            | Self::UnsupportedAuthMethod { .. }
            | Self::IssuerChanged { .. } => Action::EnterClient,
            // Mended by a header, or by `redirect`, `redirect_host`, `redirect_port`.
            Self::NoSignIn { .. } | Self::RedirectRejected { .. } => Action::EditConfig,
            Self::Unreadable { .. } => Action::AskProvider,
        }
    }
}

//! Why an authorization server could not be found, or not be used.

use crate::{
    Action, Explain,
    oauth::{endpoint::EndpointError, http::HttpError, issuer::Issuer},
};

/// Discovery came to no usable authorization server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The network, or an address that must not be asked; says nothing about what is there.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server is having a bad time; try again later, nothing is concluded from it.
    #[error("{url} answered {status}; try again later")]
    Unavailable {
        /// Redacted.
        url: String,
        /// 408, 429 or 5xx.
        status: u16,
    },
    /// The MCP server itself is reached by plain http over a network (OAuth 2.1 §1.5).
    #[error("{server} is reached without https, and nobody should sign in over such a connection")]
    InsecureServer {
        /// Redacted.
        server: String,
    },
    /// The metadata speaks for another resource (RFC 9728 §3.3): using it would fetch a token for someone else.
    #[error("{server} presents the metadata of another server ({resource})")]
    ForeignResource {
        /// Redacted.
        server: String,
        /// What it says it is, fit to be shown.
        resource: String,
    },
    /// None of the authorization servers a server names can be used.
    #[error("the authorization server that {server} names {cause}")]
    InvalidIssuer {
        /// Redacted.
        server: String,
        /// What is wrong with the first of them.
        cause: EndpointError,
    },
    /// An authorization server was named and has no metadata at any well-known place.
    #[error("{issuer} has no metadata that says where to sign in")]
    MetadataMissing {
        /// Which one.
        issuer: Issuer,
    },
    /// The metadata is another issuer's (RFC 8414 §3.3).
    #[error("the metadata of {expected} says it belongs to {found}")]
    IssuerMismatch {
        /// Who was asked.
        expected: Issuer,
        /// Who answered, fit to be shown.
        found: String,
    },
    /// An endpoint in the metadata must not be used (OAuth 2.1 §1.5).
    #[error("the {member} of {issuer} {cause}")]
    InvalidEndpoint {
        /// Whose metadata.
        issuer: Issuer,
        /// The member's name.
        member: &'static str,
        /// What is wrong with it.
        cause: EndpointError,
    },
    /// Proof keys are not supported as far as the metadata says (MCP "Authorization Code Protection").
    #[error("{issuer} does not say that it supports PKCE with S256")]
    PkceUnsupported {
        /// Which one.
        issuer: Issuer,
    },
}

impl DiscoveryError {
    /// Whether trying again later may help without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        self.action() == Action::Retry
    }
}

impl Explain for DiscoveryError {
    fn code(&self) -> &'static str {
        match self {
            Self::Http(error) => error.code(),
            Self::Unavailable { .. } => "metadata_unavailable",
            Self::InsecureServer { .. } => "insecure_server",
            Self::ForeignResource { .. } => "resource_mismatch",
            Self::InvalidIssuer { .. } => "issuer_invalid",
            Self::MetadataMissing { .. } => "server_metadata_missing",
            Self::IssuerMismatch { .. } => "issuer_mismatch",
            Self::InvalidEndpoint { .. } => "endpoint_invalid",
            Self::PkceUnsupported { .. } => "pkce_unsupported",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Http(error) => error.action(),
            Self::Unavailable { .. } => Action::Retry,
            // Mended by https, by pinning `issuer`, or by `assume_pkce`.
            Self::InsecureServer { .. } | Self::IssuerMismatch { .. } | Self::PkceUnsupported { .. } => {
                Action::EditConfig
            }
            Self::ForeignResource { .. }
            | Self::InvalidIssuer { .. }
            | Self::MetadataMissing { .. }
            | Self::InvalidEndpoint { .. } => Action::AskProvider,
        }
    }
}

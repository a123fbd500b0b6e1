//! What a server's refusal means for its user: 401 and 403, told apart by what was sent and what came back.

use super::{authorized_http::Refusal, fault::said};
use crate::{
    Action, Explain, ServerId,
    oauth::{challenge::BearerChallenge, scope::Scopes},
};

/// RFC 6750 §3.1
const INSUFFICIENT_SCOPE: &str = "insufficient_scope";

/// A refusal that no retry mends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 401, and there is no grant.
    #[error("{server} asks for a sign-in")]
    SignInNeeded {
        /// Which server.
        server: ServerId,
    },
    /// 401 to a credential from the config file, where no sign-in is wanted.
    #[error("{server} rejected the credential in its headers or URL")]
    CredentialRejected {
        /// Which server.
        server: ServerId,
    },
    /// 401 even to a token that was just issued.
    #[error("{server} rejects tokens its authorization server has just issued")]
    TokenRejected {
        /// Which server.
        server: ServerId,
    },
    /// The stored grant is of another issuer or for another resource than the config file now pins.
    #[error(
        "the stored sign-in of {server} is not for the issuer or resource that the config file names now"
    )]
    GrantElsewhere {
        /// Which server.
        server: ServerId,
    },
    /// 403 `insufficient_scope` (RFC 6750 §3.1).
    #[error("{server} needs more permission: {scopes}")]
    ScopeMissing {
        /// Which server.
        server: ServerId,
        /// The scopes that are new, space-delimited.
        scopes: String,
    },
    /// 403 `insufficient_scope` again and again, with the scopes granted each time.
    #[error("{server} keeps refusing {operation}, although the permission it asked for was given")]
    ScopeRefused {
        /// Which server.
        server: ServerId,
        /// What was tried.
        operation: String,
    },
    /// A sign-in or sign-out was asked for where there is none.
    #[error("{server} needs no sign-in: it is a local program, or its credential is in the config file")]
    NothingToSignInTo {
        /// Which server.
        server: ServerId,
    },
    /// 403 without a way out.
    #[error("{server} refuses this account (403 Forbidden){}", said(.detail.as_deref()))]
    Forbidden {
        /// Which server.
        server: ServerId,
        /// The server's own words, bounded.
        detail: Option<String>,
    },
    /// `enabled: false`.
    #[error("{server} is switched off")]
    SwitchedOff {
        /// Which server.
        server: ServerId,
    },
    /// Everything is.
    #[error("{server} is paused, as all servers of oMLX Connect are")]
    Paused {
        /// Which server.
        server: ServerId,
    },
    /// The entry was switched off, changed or removed meanwhile, or the program is ending.
    #[error("{server} is not connected")]
    NotConnected {
        /// Which server.
        server: ServerId,
    },
}

impl Refused {
    /// 403, with the server's own words.
    pub(super) fn forbidden(server: &ServerId, refusal: &Refusal) -> Self {
        Self::Forbidden {
            server: server.clone(),
            detail: refusal.detail.clone(),
        }
    }

    /// 403 `insufficient_scope`; a challenge that names no new scope names all of them again.
    pub(super) fn scope_missing(server: &ServerId, wanted: &Scopes, granted: &Scopes) -> Self {
        let missing = wanted.difference(granted);
        let scopes = if missing.is_empty() { wanted } else { &missing };
        Self::ScopeMissing {
            server: server.clone(),
            scopes: scopes.to_string(),
        }
    }
}

/// The scopes a 403 asks for; none when it asks for none (RFC 6750 §3.1).
pub(super) fn wanted_scopes(refusal: &Refusal) -> Option<Scopes> {
    let challenge = BearerChallenge::from_headers(&refusal.challenges)?;
    let wants = challenge.error.as_deref() == Some(INSUFFICIENT_SCOPE);
    wants.then(|| challenge.scope.unwrap_or_default())
}

impl Explain for Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::SignInNeeded { .. } => "sign_in_needed",
            Self::CredentialRejected { .. } => "credential_rejected",
            Self::TokenRejected { .. } => "token_rejected",
            Self::GrantElsewhere { .. } => "grant_elsewhere",
            Self::ScopeMissing { .. } => "insufficient_scope",
            Self::ScopeRefused { .. } => "scope_refused",
            Self::NothingToSignInTo { .. } => "nothing_to_sign_in_to",
            Self::Forbidden { .. } => "forbidden",
            Self::SwitchedOff { .. } => "switched_off",
            Self::Paused { .. } => "paused",
            Self::NotConnected { .. } => "not_connected",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::SignInNeeded { .. } => Action::Connect,
            Self::CredentialRejected { .. } => Action::EditConfig,
            Self::GrantElsewhere { .. } | Self::TokenRejected { .. } => Action::Reauthenticate,
            Self::ScopeMissing { .. } => Action::Allow,
            Self::NothingToSignInTo { .. } | Self::SwitchedOff { .. } | Self::Paused { .. } => Action::None,
            Self::NotConnected { .. } => Action::Retry,
            Self::ScopeRefused { .. } | Self::Forbidden { .. } => Action::AskProvider,
        }
    }
}

//! How a refresh turned out, for callers who decide and people who read.

use std::{borrow::Cow, sync::Arc, time::Duration};

use oauth2::AccessToken;

use crate::{
    Action, Explain, Problem,
    oauth::{
        discovery::DiscoveryError,
        grant::{Grant, GrantKey},
        registration::RegistrationError,
        token::TokenError,
        unattended::UnattendedError,
    },
    store::{LockError, Stopped, VaultError},
};

/// Our own code for a grant whose access token is over and that has no refresh token.
pub const NO_REFRESH_TOKEN: &str = "no_refresh_token";

/// Why a token is to be replaced.
#[derive(Clone, Debug)]
pub enum RefreshReason {
    /// It is about to end, or has ended, by the clock.
    Expiring,
    /// The resource answered 401 to it.
    Rejected {
        /// The token that was sent; another one in the vault is newer and worth a try.
        token: AccessToken,
    },
}

/// How it turned out; every variant says what to do next.
#[derive(Clone, Debug)]
pub enum RefreshOutcome {
    /// New tokens, saved: use them.
    Refreshed(Arc<Grant>),
    /// Someone else had refreshed, or nothing was due: use these.
    Adopted(Arc<Grant>),
    /// New tokens that could not be saved yet: use them, and tell the user; saving goes on in the background.
    Unsaved {
        /// With the new tokens.
        grant: Arc<Grant>,
        /// Why not.
        cause: VaultError,
    },
    /// The grant has ended: ask a person, once. It is remembered, so asking again makes no request.
    Rejected {
        /// The OAuth error code, or [`NO_REFRESH_TOKEN`].
        code: String,
    },
    /// Nothing is lost: try later, or do what the cause says.
    Unavailable {
        /// What stands in the way.
        cause: RefreshCause,
    },
    /// The refresh token may have been spent and the answer got lost: try once more, later.
    OutcomeUnknown {
        /// What got lost, and how.
        cause: RefreshCause,
    },
    /// There is no grant: somebody signed out.
    Gone,
}

/// Why a sign-in cannot go on without a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantEnded {
    /// The authorization server rejected the refresh (RFC 6749 §5.2).
    #[error("the sign-in at {server} has ended: the refresh was rejected with {code}")]
    Rejected {
        /// Which server.
        server: String,
        /// The OAuth error code.
        code: String,
    },
    /// The access token is over and there is nothing to refresh it with.
    #[error("the sign-in at {server} has ended, and the server gave nothing to renew it with")]
    NotRenewable {
        /// Which server.
        server: String,
    },
}

impl GrantEnded {
    /// By the code that ended it.
    pub fn new(server: &str, code: &str) -> Self {
        let server = server.to_owned();
        if code == NO_REFRESH_TOKEN {
            Self::NotRenewable { server }
        } else {
            let code = code.to_owned();
            Self::Rejected { server, code }
        }
    }
}

impl Explain for GrantEnded {
    fn code(&self) -> &'static str {
        match self {
            Self::Rejected { .. } => "refresh_rejected",
            Self::NotRenewable { .. } => NO_REFRESH_TOKEN,
        }
    }

    fn action(&self) -> Action {
        Action::Reauthenticate
    }
}

/// What stands in the way of a refresh.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RefreshCause {
    /// The vault cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Another process holds the grant.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The token endpoint.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The client is unknown, and the authorization server cannot be found to register again.
    #[error("this client is no longer known, and registering again failed: {0}")]
    Discovery(DiscoveryError),
    /// The client is unknown, and registering again failed.
    #[error("this client is no longer known, and registering again failed: {0}")]
    Registration(RegistrationError),
    /// What proves who we are, where no person takes part.
    #[error(transparent)]
    Unattended(UnattendedError),
    /// The program is ending.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What happened to a grant, for whoever shows it; callers that went away cannot hear it otherwise.
#[derive(Clone, Debug)]
pub struct RefreshNews {
    /// Whose.
    pub key: GrantKey,
    /// How it turned out.
    pub outcome: RefreshOutcome,
}

impl RefreshOutcome {
    /// The grant to go on with, if there is one.
    pub fn grant(&self) -> Option<&Arc<Grant>> {
        match self {
            Self::Refreshed(grant) | Self::Adopted(grant) | Self::Unsaved { grant, .. } => Some(grant),
            _ => None,
        }
    }

    /// The earliest moment at which trying again makes sense, as far as the server said.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable {
                cause: RefreshCause::Token(TokenError::Unavailable { retry_after, .. }),
            } => *retry_after,
            _ => None,
        }
    }

    /// What to tell the user of `server`; none when all is well.
    pub fn problem(&self, server: &str) -> Option<Problem> {
        let problem = |code, message, action| Problem {
            code: Cow::Borrowed(code),
            message,
            action,
        };
        match self {
            Self::Refreshed(_) | Self::Adopted(_) => None,
            Self::Unsaved { cause, .. } => Some(problem(
                "grant_not_saved",
                format!("the new sign-in of {server} is not saved yet, keep this program running: {cause}"),
                cause.action(),
            )),
            Self::Rejected { code } => Some(GrantEnded::new(server, code).problem()),
            Self::Unavailable { cause } => Some(cause.problem()),
            Self::OutcomeUnknown { cause } => Some(problem(
                "refresh_outcome_unknown",
                format!("the sign-in of {server} could not be renewed: {cause}"),
                Action::Retry,
            )),
            Self::Gone => Some(problem(
                "signed_out",
                format!("nobody is signed in to {server}"),
                Action::Connect,
            )),
        }
    }
}

impl Explain for RefreshCause {
    fn code(&self) -> &'static str {
        match self {
            Self::Vault(error) => error.code(),
            Self::Lock(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Discovery(error) => error.code(),
            Self::Registration(error) => error.code(),
            Self::Unattended(error) => error.code(),
            Self::Stopped(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Vault(error) => error.action(),
            Self::Lock(error) => error.action(),
            // Not an end, but a person may want to make one.
            Self::Token(TokenError::Unreadable { .. }) => Action::Reauthenticate,
            Self::Token(error) => error.action(),
            Self::Discovery(error) => error.action(),
            Self::Registration(error) => error.action(),
            Self::Unattended(error) => error.action(),
            Self::Stopped(error) => error.action(),
        }
    }
}

//! Why a sign-in came to nothing, whichever way it went.

use crate::{
    Action, Explain,
    oauth::{
        authorization::AuthorizationError, device::DeviceError, discovery::DiscoveryError, dpop::DpopError,
        redirect::RedirectError, refresh::KeepError, registration::RegistrationError, token::TokenError,
        unattended::UnattendedError,
    },
    store::VaultError,
};

/// Why a sign-in came to nothing. What was stored before is as it was.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SignInError {
    /// The way in was not found.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// We could not become a client.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// The redirect has nowhere to go, or nobody came back.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// Nobody came back for a client that was entered by hand, perhaps because of its redirect URI.
    #[error(
        "the browser did not come back in time; if the provider showed an error there, enter the redirect URI {redirect_uri} for this client"
    )]
    NobodyCame {
        /// The one that was used.
        redirect_uri: String,
    },
    /// The browser came back with something other than a code.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// The tokens cannot be bound to a key, as they are to be.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The device was not let in.
    #[error(transparent)]
    Device(DeviceError),
    /// There is no token for what was presented in place of a person.
    #[error(transparent)]
    Unattended(#[from] UnattendedError),
    /// The code could not be redeemed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The vault cannot be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The grant could not be stored in place of the old one.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The user gave it up.
    #[error("the sign-in was cancelled")]
    Cancelled,
}

/// What a token endpoint says means the same whichever way led there.
impl From<DeviceError> for SignInError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Token(error) => Self::Token(error),
            error => Self::Device(error),
        }
    }
}

impl SignInError {
    fn inner(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Discovery(error) => error,
            Self::Registration(error) => error,
            Self::Redirect(error) => error,
            Self::Authorization(error) => error,
            Self::Dpop(error) => error,
            Self::Device(error) => error,
            Self::Unattended(error) => error,
            Self::Token(error) => error,
            Self::Vault(error) => error,
            Self::Keep(error) => error,
            Self::NobodyCame { .. } => &RedirectError::TimedOut,
            Self::Cancelled => return None,
        })
    }
}

impl Explain for SignInError {
    fn code(&self) -> &'static str {
        self.inner().map_or("cancelled", Explain::code)
    }

    fn action(&self) -> Action {
        self.inner().map_or(Action::Connect, Explain::action)
    }
}

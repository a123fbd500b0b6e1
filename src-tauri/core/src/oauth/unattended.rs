//! The grants in which no person takes part, as one: whoever needs a token asks here, at a sign-in and ever after.
//!
//! None of them has a refresh token (RFC 6749 §4.4.3): what proved us once proves us again. What is kept in a file is
//! read anew each time, because its owner replaces it.

use oauth2::ClientSecret;

use super::{
    client::ClientInformation,
    client_credentials, enterprise,
    http::Http,
    jwt_bearer,
    signing_key::SigningKeyError,
    token::{Target, TokenError, TokenResponse},
};
use crate::{
    Action, Explain,
    config::{AuthConfig, GrantType, SecretSource},
};

/// The largest key or token read from a file, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnattendedError {
    /// The config file lacks something, or the variable it names is not set.
    #[error("'{key}' of the auth block is missing, or what it names is empty")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A file cannot be read.
    #[error("{place} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        place: String,
        /// The operating system's words.
        cause: String,
    },
    /// The private key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The token endpoint, of the authorization server or of the identity provider.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Explain for UnattendedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "credential_missing",
            Self::Unreadable { .. } => "credential_unreadable",
            Self::Key(error) => error.code(),
            Self::Token(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Key(error) => error.action(),
            // There is nobody who could sign in: what was presented is to be corrected.
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Token(TokenError::Rejected { .. }) => {
                Action::EditConfig
            }
            Self::Token(error) => error.action(),
        }
    }
}

/// Obtains a token by the grant of the config file.
pub async fn request(
    http: &Http,
    target: &Target,
    client: &ClientInformation,
    auth: &AuthConfig,
) -> Result<TokenResponse, UnattendedError> {
    target.check(client)?;
    let config = &auth.unattended;
    let mut response = match auth.grant {
        GrantType::JwtBearer => {
            let assertion = secret(config.assertion.as_ref(), "assertion_file").await?;
            jwt_bearer::request(http, target, client, assertion.secret()).await?
        }
        GrantType::Enterprise => {
            let assertion = enterprise::assertion(http, target, config).await?;
            jwt_bearer::request(http, target, client, assertion.secret()).await?
        }
        _ => client_credentials::request(http, target, client, config).await?,
    };
    response.refresh_token = None;
    Ok(response)
}

/// What every one of these requests says of what is wanted.
pub(super) fn common<'a>(
    target: &'a Target,
    scope: &'a str,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let resource = target
        .resource
        .as_ref()
        .map(|resource| ("resource", resource.as_str()));
    let scope = (!scope.is_empty()).then_some(("scope", scope));
    resource.into_iter().chain(scope)
}

/// Reads a secret from where it is kept now.
pub(super) async fn secret(
    source: Option<&SecretSource>,
    key: &'static str,
) -> Result<ClientSecret, UnattendedError> {
    let text = match source {
        None => return Err(UnattendedError::Missing { key }),
        Some(SecretSource::Variable(_, value)) => value.secret().replace("\\n", "\n"),
        Some(SecretSource::File(path)) => {
            let (path, place) = (path.clone(), path.display().to_string());
            let read = tokio::task::spawn_blocking(move || read(&path)).await;
            let read = read.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)));
            read.map_err(|error| UnattendedError::Unreadable {
                place,
                cause: error.to_string(),
            })?
        }
    };
    match text.trim() {
        "" => Err(UnattendedError::Missing { key }),
        text => Ok(ClientSecret::new(text.to_owned())),
    }
}

fn read(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_SECRET)
        .read_to_string(&mut text)?;
    Ok(text)
}

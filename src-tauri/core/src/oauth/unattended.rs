//! The grants in which no person takes part, as one: whoever needs a token asks here, at a sign-in and ever after.
//!
//! None of them has a refresh token (RFC 6749 §4.4.3): what proved us once proves us again. What is kept in a file is
//! read anew each time.

use super::{
    client::ClientInformation,
    client_credentials, enterprise,
    http::Http,
    jwt_bearer,
    secret_source::{self, SecretError},
    token::{Target, TokenError, TokenResponse},
};
use crate::{
    Action, Explain,
    config::{AuthConfig, GrantType},
};

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnattendedError {
    /// What the config file says is to be presented.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The token endpoint, of the authorization server or of the identity provider.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Explain for UnattendedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Secret(error) => error.code(),
            Self::Token(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Secret(error) => error.action(),
            // There is nobody who could sign in: what was presented is to be corrected.
            Self::Token(TokenError::Rejected { .. }) => Action::EditConfig,
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
            let assertion = secret_source::read(config.assertion.as_ref(), "assertion_file").await?;
            jwt_bearer::request(http, target, client, assertion.secret()).await?
        }
        GrantType::Enterprise => {
            let assertion = enterprise::assertion(http, target, config).await?;
            jwt_bearer::request(http, target, client, assertion.secret()).await?
        }
        _ => client_credentials::request(http, target, client).await?,
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

//! The client credentials grant (RFC 6749 §4.4): a token in the client's own name.

use super::{
    client::ClientInformation,
    http::Http,
    timeline::Stage,
    token::{self, Target, TokenError, TokenResponse},
    unattended,
};

/// Asks for a token with what proves the client.
pub(super) async fn request(
    http: &Http,
    target: &Target,
    client: &ClientInformation,
) -> Result<TokenResponse, TokenError> {
    let scope = target.scope.to_string();
    let mut parameters = vec![("grant_type", "client_credentials")];
    parameters.extend(unattended::common(target, &scope));
    let endpoint = (&target.endpoints.token, Stage::Token);
    token::request(http, endpoint, client, &parameters).await
}

#[cfg(test)]
mod tests;

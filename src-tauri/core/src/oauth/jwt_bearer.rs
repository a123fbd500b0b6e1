//! The JWT bearer grant (RFC 7523 §2.1): a token somebody else signed is exchanged for one of this server.

use super::{
    client::ClientInformation,
    http::Http,
    timeline::Stage,
    token::{self, Target, TokenResponse},
    unattended::{self, UnattendedError},
};

/// `grant_type`
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Presents `assertion`, once: what was rejected is rejected.
pub(super) async fn request(
    http: &Http,
    target: &Target,
    client: &ClientInformation,
    assertion: &str,
) -> Result<TokenResponse, UnattendedError> {
    let scope = target.scope.to_string();
    let mut parameters = vec![("grant_type", GRANT_TYPE), ("assertion", assertion)];
    parameters.extend(unattended::common(target, &scope));
    let endpoint = (&target.endpoints.token, Stage::Token);
    Ok(token::request(http, endpoint, client, &parameters).await?)
}

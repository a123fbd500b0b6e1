//! Replacing a token that came without a person and without a refresh token: it is fetched anew, in the same transaction.

use super::{
    RefreshCause, Shop,
    renewal::{Failure, Renewed},
};
use crate::{
    config::AuthConfig,
    oauth::{
        grant::Grant,
        token::{Target, TokenError},
        unattended::{self, UnattendedError},
    },
};

/// One request; a rejection is final until somebody corrects what was presented.
pub(super) async fn fetch(shop: &Shop, auth: &AuthConfig, grant: &Grant) -> Result<Renewed, Failure> {
    let client = grant.client.configured(auth);
    let target = Target {
        issuer: grant.issuer.clone(),
        resource: grant.resource.clone(),
        scope: grant.requested_scope.clone(),
        endpoints: grant.endpoints.clone(),
    };
    let http = shop.http.proving(grant.dpop.as_ref());
    match unattended::request(&http, &target, &client, auth).await {
        Ok(response) => Ok(Renewed { response, client }),
        Err(UnattendedError::Token(
            TokenError::Rejected { code, .. } | TokenError::InvalidClient { code, .. },
        )) => Err(Failure::Ended { code }),
        // Nothing is spent by asking, so nothing is lost with the answer.
        Err(UnattendedError::Token(error)) => Err(Failure::Kept(error.into())),
        Err(error) => Err(Failure::Kept(RefreshCause::Unattended(error))),
    }
}

//! What is remembered while the browser is away, and the checks on what it brings back.

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeVerifier};
use sha2::{Digest as _, Sha256};

use super::{
    AuthorizationError, AuthorizationResponse,
    response::{Refusal, Reply},
};
use crate::oauth::{grant::GrantEndpoints, issuer::Issuer, resource_uri::ResourceUri, scope::Scopes};

/// A sign-in whose response has not come yet. There is no `Clone`: the response it accepts consumes it.
#[derive(Debug)]
pub struct PendingAuthorization {
    pub(super) state: CsrfToken,
    pub(super) verifier: PkceCodeVerifier,
    pub(super) redirect_uri: String,
    pub(super) resource: Option<ResourceUri>,
    pub(super) scope: Scopes,
    /// Recorded before the redirect (MCP "Authorization Response Validation"), compared after it.
    pub(super) issuer: Issuer,
    /// `authorization_response_iss_parameter_supported`, unless the user has waived it
    pub(super) issuer_promised: bool,
    pub(super) endpoints: GrantEndpoints,
}

/// A code that passed every check, with all that is needed to redeem it once.
#[derive(Debug)]
pub struct RedeemableCode {
    pub(in crate::oauth) code: AuthorizationCode,
    pub(in crate::oauth) verifier: PkceCodeVerifier,
    pub(in crate::oauth) redirect_uri: String,
    pub(in crate::oauth) resource: Option<ResourceUri>,
    pub(in crate::oauth) scope: Scopes,
    pub(in crate::oauth) issuer: Issuer,
    pub(in crate::oauth) endpoints: GrantEndpoints,
}

/// What a response is to a pending authorization, so that the browser can be shown the right page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An answer to something else; go on waiting.
    Foreign,
    /// A code that passes every check.
    Granted,
    /// Ours, and no success.
    Refused,
}

impl PendingAuthorization {
    /// Whether the response carries our `state`; one that does not is dropped (RFC 6749 §10.12).
    pub fn matches(&self, response: &AuthorizationResponse) -> bool {
        response
            .state
            .as_ref()
            .is_some_and(|state| same(state.secret(), self.state.secret()))
    }

    /// What the response is to us.
    pub fn verdict(&self, response: &AuthorizationResponse) -> Verdict {
        match self.check(response) {
            Ok(()) => Verdict::Granted,
            Err(AuthorizationError::StateMismatch) => Verdict::Foreign,
            Err(_) => Verdict::Refused,
        }
    }

    /// Takes the code out of the response, after every check.
    pub fn accept(self, response: AuthorizationResponse) -> Result<RedeemableCode, AuthorizationError> {
        self.check(&response)?;
        let Reply::Code(code) = response.reply else {
            return Err(AuthorizationError::Unreadable);
        };
        Ok(RedeemableCode {
            code,
            verifier: self.verifier,
            redirect_uri: self.redirect_uri,
            resource: self.resource,
            scope: self.scope,
            issuer: self.issuer,
            endpoints: self.endpoints,
        })
    }

    /// First whose answer it is, then from whom, and only then what it says: an error text from the wrong issuer is
    /// neither acted on nor shown.
    fn check(&self, response: &AuthorizationResponse) -> Result<(), AuthorizationError> {
        if !self.matches(response) {
            return Err(AuthorizationError::StateMismatch);
        }
        self.check_issuer(response.iss.as_deref())?;
        match &response.reply {
            Reply::Code(_) => Ok(()),
            Reply::Error(refusal) => Err(explained(refusal)),
        }
    }

    /// RFC 9207 §2.4: compared as texts, without any normalisation.
    fn check_issuer(&self, iss: Option<&str>) -> Result<(), AuthorizationError> {
        let expected = || self.issuer.clone();
        match iss {
            Some(iss) if iss == self.issuer.as_str() => Ok(()),
            Some(_) => Err(AuthorizationError::IssuerMismatch { expected: expected() }),
            None if self.issuer_promised => Err(AuthorizationError::IssuerMissing { expected: expected() }),
            None => Ok(()),
        }
    }
}

fn explained(refusal: &Refusal) -> AuthorizationError {
    if refusal.code == "access_denied" {
        return AuthorizationError::Denied;
    }
    AuthorizationError::Refused {
        code: refusal.code.clone(),
        description: refusal.description.clone(),
    }
}

/// Compares digests, so that the time it takes tells nothing of where two texts part.
fn same(left: &str, right: &str) -> bool {
    Sha256::digest(left) == Sha256::digest(right)
}

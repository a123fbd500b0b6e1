//! The token endpoint (RFC 6749 §5): one request, and what its answer means.
//!
//! Knows nothing of stored grants: replacing a token is `refresh`'s business alone. What an error means for a grant is
//! decided by whoever asked; here it is only told apart.

use std::time::Duration;

use jiff::Timestamp;
use oauth2::{AccessToken, RefreshToken};

use super::{
    client::ClientInformation,
    client_authentication::{ClientAuthenticationError, authenticated_form},
    dpop::{self, DPOP, DpopError},
    endpoint::Endpoint,
    grant::{IdToken, TokenSet, TokenType},
    http::{Http, HttpError, HttpResponse},
    identity::Identity,
    issuer::Issuer,
    refused,
    scope::Scopes,
    timeline::Stage,
};
use crate::{Action, Explain};

mod redeem;
mod response;
mod target;

pub use redeem::{Redeemed, redeem};
pub use target::Target;

/// Why a token request gave no token; the variant says whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The authorization server refused the grant (RFC 6749 §5.2): asking again will not help.
    #[error("the authorization server answered {code}{}{}", because(description.as_ref()), refused::advice(code))]
    Rejected {
        /// `error`, at most 64 harmless characters.
        code: String,
        /// `error_description`, fit to be shown.
        description: Option<String>,
    },
    /// It refused the client: register again, or correct the client id and secret.
    #[error("the authorization server does not accept this client: {code}{}", because(description.as_ref()))]
    InvalidClient {
        /// `error`, at most 64 harmless characters.
        code: String,
        /// `error_description`, fit to be shown.
        description: Option<String>,
    },
    /// It is busy or broken (429, 5xx and their like): try later.
    #[error("the authorization server is not available at the moment (HTTP {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, at most a day.
        retry_after: Option<Duration>,
    },
    /// No whole answer came back.
    #[error(transparent)]
    Unanswered(#[from] HttpError),
    /// The answer is neither a token nor an OAuth error.
    #[error("the token endpoint answered HTTP {status}, {reason}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with the body, which is not repeated.
        reason: &'static str,
    },
    /// The client is known to another issuer, to whom alone its credentials may be shown.
    #[error("this client belongs to {client}, not to {server}")]
    ForeignClient {
        /// Whose client it is.
        client: Issuer,
        /// Who was to be asked.
        server: Issuer,
    },
    /// The proof of the key that tokens are bound to, not the grant.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The client cannot authenticate; no request was made.
    #[error(transparent)]
    Client(#[from] ClientAuthenticationError),
}

fn because(description: Option<&String>) -> String {
    description.map_or_else(String::new, |text| format!(" ({text})"))
}

impl Explain for TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Rejected { .. } => "token_refused",
            Self::InvalidClient { .. } => "client_refused",
            Self::Unavailable { .. } => "authorization_server_unavailable",
            Self::Unanswered(error) => error.code(),
            Self::Unreadable { .. } => "token_response_unreadable",
            Self::ForeignClient { .. } => "client_of_another_issuer",
            Self::Dpop(error) => error.code(),
            Self::Client(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Rejected { code, .. } => refused::action(code).unwrap_or(Action::Reauthenticate),
            Self::ForeignClient { .. } => Action::Reauthenticate,
            Self::InvalidClient { .. } => Action::EnterClient,
            Self::Unavailable { .. } => Action::Retry,
            Self::Unanswered(error) => error.action(),
            Self::Unreadable { .. } => Action::AskProvider,
            Self::Dpop(error) => error.action(),
            Self::Client(error) => error.action(),
        }
    }
}

/// A successful answer of the token endpoint, as far as it was said (RFC 6749 §5.1).
#[derive(Debug)]
pub struct TokenResponse {
    /// `access_token`
    pub access_token: AccessToken,
    /// `token_type`; bearer when the server did not say.
    pub token_type: TokenType,
    /// `refresh_token`, when there is one.
    pub refresh_token: Option<RefreshToken>,
    /// `id_token`, when there is one.
    pub id_token: Option<IdToken>,
    /// `expires_in`; none when the server did not say, or said nothing that makes sense.
    pub expires_in: Option<Duration>,
    /// `scope`; none when it is as requested or as before.
    pub scope: Option<Scopes>,
    /// Who signed in, from parameters that some providers add.
    pub identity: Identity,
}

impl TokenResponse {
    /// The tokens, with what the server left out taken from the request: the scope, and nothing else.
    pub fn into_tokens(self, http: &Http, requested: &Scopes) -> TokenSet {
        let received_at = http.clock().now();
        TokenSet {
            access_token: self.access_token,
            token_type: self.token_type,
            refresh_token: self.refresh_token,
            id_token: self.id_token,
            received_at,
            expires_at: self.expires_in.map(|left| crate::clock::later(received_at, left)),
            scope: self.scope.unwrap_or_else(|| requested.clone()),
        }
    }
}

/// Sends one token request, authenticated as `client`, and reads the answer.
pub async fn request(
    http: &Http,
    (endpoint, stage): (&Endpoint, Stage),
    client: &ClientInformation,
    parameters: &[(&str, &str)],
) -> Result<TokenResponse, TokenError> {
    let ask = || attempt(http, (endpoint, stage), client, parameters);
    let mut response = ask().await?;
    let mut refusal = proof_refusal(http, &response);
    if dpop::is_nonce_refusal(refusal.as_ref()) && has_nonce(http, &response) {
        http.note(
            stage,
            "the server wants its nonce in the proof: once more, with it",
            "RFC 9449 §8",
        );
        response = ask().await?;
        refusal = proof_refusal(http, &response);
    }
    let outcome = match refusal {
        Some(refusal) => Err(refusal.into()),
        None => response::read(&response, http.clock().now()).and_then(|issued| expected(http, issued)),
    };
    match &outcome {
        Ok(_) => http.note(stage, "a token was issued", "RFC 6749 §5.1"),
        Err(error) => http.note(stage, error.to_string(), "RFC 6749 §5.2"),
    }
    outcome
}

/// One attempt, with a proof and an assertion of its own.
async fn attempt(
    http: &Http,
    (endpoint, stage): (&Endpoint, Stage),
    client: &ClientInformation,
    parameters: &[(&str, &str)],
) -> Result<HttpResponse, TokenError> {
    let mut request = authenticated_form(http, (endpoint, stage), client, parameters).await?;
    if let Some(prover) = http.prover() {
        let proof = prover.prove((&request.method, endpoint.as_url()), None)?;
        request.headers.insert(DPOP, proof);
    }
    Ok(http.send(request).await?)
}

/// What the server has against our proof, if we sent one.
fn proof_refusal(http: &Http, response: &HttpResponse) -> Option<DpopError> {
    http.prover().and_then(|_| dpop::refusal(response))
}

fn has_nonce(http: &Http, response: &HttpResponse) -> bool {
    http.prover()
        .is_some_and(|prover| prover.learn(&response.headers))
}

/// A token bound to a key is of use only to who has shown one.
fn expected(http: &Http, issued: TokenResponse) -> Result<TokenResponse, TokenError> {
    if issued.token_type == TokenType::Dpop && http.prover().is_none() {
        return Err(TokenError::Unreadable {
            status: 200,
            reason: "with a token that is bound to a key nobody has shown",
        });
    }
    Ok(issued)
}

/// What an answer without what was asked for says, at the other endpoints that answer like this one.
pub(super) fn failure(response: &HttpResponse, now: Timestamp) -> TokenError {
    match response::read(response, now) {
        Err(error) => error,
        Ok(_) => TokenError::Unreadable {
            status: response.status.as_u16(),
            reason: "with a token nobody asked for",
        },
    }
}

/// What an answer says, at an hour that does not matter.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read(answer: &HttpResponse) -> Result<TokenResponse, TokenError> {
    response::read(answer, Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;

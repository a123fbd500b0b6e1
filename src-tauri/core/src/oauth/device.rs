//! The device authorization grant (RFC 8628): a person enters a short code on whatever device has a browser.
//!
//! ```text
//! DeviceRequest ─begin→ DeviceAuthorization (code and page to show) ─redeem→ tokens
//! ```
//!
//! Polling keeps to the interval the server names, gives it more time whenever it asks for that or cannot be reached,
//! and ends with the code. Dropping the future ends it at once; the server forgets the code by itself.

use std::time::Duration;

use jiff::Timestamp;
use oauth2::DeviceCode;
use serde::Deserialize;

use super::{
    client::ClientInformation,
    client_authentication::authenticated_form,
    discovery::Discovery,
    endpoint::Endpoint,
    http::{Http, HttpError, HttpResponse},
    issuer::Issuer,
    scope::Scopes,
    server_metadata::AuthorizationServerMetadata,
    server_text,
    timeline::Stage,
    token::{self, Redeemed, Target, TokenError, TokenResponse},
    wire::{self, Seconds, Text},
};
use crate::{Action, Explain, config::AuthConfig, event::SignInPrompt};

/// `grant_type` and its name in metadata (RFC 8628 §3.4).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The interval where the server names none (§3.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// How much longer each `slow_down` (§3.5) and each unanswered poll makes it.
const SLOWER: Duration = Duration::from_secs(5);

/// The longest interval kept to: a person waits at the other end.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

/// How long a code is taken to live where the server does not say, as it must (§3.2).
const LIFETIME: Duration = Duration::from_mins(10);

/// The longest a code is waited for.
const LONGEST_LIFETIME: Duration = Duration::from_hours(1);

/// Why no device was let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The metadata has no device authorization endpoint, or no token endpoint.
    #[error("{issuer} offers no sign-in with a code")]
    Unsupported {
        /// The authorization server.
        issuer: Issuer,
    },
    /// An address in the answer must not be used.
    #[error(transparent)]
    Address(#[from] HttpError),
    /// The user declined (`access_denied`).
    #[error("the sign-in was declined")]
    Denied,
    /// Nobody entered the code in time (`expired_token`).
    #[error("nobody entered the code in time")]
    Expired,
    /// The authorization server refused, for a reason that is not the user's.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Explain for DeviceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "device_code_unsupported",
            Self::Address(error) => error.code(),
            Self::Denied => "access_denied",
            Self::Expired => "device_code_expired",
            Self::Token(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unsupported { .. } => Action::EditConfig,
            Self::Address(error) => error.action(),
            Self::Denied | Self::Expired => Action::Connect,
            Self::Token(error) => error.action(),
        }
    }
}

/// A device authorization request to be (RFC 8628 §3.1).
#[derive(Debug)]
pub struct DeviceRequest<'a> {
    /// Whom to ask, and for which resource.
    pub discovery: &'a Discovery,
    /// As whom.
    pub client: &'a ClientInformation,
    /// `audience`
    pub auth: &'a AuthConfig,
    /// What to ask for; omitted when empty.
    pub scope: Scopes,
}

/// A code that waits for a person (RFC 8628 §3.2); redeemed at most once.
#[derive(Debug)]
pub struct DeviceAuthorization {
    code: DeviceCode,
    user_code: String,
    verification_uri: Endpoint,
    verification_uri_complete: Option<Endpoint>,
    expires_at: Timestamp,
    interval: Duration,
    target: Target,
}

/// Whether the authorization server lets devices in: it has the endpoint, and does not list grants without this one.
pub fn is_offered(server: &AuthorizationServerMetadata) -> bool {
    let grants = server.grant_types_supported.as_deref();
    server.device_authorization_endpoint.is_some()
        && grants.is_none_or(|grants| grants.iter().any(|grant| grant == GRANT_TYPE))
}

impl DeviceRequest<'_> {
    /// Asks for a code.
    pub async fn begin(self, http: &Http) -> Result<DeviceAuthorization, DeviceError> {
        let server = &self.discovery.server;
        let target = Target::of(self.discovery, self.scope.clone());
        let (Some(target), Some(endpoint)) = (target, &server.device_authorization_endpoint) else {
            return Err(DeviceError::Unsupported {
                issuer: server.issuer.clone(),
            });
        };
        target.check(self.client)?;
        let scope = self.scope.to_string();
        let mut parameters = Vec::new();
        if let Some(resource) = &target.resource {
            parameters.push(("resource", resource.as_str()));
        }
        if !scope.is_empty() {
            parameters.push(("scope", scope.as_str()));
        }
        if let Some(audience) = &self.auth.audience {
            parameters.push(("audience", audience.as_str()));
        }
        let endpoint = (endpoint, Stage::Authorization);
        let request = authenticated_form(http, endpoint, self.client, &parameters).await;
        let response = http
            .send(request.map_err(TokenError::from)?)
            .await
            .map_err(TokenError::from)?;
        let authorization = read(&response, http.clock().now(), target).inspect_err(|error| {
            http.note(Stage::Authorization, error.to_string(), "RFC 8628 §3.2");
        })?;
        http.admit(&authorization.verification_uri).await?;
        http.note(
            Stage::Authorization,
            "a code was issued, to be entered on any device",
            "RFC 8628 §3.3",
        );
        Ok(authorization)
    }
}

/// RFC 8628 §3.2; Google says `verification_url`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    device_code: Text,
    user_code: Text,
    verification_uri: Text,
    verification_url: Text,
    verification_uri_complete: Text,
    expires_in: Seconds,
    interval: Seconds,
}

fn read(response: &HttpResponse, now: Timestamp, target: Target) -> Result<DeviceAuthorization, TokenError> {
    let document = serde_json::from_slice(&response.body).ok();
    let Some(document) = document.filter(|_| response.status.is_success()) else {
        return Err(token::failure(response, now));
    };
    let wire: Wire = wire::read(document);
    let Some(code) = wire.device_code.0 else {
        return Err(token::failure(response, now));
    };
    let unreadable = |reason| TokenError::Unreadable {
        status: response.status.as_u16(),
        reason,
    };
    let user_code = wire.user_code.as_deref().and_then(server_text::name);
    let page = wire.verification_uri.0.or(wire.verification_url.0);
    let page = page.and_then(|page| Endpoint::parse(&page).ok());
    let complete = wire.verification_uri_complete.as_deref();
    let lifetime = seconds(wire.expires_in).unwrap_or(LIFETIME);
    Ok(DeviceAuthorization {
        code: DeviceCode::new(code),
        user_code: user_code.ok_or_else(|| unreadable("without a code to enter"))?,
        verification_uri: page.ok_or_else(|| unreadable("without a page that may be opened"))?,
        verification_uri_complete: complete.and_then(|page| Endpoint::parse(page).ok()),
        expires_at: crate::clock::later(now, lifetime.min(LONGEST_LIFETIME)),
        interval: seconds(wire.interval).unwrap_or(INTERVAL).min(LONGEST_INTERVAL),
        target,
    })
}

/// A number of seconds that makes sense.
fn seconds(wire: Seconds) -> Option<Duration> {
    let seconds = wire.0.and_then(|seconds| u64::try_from(seconds).ok());
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

impl DeviceAuthorization {
    /// What the person has to do.
    pub fn prompt(&self) -> SignInPrompt {
        let complete = self.verification_uri_complete.as_ref();
        SignInPrompt::DeviceCode {
            user_code: self.user_code.clone(),
            verification_uri: self.verification_uri.as_url().to_string(),
            verification_uri_complete: complete.map(|page| page.as_url().to_string()),
            expires_at: self.expires_at,
        }
    }

    /// Waits no longer than until `deadline`.
    #[must_use]
    pub fn until(self, deadline: Timestamp) -> Self {
        Self {
            expires_at: self.expires_at.min(deadline),
            ..self
        }
    }

    /// Polls until the person has answered or the code is over (RFC 8628 §3.4).
    pub async fn redeem(self, http: &Http, client: &ClientInformation) -> Result<Redeemed, DeviceError> {
        let mut interval = self.interval;
        loop {
            let next = http.clock().after(interval);
            if next >= self.expires_at {
                http.clock().sleep_until(self.expires_at).await;
                return Err(DeviceError::Expired);
            }
            http.clock().sleep_until(next).await;
            match self.poll(http, client).await {
                Ok(response) => return Ok(self.target.redeemed(http, response)),
                Err(error) => interval = patience(interval, error)?,
            }
        }
    }

    async fn poll(&self, http: &Http, client: &ClientInformation) -> Result<TokenResponse, TokenError> {
        let mut parameters = vec![
            ("grant_type", GRANT_TYPE),
            ("device_code", self.code.secret().as_str()),
        ];
        if let Some(resource) = &self.target.resource {
            parameters.push(("resource", resource.as_str()));
        }
        token::request(
            http,
            (&self.target.endpoints.token, Stage::Token),
            client,
            &parameters,
        )
        .await
    }
}

/// How long to wait before the next poll, if there is to be one (RFC 8628 §3.5).
///
/// `slow_down` is among the codes by which a token endpoint says that it is busy.
fn patience(interval: Duration, error: TokenError) -> Result<Duration, DeviceError> {
    match error {
        TokenError::Rejected { ref code, .. } => match code.as_str() {
            "authorization_pending" => Ok(interval),
            "access_denied" | "authorization_declined" => Err(DeviceError::Denied),
            "expired_token" => Err(DeviceError::Expired),
            _ => Err(error.into()),
        },
        TokenError::Unavailable { retry_after, .. } => {
            Ok((interval + SLOWER).max(retry_after.unwrap_or_default()))
        }
        TokenError::Unanswered(HttpError::Unreachable { .. } | HttpError::Interrupted { .. }) => {
            Ok(interval + SLOWER)
        }
        error => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;

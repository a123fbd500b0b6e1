//! OAuth 2.0 Dynamic Client Registration Management (RFC 7592): giving a registration back.

use http::{HeaderValue, Method, StatusCode, header};

use super::RegistrationError;
use crate::oauth::{
    client::{ClientInformation, RegistrationManagement},
    http::{Http, HttpRequest},
    timeline::Stage,
    well_known,
};

/// What became of a registration that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unregistered {
    /// The authorization server deleted it.
    Deleted,
    /// The authorization server no longer knew it.
    AlreadyGone,
    /// The authorization server does not delete registrations.
    Refused {
        /// What it answered.
        status: u16,
    },
    /// There is nothing to delete: the client was not registered by us, or without a way to manage it.
    NotOffered,
}

/// Deletes a dynamic registration (RFC 7592 §2.3).
pub async fn unregister(http: &Http, client: &ClientInformation) -> Result<Unregistered, RegistrationError> {
    let Some(request) = client.management.as_ref().and_then(deletion) else {
        return Ok(Unregistered::NotOffered);
    };
    let status = http.send(request).await?.status;
    if well_known::is_trouble(status) && status != StatusCode::NOT_IMPLEMENTED {
        return Err(RegistrationError::Unavailable {
            issuer: client.issuer.clone(),
            status: status.as_u16(),
        });
    }
    let (outcome, decision) = match status {
        status if status.is_success() => (Unregistered::Deleted, "the registration is deleted"),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::GONE => {
            (Unregistered::AlreadyGone, "the registration was gone already")
        }
        status => (
            Unregistered::Refused {
                status: status.as_u16(),
            },
            "the server does not delete registrations",
        ),
    };
    http.note(Stage::Registration, decision, "RFC 7592 §2.3");
    Ok(outcome)
}

/// None for a token that cannot stand in a header field, which is no token of RFC 6750.
fn deletion(management: &RegistrationManagement) -> Option<HttpRequest> {
    let bearer = format!("Bearer {}", management.token.secret());
    let mut credentials = HeaderValue::try_from(bearer).ok()?;
    credentials.set_sensitive(true);
    let mut request = HttpRequest::get(management.uri.clone(), Stage::Registration);
    request.method = Method::DELETE;
    request.headers.insert(header::AUTHORIZATION, credentials);
    Some(request)
}

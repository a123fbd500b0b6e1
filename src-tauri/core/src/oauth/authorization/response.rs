//! Reading the authorization response (RFC 6749 §4.1.2) from wherever it comes: the listener, the deep link, or a
//! person's clipboard.

use std::{borrow::Cow, fmt};

use oauth2::{AuthorizationCode, CsrfToken};

use super::AuthorizationError;
use crate::oauth::server_text;

/// The longest response read, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// An authorization response; nothing in it is believed before a
/// [`PendingAuthorization`](super::PendingAuthorization) accepted it.
#[derive(Debug)]
pub struct AuthorizationResponse {
    pub(super) state: Option<CsrfToken>,
    /// Exactly as received, after form-decoding.
    pub(super) iss: Option<String>,
    pub(super) reply: Reply,
}

pub(super) enum Reply {
    Code(AuthorizationCode),
    Error(Refusal),
}

/// RFC 6749 §4.1.2.1
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) description: Option<String>,
}

/// The error text may come from an attacker until the issuer was checked, so it isn't shown here either.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code([redacted])",
            Self::Error(_) => "Error",
        })
    }
}

impl AuthorizationResponse {
    /// Reads the redirected URL, whole or from its query on, with whatever a clipboard puts around it.
    ///
    /// Only the query counts. A parameter that appears twice makes the response unreadable (RFC 6749 §3.1), because
    /// the next reader might take the other one.
    pub fn parse(redirected: &str) -> Result<Self, AuthorizationError> {
        if redirected.len() > MAX_BYTES {
            return Err(AuthorizationError::Unreadable);
        }
        let text = unwrapped(redirected);
        let mut parameters = Parameters::default();
        for (name, value) in url::form_urlencoded::parse(query(&text).as_bytes()) {
            parameters.take(&name, value)?;
        }
        parameters.try_into()
    }
}

/// Without line breaks (a terminal wraps), white space, quotes and angle brackets around it.
fn unwrapped(text: &str) -> String {
    let joined: String = text
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    joined
        .trim_matches(|c| matches!(c, '"' | '\'' | '<' | '>' | '`'))
        .to_owned()
}

fn query(text: &str) -> &str {
    let (whole, _fragment) = text.split_once('#').unwrap_or((text, ""));
    whole.split_once('?').map_or(whole, |(_, query)| query)
}

#[derive(Default)]
struct Parameters {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Parameters {
    fn take(&mut self, name: &str, value: Cow<'_, str>) -> Result<(), AuthorizationError> {
        let field = match name {
            "state" => &mut self.state,
            "iss" => &mut self.iss,
            "code" => &mut self.code,
            "error" => &mut self.error,
            "error_description" => &mut self.error_description,
            _ => return Ok(()),
        };
        match field.replace(value.into_owned()) {
            None => Ok(()),
            Some(_) => Err(AuthorizationError::Unreadable),
        }
    }
}

impl TryFrom<Parameters> for AuthorizationResponse {
    type Error = AuthorizationError;

    fn try_from(parameters: Parameters) -> Result<Self, Self::Error> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let reply = match (given(parameters.code), given(parameters.error)) {
            (Some(code), None) => Reply::Code(AuthorizationCode::new(code)),
            (None, Some(error)) => Reply::Error(Refusal {
                code: server_text::code(&error).unwrap_or_else(|| "an error".to_owned()),
                description: parameters
                    .error_description
                    .as_deref()
                    .and_then(server_text::sentence),
            }),
            _ => return Err(AuthorizationError::Unreadable),
        };
        Ok(Self {
            state: given(parameters.state).map(CsrfToken::new),
            iss: parameters.iss,
            reply,
        })
    }
}

//! What a 401 or 403 asks for: the `WWW-Authenticate` field (RFC 9110 §11.6.1) and its Bearer challenge (RFC 6750 §3).
//!
//! Reads what servers send, which is less regular than the grammar: several fields, several challenges in one, missing
//! commas, doubled parameters, URLs without quotes. Nothing here fails and nothing is unbounded; what makes no sense
//! is skipped.

mod ask;
mod parser;

pub use ask::ask;

use std::fmt;

use http::{HeaderMap, header};

use super::{dpop::Binding, scope::Scopes, server_text};

/// The most challenges kept of one response.
const MAX_CHALLENGES: usize = 16;

/// The most `WWW-Authenticate` fields read of one response.
const MAX_FIELDS: usize = 16;

/// One challenge (RFC 9110 §11.3): a scheme with either a token68 or parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The authentication scheme as written; compared without case.
    pub scheme: String,
    /// The opaque blob some schemes use instead of parameters.
    pub token68: Option<String>,
    /// The parameters in order, names as written, values unquoted.
    pub parameters: Vec<(String, String)>,
}

/// Reads every challenge of a response, in order.
pub fn parse(headers: &HeaderMap) -> Vec<Challenge> {
    let fields = headers.get_all(header::WWW_AUTHENTICATE).iter().take(MAX_FIELDS);
    fields
        .flat_map(|field| parser::parse(&String::from_utf8_lossy(field.as_bytes())))
        .take(MAX_CHALLENGES)
        .collect()
}

impl Challenge {
    /// Whether this is the scheme; case does not matter (RFC 9110 §11.1).
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// A parameter's value; the first one where a server sends it twice, which RFC 9110 §11.2 forbids.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Values may be part of a handshake, so only names are shown.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        write!(f, "Challenge({} {names:?})", self.scheme)
    }
}

/// What a resource says about the token it wants (RFC 6750 §3, RFC 9728 §5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BearerChallenge {
    /// Where its metadata is, unchecked.
    pub resource_metadata: Option<String>,
    /// The scope this request needs.
    pub scope: Option<Scopes>,
    /// The error code, such as `invalid_token` or `insufficient_scope` (RFC 6750 §3.1).
    pub error: Option<String>,
    /// The error in words, fit to be shown.
    pub error_description: Option<String>,
    /// Whether tokens bound to a key are accepted, or nothing else: a DPoP challenge and no Bearer one (RFC 9449 §7.1).
    pub dpop: Binding,
}

impl BearerChallenge {
    /// The challenge OAuth can answer, if there is one.
    ///
    /// Several Bearer challenges are read as one, the first value of each parameter counting: some servers put the
    /// error in one field and the metadata in the next.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let challenges = parse(headers);
        let of = |scheme: &str| -> Vec<&Challenge> {
            challenges
                .iter()
                .filter(|challenge| challenge.is(scheme))
                .collect()
        };
        let (bearer, dpop) = (of("Bearer"), of("DPoP"));
        match (bearer.is_empty(), dpop.is_empty()) {
            (false, true) => Some(Self::from_challenges(&bearer)),
            (false, false) => Some(Self {
                dpop: Binding::Offered,
                ..Self::from_challenges(&bearer)
            }),
            (true, false) => Some(Self {
                dpop: Binding::Required,
                ..Self::from_challenges(&dpop)
            }),
            (true, true) => None,
        }
    }

    fn from_challenges(challenges: &[&Challenge]) -> Self {
        let first = |name| {
            let mut values = challenges
                .iter()
                .filter_map(|challenge| challenge.parameter(name));
            values.find(|value| !value.is_empty())
        };
        Self {
            resource_metadata: first("resource_metadata").map(str::to_owned),
            scope: first("scope")
                .map(Scopes::parse)
                .filter(|scopes| !scopes.is_empty()),
            error: first("error").and_then(server_text::name),
            error_description: first("error_description").and_then(server_text::sentence),
            dpop: Binding::Unmentioned,
        }
    }
}

#[cfg(test)]
mod tests;

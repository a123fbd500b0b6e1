//! What can be made to go wrong, for which requests, and how often.
//!
//! Rules are tried in the order they were set, and a used-up one is skipped: setting two `once` rules for one request
//! makes the first two of them fail differently.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::{pattern::Pattern, record::Call};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Answer this status with an empty body; nothing is done about the request.
    Status(u16),
    /// Answer this status with `Retry-After`.
    RetryAfter {
        /// The status, as a rule 429 or 503.
        status: u16,
        /// The field's value.
        seconds: u64,
    },
    /// Answer this instead; nothing is done about the request.
    Reply {
        /// The status.
        status: u16,
        /// `Content-Type`
        content_type: String,
        /// The body.
        body: String,
    },
    /// Answer an OAuth error (RFC 6749 §5.2) with this status; some providers use 200.
    OAuthError {
        /// The status.
        status: u16,
        /// `error`
        code: String,
    },
    /// Answer 307 to this URL.
    Redirect(String),
    /// Answer 200 and a body without end.
    EndlessBody,
    /// Answer 200 and a body of one byte after the other, without end.
    SlowBody,
    /// Never answer.
    Hang,
    /// Close the connection; nothing is done about the request.
    DropBefore,
    /// Do all that was asked, then close the connection without a reply.
    DropAfter,
    /// Do all that was asked, then answer this status instead.
    StatusAfter(u16),
    /// Send half of the reply's first piece, then close the connection.
    CutBody,
    /// End an event stream in good order after this many events.
    EndStream(usize),

    /// Every 401 is without `WWW-Authenticate`.
    NoChallenge,
    /// Every 401 is with these `WWW-Authenticate` fields, verbatim.
    Challenges(Vec<String>),
    /// Answer 401 `invalid_token` whatever the token.
    RejectToken,
    /// Answer a plain 403 whatever the token.
    Forbidden,
    /// Answer 403 `insufficient_scope` with this scope whatever the token.
    InsufficientScope(String),

    /// Put this member into the protected resource metadata; null takes it out.
    ResourceMetadata(&'static str, Value),
    /// Put this member into the authorization server metadata; null takes it out.
    ServerMetadata(&'static str, Value),
    /// Answer 404 where the protected resource metadata is; the challenge goes on naming it.
    NoResourceMetadata,
    /// Answer 404 where the authorization server metadata is.
    NoServerMetadata,

    /// Put this member into the registration response (RFC 7591 §3.2.1); null takes it out.
    RegistrationReply(&'static str, Value),
    /// The authorization endpoint redirects back with this error at once.
    AuthorizationError(String),
    /// The authorization response has this `iss`.
    Iss(WrongIss),
    /// The authorization response has this `state`; none takes it out.
    State(Option<String>),
    /// Put this member into a successful token reply; null takes it out.
    TokenReply(&'static str, Value),
    /// Send token replies as a form.
    FormEncoded,

    /// Answer a JSON-RPC error with status 200.
    RpcError {
        /// `error.code`
        code: i64,
        /// `error.message`
        message: String,
    },
}

/// What is wrong with `iss` (RFC 9207).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongIss {
    /// Another issuer.
    Foreign,
    /// No `iss`.
    Missing,
    /// The same issuer after URL normalisation, and another text.
    Normalised,
}

impl Fault {
    /// An HTML page where a document was expected.
    pub fn html(status: u16) -> Self {
        Self::Reply {
            status,
            content_type: "text/html; charset=utf-8".to_owned(),
            body: "<!doctype html><title>Sorry</title><h1>Something went wrong</h1>".to_owned(),
        }
    }

    /// 401 `invalid_client`.
    pub fn invalid_client() -> Self {
        Self::oauth_error(401, "invalid_client")
    }

    /// 400 `invalid_grant`.
    pub fn invalid_grant() -> Self {
        Self::oauth_error(400, "invalid_grant")
    }

    /// An OAuth error with any status.
    pub fn oauth_error(status: u16, code: &str) -> Self {
        Self::OAuthError {
            status,
            code: code.to_owned(),
        }
    }

    /// Several challenges of which only one is the right one, oddly written (RFC 9110 §11.6.1).
    pub fn odd_challenges(resource_metadata: &str) -> Self {
        Self::Challenges(vec![
            r#"Basic realm="a, Bearer b", Negotiate YWJj=="#.to_owned(),
            format!(
                r#"Newauth x=1 , bearer realm="a \"quoted\" realm" , Resource_Metadata={resource_metadata} ,scope="mcp:tools""#
            ),
        ])
    }

    /// Protected resource metadata of someone else's resource (RFC 9728 §3.3).
    pub fn foreign_resource() -> Self {
        Self::ResourceMetadata("resource", "https://evil.example.com/mcp".into())
    }

    /// Metadata of another issuer (RFC 8414 §3.3).
    pub fn issuer_mismatch() -> Self {
        Self::ServerMetadata("issuer", "https://attacker.example.com".into())
    }

    /// Metadata that does not say that PKCE is supported.
    pub fn no_pkce() -> Self {
        Self::ServerMetadata("code_challenge_methods_supported", Value::Null)
    }

    /// Metadata without a registration endpoint.
    pub fn no_registration() -> Self {
        Self::ServerMetadata("registration_endpoint", Value::Null)
    }

    /// Metadata that does not promise `iss`.
    pub fn iss_not_advertised() -> Self {
        Self::ServerMetadata("authorization_response_iss_parameter_supported", Value::Null)
    }

    /// A token reply without a refresh token.
    pub fn no_refresh_token() -> Self {
        Self::TokenReply("refresh_token", Value::Null)
    }

    /// A token reply without a scope.
    pub fn no_scope() -> Self {
        Self::TokenReply("scope", Value::Null)
    }

    /// A token reply whose `expires_in` is a string.
    pub fn expires_in_as_string() -> Self {
        Self::TokenReply("expires_in", "300".into())
    }

    /// Only for requests that match `pattern`.
    pub fn at(self, pattern: &str) -> FaultRule {
        FaultRule::from(self).at(pattern)
    }

    /// Only once.
    pub fn once(self) -> FaultRule {
        self.times(1)
    }

    /// Only so often.
    pub fn times(self, count: usize) -> FaultRule {
        FaultRule::from(self).times(count)
    }
}

/// A fault, where it happens, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    fault: Fault,
    pattern: Pattern,
    left: Option<usize>,
}

impl FaultRule {
    /// Only for requests that match `pattern`.
    #[must_use]
    pub fn at(self, pattern: &str) -> Self {
        Self {
            pattern: Pattern::parse(pattern),
            ..self
        }
    }

    /// Only once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Only so often.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            left: Some(count),
            ..self
        }
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            pattern: Pattern::default(),
            left: None,
        }
    }
}

/// All faults of one demo.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<FaultRule>>);

impl Faults {
    pub(crate) fn set(&self, rule: FaultRule) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The first fault that is due for `call` and wanted by `pick`; counts it.
    pub(crate) fn take<T>(&self, call: &Call, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter_mut().find_map(|rule| rule.take(call, &pick))
    }

    /// Every fault that is due for `call` and wanted by `pick`; counts them.
    pub(crate) fn take_all<T>(&self, call: &Call, pick: impl Fn(&Fault) -> Option<T>) -> Vec<T> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules
            .iter_mut()
            .filter_map(|rule| rule.take(call, &pick))
            .collect()
    }
}

impl FaultRule {
    fn take<T>(&mut self, call: &Call, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        if self.left == Some(0) || !self.pattern.matches(call) {
            return None;
        }
        let picked = pick(&self.fault)?;
        self.left = self.left.map(|left| left - 1);
        Some(picked)
    }
}

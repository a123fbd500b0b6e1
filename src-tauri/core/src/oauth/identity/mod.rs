//! Who is signed in, as far as the provider says.
//!
//! Everything here is for showing: no decision rests on it, so an ID token's signature is not verified. It came from
//! the token endpoint over TLS, which OpenID Connect Core §3.1.3.7 accepts in place of the signature, and its issuer,
//! audience and end are still checked so that a stale or misdirected one shows nobody's name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{grant::Grant, http::Http};

mod claims;
mod lookup;

/// What to show next to "Authenticated as"; nothing here authorizes anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// A name or mail address.
    pub account: Option<String>,
    /// A workspace, organisation, site or tenant.
    pub workspace: Option<String>,
    /// The provider's own name.
    pub provider: Option<String>,
    /// The provider's stable identifier of the account (`sub`), to tell two accounts apart.
    pub subject: Option<String>,
}

impl Identity {
    /// What a token response says beyond RFC 6749, such as Notion's `workspace_name`.
    pub fn from_token_response(fields: &Map<String, Value>) -> Self {
        claims::in_token_response(fields)
    }

    /// What the grant's ID token says (OpenID Connect Core §2); nothing when it is not for us, not from the grant's
    /// issuer, or over.
    pub fn from_id_token(grant: &Grant, now: Timestamp) -> Self {
        claims::in_id_token(grant, now).unwrap_or_default()
    }

    /// Ours where there is something, else `other`'s.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            account: self.account.or(other.account),
            workspace: self.workspace.or(other.workspace),
            provider: self.provider.or(other.provider),
            subject: self.subject.or(other.subject),
        }
    }
}

/// Everything that can be learned about who signed in, at the cost of at most one request.
///
/// The token response and the ID token come for nothing. Only when neither names an account is the provider asked: its
/// userinfo endpoint when `openid` was granted, else its introspection endpoint when we are a confidential client. A
/// failure is no failure of the sign-in; it shows in the timeline.
pub async fn identify(http: &Http, grant: &Grant) -> Identity {
    let known = grant
        .identity
        .clone()
        .or(Identity::from_id_token(grant, http.clock().now()));
    if known.account.is_some() {
        return known;
    }
    let told = lookup::ask(http, grant).await;
    let same_person = told.subject.is_none() || known.subject.is_none() || told.subject == known.subject;
    // OpenID Connect Core §5.3.2: a userinfo response about somebody else must not be used.
    if same_person { known.or(told) } else { known }
}

#[cfg(test)]
mod tests;

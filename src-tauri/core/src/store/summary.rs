//! What a grant's readable line tells without any key: enough for every surface, and no secret.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::GrantName;
use crate::{
    ServerId,
    oauth::{endpoint::redacted, grant::Grant, grant::Standing, identity::Identity, scope::Scopes},
};

/// What is known about a stored grant without opening it.
///
/// It is for showing and finding. Nothing may be decided by it that [`load`](super::Vault::load) has not vouched for:
/// whoever can write the file can write this line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantSummary {
    /// Names the file, to load, lock or remove the grant by.
    pub name: GrantName,
    /// The URL, redacted.
    pub url: String,
    /// The `account` label.
    pub account: Option<String>,
    /// The issuer identifier.
    pub issuer: String,
    /// The `resource` sent.
    pub resource: Option<String>,
    /// The scopes granted.
    pub scopes: Scopes,
    /// When the access token ends; none when nobody said.
    pub expires_at: Option<Timestamp>,
    /// Whether there is a refresh token to go on with.
    pub refreshable: bool,
    /// Who is signed in.
    pub identity: Identity,
    /// Whether the refresh token still stands.
    pub standing: Standing,
    /// When a person last agreed.
    pub authenticated_at: Timestamp,
    /// When the tokens were last replaced by a refresh.
    pub refreshed_at: Option<Timestamp>,
}

impl GrantSummary {
    /// The entry's name.
    pub fn server(&self) -> &ServerId {
        self.name.server()
    }
}

impl From<&GrantSummary> for GrantName {
    fn from(summary: &GrantSummary) -> Self {
        summary.name.clone()
    }
}

/// The same as it stands in the file.
#[derive(Serialize, Deserialize)]
pub(super) struct AboutGrant<'a> {
    server: Cow<'a, ServerId>,
    url: String,
    account: Option<Cow<'a, str>>,
    issuer: Cow<'a, str>,
    resource: Option<Cow<'a, str>>,
    scopes: Cow<'a, Scopes>,
    expires_at: Option<Timestamp>,
    refreshable: bool,
    identity: Cow<'a, Identity>,
    #[serde(flatten)]
    standing: Cow<'a, Standing>,
    authenticated_at: Timestamp,
    refreshed_at: Option<Timestamp>,
}

impl<'a> From<&'a Grant> for AboutGrant<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self {
            server: Cow::Borrowed(&grant.key.server),
            url: redacted(&grant.key.url),
            account: grant.key.account.as_deref().map(Into::into),
            issuer: grant.issuer.as_str().into(),
            resource: grant.resource.as_ref().map(|resource| resource.as_str().into()),
            scopes: Cow::Borrowed(&grant.tokens.scope),
            expires_at: grant.tokens.expires_at,
            refreshable: grant.tokens.refresh_token.is_some(),
            identity: Cow::Borrowed(&grant.identity),
            standing: Cow::Borrowed(&grant.standing),
            authenticated_at: grant.authenticated_at,
            refreshed_at: grant.refreshed_at,
        }
    }
}

impl AboutGrant<'_> {
    /// The summary of the file with this `stem`.
    pub(super) fn into_summary(self, stem: &str) -> GrantSummary {
        GrantSummary {
            name: GrantName::found(self.server.into_owned(), stem.to_owned()),
            url: self.url,
            account: self.account.map(Cow::into_owned),
            issuer: self.issuer.into_owned(),
            resource: self.resource.map(Cow::into_owned),
            scopes: self.scopes.into_owned(),
            expires_at: self.expires_at,
            refreshable: self.refreshable,
            identity: self.identity.into_owned(),
            standing: self.standing.into_owned(),
            authenticated_at: self.authenticated_at,
            refreshed_at: self.refreshed_at,
        }
    }
}

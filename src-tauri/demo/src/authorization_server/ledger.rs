//! What was issued to whom. Tokens, codes and secrets are kept as digests only.
//!
//! Tokens hang together in families: all that came from one consent. Using a spent refresh token or code again, or
//! revoking a refresh token, ends the family (OAuth 2.1 §4.3.1, RFC 7009 §2.1).

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use super::{client::Client, consent::PendingConsent, device::Device};
use crate::{
    options::{Account, RefreshTokens},
    scope::Scope,
    secret::{Digest, Kind, mint},
};

/// What someone agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    /// None when the client acts on its own (RFC 6749 §4.4).
    pub(crate) account: Option<Account>,
    pub(crate) scope: Scope,
    /// The audience of every token (RFC 8707 §2).
    pub(crate) resource: String,
    /// The thumbprint of the key that every token is bound to (RFC 9449 §6).
    pub(crate) key: Option<String>,
}

/// A family of tokens.
pub(crate) type FamilyId = usize;

#[derive(Debug)]
struct Family {
    grant: Grant,
    revoked: bool,
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) family: FamilyId,
    pub(crate) scope: Scope,
    pub(crate) expires_at: SystemTime,
    revoked: bool,
}

/// A refresh token.
#[derive(Debug)]
struct Refresh {
    family: FamilyId,
    spent_at: Option<SystemTime>,
}

/// An authorization code.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) grant: Grant,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) expires_at: SystemTime,
    /// Set once it was redeemed.
    pub(crate) family: Option<FamilyId>,
}

/// How tokens are issued at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) now: SystemTime,
    pub(crate) access_lifetime: Duration,
    pub(crate) refresh: RefreshTokens,
}

/// Tokens in the clear, on their way out.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: Scope,
    pub(crate) lifetime: Duration,
    pub(crate) account: Option<Account>,
    pub(crate) client_id: String,
    /// Whether it is bound to a key.
    pub(crate) bound: bool,
}

/// Why a refresh token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefusal {
    /// Nobody knows it, or it was issued to someone else.
    Unknown,
    /// Its family was revoked.
    Revoked,
    /// It was used before; its family is revoked now.
    Reused,
}

/// All that was issued.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) clients: HashMap<String, Client>,
    pub(crate) codes: HashMap<Digest, Code>,
    pub(crate) devices: HashMap<Digest, Device>,
    pub(crate) consents: HashMap<String, PendingConsent>,
    families: Vec<Family>,
    access: HashMap<Digest, Access>,
    refresh: HashMap<Digest, Refresh>,
}

impl Ledger {
    pub(crate) fn open_family(&mut self, grant: Grant) -> FamilyId {
        self.families.push(Family {
            grant,
            revoked: false,
        });
        self.families.len() - 1
    }

    pub(crate) fn grant(&self, family: FamilyId) -> &Grant {
        &self.families[family].grant
    }

    pub(crate) fn is_revoked(&self, family: FamilyId) -> bool {
        self.families[family].revoked
    }

    pub(crate) fn revoke_family(&mut self, family: FamilyId) {
        self.families[family].revoked = true;
    }

    pub(crate) fn revoke_all(&mut self) {
        for family in &mut self.families {
            family.revoked = true;
        }
    }

    pub(crate) fn revoke_client(&mut self, client_id: &str) {
        for family in &mut self.families {
            family.revoked |= family.grant.client_id == client_id;
        }
    }

    pub(crate) fn expire_access_tokens(&mut self, now: SystemTime) {
        for access in self.access.values_mut() {
            access.expires_at = access.expires_at.min(now);
        }
    }

    /// The first access token of a family, with a refresh token if the terms and the client allow one.
    pub(crate) fn issue(&mut self, family: FamilyId, terms: Terms, refreshable: Refreshable) -> Issued {
        let scope = self.grant(family).scope.clone();
        let mut issued = self.issue_access(family, scope, terms);
        if refreshable == Refreshable::Yes && terms.refresh != RefreshTokens::Never {
            issued.refresh_token = Some(self.issue_refresh(family));
        }
        issued
    }

    /// Spends a refresh token (RFC 6749 §6); `scope` narrows the new access token only.
    pub(crate) fn refresh(&mut self, token: &str, scope: Scope, terms: Terms) -> Issued {
        let digest = Digest::of(token);
        let family = self.refresh.get(&digest).map_or(0, |refresh| refresh.family);
        let mut issued = self.issue_access(family, scope, terms);
        issued.refresh_token = Some(match terms.refresh {
            RefreshTokens::Rotating { .. } => {
                if let Some(refresh) = self.refresh.get_mut(&digest) {
                    refresh.spent_at.get_or_insert(terms.now);
                }
                self.issue_refresh(family)
            }
            RefreshTokens::Reusable | RefreshTokens::Never => token.to_owned(),
        });
        issued
    }

    /// The family of a refresh token that `client_id` may use now; a reused one ends its family.
    pub(crate) fn refreshable(
        &mut self,
        token: &str,
        client_id: &str,
        terms: Terms,
    ) -> Result<FamilyId, RefreshRefusal> {
        let refresh = self.refresh.get(&Digest::of(token));
        let refresh = refresh.ok_or(RefreshRefusal::Unknown)?;
        let (family, spent_at) = (refresh.family, refresh.spent_at);
        if self.grant(family).client_id != client_id {
            return Err(RefreshRefusal::Unknown);
        }
        if self.is_revoked(family) {
            return Err(RefreshRefusal::Revoked);
        }
        if spent_at.is_some_and(|spent_at| !within_grace(spent_at, terms)) {
            self.revoke_family(family);
            return Err(RefreshRefusal::Reused);
        }
        Ok(family)
    }

    /// A live access token and what was agreed to.
    pub(crate) fn live_access(&self, token: &str, now: SystemTime) -> Option<(&Access, &Grant)> {
        let access = self.access.get(&Digest::of(token))?;
        let live = !access.revoked && access.expires_at > now && !self.is_revoked(access.family);
        live.then(|| (access, self.grant(access.family)))
    }

    /// The family of a live refresh token.
    pub(crate) fn live_refresh(&self, token: &str) -> Option<FamilyId> {
        let refresh = self.refresh.get(&Digest::of(token))?;
        (refresh.spent_at.is_none() && !self.is_revoked(refresh.family)).then_some(refresh.family)
    }

    /// The family of any token ever issued, dead ones included, and whether it is a refresh token.
    pub(crate) fn family_of(&self, token: &str) -> Option<(FamilyId, Refreshable)> {
        let digest = Digest::of(token);
        let refresh = self
            .refresh
            .get(&digest)
            .map(|refresh| (refresh.family, Refreshable::Yes));
        refresh.or_else(|| {
            self.access
                .get(&digest)
                .map(|access| (access.family, Refreshable::No))
        })
    }

    pub(crate) fn revoke_access(&mut self, token: &str) {
        if let Some(access) = self.access.get_mut(&Digest::of(token)) {
            access.revoked = true;
        }
    }

    fn issue_access(&mut self, family: FamilyId, scope: Scope, terms: Terms) -> Issued {
        let access_token = mint(Kind::AccessToken);
        self.access.insert(
            Digest::of(&access_token),
            Access {
                family,
                scope: scope.clone(),
                expires_at: terms.now + terms.access_lifetime,
                revoked: false,
            },
        );
        Issued {
            access_token,
            refresh_token: None,
            scope,
            lifetime: terms.access_lifetime,
            account: self.grant(family).account.clone(),
            client_id: self.grant(family).client_id.clone(),
            bound: self.grant(family).key.is_some(),
        }
    }

    fn issue_refresh(&mut self, family: FamilyId) -> String {
        let token = mint(Kind::RefreshToken);
        self.refresh.insert(
            Digest::of(&token),
            Refresh {
                family,
                spent_at: None,
            },
        );
        token
    }
}

/// Whether a refresh token is, or goes with, a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshable {
    Yes,
    No,
}

fn within_grace(spent_at: SystemTime, terms: Terms) -> bool {
    match terms.refresh {
        RefreshTokens::Rotating { grace } => terms
            .now
            .duration_since(spent_at)
            .is_ok_and(|since| since < grace),
        RefreshTokens::Reusable | RefreshTokens::Never => true,
    }
}

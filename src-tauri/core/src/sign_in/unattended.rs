//! Getting in without a person: the client, or whoever vouches for it, is known at the authorization server.

use super::{Asked, SignIn, SignInError};
use crate::oauth::{
    client::ClientInformation, discovery::DiscoveryError, grant::Grant, scope::Scopes, token::Target,
    unattended,
};

impl SignIn {
    /// Fetches the first token.
    pub(super) async fn fetch(
        &mut self,
        Asked { discovery, scope, .. }: &Asked<'_>,
        stored: Option<ClientInformation>,
    ) -> Result<Grant, SignInError> {
        let client = self.client(discovery, Vec::new(), stored).await?;
        let target = Target::of(discovery, Scopes::clone(scope));
        let target = target.ok_or_else(|| DiscoveryError::MetadataMissing {
            issuer: discovery.server.issuer.clone(),
        })?;
        let response = unattended::request(&self.http, &target, &client, &self.auth).await?;
        Ok(target
            .redeemed(&self.http, response)
            .into_grant(self.key.clone(), client))
    }
}

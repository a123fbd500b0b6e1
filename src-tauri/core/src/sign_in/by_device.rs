//! A sign-in with a code that is entered on any device (RFC 8628).

use super::{Asked, SignIn, SignInError, undisturbed};
use crate::{
    config::GrantType,
    oauth::{client::ClientInformation, device::DeviceRequest, grant::Grant, scope::Scopes},
};

impl SignIn {
    /// Shows a code and waits until somebody has entered it.
    pub(super) async fn show_code(
        &mut self,
        Asked { discovery, scope, .. }: &Asked<'_>,
        stored: Option<ClientInformation>,
    ) -> Result<Grant, SignInError> {
        // The client is to be one for this grant, also where the config file left the choice.
        self.auth.grant = GrantType::DeviceCode;
        let client = self.client(discovery, Vec::new(), stored).await?;
        let request = DeviceRequest {
            discovery,
            client: &client,
            auth: &self.auth,
            scope: Scopes::clone(scope),
        };
        let authorization = request.begin(&self.http).await?.until(self.deadline);
        (self.prompt)(authorization.prompt());
        let waiting = authorization.redeem(&self.http, &client);
        let redeemed = undisturbed(&mut self.responses, waiting).await?;
        Ok(redeemed.into_grant(self.key.clone(), client))
    }
}

#[cfg(test)]
mod tests;

//! Token revocation (RFC 7009): a refresh token takes its family with it.

use std::sync::Arc;

use axum::response::Response;

use super::{
    client_authentication::authenticate,
    ledger::Refreshable,
    token::{check_form, failure},
};
use crate::{
    incoming::Incoming,
    reply::{OAuthError, empty},
    world::World,
};

/// `POST /revoke`
pub(crate) fn serve(world: &Arc<World>, incoming: &Incoming) -> Response {
    match revoke(world, incoming) {
        Ok(()) => empty(200),
        Err(error) => failure(incoming, error),
    }
}

/// An unknown token is fine: it is as good as revoked (§2.2).
fn revoke(world: &World, incoming: &Incoming) -> Result<(), OAuthError> {
    check_form(incoming)?;
    let client = authenticate(world, incoming)?;
    let token = incoming.form.get("token");
    let token = token.ok_or(OAuthError::invalid_request("token is missing"))?;
    let mut ledger = world.ledger();
    let Some((family, refreshable)) = ledger.family_of(token) else {
        return Ok(());
    };
    if ledger.grant(family).client_id != client.id {
        return Err(OAuthError::new(
            "unauthorized_client",
            "the token is another client's",
        ));
    }
    match refreshable {
        Refreshable::Yes => ledger.revoke_family(family),
        Refreshable::No => ledger.revoke_access(token),
    }
    Ok(())
}

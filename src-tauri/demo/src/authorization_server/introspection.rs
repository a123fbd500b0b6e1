//! Token introspection (RFC 7662), for clients that want to know who they act for.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    client_authentication::authenticate,
    ledger::Grant,
    token::{check_form, failure},
};
use crate::{
    incoming::Incoming,
    now::epoch_seconds,
    reply::{self, OAuthError},
    scope::Scope,
    world::World,
};

/// `POST /introspect`
pub(crate) fn serve(world: &Arc<World>, incoming: &Incoming) -> Response {
    match introspect(world, incoming) {
        Ok(document) => reply::json(200, &document),
        Err(error) => failure(incoming, error),
    }
}

/// Another client's token is answered like an unknown one (§2.2).
fn introspect(world: &World, incoming: &Incoming) -> Result<Value, OAuthError> {
    check_form(incoming)?;
    let client = authenticate(world, incoming)?;
    let token = incoming.form.get("token");
    let token = token.ok_or(OAuthError::invalid_request("token is missing"))?;
    let (issuer, now) = (world.issuer(), world.now());
    let ledger = world.ledger();
    if let Some((access, grant)) = ledger.live_access(token, now)
        && grant.client_id == client.id
    {
        let mut document = active(&issuer, grant, &access.scope);
        document["token_type"] = json!("Bearer");
        document["exp"] = json!(epoch_seconds(access.expires_at));
        return Ok(document);
    }
    let family = ledger.live_refresh(token).map(|family| ledger.grant(family));
    Ok(match family.filter(|grant| grant.client_id == client.id) {
        Some(grant) => active(&issuer, grant, &grant.scope),
        None => json!({"active": false}),
    })
}

fn active(issuer: &str, grant: &Grant, scope: &Scope) -> Value {
    let mut document = json!({
        "active": true,
        "iss": issuer,
        "aud": grant.resource,
        "client_id": grant.client_id,
        "scope": scope.to_string(),
    });
    if let Some(account) = &grant.account {
        document["sub"] = json!(account.subject);
        document["username"] = json!(account.email);
    }
    document
}

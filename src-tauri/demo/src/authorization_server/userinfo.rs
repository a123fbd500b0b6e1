//! Who am I (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::response::Response;
use http::header;
use serde_json::json;

use crate::{
    incoming::Incoming,
    reply::{self, text, with_header},
    resource_server::bearer::presented,
    world::World,
};

/// `GET /userinfo`
pub(crate) fn serve(world: &Arc<World>, incoming: &Incoming) -> Response {
    let now = world.now();
    let ledger = world.ledger();
    let presented = presented(world, incoming).ok().flatten();
    let live = presented.and_then(|presented| {
        let live = ledger.live_access(presented.token, now);
        live.filter(|(_, grant)| grant.key == presented.key)
    });
    let Some((access, grant)) = live else {
        let field = "Bearer error=\"invalid_token\"";
        return with_header(text(401, "unauthorized"), &header::WWW_AUTHENTICATE, field);
    };
    match &grant.account {
        Some(account) if access.scope.has("openid") => reply::json(
            200,
            &json!({
                "sub": account.subject,
                "name": account.name,
                "email": account.email,
                "workspace_name": account.workspace,
            }),
        ),
        _ => {
            let field = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
            with_header(text(403, "openid is needed"), &header::WWW_AUTHENTICATE, field)
        }
    }
}

//! Who am I (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::response::Response;
use http::header;
use serde_json::json;

use crate::{
    incoming::Incoming,
    reply::{self, text, with_header},
    resource_server::bearer::bearer,
    world::World,
};

/// `GET /userinfo`
pub(crate) fn serve(world: &Arc<World>, incoming: &Incoming) -> Response {
    let now = world.now();
    let ledger = world.ledger();
    let live = bearer(incoming).and_then(|token| ledger.live_access(token, now));
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

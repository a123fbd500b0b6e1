//! Asking the provider who signed in: userinfo (OpenID Connect Core §5.3) or introspection (RFC 7662).

use http::header;
use serde_json::{Map, Value};

use super::{Identity, bearer, claims};
use crate::oauth::{
    client::ClientAuthMethod,
    client_authentication::authenticated_form,
    grant::Grant,
    http::{Http, HttpRequest},
    timeline::Stage,
};

/// One request at most; nothing when there is nobody to ask or no answer.
pub(super) async fn ask(http: &Http, grant: &Grant) -> Identity {
    let request = match userinfo(grant) {
        Some(request) => Some(request),
        None => introspection(http, grant).await,
    };
    let Some(request) = request else {
        return Identity::default();
    };
    let answer = match http.send(request).await {
        Ok(response) if response.status.is_success() => {
            serde_json::from_slice::<Map<String, Value>>(&response.body).ok()
        }
        _ => None,
    };
    answer.map_or_else(Identity::default, |claims| claims::in_claims(&claims))
}

/// Userinfo is there for tokens that carry `openid`; with any other it answers 403 and teaches nothing.
fn userinfo(grant: &Grant) -> Option<HttpRequest> {
    if !grant.tokens.scope.contains("openid") {
        return None;
    }
    let mut request = HttpRequest::get(grant.endpoints.userinfo.clone()?, Stage::Identity);
    let credential = bearer(&grant.tokens.access_token)?;
    request.headers.insert(header::AUTHORIZATION, credential);
    Some(request)
}

/// RFC 7662 §2.1 wants the caller authenticated, which a public client is not.
async fn introspection(http: &Http, grant: &Grant) -> Option<HttpRequest> {
    if grant.client.auth_method == ClientAuthMethod::None {
        return None;
    }
    let endpoint = grant.endpoints.introspection.as_ref()?;
    let token = grant.tokens.access_token.secret();
    let parameters = [("token", token.as_str()), ("token_type_hint", "access_token")];
    let request = authenticated_form(http, (endpoint, Stage::Identity), &grant.client, &parameters).await;
    request.ok()
}

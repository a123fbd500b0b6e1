//! Asking the provider who signed in: userinfo (OpenID Connect Core §5.3) or introspection (RFC 7662).

use serde_json::{Map, Value};

use super::{Identity, claims};
use crate::oauth::{
    bearer::Bearer,
    client::ClientAuthMethod,
    client_authentication::authenticated_form,
    dpop,
    grant::Grant,
    http::{Http, HttpRequest, HttpResponse},
    timeline::Stage,
};

/// One request at most; nothing when there is nobody to ask or no answer.
pub(super) async fn ask(http: &Http, grant: &Grant) -> Identity {
    let response = match userinfo(http, grant).await {
        Some(response) => Some(response),
        None => introspection(http, grant).await,
    };
    let answer = match response {
        Some(response) if response.status.is_success() => {
            serde_json::from_slice::<Map<String, Value>>(&response.body).ok()
        }
        _ => None,
    };
    answer.map_or_else(Identity::default, |claims| claims::in_claims(&claims))
}

/// Userinfo is there for tokens that carry `openid`; with any other it answers 403 and teaches nothing.
async fn userinfo(http: &Http, grant: &Grant) -> Option<HttpResponse> {
    if !grant.tokens.scope.contains("openid") {
        return None;
    }
    let endpoint = grant.endpoints.userinfo.as_ref()?;
    let bearer = Bearer::of(grant, None, http.clock()).ok()?;
    let ask = || {
        let mut request = HttpRequest::get(endpoint.clone(), Stage::Identity);
        let presented = bearer.present(&mut request.headers, (&request.method, endpoint.as_url()));
        presented.map(|()| http.send(request))
    };
    let response = ask().ok()?.await.ok()?;
    let wants_nonce = dpop::is_nonce_challenge(response.status, &response.headers)
        && bearer
            .prover()
            .is_some_and(|prover| prover.learn(&response.headers));
    if wants_nonce {
        return ask().ok()?.await.ok();
    }
    Some(response)
}

/// RFC 7662 §2.1 wants the caller authenticated, which a public client is not.
async fn introspection(http: &Http, grant: &Grant) -> Option<HttpResponse> {
    if grant.client.auth_method == ClientAuthMethod::None {
        return None;
    }
    let endpoint = grant.endpoints.introspection.as_ref()?;
    let token = grant.tokens.access_token.secret();
    let parameters = [("token", token.as_str()), ("token_type_hint", "access_token")];
    let request = authenticated_form(http, (endpoint, Stage::Identity), &grant.client, &parameters).await;
    http.send(request.ok()?).await.ok()
}

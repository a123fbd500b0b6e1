//! Giving tokens back (RFC 7009): the refresh token first, because it could make new access tokens meanwhile.
//!
//! Never decides whether a grant is wiped locally: that happens whatever comes of this.

use super::{
    client_authentication::authenticated_form,
    grant::Grant,
    http::{Http, HttpResponse},
    timeline::Stage,
};
use crate::{Explain, Problem};

/// What became of each token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationReport {
    /// The refresh token.
    pub refresh_token: Revocation,
    /// The access token.
    pub access_token: Revocation,
}

/// What became of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The server took it back, or no longer knew it, which RFC 7009 §2.2 does not tell apart.
    Revoked,
    /// There was no such token.
    Absent,
    /// The server offers no revocation, or none for this kind of token (RFC 7009 §2.2.1): it ends by itself.
    Unsupported,
    /// It was not taken back.
    Failed(Problem),
}

/// The server did not take a token back.
#[derive(Debug, thiserror::Error)]
#[error("the authorization server answered HTTP {status} to the revocation")]
struct Refused {
    status: u16,
}

impl Explain for Refused {
    fn code(&self) -> &'static str {
        "revocation_failed"
    }

    fn action(&self) -> crate::Action {
        crate::Action::None
    }
}

impl RevocationReport {
    /// Whether nothing is left that could be used.
    pub fn is_complete(&self) -> bool {
        [&self.refresh_token, &self.access_token]
            .iter()
            .all(|each| matches!(each, Revocation::Revoked | Revocation::Absent))
    }
}

/// Revokes both tokens of a grant, and says what became of each.
pub async fn revoke(http: &Http, grant: &Grant) -> RevocationReport {
    let refresh_token = match &grant.tokens.refresh_token {
        Some(token) => revoke_one(http, grant, ("refresh_token", token.secret())).await,
        None => Revocation::Absent,
    };
    let access_token = match &refresh_token {
        // The server cannot be asked; a second time-out would only make the user wait.
        Revocation::Failed(problem) if problem.action == crate::Action::Retry => refresh_token.clone(),
        _ => revoke_one(http, grant, ("access_token", grant.tokens.access_token.secret())).await,
    };
    RevocationReport {
        refresh_token,
        access_token,
    }
}

async fn revoke_one(http: &Http, grant: &Grant, (hint, token): (&str, &str)) -> Revocation {
    let Some(endpoint) = &grant.endpoints.revocation else {
        return Revocation::Unsupported;
    };
    let parameters = [("token", token), ("token_type_hint", hint)];
    let endpoint = (endpoint, Stage::Revocation);
    let request = match authenticated_form(http, endpoint, &grant.client, &parameters).await {
        Ok(request) => request,
        Err(error) => return Revocation::Failed(error.problem()),
    };
    match http.send(request).await {
        Ok(response) => read(&response),
        Err(error) => Revocation::Failed(error.problem()),
    }
}

/// RFC 7009 §2.2: the status says it all; `unsupported_token_type` is the one code of its own.
fn read(response: &HttpResponse) -> Revocation {
    if response.status.is_success() {
        return Revocation::Revoked;
    }
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    if body.get("error").and_then(|code| code.as_str()) == Some("unsupported_token_type") {
        return Revocation::Unsupported;
    }
    let status = response.status.as_u16();
    Revocation::Failed(Refused { status }.problem())
}

#[cfg(test)]
mod tests {
    use axum::response::Response;
    use oauth2::ClientSecret;
    use serde_json::json;

    use super::*;
    use crate::{
        clock::Clock,
        config::SecretSource,
        oauth::{
            client::{ClientAuthMethod, ClientKey},
            signing_key::tests::{p256, verified},
            testing::{Server, grant, http, json as answer, start},
        },
    };

    async fn report(answer: impl Fn(&str) -> Response + Send + Sync + 'static) -> (RevocationReport, Server) {
        let server =
            Server::start(move |seen| answer(seen.value("token_type_hint").unwrap_or_default())).await;
        (revoke(&http(&Clock::system()), &grant(&server.url)).await, server)
    }

    #[tokio::test]
    async fn the_refresh_token_goes_first_and_both_are_reported() {
        let (report, server) = report(|_| answer(200, &json!({}))).await;
        assert!(report.is_complete());
        let seen = server.seen();
        let asked: Vec<_> = seen
            .iter()
            .map(|seen| (seen.path.as_str(), seen.value("token")))
            .collect();
        assert_eq!(
            asked,
            [
                ("/revoke", Some("planted-refresh-1")),
                ("/revoke", Some("planted-access-1"))
            ]
        );
        assert_eq!(seen[0].value("client_id"), Some("client-1"));
    }

    #[tokio::test]
    async fn a_client_that_signs_revokes_with_a_new_assertion_for_each_token() {
        let (pem, public) = p256();
        let server = Server::start(|_| answer(200, &json!({}))).await;
        let mut grant = grant(&server.url);
        grant.client.auth_method = ClientAuthMethod::PrivateKeyJwt;
        grant.client.key = Some(ClientKey {
            source: SecretSource::Variable("KEY".to_owned(), ClientSecret::new(pem)),
            algorithm: None,
        });
        let report = revoke(&http(&Clock::manual(start()).0), &grant).await;
        assert!(report.is_complete(), "{report:?}");
        let claims: Vec<_> = server
            .seen()
            .iter()
            .map(|seen| verified(seen.value("client_assertion").expect("an assertion"), &public))
            .collect();
        assert_eq!(claims.len(), 2);
        assert_eq!(claims[0]["aud"], "https://as.example");
        assert_ne!(claims[0]["jti"], claims[1]["jti"]);
    }

    #[tokio::test]
    async fn a_server_that_revokes_only_refresh_tokens_is_no_failure() {
        let (report, _server) = report(|hint| match hint {
            "refresh_token" => answer(200, &json!({})),
            _ => answer(400, &json!({"error": "unsupported_token_type"})),
        })
        .await;
        assert_eq!(report.refresh_token, Revocation::Revoked);
        assert_eq!(report.access_token, Revocation::Unsupported);
        assert!(!report.is_complete());
    }

    #[tokio::test]
    async fn a_refusal_is_told_and_the_other_token_is_still_tried() {
        let (report, server) = report(|_| answer(503, &json!({}))).await;
        let Revocation::Failed(problem) = report.refresh_token else {
            panic!("{report:?}");
        };
        assert_eq!(problem.code, "revocation_failed");
        assert_eq!(server.seen().len(), 2);
    }

    #[tokio::test]
    async fn without_an_endpoint_or_a_token_nobody_is_asked() {
        let mut grant = grant("https://as.example");
        grant.endpoints.revocation = None;
        grant.tokens.refresh_token = None;
        let report = revoke(&http(&Clock::system()), &grant).await;
        assert_eq!(report.refresh_token, Revocation::Absent);
        assert_eq!(report.access_token, Revocation::Unsupported);
    }

    #[tokio::test]
    async fn an_unreachable_server_is_asked_once_and_both_tokens_are_reported() {
        let server = Server::start(|_| answer(200, &json!({}))).await;
        let grant = grant(&server.url);
        drop(server);
        let report = revoke(&http(&Clock::system()), &grant).await;
        assert!(matches!(report.refresh_token, Revocation::Failed(_)));
        assert_eq!(report.refresh_token, report.access_token);
    }
}

//! What is asked, and what is made of the answer.

use oauth2::{ClientId, ClientSecret};

use super::*;
use crate::{
    config::{NamedSecret, RefreshScope},
    oauth::{
        client::{ClientAuthMethod, ClientRegistration},
        issuer::Issuer,
        scope::Scopes,
    },
};

async fn with(scene: &Scene, refresh_scope: RefreshScope) -> RefreshOutcome {
    let auth = AuthConfig {
        refresh_scope,
        ..AuthConfig::default()
    };
    scene
        .refresher
        .refresh(&scene.grant.key, &auth, RefreshReason::Expiring)
        .await
}

#[tokio::test]
async fn the_request_carries_the_exact_resource_the_client_and_no_scope() {
    let scene = Scene::rotating().await;
    scene.expiring().await;
    let seen = &scene.server.seen()[0];
    assert_eq!(seen.path, "/token");
    assert_eq!(seen.value("grant_type"), Some("refresh_token"));
    assert_eq!(seen.value("refresh_token"), Some("planted-refresh-1"));
    assert_eq!(seen.value("resource"), Some("https://mcp.example/mcp"));
    assert_eq!(seen.value("client_id"), Some("client-1"));
    assert_eq!(seen.value("scope"), None);
}

#[tokio::test]
async fn what_the_answer_leaves_out_is_carried_forward() {
    let scene = Scene::answering(200, json!({"access_token": "new", "refresh_token": ""})).await;
    let mut grant = scene.grant.clone();
    grant.identity.workspace = Some("Acme".to_owned());
    grant.tokens.id_token = Some(crate::oauth::grant::IdToken::new("planted-id".to_owned()));
    scene.save(&grant).await;
    scene.expiring().await;
    let stored = scene.stored().await.expect("stored");
    assert_eq!(
        stored.tokens.refresh_token.expect("one").secret(),
        "planted-refresh-1"
    );
    assert_eq!(stored.tokens.scope, Scopes::parse("read"));
    assert_eq!(stored.tokens.id_token.expect("one").secret(), "planted-id");
    assert_eq!(stored.tokens.expires_at, None);
    assert_eq!(stored.identity.workspace.as_deref(), Some("Acme"));
    assert_eq!(stored.requested_scope, Scopes::parse("read write"));
}

#[tokio::test]
async fn a_scope_is_sent_when_told_and_never_when_told_not_to() {
    let scene = Scene::rotating().await;
    with(&scene, RefreshScope::Send).await;
    assert_eq!(scene.server.seen()[0].value("scope"), Some("read write"));
    let refusing = Scene::answering(400, json!({"error": "invalid_scope"})).await;
    assert!(matches!(
        with(&refusing, RefreshScope::Omit).await,
        RefreshOutcome::Unavailable { .. }
    ));
    assert_eq!(refusing.requests(), 1);
    assert!(matches!(
        with(&refusing, RefreshScope::Send).await,
        RefreshOutcome::Unavailable { .. }
    ));
    assert_eq!(refusing.requests(), 2);
}

#[tokio::test]
async fn a_server_that_wants_the_scope_gets_it_on_the_second_try() {
    let server = Server::start(|seen| match seen.value("scope") {
        None => answer(
            400,
            &json!({"error": "invalid_request", "error_description": "AADSTS90009: for itself"}),
        ),
        Some(_) => answer(200, &json!({"access_token": "scoped"})),
    })
    .await;
    let scene = Scene::at(server).await;
    assert_eq!(access_token(&scene.expiring().await), "scoped");
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_complaint_about_the_scope_never_ends_a_grant() {
    let scene = Scene::answering(400, json!({"error": "invalid_scope"})).await;
    let outcome = scene.expiring().await;
    assert!(matches!(outcome, RefreshOutcome::Unavailable { .. }));
    assert_eq!(scene.requests(), 2);
    assert_eq!(scene.stored().await.expect("stored").standing, Standing::Good);
}

#[tokio::test]
async fn no_credential_of_one_issuer_goes_to_another() {
    let scene = Scene::rotating().await;
    let mut grant = scene.grant.clone();
    grant.client.issuer = Issuer::parse("https://other.example").expect("valid");
    scene.save(&grant).await;
    assert!(matches!(
        scene.expiring().await,
        RefreshOutcome::Unavailable { .. }
    ));
    assert_eq!(scene.requests(), 0);
}

#[tokio::test]
async fn a_secret_that_the_user_replaced_is_used_at_once() {
    let scene = Scene::rotating().await;
    let mut grant = scene.grant.clone();
    grant.client.registration = ClientRegistration::Preregistered;
    grant.client.auth_method = ClientAuthMethod::ClientSecretPost;
    scene.save(&grant).await;
    let auth = AuthConfig {
        client_id: Some("client-1".to_owned()),
        client_secret: Some(NamedSecret {
            source: "client_secret".to_owned(),
            secret: ClientSecret::new("planted-second-secret".to_owned()),
        }),
        ..AuthConfig::default()
    };
    scene
        .refresher
        .refresh(&scene.grant.key, &auth, RefreshReason::Expiring)
        .await;
    assert_eq!(
        scene.server.seen()[0].value("client_secret"),
        Some("planted-second-secret")
    );
}

#[tokio::test]
async fn a_client_the_user_entered_is_the_users_to_correct_and_the_grant_stays() {
    let scene = Scene::answering(401, json!({"error": "invalid_client"})).await;
    let mut grant = scene.grant.clone();
    grant.client.registration = ClientRegistration::Preregistered;
    scene.save(&grant).await;
    let outcome = scene.expiring().await;
    assert_eq!(
        outcome.problem("notion").expect("a problem").action,
        crate::Action::EnterClient
    );
    assert_eq!(scene.stored().await.expect("stored").standing, Standing::Good);
    assert_eq!(scene.requests(), 1);
}

/// An authorization server that knows nobody but the clients it registers from now on.
async fn forgetful(refreshes: impl Fn() -> Response + Send + Sync + 'static) -> Scene {
    let own = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&own);
    let server = Server::start(move |seen| {
        let url = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (seen.path.as_str(), seen.value("client_id")) {
            ("/.well-known/oauth-protected-resource" | "/.well-known/oauth-protected-resource/mcp", _) => {
                answer(200, &json!({"resource": format!("{url}/mcp"), "authorization_servers": [url]}))
            }
            ("/.well-known/oauth-authorization-server", _) => answer(
                200,
                &json!({
                    "issuer": url, "authorization_endpoint": format!("{url}/authorize"),
                    "token_endpoint": format!("{url}/token"), "registration_endpoint": format!("{url}/register"),
                    "code_challenge_methods_supported": ["S256"],
                }),
            ),
            ("/register", _) => answer(
                201,
                &json!({"client_id": "client-2", "redirect_uris": ["http://127.0.0.1:1/oauth/callback"]}),
            ),
            ("/token", Some("client-2")) => refreshes(),
            ("/token", _) => answer(401, &json!({"error": "invalid_client"})),
            _ => answer(404, &json!({})),
        }
    })
    .await;
    own.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone_from(&server.url);
    let issuer = Issuer::parse(&server.url).expect("valid");
    let mut scene = Scene::at(server).await;
    scene.grant.key.url = format!("{}/mcp", scene.server.url).parse().expect("valid");
    scene.grant.issuer = issuer.clone();
    scene.grant.client.issuer = issuer;
    scene.grant.client.redirect_uris = vec!["http://127.0.0.1:1/oauth/callback".to_owned()];
    scene.save(&scene.grant).await;
    scene
}

fn asked(scene: &Scene, path: &str) -> usize {
    scene
        .server
        .seen()
        .iter()
        .filter(|seen| seen.path == path)
        .count()
}

#[tokio::test]
async fn a_client_the_server_forgot_is_registered_again_once_and_remembered() {
    let scene = forgetful(|| answer(200, &json!({"access_token": "new"}))).await;
    assert_eq!(access_token(&scene.expiring().await), "new");
    assert_eq!((asked(&scene, "/token"), asked(&scene, "/register")), (2, 1));
    let stored = scene.stored().await.expect("stored");
    assert_eq!(*stored.client.client_id, "client-2");
    let client = scene
        .refresher
        .0
        .vault
        .load_client(&stored.key.server, &stored.issuer)
        .await;
    assert_eq!(
        client.expect("readable").expect("saved").client_id,
        ClientId::new("client-2".to_owned())
    );
}

#[tokio::test]
async fn a_refresh_token_that_went_with_its_client_ends_the_grant_after_one_registration() {
    let scene = forgetful(|| answer(400, &json!({"error": "invalid_grant"}))).await;
    let outcome = scene.expiring().await;
    assert!(
        matches!(&outcome, RefreshOutcome::Rejected { code } if code == "invalid_client"),
        "{outcome:?}"
    );
    scene.expiring().await;
    assert_eq!((asked(&scene, "/token"), asked(&scene, "/register")), (2, 1));
}

#[tokio::test]
async fn a_registration_made_before_a_failure_is_used_and_not_made_again() {
    let status = Arc::new(Mutex::new(503));
    let current = Arc::clone(&status);
    let scene = forgetful(move || {
        let status = *current.lock().unwrap_or_else(PoisonError::into_inner);
        answer(status, &json!({"access_token": "new"}))
    })
    .await;
    assert!(matches!(
        scene.expiring().await,
        RefreshOutcome::Unavailable { .. }
    ));
    *status.lock().unwrap_or_else(PoisonError::into_inner) = 200;
    assert_eq!(access_token(&scene.expiring().await), "new");
    assert_eq!(asked(&scene, "/register"), 1);
}

#[tokio::test]
async fn a_client_whose_secret_has_ended_registers_again_before_asking() {
    let scene = forgetful(|| answer(200, &json!({"access_token": "new"}))).await;
    let mut grant = scene.grant.clone();
    grant.client.client_secret_expires_at = Some(start());
    scene.save(&grant).await;
    assert_eq!(access_token(&scene.expiring().await), "new");
    assert_eq!((asked(&scene, "/token"), asked(&scene, "/register")), (1, 1));
}

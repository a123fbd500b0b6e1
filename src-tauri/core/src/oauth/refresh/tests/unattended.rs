//! Grants without a person: no refresh token, and the same rules.

use super::*;
use crate::config::GrantType;

fn auth() -> AuthConfig {
    AuthConfig {
        grant: GrantType::ClientCredentials,
        ..AuthConfig::default()
    }
}

async fn scene(status: u16, body: Value) -> Scene {
    let mut scene = Scene::answering(status, body).await;
    scene.grant.tokens.refresh_token = None;
    scene.save(&scene.grant.clone()).await;
    scene
}

#[tokio::test]
async fn a_token_without_a_person_is_fetched_anew_once_for_everybody_who_asks() {
    let scene = scene(
        200,
        json!({"access_token": "planted-access-2", "expires_in": 3600}),
    )
    .await;
    let auth = auth();
    let ask = || {
        scene
            .refresher
            .refresh(&scene.grant.key, &auth, rejected("planted-access-1"))
    };
    let (one, other) = tokio::join!(ask(), ask());
    assert_eq!(
        (access_token(&one), access_token(&other)),
        ("planted-access-2", "planted-access-2")
    );
    assert_eq!(scene.requests(), 1);
    let seen = &scene.server.seen()[0];
    assert_eq!(seen.value("grant_type"), Some("client_credentials"));
    assert_eq!(seen.value("resource"), Some("https://mcp.example/mcp"));
    assert_eq!(seen.value("scope"), Some("read write"));
    let stored = scene.stored().await.expect("stored");
    assert_eq!(stored.tokens.access_token.secret(), "planted-access-2");
}

#[tokio::test]
async fn a_rejection_of_what_was_presented_ends_the_grant_and_is_remembered() {
    let scene = scene(401, json!({"error": "invalid_client"})).await;
    for _ in 0..2 {
        let outcome = scene
            .refresher
            .refresh(&scene.grant.key, &auth(), RefreshReason::Expiring)
            .await;
        assert!(
            matches!(&outcome, RefreshOutcome::Rejected { code } if code == "invalid_client"),
            "{outcome:?}"
        );
    }
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_ends_nothing() {
    let scene = scene(503, json!({})).await;
    let outcome = scene
        .refresher
        .refresh(&scene.grant.key, &auth(), RefreshReason::Expiring)
        .await;
    assert!(
        matches!(outcome, RefreshOutcome::Unavailable { .. }),
        "{outcome:?}"
    );
    assert_eq!(
        scene.stored().await.map(|grant| grant.standing),
        Some(Standing::Good)
    );
}

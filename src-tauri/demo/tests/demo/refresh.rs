//! Refresh tokens: rotation, reuse, expiry, revocation.

use std::time::Duration;

use omlx_demo::{DemoOptions, RefreshTokens, TokenPolicy};
use serde_json::json;

use crate::hand::{Hand, Hands, Tokens};

fn with_grace(clock: &Hands, grace: Duration) -> DemoOptions {
    DemoOptions {
        now: clock.now(),
        tokens: TokenPolicy {
            refresh: RefreshTokens::Rotating { grace },
            ..TokenPolicy::default()
        },
        ..DemoOptions::headless()
    }
}

#[tokio::test]
async fn a_refresh_rotates_both_tokens_and_the_old_access_token_lives_on() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let first = hand.sign_in(&client.id).await;
    let (status, reply) = hand.refresh(&client.id, &first.refresh).await;
    let second = Tokens::from(reply);
    assert_eq!(status, 200);
    assert!(first.access != second.access && first.refresh != second.refresh);
    assert!(hand.is_accepted(&first.access).await && hand.is_accepted(&second.access).await);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_family() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let first = hand.sign_in(&client.id).await;
    let second = Tokens::from(hand.refresh(&client.id, &first.refresh).await.1);
    let (status, error) = hand.refresh(&client.id, &first.refresh).await;
    assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));
    assert_eq!(hand.refresh(&client.id, &second.refresh).await.0, 400);
    assert!(!hand.is_accepted(&second.access).await);
    let other = hand.sign_in(&client.id).await;
    assert!(hand.is_accepted(&other.access).await);
}

#[tokio::test]
async fn within_the_grace_a_spent_refresh_token_still_works() {
    let clock = Hands::new();
    let hand = Hand::start(with_grace(&clock, Duration::from_secs(30))).await;
    let client = hand.register().await;
    let first = hand.sign_in(&client.id).await;
    assert_eq!(hand.refresh(&client.id, &first.refresh).await.0, 200);
    clock.advance(Duration::from_secs(29));
    assert_eq!(hand.refresh(&client.id, &first.refresh).await.0, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        hand.refresh(&client.id, &first.refresh).await.1["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn an_access_token_ends_when_the_injected_clock_says_so() {
    let clock = Hands::new();
    let hand = Hand::start(with_grace(&clock, Duration::ZERO)).await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    clock.advance(Duration::from_secs(299));
    assert!(hand.is_accepted(&tokens.access).await);
    clock.advance(Duration::from_secs(1));
    let refused = hand
        .stateless("tools/list", json!({}))
        .bearer_auth(&tokens.access)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"invalid_token\""),
        "{challenge}"
    );
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn a_refresh_of_another_client_or_scope_is_refused_and_spends_nothing() {
    let hand = Hand::headless().await;
    let (client, other) = (hand.register().await, hand.register().await);
    let tokens = hand.sign_in(&client.id).await;
    assert_eq!(
        hand.refresh(&other.id, &tokens.refresh).await.1["error"],
        "invalid_grant"
    );
    let resource = hand.demo.resource();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("refresh_token", tokens.refresh.as_str()),
        ("resource", resource.as_str()),
        ("scope", "mcp:tools notes:write"),
    ];
    assert_eq!(hand.post_form("/token", &form).await.1["error"], "invalid_scope");
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn one_command_ends_access_tokens_and_others_revoke_grants_and_forget_clients() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    hand.demo.expire_access_tokens();
    assert!(!hand.is_accepted(&tokens.access).await);
    let next = Tokens::from(hand.refresh(&client.id, &tokens.refresh).await.1);
    assert!(hand.is_accepted(&next.access).await);
    hand.demo.revoke_all();
    assert!(!hand.is_accepted(&next.access).await);
    assert_eq!(
        hand.refresh(&client.id, &next.refresh).await.1["error"],
        "invalid_grant"
    );
    hand.demo.forget_clients();
    let (status, error) = hand.refresh(&client.id, &next.refresh).await;
    assert_eq!((status, &error["error"]), (401, &json!("invalid_client")));
}

#[tokio::test]
async fn revoking_a_refresh_token_takes_its_access_tokens_with_it() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let form = [
        ("client_id", client.id.as_str()),
        ("token", tokens.refresh.as_str()),
    ];
    assert_eq!(hand.post_form("/revoke", &form).await.0, 200);
    assert!(!hand.is_accepted(&tokens.access).await);
    assert_eq!(hand.post_form("/revoke", &form).await.0, 200);
    let unknown = [("client_id", client.id.as_str()), ("token", "never-issued")];
    assert_eq!(hand.post_form("/revoke", &unknown).await.0, 200);
}

#[tokio::test]
async fn revoking_an_access_token_leaves_the_refresh_token() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let form = [
        ("client_id", client.id.as_str()),
        ("token", tokens.access.as_str()),
    ];
    assert_eq!(hand.post_form("/revoke", &form).await.0, 200);
    assert!(!hand.is_accepted(&tokens.access).await);
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 200);
}

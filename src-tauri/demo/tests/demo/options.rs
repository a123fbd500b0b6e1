//! The other ways a server may rightly be.

use std::{sync::Arc, time::Duration};

use omlx_demo::{
    Demo, DemoOptions, Discovery, Protection, RefreshTokens, ResourceMetadataPlace, ResourcePolicy, Scope,
    ServerMetadataPlace,
};
use serde_json::{Value, json};

use crate::hand::{Hand, REDIRECT, Tokens};

async fn headless(change: impl FnOnce(&mut DemoOptions)) -> Hand {
    let mut options = DemoOptions::headless();
    change(&mut options);
    Hand::start(options).await
}

async fn challenge(hand: &Hand) -> String {
    let refused = hand.stateless("tools/list", json!({})).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    refused.headers()["www-authenticate"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_documents_where_they_were_put_and_nowhere_else() {
    let inserted = "/.well-known/oauth-authorization-server/tenant1";
    let openid = "/.well-known/openid-configuration/tenant1";
    let appended = "/tenant1/.well-known/openid-configuration";
    for (place, path) in [
        (ServerMetadataPlace::OAuth, inserted),
        (ServerMetadataPlace::OpenIdInserted, openid),
        (ServerMetadataPlace::OpenIdAppended, appended),
    ] {
        let hand = headless(|options| {
            options.discovery.issuer_path = "/tenant1".to_owned();
            options.discovery.server_metadata = vec![place];
        })
        .await;
        for other in [
            inserted,
            openid,
            appended,
            "/.well-known/oauth-authorization-server",
        ] {
            assert_eq!(
                hand.get(other).await.status(),
                if other == path { 200 } else { 404 },
                "{other}"
            );
        }
        let document: Value = hand.get(path).await.json().await.unwrap();
        assert_eq!(document["issuer"], hand.url("/tenant1"));
    }
}

#[tokio::test]
async fn an_issuer_may_end_with_a_slash_and_is_always_written_so() {
    let hand = headless(|options| options.discovery.issuer_path = "/".to_owned()).await;
    let document: Value = hand
        .get("/.well-known/oauth-authorization-server")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(document["issuer"], hand.url("/"));
    let client = hand.register().await;
    let answer = hand.authorize(&client.id, &[]).await;
    assert_eq!(Hand::sent_back(&answer, "iss"), Some(hand.url("/")));
}

#[tokio::test]
async fn the_resource_metadata_is_at_the_path_the_root_elsewhere_or_nowhere() {
    let elsewhere = "/custom/metadata.json";
    for (place, path) in [
        (
            ResourceMetadataPlace::Path,
            Some("/.well-known/oauth-protected-resource/mcp"),
        ),
        (
            ResourceMetadataPlace::Root,
            Some("/.well-known/oauth-protected-resource"),
        ),
        (
            ResourceMetadataPlace::Elsewhere(elsewhere.to_owned()),
            Some(elsewhere),
        ),
        (ResourceMetadataPlace::Nowhere, None),
    ] {
        let hand = headless(|options| options.discovery.resource_metadata = place).await;
        let expected = match path {
            Some(path) => format!("Bearer resource_metadata=\"{}\"", hand.url(path)),
            None => "Bearer realm=\"oMLX Demo\"".to_owned(),
        };
        assert_eq!(challenge(&hand).await, expected);
        let there = hand
            .get(path.unwrap_or("/.well-known/oauth-protected-resource"))
            .await;
        assert_eq!(there.status(), if path.is_some() { 200 } else { 404 });
    }
}

#[tokio::test]
async fn the_challenge_may_name_a_scope_and_keep_the_metadata_to_itself() {
    let hand = headless(|options| {
        options.discovery = Discovery {
            challenge_names_it: false,
            challenge_scope: Some(Scope::parse("mcp:tools notes:write")),
            resource_scopes: None,
            ..Discovery::default()
        };
    })
    .await;
    assert_eq!(challenge(&hand).await, "Bearer scope=\"mcp:tools notes:write\"");
    let document = hand.get("/.well-known/oauth-protected-resource/mcp").await;
    let document: Value = document.json().await.unwrap();
    assert!(document.get("scopes_supported").is_none());
}

#[tokio::test]
async fn the_resource_may_be_the_origin_without_a_slash() {
    let hand = headless(|_| {}).await;
    let origin = hand.demo.origin().to_owned();
    hand.demo
        .change(|options| options.resource = Some(origin.clone()));
    assert_eq!(hand.demo.resource(), origin);
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    assert!(hand.is_accepted(&tokens.access).await);
    let with_slash = hand
        .authorize(&client.id, &[("resource", &format!("{origin}/"))])
        .await;
    assert_eq!(
        Hand::sent_back(&with_slash, "error").as_deref(),
        Some("invalid_target")
    );
}

#[tokio::test]
async fn the_resource_parameter_may_be_optional_or_refused() {
    let hand = headless(|options| options.tokens.resource = ResourcePolicy::Optional).await;
    let client = hand.register().await;
    let answer = hand.authorize(&client.id, &[("resource", "")]).await;
    let code = Hand::sent_back(&answer, "code").unwrap();
    let (status, tokens) = hand.redeem(&client.id, &code, &[("resource", "")]).await;
    assert_eq!(status, 200);
    assert!(hand.is_accepted(tokens["access_token"].as_str().unwrap()).await);
    hand.demo
        .change(|options| options.tokens.resource = ResourcePolicy::Refused);
    let answer = hand.authorize(&client.id, &[]).await;
    assert_eq!(
        Hand::sent_back(&answer, "error").as_deref(),
        Some("invalid_target")
    );
    let answer = hand.authorize(&client.id, &[("resource", "")]).await;
    assert!(Hand::sent_back(&answer, "code").is_some());
}

#[tokio::test]
async fn refresh_tokens_may_be_reusable_or_absent() {
    let hand = headless(|options| options.tokens.refresh = RefreshTokens::Reusable).await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    for _ in 0..2 {
        let (status, reply) = hand.refresh(&client.id, &tokens.refresh).await;
        assert_eq!(
            (status, Tokens::from(reply).refresh),
            (200, tokens.refresh.clone())
        );
    }
    hand.demo
        .change(|options| options.tokens.refresh = RefreshTokens::Never);
    assert_eq!(hand.sign_in(&client.id).await.refresh, "");
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_wins_and_the_family_is_lost() {
    let hand = Arc::new(headless(|_| {}).await);
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let gate = hand.demo.hold("POST /token grant_type=refresh_token");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (hand, client, token) = (Arc::clone(&hand), client.clone(), tokens.refresh.clone());
            tokio::spawn(async move { hand.refresh(&client.id, &token).await.0 })
        })
        .collect();
    gate.arrivals(8).await;
    gate.release();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap() == 200);
    }
    assert_eq!(won, 1);
    assert!(!hand.is_accepted(&tokens.access).await);
}

#[tokio::test]
async fn only_calls_may_need_a_token() {
    let hand = headless(|options| options.protection = Protection::ToolCalls).await;
    assert_eq!(
        hand.stateless("tools/list", json!({}))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let call = hand
        .stateless("tools/call", json!({"name": "time"}))
        .send()
        .await
        .unwrap();
    assert_eq!(call.status(), 401);
}

#[tokio::test]
async fn a_server_may_compare_ports_and_hold_clients_to_their_registered_scope() {
    let hand = headless(|options| {
        options.registration.exact_port = true;
        options.registration.scope_limits = true;
    })
    .await;
    let metadata = json!({"redirect_uris": [REDIRECT], "scope": "mcp:tools"});
    let client: Value = hand.register_as(&metadata).await.json().await.unwrap();
    let id = client["client_id"].as_str().unwrap();
    let port = hand
        .authorize(id, &[("redirect_uri", "http://127.0.0.1:5/oauth/callback")])
        .await;
    assert_eq!(port.status(), 400);
    let scope = hand.authorize(id, &[("scope", "mcp:tools notes:write")]).await;
    assert_eq!(Hand::sent_back(&scope, "error").as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn a_server_without_public_clients_gives_every_client_a_secret() {
    let hand = headless(|options| {
        options.registration.auth_methods = vec!["client_secret_post".to_owned()];
    })
    .await;
    let metadata = json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"});
    let client: Value = hand.register_as(&metadata).await.json().await.unwrap();
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_post");
    assert!(client["client_secret"].is_string());
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let hand = headless(|_| {}).await;
    let port = hand.demo.origin().rsplit(':').next().unwrap().parse().unwrap();
    let second = Demo::start(DemoOptions {
        port,
        ..DemoOptions::headless()
    })
    .await;
    assert!(second.is_err());
}

#[tokio::test]
async fn the_lifetime_of_tokens_can_be_changed_while_it_runs() {
    let hand = headless(|_| {}).await;
    let client = hand.register().await;
    hand.demo.change(|options| {
        options.tokens.access_lifetime = Duration::from_secs(7);
        options
            .tokens
            .extras
            .insert("workspace_id".to_owned(), json!("w-1"));
    });
    let code = hand.code(&client.id).await;
    let (_, tokens) = hand.redeem(&client.id, &code, &[]).await;
    assert_eq!(
        (&tokens["expires_in"], &tokens["workspace_id"]),
        (&json!(7), &json!("w-1"))
    );
}

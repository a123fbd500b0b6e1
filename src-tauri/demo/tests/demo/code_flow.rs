//! Authorization code with PKCE, step by step.

use std::time::Duration;

use omlx_demo::{DemoOptions, SECRET_MARK};
use serde_json::{Value, json};

use crate::hand::{Hand, Hands, REDIRECT, VERIFIER};

#[tokio::test]
async fn a_401_leads_to_metadata_registration_consent_tokens_and_tools() {
    let hand = Hand::headless().await;
    let refused = hand.stateless("tools/list", json!({})).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    let place = hand.url("/.well-known/oauth-protected-resource/mcp");
    assert_eq!(challenge, format!("Bearer resource_metadata=\"{place}\""));

    let resource: Value = hand.http.get(place).send().await.unwrap().json().await.unwrap();
    assert_eq!(resource["resource"], hand.demo.mcp_url());
    assert_eq!(resource["authorization_servers"], json!([hand.demo.issuer()]));
    let server = hand.get("/.well-known/oauth-authorization-server").await;
    let server: Value = server.json().await.unwrap();
    assert_eq!(server["issuer"], hand.demo.issuer());
    assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));

    let client = hand.register().await;
    let answer = hand.authorize(&client.id, &[]).await;
    assert_eq!(Hand::sent_back(&answer, "state").unwrap(), "state-1");
    assert_eq!(Hand::sent_back(&answer, "iss").unwrap(), hand.demo.issuer());
    let code = Hand::sent_back(&answer, "code").unwrap();
    let (status, tokens) = hand.redeem(&client.id, &code, &[]).await;
    assert_eq!(status, 200);
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 300);
    assert_eq!(tokens["scope"], "mcp:tools");
    assert_eq!(tokens["workspace_name"], "Analytical Engines");
    assert_eq!(tokens["owner"]["user"]["name"], "Ada Lovelace");

    let request = hand.stateless("tools/list", json!({}));
    let listed = request
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let listed: Value = listed.json().await.unwrap();
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 14);
}

#[tokio::test]
async fn the_recorder_counts_exactly_and_keeps_no_secret() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    hand.refresh(&client.id, &tokens.refresh).await;
    assert_eq!(hand.demo.count("POST /token"), 2);
    assert_eq!(
        hand.demo.count("POST /token grant_type=refresh_token status=200"),
        1
    );
    assert_eq!(hand.demo.count("GET /authorize code_challenge_method=S256"), 1);
    let refresh = &hand.demo.calls_to("POST /token grant_type=refresh_token")[0];
    assert!(refresh.parameter("refresh_token").unwrap().is(&tokens.refresh));
    assert_eq!(refresh.parameter("refresh_token").unwrap().text(), None);
    assert_eq!(
        refresh.parameter("resource").unwrap().text(),
        Some(hand.demo.mcp_url().as_str())
    );
    let calls = format!("{:?}", hand.demo.calls());
    assert!(!calls.contains(SECRET_MARK) && !calls.contains(VERIFIER));
    assert_eq!(
        format!("{:?}", hand.demo),
        format!("Demo({})", hand.demo.origin())
    );
}

#[tokio::test]
async fn a_wrong_verifier_redeems_nothing() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let code = hand.code(&client.id).await;
    for verifier in ["", "another-verifier-of-a-sufficient-length-0123456789"] {
        let (status, error) = hand
            .redeem(&client.id, &code, &[("code_verifier", verifier)])
            .await;
        assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(hand.redeem(&client.id, &code, &[]).await.0, 200);
}

#[tokio::test]
async fn a_code_used_twice_revokes_what_it_gave() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let code = hand.code(&client.id).await;
    let (_, tokens) = hand.redeem(&client.id, &code, &[]).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert!(hand.is_accepted(access).await);
    let (status, error) = hand.redeem(&client.id, &code, &[]).await;
    assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));
    assert!(!hand.is_accepted(access).await);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(
        hand.refresh(&client.id, refresh).await.1["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_code_expires_and_is_bound_to_client_redirect_and_resource() {
    let clock = Hands::new();
    let options = DemoOptions {
        now: clock.now(),
        ..DemoOptions::headless()
    };
    let hand = Hand::start(options).await;
    let (client, other) = (hand.register().await, hand.register().await);
    let code = hand.code(&client.id).await;
    let sse = hand.demo.sse_url();
    for (changes, error) in [
        (("client_id", other.id.as_str()), "invalid_grant"),
        (("redirect_uri", "http://127.0.0.1:1/x"), "invalid_grant"),
        (("redirect_uri", ""), "invalid_grant"),
        (("resource", sse.as_str()), "invalid_target"),
        (("resource", ""), "invalid_target"),
        (("code", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
    ] {
        let (status, reply) = hand.redeem(&client.id, &code, &[changes]).await;
        assert_eq!(
            (status, reply["error"].as_str()),
            (400, Some(error)),
            "{changes:?}"
        );
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(
        hand.redeem(&client.id, &code, &[]).await.1["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_bad_authorization_request_is_sent_back_with_state_and_iss() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("resource", "https://elsewhere.example/mcp"), "invalid_target"),
        (("resource", ""), "invalid_target"),
        (("scope", "mcp:tools root"), "invalid_scope"),
    ] {
        let answer = hand.authorize(&client.id, &[change]).await;
        assert_eq!(
            Hand::sent_back(&answer, "error").as_deref(),
            Some(error),
            "{change:?}"
        );
        assert_eq!(Hand::sent_back(&answer, "state").as_deref(), Some("state-1"));
        assert_eq!(Hand::sent_back(&answer, "iss"), Some(hand.demo.issuer()));
    }
}

#[tokio::test]
async fn an_unknown_client_or_redirect_uri_is_never_redirected_to() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    for (id, redirect) in [
        ("nobody", REDIRECT),
        (client.id.as_str(), "https://evil.example/callback"),
        (client.id.as_str(), "http://127.0.0.1:4999/oauth/other"),
        (client.id.as_str(), "http://localhost:4999/oauth/callback"),
    ] {
        let answer = hand.authorize(id, &[("redirect_uri", redirect)]).await;
        assert_eq!(answer.status(), 400, "{redirect}");
        assert!(!answer.headers().contains_key("location"));
    }
    let other_port = hand.authorize(
        &client.id,
        &[("redirect_uri", "http://127.0.0.1:5/oauth/callback")],
    );
    assert_eq!(other_port.await.status(), 303);
}

#[tokio::test]
async fn a_token_is_good_for_the_endpoint_it_was_issued_for_and_no_other() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let sse = hand
        .http
        .get(hand.demo.sse_url())
        .bearer_auth(&tokens.access)
        .send()
        .await
        .unwrap();
    assert_eq!(sse.status(), 401);
    let in_query = hand.get(&format!("/mcp?access_token={}", tokens.access)).await;
    assert_eq!(in_query.status(), 400);
}

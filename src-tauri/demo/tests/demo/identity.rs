//! Who am I: token reply, ID token, userinfo, introspection; and scopes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use omlx_demo::Scope;
use serde_json::{Value, json};

use crate::hand::Hand;

async fn with_scope(hand: &Hand, client_id: &str, scope: &str) -> Value {
    let answer = hand.authorize(client_id, &[("scope", scope)]).await;
    let code = Hand::sent_back(&answer, "code").unwrap();
    hand.redeem(client_id, &code, &[]).await.1
}

#[tokio::test]
async fn an_id_token_userinfo_and_introspection_name_the_same_person() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = with_scope(&hand, &client.id, "mcp:tools openid").await;
    let access = tokens["access_token"].as_str().unwrap();
    let claims = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!("demo-ada"), &json!(client.id))
    );
    let userinfo = hand
        .http
        .get(hand.url("/userinfo"))
        .bearer_auth(access)
        .send()
        .await
        .unwrap();
    let userinfo: Value = userinfo.json().await.unwrap();
    assert_eq!(userinfo["email"], "ada@demo.example");
    let form = [("client_id", client.id.as_str()), ("token", access)];
    let (_, state) = hand.post_form("/introspect", &form).await;
    assert_eq!(
        (&state["active"], &state["sub"]),
        (&json!(true), &json!("demo-ada"))
    );
    assert_eq!(state["aud"], hand.demo.resource());
    hand.demo.expire_access_tokens();
    assert_eq!(
        hand.post_form("/introspect", &form).await.1,
        json!({"active": false})
    );
}

#[tokio::test]
async fn userinfo_needs_openid_and_a_live_token() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let ask = |token: &str| hand.http.get(hand.url("/userinfo")).bearer_auth(token).send();
    assert_eq!(ask(&tokens.access).await.unwrap().status(), 403);
    assert_eq!(ask("unknown").await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_tool_that_needs_more_scope_says_which_and_works_after_the_step_up() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let before = with_scope(&hand, &client.id, "mcp:tools").await;
    let call = |tokens: &Value| {
        let params = json!({"name": "add_note", "arguments": {"text": "hello"}});
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        hand.stateless("tools/call", params).bearer_auth(token).send()
    };
    let refused = call(&before).await.unwrap();
    assert_eq!(refused.status(), 403);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"notes:write\""),
        "{challenge}"
    );
    let after = with_scope(&hand, &client.id, "mcp:tools notes:write").await;
    assert_eq!(call(&after).await.unwrap().status(), 200);
}

#[tokio::test]
async fn less_can_be_granted_than_was_asked() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    hand.demo
        .change(|options| options.tokens.grant_only = Some(Scope::parse("mcp:tools")));
    let tokens = with_scope(&hand, &client.id, "mcp:tools notes:write").await;
    assert_eq!(tokens["scope"], "mcp:tools");
}

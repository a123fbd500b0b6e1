//! What can be made to go wrong, and that it goes wrong just so often.

use omlx_demo::{DemoOptions, Discovery, Fault, Protection, WrongIss};
use reqwest::Response;
use serde_json::{Value, json};

use crate::hand::{Hand, Tokens};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";

async fn json_at(hand: &Hand, path: &str) -> Value {
    hand.get(path).await.json().await.unwrap()
}

async fn listed(hand: &Hand, token: &str) -> Response {
    hand.stateless("tools/list", json!({}))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
}

fn challenges(response: &Response) -> Vec<&str> {
    let fields = response.headers().get_all("www-authenticate").iter();
    fields.map(|field| field.to_str().unwrap()).collect()
}

#[tokio::test]
async fn faults_happen_in_the_order_they_were_set_so_often_and_only_where_they_should() {
    let hand = Hand::headless().await;
    hand.demo
        .set(Fault::Status(503).at(&format!("GET {SERVER}")).once());
    hand.demo.set(
        Fault::RetryAfter {
            status: 429,
            seconds: 7,
        }
        .at(SERVER)
        .times(2),
    );
    assert_eq!(hand.get(RESOURCE).await.status(), 200);
    assert_eq!(hand.get(SERVER).await.status(), 503);
    for _ in 0..2 {
        let later = hand.get(SERVER).await;
        assert_eq!(
            (later.status().as_u16(), &later.headers()["retry-after"]),
            (429, &"7".parse().unwrap())
        );
    }
    assert_eq!(hand.get(SERVER).await.status(), 200);
    hand.demo.set(Fault::html(200));
    assert_eq!(
        hand.get(SERVER).await.headers()["content-type"],
        "text/html; charset=utf-8"
    );
    hand.demo.clear_faults();
    assert_eq!(
        hand.get(SERVER).await.headers()["content-type"],
        "application/json"
    );
}

#[tokio::test]
async fn metadata_lies_in_every_way_a_client_must_notice() {
    let hand = Hand::headless().await;
    for (fault, name, expected) in [
        (
            Fault::issuer_mismatch(),
            "issuer",
            json!("https://attacker.example.com"),
        ),
        (Fault::no_pkce(), "code_challenge_methods_supported", Value::Null),
        (Fault::no_registration(), "registration_endpoint", Value::Null),
        (
            Fault::iss_not_advertised(),
            "authorization_response_iss_parameter_supported",
            Value::Null,
        ),
        (
            Fault::ServerMetadata("authorization_endpoint", json!("javascript:alert(1)")),
            "authorization_endpoint",
            json!("javascript:alert(1)"),
        ),
        (
            Fault::ServerMetadata("token_endpoint", json!("file:///etc/passwd")),
            "token_endpoint",
            json!("file:///etc/passwd"),
        ),
    ] {
        hand.demo.set(fault.once());
        assert_eq!(json_at(&hand, SERVER).await[name], expected);
        assert_ne!(json_at(&hand, SERVER).await[name], expected);
    }
    hand.demo.set(Fault::foreign_resource());
    assert_eq!(
        json_at(&hand, RESOURCE).await["resource"],
        "https://evil.example.com/mcp"
    );
    hand.demo.set(Fault::NoServerMetadata);
    hand.demo.set(Fault::NoResourceMetadata);
    assert_eq!(hand.get(SERVER).await.status(), 404);
    assert_eq!(hand.get(RESOURCE).await.status(), 404);
}

#[tokio::test]
async fn a_server_of_2025_03_26_has_no_metadata_and_its_endpoints_at_the_root() {
    let hand = Hand::start(DemoOptions {
        discovery: Discovery::none(),
        ..DemoOptions::headless()
    })
    .await;
    for path in [SERVER, RESOURCE, "/.well-known/openid-configuration"] {
        assert_eq!(hand.get(path).await.status(), 404, "{path}");
    }
    let refused = listed(&hand, "nothing").await;
    assert_eq!(challenges(&refused), ["Bearer error=\"invalid_token\""]);
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    assert!(hand.is_accepted(&tokens.access).await);
}

#[tokio::test]
async fn a_401_or_403_comes_with_no_odd_or_other_challenges() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    hand.demo.set(Fault::NoChallenge.once());
    assert!(challenges(&listed(&hand, "x").await).is_empty());
    hand.demo.set(Fault::odd_challenges("http://127.0.0.1/x").once());
    assert_eq!(challenges(&listed(&hand, "x").await).len(), 2);
    hand.demo.set(Fault::RejectToken.once());
    assert_eq!(listed(&hand, &tokens.access).await.status(), 401);
    hand.demo.set(Fault::Forbidden.once());
    let forbidden = listed(&hand, &tokens.access).await;
    assert_eq!(
        (forbidden.status().as_u16(), challenges(&forbidden).len()),
        (403, 0)
    );
    hand.demo
        .set(Fault::InsufficientScope("mcp:admin".to_owned()).once());
    let insufficient = listed(&hand, &tokens.access).await;
    assert!(challenges(&insufficient)[0].contains("scope=\"mcp:admin\""));
    assert!(hand.is_accepted(&tokens.access).await);
}

#[tokio::test]
async fn the_authorization_response_has_a_wrong_state_iss_or_error() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let issuer = hand.demo.issuer();
    for (fault, name, expected) in [
        (
            Fault::Iss(WrongIss::Foreign),
            "iss",
            Some("https://attacker.example.com".to_owned()),
        ),
        (Fault::Iss(WrongIss::Missing), "iss", None),
        (
            Fault::Iss(WrongIss::Normalised),
            "iss",
            Some(format!("{issuer}/")),
        ),
        (
            Fault::State(Some("other".to_owned())),
            "state",
            Some("other".to_owned()),
        ),
        (Fault::State(None), "state", None),
        (
            Fault::AuthorizationError("server_error".to_owned()),
            "error",
            Some("server_error".to_owned()),
        ),
    ] {
        hand.demo.set(fault.clone().once());
        let answer = hand.authorize(&client.id, &[]).await;
        assert_eq!(Hand::sent_back(&answer, name), expected, "{fault:?}");
    }
    let answer = hand.authorize(&client.id, &[]).await;
    assert_eq!(Hand::sent_back(&answer, "iss"), Some(issuer));
}

#[tokio::test]
async fn token_replies_are_as_odd_as_in_the_field() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let mut tokens = hand.sign_in(&client.id).await;
    let refresh = "POST /token grant_type=refresh_token";
    hand.demo.set(Fault::no_refresh_token().at(refresh).once());
    hand.demo.set(Fault::no_scope().at(refresh).once());
    hand.demo.set(Fault::expires_in_as_string().at(refresh).once());
    let (_, reply) = hand.refresh(&client.id, &tokens.refresh).await;
    assert!(reply.get("refresh_token").is_none() && reply.get("scope").is_none());
    assert_eq!(reply["expires_in"], "300");
    tokens = hand.sign_in(&client.id).await;
    hand.demo
        .set(Fault::oauth_error(200, "bad_refresh_token").at("/token").once());
    let (status, reply) = hand.refresh(&client.id, &tokens.refresh).await;
    assert_eq!((status, &reply["error"]), (200, &json!("bad_refresh_token")));
    hand.demo.set(Fault::invalid_client().at("/token").once());
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 401);
    hand.demo.set(Fault::FormEncoded.once());
    let resource = hand.demo.resource();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("refresh_token", tokens.refresh.as_str()),
        ("resource", resource.as_str()),
    ];
    let reply = hand
        .http
        .post(hand.url("/token"))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(
        reply.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert!(reply.text().await.unwrap().contains("expires_in=300"));
}

#[tokio::test]
async fn a_reply_lost_after_the_work_leaves_the_token_spent() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    hand.demo.set(Fault::StatusAfter(502).at("/token").once());
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 502);
    assert_eq!(
        hand.refresh(&client.id, &tokens.refresh).await.1["error"],
        "invalid_grant"
    );
    let tokens: Tokens = hand.sign_in(&client.id).await;
    hand.demo.set(Fault::Status(502).at("/token").once());
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 502);
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn a_json_rpc_error_and_a_redirect_elsewhere_are_answered_when_told() {
    let hand = Hand::headless().await;
    hand.demo.change(|options| options.protection = Protection::Open);
    hand.demo.set(
        Fault::RpcError {
            code: -32603,
            message: "no".to_owned(),
        }
        .at("rpc=tools/list")
        .once(),
    );
    let reply: Value = hand
        .stateless("tools/list", json!({}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(reply["error"]["code"], -32603);
    hand.demo
        .set(Fault::Redirect("https://evil.example/mcp".to_owned()).at("/mcp"));
    let reply = hand.stateless("tools/list", json!({})).send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["location"]),
        (307, &"https://evil.example/mcp".parse().unwrap())
    );
}

#[tokio::test]
async fn a_fixed_header_can_guard_the_server_instead() {
    let hand = Hand::start(DemoOptions {
        protection: Protection::Header {
            name: "x-api-key".to_owned(),
            value: "k1".to_owned(),
        },
        ..DemoOptions::headless()
    })
    .await;
    let list = || hand.stateless("tools/list", json!({}));
    assert_eq!(list().send().await.unwrap().status(), 401);
    assert_eq!(
        list().header("x-api-key", "k1").send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn a_server_can_move_to_another_authorization_server() {
    let (hand, other) = (Hand::headless().await, Hand::headless().await);
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    hand.demo.move_to(&other.demo);
    assert!(!hand.is_accepted(&tokens.access).await);
    assert_eq!(
        json_at(&hand, RESOURCE).await["authorization_servers"],
        json!([other.demo.issuer()])
    );
    let client = other.register().await;
    let resource = hand.demo.resource();
    let answer = other.authorize(&client.id, &[("resource", &resource)]).await;
    let code = Hand::sent_back(&answer, "code").unwrap();
    let (_, tokens) = other.redeem(&client.id, &code, &[("resource", &resource)]).await;
    assert!(hand.is_accepted(tokens["access_token"].as_str().unwrap()).await);
}

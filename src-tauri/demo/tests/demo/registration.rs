//! Becoming a client, managing it, and authenticating as one.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use omlx_demo::{DemoOptions, KnownClient, RegistrationPolicy};
use reqwest::Response;
use serde_json::{Value, json};

use crate::hand::{Hand, Hands, REDIRECT, VERIFIER};

async fn document(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

async fn confidential(hand: &Hand, method: &str) -> Value {
    let metadata = json!({
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_method": method,
    });
    let (status, document) = document(hand.register_as(&metadata).await).await;
    assert_eq!(status, 201);
    document
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn bad_metadata_is_refused_with_the_codes_of_rfc_7591() {
    let hand = Hand::headless().await;
    for (metadata, error) in [
        (json!([]), "invalid_client_metadata"),
        (json!({}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": ["http://example.com/cb"]}),
            "invalid_redirect_uri",
        ),
        (
            json!({"redirect_uris": ["javascript:alert(1)"]}),
            "invalid_redirect_uri",
        ),
        (
            json!({"redirect_uris": ["https://a.example/cb#fragment"]}),
            "invalid_redirect_uri",
        ),
        (
            json!({"redirect_uris": [REDIRECT], "application_type": "web"}),
            "invalid_redirect_uri",
        ),
        (
            json!({"redirect_uris": [REDIRECT], "grant_types": "x"}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": [REDIRECT], "response_types": ["token"]}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": 1}),
            "invalid_client_metadata",
        ),
    ] {
        let (status, reply) = document(hand.register_as(&metadata).await).await;
        assert_eq!(
            (status, reply["error"].as_str()),
            (400, Some(error)),
            "{metadata}"
        );
    }
    let private = json!({"redirect_uris": ["ai.omlx.connect:/oauth/callback"]});
    assert_eq!(hand.register_as(&private).await.status(), 201);
}

#[tokio::test]
async fn the_recorder_keeps_what_a_registration_asked_for() {
    let hand = Hand::headless().await;
    hand.register().await;
    let asked = hand.demo.calls_to("POST /register")[0]
        .registration
        .clone()
        .unwrap();
    assert_eq!(asked["application_type"], "native");
}

#[tokio::test]
async fn a_registration_is_read_changed_and_deleted_with_its_own_token_only() {
    let hand = Hand::headless().await;
    let registered = confidential(&hand, "client_secret_basic").await;
    let uri = registered["registration_client_uri"].as_str().unwrap();
    let token = registered["registration_access_token"].as_str().unwrap();
    assert_eq!(
        hand.http
            .get(uri)
            .bearer_auth("wrong")
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    let (status, read) = document(hand.http.get(uri).bearer_auth(token).send().await.unwrap()).await;
    assert_eq!((status, &read["client_id"]), (200, &registered["client_id"]));
    let change = json!({"client_id": registered["client_id"], "redirect_uris": ["https://new.example/cb"]});
    let put = hand
        .http
        .put(uri)
        .bearer_auth(token)
        .json(&change)
        .send()
        .await
        .unwrap();
    let (status, changed) = document(put).await;
    assert_eq!(
        (status, &changed["redirect_uris"]),
        (200, &json!(["https://new.example/cb"]))
    );
    assert_eq!(
        hand.http
            .delete(uri)
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(
        hand.http
            .get(uri)
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
}

#[tokio::test]
async fn deleting_a_client_ends_its_grants() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let uri = hand.url(&format!("/register/{}", client.id));
    let deleted = hand
        .http
        .delete(uri)
        .bearer_auth(&client.management)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 204);
    assert!(!hand.is_accepted(&tokens.access).await);
    assert_eq!(
        hand.refresh(&client.id, &tokens.refresh).await.1["error"],
        "invalid_client"
    );
}

/// What a client shows at the token endpoint.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    Body,
    WrongBody,
    Basic,
    WrongBasic,
    Both,
}

async fn on_its_own(hand: &Hand, client: &Value, shown: Shown) -> (u16, Value) {
    let (id, secret) = (
        client["client_id"].as_str().unwrap(),
        client["client_secret"].as_str().unwrap(),
    );
    let resource = hand.demo.resource();
    let mut form = HashMap::from([
        ("grant_type", "client_credentials"),
        ("resource", resource.as_str()),
    ]);
    let mut request = hand.http.post(hand.url("/token"));
    if matches!(shown, Shown::Basic | Shown::Both) {
        request = request.header("authorization", basic(id, secret));
    }
    if matches!(shown, Shown::WrongBasic) {
        request = request.header("authorization", basic(id, "wrong"));
    }
    if matches!(shown, Shown::Body | Shown::Both) {
        form.extend([("client_id", id), ("client_secret", secret)]);
    }
    if matches!(shown, Shown::WrongBody) {
        form.extend([("client_id", id), ("client_secret", "wrong")]);
    }
    if matches!(shown, Shown::Nothing) {
        form.insert("client_id", id);
    }
    let response = request.form(&form).send().await.unwrap();
    let challenged = response.headers().contains_key("www-authenticate");
    let (status, document) = document(response).await;
    assert_eq!(
        challenged,
        status == 401 && matches!(shown, Shown::Basic | Shown::WrongBasic)
    );
    (status, document)
}

#[tokio::test]
async fn a_client_authenticates_exactly_the_way_it_registered() {
    let hand = Hand::headless().await;
    let with_basic = confidential(&hand, "client_secret_basic").await;
    let with_post = confidential(&hand, "client_secret_post").await;
    for (client, shown, expected) in [
        (&with_basic, Shown::Basic, None),
        (&with_basic, Shown::Body, Some("invalid_client")),
        (&with_basic, Shown::Nothing, Some("invalid_client")),
        (&with_basic, Shown::WrongBasic, Some("invalid_client")),
        (&with_basic, Shown::Both, Some("invalid_request")),
        (&with_post, Shown::Body, None),
        (&with_post, Shown::WrongBody, Some("invalid_client")),
        (&with_post, Shown::Basic, Some("invalid_client")),
        (&with_post, Shown::Both, Some("invalid_request")),
    ] {
        let (status, reply) = on_its_own(&hand, client, shown).await;
        assert_eq!(reply["error"].as_str(), expected, "{shown:?} {status}");
    }
    let (_, tokens) = on_its_own(&hand, &with_basic, Shown::Basic).await;
    assert!(tokens.get("refresh_token").is_none());
    assert!(hand.is_accepted(tokens["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn a_public_client_has_no_secret_and_may_not_act_on_its_own() {
    let hand = Hand::headless().await;
    let metadata = json!({
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_method": "none",
    });
    let (_, client) = document(hand.register_as(&metadata).await).await;
    assert!(client.get("client_secret").is_none());
    let id = client["client_id"].as_str().unwrap();
    let resource = hand.demo.resource();
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("resource", resource.as_str()),
    ];
    assert_eq!(
        hand.post_form("/token", &form).await.1["error"],
        "unauthorized_client"
    );
    form.push(("client_secret", "made-up"));
    assert_eq!(hand.post_form("/token", &form).await.1["error"], "invalid_client");
}

#[tokio::test]
async fn a_client_secret_expires() {
    let clock = Hands::new();
    let hand = Hand::start(DemoOptions {
        now: clock.now(),
        registration: RegistrationPolicy {
            secret_lifetime: Some(Duration::from_hours(1)),
            ..RegistrationPolicy::default()
        },
        ..DemoOptions::headless()
    })
    .await;
    let client = confidential(&hand, "client_secret_basic").await;
    assert_eq!(client["client_secret_expires_at"], 1_800_003_600);
    assert_eq!(on_its_own(&hand, &client, Shown::Basic).await.0, 200);
    clock.advance(Duration::from_hours(1));
    assert_eq!(on_its_own(&hand, &client, Shown::Basic).await.0, 401);
}

#[tokio::test]
async fn a_pre_registered_client_and_one_with_a_metadata_document_are_known() {
    let url = "https://client.example/metadata.json";
    let document = json!({"client_id": url, "client_name": "By document", "redirect_uris": [REDIRECT]});
    let hand = Hand::start(DemoOptions {
        registration: RegistrationPolicy {
            known: vec![KnownClient {
                id: "known".to_owned(),
                secret: Some("pre-shared".to_owned()),
                auth_method: "client_secret_post".to_owned(),
                redirect_uris: vec![REDIRECT.to_owned()],
                grant_types: vec!["authorization_code".to_owned()],
            }],
            documents: HashMap::from([(url.to_owned(), document)]),
            ..RegistrationPolicy::default()
        },
        ..DemoOptions::headless()
    })
    .await;
    let metadata: Value = hand
        .get("/.well-known/openid-configuration")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    let code = hand.code("known").await;
    let (status, tokens) = hand
        .redeem("known", &code, &[("client_secret", "pre-shared")])
        .await;
    assert_eq!(status, 200);
    assert!(
        tokens.get("refresh_token").is_none(),
        "it is not registered for refresh tokens"
    );
    let code = hand.code(url).await;
    assert_eq!(
        hand.redeem(url, &code, &[("code_verifier", VERIFIER)]).await.0,
        200
    );
}

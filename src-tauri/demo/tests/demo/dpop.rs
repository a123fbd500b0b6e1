//! Tokens bound to a key (RFC 9449): every wrong proof is refused, on both sides.

use std::cell::Cell;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use omlx_demo::{DemoOptions, DpopPolicy};
use reqwest::{RequestBuilder, Response};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::hand::{Hand, REDIRECT, Registered, VERIFIER};

/// Signs whatever it is told to.
struct Key {
    pair: EcdsaKeyPair,
    proofs: Cell<u32>,
}

impl Key {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap(),
            proofs: Cell::new(0),
        }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": part(&point[1..33]), "y": part(&point[33..])})
    }

    fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let members = format!(
            r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
            jwk["x"], jwk["y"]
        );
        hash(&members)
    }

    /// A right proof, with some claims replaced.
    fn proof(&self, (method, address): (&str, &str), changes: &Value) -> String {
        self.proofs.set(self.proofs.get() + 1);
        let mut claims = json!({
            "jti": format!("{}-{}", self.thumbprint(), self.proofs.get()),
            "htm": method, "htu": address, "iat": jiff::Timestamp::now().as_second(),
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

async fn hand(dpop: DpopPolicy) -> (Hand, Registered) {
    let hand = Hand::start(DemoOptions {
        dpop,
        ..DemoOptions::headless()
    })
    .await;
    let client = hand.register().await;
    (hand, client)
}

/// A token request with this proof, or none.
async fn token(hand: &Hand, form: &[(&str, &str)], proof: Option<&str>) -> Response {
    let request = hand.http.post(hand.url("/token")).form(form);
    proven(request, proof).send().await.unwrap()
}

fn proven(request: RequestBuilder, proof: Option<&str>) -> RequestBuilder {
    match proof {
        Some(proof) => request.header("dpop", proof),
        None => request,
    }
}

async fn redeem(hand: &Hand, client: &Registered, proof: Option<&str>) -> (u16, Value) {
    let (code, resource) = (hand.code(&client.id).await, hand.demo.resource());
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &client.id),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT),
        ("resource", &resource),
    ];
    let response = token(hand, &form, proof).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A token bound to `key`.
async fn bound(hand: &Hand, client: &Registered, key: &Key) -> (String, String) {
    let proof = key.proof(("POST", &hand.url("/token")), &json!({}));
    let (status, document) = redeem(hand, client, Some(&proof)).await;
    assert_eq!(
        (status, &document["token_type"]),
        (200, &json!("DPoP")),
        "{document}"
    );
    let text = |name: &str| document[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn list(hand: &Hand, authorization: &str, proof: Option<&str>) -> Response {
    let request = hand
        .stateless("tools/list", json!({}))
        .header("authorization", authorization);
    proven(request, proof).send().await.unwrap()
}

#[tokio::test]
async fn a_bound_token_works_with_a_proof_of_its_key_and_in_no_other_way() {
    let (hand, client) = hand(DpopPolicy::REQUIRED).await;
    let (key, thief) = (Key::new(), Key::new());
    let (access, _) = bound(&hand, &client, &key).await;
    let (mcp, ath) = (hand.demo.mcp_url(), hash(&access));
    let dpop = format!("DPoP {access}");
    let right = key.proof(("POST", &mcp), &json!({"ath": ath}));
    assert_eq!(list(&hand, &dpop, Some(&right)).await.status(), 200);
    for (wrong, proof) in [
        ("replayed", right.clone()),
        (
            "of another key",
            thief.proof(("POST", &mcp), &json!({"ath": ath})),
        ),
        (
            "of another token",
            key.proof(("POST", &mcp), &json!({"ath": hash("other")})),
        ),
        ("without the token", key.proof(("POST", &mcp), &json!({}))),
        ("for GET", key.proof(("GET", &mcp), &json!({"ath": ath}))),
        (
            "for another place",
            key.proof(("POST", &hand.url("/token")), &json!({"ath": ath})),
        ),
        (
            "with the query",
            key.proof(("POST", &format!("{mcp}?x=1")), &json!({"ath": ath})),
        ),
        (
            "of yesterday",
            key.proof(("POST", &mcp), &json!({"ath": ath, "iat": 1_700_000_000})),
        ),
        (
            "without jti",
            key.proof(("POST", &mcp), &json!({"ath": ath, "jti": ""})),
        ),
        ("cut short", right[..right.len() - 3].to_owned()),
    ] {
        let response = list(&hand, &dpop, Some(&proof)).await;
        assert_eq!(response.status(), 401, "{wrong}");
        let challenge = response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            challenge.starts_with("DPoP algs=\"ES256\", error="),
            "{wrong}: {challenge}"
        );
    }
    assert_eq!(list(&hand, &dpop, None).await.status(), 401, "no proof");
    let bearer = format!("Bearer {access}");
    assert_eq!(
        list(&hand, &bearer, None).await.status(),
        401,
        "as a bearer token"
    );
}

#[tokio::test]
async fn a_refresh_token_is_worth_nothing_without_its_key() {
    let (hand, client) = hand(DpopPolicy::OFFERED).await;
    let (key, thief) = (Key::new(), Key::new());
    let (_, refresh) = bound(&hand, &client, &key).await;
    let (resource, place) = (hand.demo.resource(), hand.url("/token"));
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("refresh_token", refresh.as_str()),
        ("resource", resource.as_str()),
    ];
    let stolen = thief.proof(("POST", &place), &json!({}));
    for proof in [None, Some(stolen.as_str())] {
        let response = token(&hand, &form, proof).await;
        assert_eq!(response.status(), 400);
        assert_eq!(
            response.json::<Value>().await.unwrap()["error"],
            "invalid_dpop_proof"
        );
    }
    let own = key.proof(("POST", &place), &json!({}));
    assert_eq!(token(&hand, &form, Some(&own)).await.status(), 200);
}

#[tokio::test]
async fn a_code_is_redeemed_with_the_key_it_was_asked_for_with() {
    let (hand, client) = hand(DpopPolicy::OFFERED).await;
    let (key, thief) = (Key::new(), Key::new());
    let response = hand
        .authorize(&client.id, &[("dpop_jkt", &key.thumbprint())])
        .await;
    let code = Hand::sent_back(&response, "code").unwrap();
    let resource = hand.demo.resource();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id.as_str()),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT),
        ("resource", resource.as_str()),
    ];
    let stolen = thief.proof(("POST", &hand.url("/token")), &json!({}));
    assert_eq!(token(&hand, &form, Some(&stolen)).await.status(), 400);
    let own = key.proof(("POST", &hand.url("/token")), &json!({}));
    assert_eq!(token(&hand, &form, Some(&own)).await.status(), 200);
}

#[tokio::test]
async fn without_the_nonce_nothing_goes_and_each_side_has_its_own() {
    let (hand, client) = hand(DpopPolicy::WITH_NONCES).await;
    let key = Key::new();
    let place = hand.url("/token");
    let (status, document) = redeem(&hand, &client, Some(&key.proof(("POST", &place), &json!({})))).await;
    assert_eq!((status, &document["error"]), (400, &json!("use_dpop_nonce")));
    let proof = key.proof(("POST", &place), &json!({"nonce": "as-nonce-0"}));
    let (status, document) = redeem(&hand, &client, Some(&proof)).await;
    assert_eq!(status, 200, "{document}");
    let access = document["access_token"].as_str().unwrap();
    let (dpop, ath, mcp) = (format!("DPoP {access}"), hash(access), hand.demo.mcp_url());
    let proof = key.proof(("POST", &mcp), &json!({"ath": ath, "nonce": "as-nonce-0"}));
    let response = list(&hand, &dpop, Some(&proof)).await;
    assert_eq!(response.status(), 401);
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("use_dpop_nonce")
            && response.headers()["dpop-nonce"] == "rs-nonce-0"
    );
    let proof = key.proof(("POST", &mcp), &json!({"ath": ath, "nonce": "rs-nonce-0"}));
    assert_eq!(list(&hand, &dpop, Some(&proof)).await.status(), 200);
}

#[tokio::test]
async fn where_binding_is_an_offer_a_bearer_token_does_and_where_it_is_a_must_it_is_not_issued() {
    let (offering, client) = hand(DpopPolicy::OFFERED).await;
    let (status, document) = redeem(&offering, &client, None).await;
    assert_eq!((status, &document["token_type"]), (200, &json!("Bearer")));
    let (demanding, client) = hand(DpopPolicy::REQUIRED).await;
    let (status, document) = redeem(&demanding, &client, None).await;
    assert_eq!((status, &document["error"]), (400, &json!("invalid_dpop_proof")));
}

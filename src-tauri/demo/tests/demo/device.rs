//! The device grant, RFC 8628.

use std::time::Duration;

use omlx_demo::{Consent, Decision, DemoOptions};
use serde_json::{Value, json};

use crate::hand::{Hand, Hands};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

struct Waiting {
    hand: Hand,
    clock: Hands,
    client_id: String,
    reply: Value,
}

impl Waiting {
    async fn start(consent: Consent) -> Self {
        let clock = Hands::new();
        let options = DemoOptions {
            now: clock.now(),
            consent,
            ..DemoOptions::default()
        };
        let hand = Hand::start(options).await;
        let metadata = json!({"grant_types": [GRANT, "refresh_token"], "token_endpoint_auth_method": "none"});
        let client: Value = hand.register_as(&metadata).await.json().await.unwrap();
        let client_id = client["client_id"].as_str().unwrap().to_owned();
        let resource = hand.demo.resource();
        let form = [("client_id", client_id.as_str()), ("resource", resource.as_str())];
        let (status, reply) = hand.post_form("/device_authorization", &form).await;
        assert_eq!(status, 200, "{reply}");
        Self {
            hand,
            clock,
            client_id,
            reply,
        }
    }

    fn text(&self, name: &str) -> &str {
        self.reply[name].as_str().unwrap()
    }

    async fn poll(&self) -> Value {
        let resource = self.hand.demo.resource();
        let form = [
            ("grant_type", GRANT),
            ("client_id", self.client_id.as_str()),
            ("device_code", self.text("device_code")),
            ("resource", resource.as_str()),
        ];
        self.hand.post_form("/token", &form).await.1
    }

    async fn poll_after(&self, seconds: u64) -> Value {
        self.clock.advance(Duration::from_secs(seconds));
        self.poll().await
    }
}

#[tokio::test]
async fn a_device_waits_slows_down_and_gets_its_tokens_once() {
    let waiting = Waiting::start(Consent::Ask).await;
    assert_eq!(
        (&waiting.reply["interval"], &waiting.reply["expires_in"]),
        (&json!(5), &json!(600))
    );
    assert_eq!(waiting.poll().await["error"], "authorization_pending");
    assert_eq!(waiting.poll_after(4).await["error"], "slow_down");
    assert_eq!(
        waiting.poll_after(9).await["error"],
        "slow_down",
        "ten seconds are due now"
    );
    assert_eq!(waiting.poll_after(15).await["error"], "authorization_pending");
    let spoken = waiting.text("user_code").to_lowercase().replace('-', " ");
    assert!(waiting.hand.demo.decide_device(&spoken, Decision::Allow));
    let tokens = waiting.poll_after(15).await;
    assert!(
        waiting
            .hand
            .is_accepted(tokens["access_token"].as_str().unwrap())
            .await
    );
    assert!(tokens["refresh_token"].is_string());
    assert_eq!(waiting.poll_after(15).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_device_is_denied() {
    let waiting = Waiting::start(Consent::Ask).await;
    assert!(!waiting.hand.demo.decide_device("XXXX-XXXX", Decision::Allow));
    assert!(
        waiting
            .hand
            .demo
            .decide_device(waiting.text("user_code"), Decision::Deny)
    );
    assert_eq!(waiting.poll().await["error"], "access_denied");
}

#[tokio::test]
async fn a_device_code_expires() {
    let waiting = Waiting::start(Consent::Ask).await;
    assert_eq!(waiting.poll_after(600).await["error"], "expired_token");
}

#[tokio::test]
async fn where_nobody_is_asked_the_second_poll_succeeds() {
    let waiting = Waiting::start(Consent::Grant).await;
    assert_eq!(waiting.poll().await["error"], "authorization_pending");
    assert!(waiting.poll_after(5).await["access_token"].is_string());
}

#[tokio::test]
async fn the_page_takes_the_code_and_then_asks_for_consent() {
    let waiting = Waiting::start(Consent::Ask).await;
    let hand = &waiting.hand;
    let empty = hand.get("/device").await.text().await.unwrap();
    assert!(empty.contains("name=\"user_code\""));
    let wrong = hand
        .get("/device?user_code=AAAA-AAAA")
        .await
        .text()
        .await
        .unwrap();
    assert!(wrong.contains("There is no such code"));
    let complete = waiting.text("verification_uri_complete");
    let page = hand
        .http
        .get(complete)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("Allow") && page.contains(waiting.text("user_code")));
}

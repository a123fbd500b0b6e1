//! Gates, connections that break, and who may connect at all.

use std::{pin::pin, sync::Arc};

use omlx_demo::{DemoOptions, Fault, Protection};
use serde_json::json;

use crate::hand::Hand;

const SERVER: &str = "/.well-known/oauth-authorization-server";

async fn open() -> Arc<Hand> {
    Arc::new(
        Hand::start(DemoOptions {
            protection: Protection::Open,
            ..DemoOptions::headless()
        })
        .await,
    )
}

#[tokio::test]
async fn a_gate_holds_requests_before_anything_is_done_about_them() {
    let hand = Arc::new(Hand::headless().await);
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let gate = hand.demo.hold("POST /token grant_type=refresh_token");
    let refresh = tokio::spawn({
        let (hand, client, token) = (Arc::clone(&hand), client.clone(), tokens.refresh.clone());
        async move { hand.refresh(&client.id, &token).await.0 }
    });
    gate.arrived().await;
    assert_eq!(gate.held(), 1);
    refresh.abort();
    assert!(refresh.await.is_err());
    gate.empty().await;
    gate.release();
    assert_eq!(
        hand.refresh(&client.id, &tokens.refresh).await.0,
        200,
        "it was never used"
    );
}

#[tokio::test]
async fn a_gate_holds_replies_when_all_was_done() {
    let hand = Arc::new(Hand::headless().await);
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let gate = hand.demo.hold_reply("POST /token");
    let refresh = tokio::spawn({
        let (hand, client, token) = (Arc::clone(&hand), client.clone(), tokens.refresh.clone());
        async move { hand.refresh(&client.id, &token).await.0 }
    });
    gate.arrived().await;
    assert_eq!(
        hand.demo.count("POST /token status=200 grant_type=refresh_token"),
        0
    );
    gate.release();
    assert_eq!(refresh.await.unwrap(), 200);
    assert_eq!(
        hand.demo.count("POST /token status=200 grant_type=refresh_token"),
        1
    );
    drop(gate);
    assert_eq!(
        hand.refresh(&client.id, &tokens.refresh).await.1["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_work_or_in_the_middle_of_the_reply() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    let form = [
        ("client_id", client.id.as_str()),
        ("token", tokens.refresh.as_str()),
    ];
    let revoke = || hand.http.post(hand.url("/revoke")).form(&form).send();
    hand.demo.set(Fault::DropBefore.at("/revoke").once());
    assert!(revoke().await.is_err());
    assert!(hand.is_accepted(&tokens.access).await);
    hand.demo.set(Fault::DropAfter.at("/revoke").once());
    assert!(revoke().await.is_err());
    assert!(!hand.is_accepted(&tokens.access).await);
    hand.demo.set(Fault::CutBody.at(SERVER).once());
    let cut = hand.get(SERVER).await;
    assert_eq!(cut.status(), 200);
    assert!(cut.bytes().await.is_err());
    let broken: Vec<_> = hand
        .demo
        .calls_to("/revoke")
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(broken, [None, None]);
}

#[tokio::test]
async fn a_body_goes_on_for_ever_or_trickles_and_a_request_hangs() {
    let hand = open().await;
    hand.demo.set(Fault::EndlessBody.at(SERVER).once());
    let mut endless = hand.get(SERVER).await;
    let mut received = 0;
    while received < 1024 * 1024 {
        received += endless.chunk().await.unwrap().expect("it has no end").len();
    }
    drop(endless);
    hand.demo.set(Fault::SlowBody.at(SERVER).once());
    let mut slow = hand.get(SERVER).await;
    assert_eq!(slow.chunk().await.unwrap().unwrap().len(), 1);
    hand.demo.set(Fault::Hang.at("/mcp"));
    let request = pin!(hand.stateless("tools/list", json!({})).send());
    tokio::select! {
        answer = request => panic!("it answered {answer:?}"),
        () = hand.demo.until("POST /mcp", 1) => {}
    }
}

#[tokio::test]
async fn a_stream_ends_early_in_good_order_or_is_cut_with_its_connection() {
    let hand = open().await;
    let params = json!({
        "name": "countdown",
        "arguments": {"from": 3, "pause_ms": 0},
        "_meta": {"progressToken": 1},
    });
    hand.demo.set(Fault::EndStream(1).at("tool=countdown").once());
    let ended = hand.stateless("tools/call", params).send().await.unwrap();
    assert_eq!(crate::hand::messages(ended).await.len(), 1);
    let listen = json!({"notifications": {"toolsListChanged": true}});
    let mut stream = hand
        .stateless("subscriptions/listen", listen)
        .send()
        .await
        .unwrap();
    stream.chunk().await.unwrap();
    hand.demo.cut_connections();
    assert!(stream.chunk().await.is_err());
    assert_eq!(hand.get(SERVER).await.status(), 200);
}

#[tokio::test]
async fn a_stopped_demo_refuses_connections_and_knows_everything_when_it_is_back() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let tokens = hand.sign_in(&client.id).await;
    hand.demo.stop().await;
    hand.demo.stop().await;
    let refused = hand.http.get(hand.url(SERVER)).send().await.unwrap_err();
    assert!(refused.is_connect());
    hand.demo.resume().await.unwrap();
    assert!(hand.is_accepted(&tokens.access).await);
    assert_eq!(hand.refresh(&client.id, &tokens.refresh).await.0, 200);
}

#[tokio::test]
async fn pages_of_other_origins_and_names_of_other_hosts_are_refused() {
    let hand = open().await;
    let list = || hand.stateless("tools/list", json!({}));
    for origin in ["https://evil.example", "http://127.0.0.1.evil.example", "null"] {
        assert_eq!(
            list().header("origin", origin).send().await.unwrap().status(),
            403,
            "{origin}"
        );
    }
    assert_eq!(
        list()
            .header("origin", hand.demo.origin())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        list()
            .header("host", "evil.example")
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
}

#[tokio::test]
async fn whoever_opens_the_address_is_told_what_it_is() {
    let hand = open().await;
    let page = hand.get("/").await.text().await.unwrap();
    assert!(page.contains(&hand.demo.mcp_url()) && page.contains(&hand.demo.sse_url()));
    assert_eq!(hand.get("/nothing").await.status(), 404);
}

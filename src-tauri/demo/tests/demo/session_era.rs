//! The eras with sessions, and the legacy transport.

use omlx_demo::{DemoOptions, Era, Fault, Protection};
use serde_json::{Value, json};

use crate::hand::{Hand, messages, next_messages};

async fn open() -> Hand {
    Hand::start(DemoOptions {
        protection: Protection::Open,
        ..DemoOptions::headless()
    })
    .await
}

async fn initialize(hand: &Hand, version: &str) -> (String, Value) {
    let params = json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "hand", "version": "0"},
    });
    let response = hand.in_session(None, "initialize", &params).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    (id, response.json().await.unwrap())
}

async fn asked(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_session_is_opened_used_and_deleted() {
    let hand = open().await;
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        let (id, reply) = initialize(&hand, version).await;
        assert_eq!(reply["result"]["protocolVersion"], version);
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let note = hand.in_session(Some(&id), "", &json!({})).json(&note);
        assert_eq!(asked(note).await.0, 202);
        let list = || hand.in_session(Some(&id), "tools/list", &json!({}));
        let (status, reply) = asked(list().header("mcp-protocol-version", version)).await;
        assert_eq!(status, 200);
        assert_eq!(reply["result"]["tools"].as_array().unwrap().len(), 14);
        assert!(reply["result"].get("resultType").is_none());
        assert_eq!(
            asked(hand.in_session(Some(&id), "ping", &json!({}))).await.1["result"],
            json!({})
        );
        assert_eq!(
            asked(list().header("mcp-protocol-version", "1999-01-01")).await.0,
            400
        );
        let delete = hand
            .http
            .delete(hand.demo.mcp_url())
            .header("mcp-session-id", &id);
        assert_eq!(asked(delete).await.0, 204);
        assert_eq!(asked(list()).await.0, 404);
    }
    assert_eq!(hand.demo.sessions(), 0);
}

#[tokio::test]
async fn an_unknown_session_is_404_and_none_at_all_is_400() {
    let hand = open().await;
    let unknown = hand.in_session(Some("nonsense"), "tools/list", &json!({}));
    assert_eq!(asked(unknown).await.0, 404);
    assert_eq!(
        asked(hand.in_session(None, "tools/list", &json!({}))).await.0,
        400
    );
    let (_, reply) = initialize(&hand, "2024-01-01").await;
    assert_eq!(reply["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn a_server_of_sessions_answers_a_stateless_probe_like_the_older_servers_do() {
    let hand = open().await;
    hand.demo.change(|options| options.era = Era::Session);
    let (status, reply) = asked(hand.stateless("server/discover", json!({}))).await;
    assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32000)));
}

#[tokio::test]
async fn the_standalone_stream_tells_of_changed_tools_and_can_be_resumed() {
    let hand = open().await;
    let (id, _) = initialize(&hand, "2025-11-25").await;
    let listen = |after: Option<&str>| {
        let request = hand
            .http
            .get(hand.demo.mcp_url())
            .header("accept", "text/event-stream");
        let request = request.header("mcp-session-id", &id);
        match after {
            Some(after) => request.header("last-event-id", after),
            None => request,
        }
    };
    let mut stream = listen(None).send().await.unwrap();
    stream.chunk().await.unwrap();
    hand.demo.tools_changed();
    let told = next_messages(&mut stream, 1).await;
    assert_eq!(told[0]["method"], "notifications/tools/list_changed");
    drop(stream);
    hand.demo.tools_changed();
    let mut again = listen(Some("0-0")).send().await.unwrap();
    assert_eq!(next_messages(&mut again, 1).await.len(), 1);
    hand.demo.end_sessions();
    assert!(messages(again).await.is_empty());
}

#[tokio::test]
async fn a_stream_that_broke_off_is_resumed_and_gives_the_answer() {
    let hand = open().await;
    let (id, _) = initialize(&hand, "2025-11-25").await;
    let params = json!({
        "name": "countdown",
        "arguments": {"from": 3, "pause_ms": 0},
        "_meta": {"progressToken": "p"},
    });
    hand.demo.set(Fault::EndStream(1).at("tool=countdown").once());
    let broken = hand
        .in_session(Some(&id), "tools/call", &params)
        .send()
        .await
        .unwrap();
    let text = broken.text().await.unwrap();
    let last = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let resumed = hand
        .http
        .get(hand.demo.mcp_url())
        .header("accept", "text/event-stream");
    let resumed = resumed
        .header("mcp-session-id", &id)
        .header("last-event-id", last);
    let rest = messages(resumed.send().await.unwrap()).await;
    assert_eq!(rest.len(), 3);
    assert_eq!(rest[2]["result"]["content"][0]["text"], "lift-off");
}

#[tokio::test]
async fn a_cancelled_request_is_never_answered() {
    let hand = open().await;
    let (id, _) = initialize(&hand, "2025-11-25").await;
    let params = json!({
        "name": "countdown",
        "arguments": {"from": 60, "pause_ms": 10_000},
        "_meta": {"progressToken": "p"},
    });
    let stream = hand
        .in_session(Some(&id), "tools/call", &params)
        .send()
        .await
        .unwrap();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    let cancel = hand.in_session(Some(&id), "", &json!({})).json(&cancel);
    assert_eq!(asked(cancel).await.0, 202);
    assert!(messages(stream).await.is_empty());
}

#[tokio::test]
async fn a_batch_is_for_2025_03_26_only() {
    let hand = open().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]);
    let (old, _) = initialize(&hand, "2025-03-26").await;
    let (status, reply) = asked(hand.in_session(Some(&old), "", &json!({})).json(&batch)).await;
    assert_eq!((status, reply.as_array().unwrap().len()), (200, 2));
    let (new, _) = initialize(&hand, "2025-06-18").await;
    assert_eq!(
        asked(hand.in_session(Some(&new), "", &json!({})).json(&batch))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_session_belongs_to_the_account_that_opened_it() {
    let hand = Hand::headless().await;
    let client = hand.register().await;
    let ada = hand.sign_in(&client.id).await;
    let answer = hand
        .authorize(&client.id, &[("login_hint", "grace@demo.example")])
        .await;
    let code = Hand::sent_back(&answer, "code").unwrap();
    let (_, grace) = hand.redeem(&client.id, &code, &[]).await;
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}});
    let opened = hand
        .in_session(None, "initialize", &params)
        .bearer_auth(&ada.access)
        .send()
        .await
        .unwrap();
    let id = opened.headers()["mcp-session-id"].to_str().unwrap();
    let who = || hand.in_session(Some(id), "tools/call", &json!({"name": "who_am_i"}));
    let (_, own) = asked(who().bearer_auth(&ada.access)).await;
    assert_eq!(own["result"]["structuredContent"]["account"], "ada@demo.example");
    let foreign = who().bearer_auth(grace["access_token"].as_str().unwrap());
    assert_eq!(asked(foreign).await.0, 404);
}

#[tokio::test]
async fn the_legacy_transport_answers_on_its_stream() {
    let hand = open().await;
    let mut stream = hand.get("/sse").await;
    let first = stream.chunk().await.unwrap().unwrap();
    let first = std::str::from_utf8(&first).unwrap();
    let (_, path) = first.trim().split_once("event: endpoint\ndata: ").unwrap();
    let post = |method: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {}});
        hand.http.post(hand.url(path)).json(&body).send()
    };
    assert_eq!(post("initialize").await.unwrap().status(), 202);
    let greeting = next_messages(&mut stream, 1).await;
    assert_eq!(greeting[0]["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(post("tools/list").await.unwrap().status(), 202);
    assert_eq!(next_messages(&mut stream, 1).await[0]["id"], 7);
    hand.demo.tools_changed();
    let told = next_messages(&mut stream, 1).await;
    assert_eq!(told[0]["method"], "notifications/tools/list_changed");
    let post_to_sse = hand.http.post(hand.demo.sse_url()).send().await.unwrap();
    assert_eq!(post_to_sse.status(), 405);
    let nowhere = hand
        .http
        .post(hand.url("/messages?session_id=x"))
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), 404);
}

//! The 2026-07-28 era.

use omlx_demo::{DemoOptions, Era, Protection, Reply, ToolOptions};
use serde_json::{Value, json};

use crate::hand::{Hand, messages, next_messages};

async fn open_with(tools: ToolOptions) -> Hand {
    Hand::start(DemoOptions {
        protection: Protection::Open,
        tools,
        ..DemoOptions::headless()
    })
    .await
}

async fn open() -> Hand {
    open_with(ToolOptions::default()).await
}

async fn asked(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

#[tokio::test]
async fn discovery_names_the_version_the_tools_and_the_server() {
    let hand = open().await;
    let (status, reply) = asked(hand.stateless("server/discover", json!({}))).await;
    assert_eq!(status, 200);
    let result = &reply["result"];
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["capabilities"]["tools"]["listChanged"], true);
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["title"],
        "oMLX Demo"
    );
}

#[tokio::test]
async fn a_tool_answers_and_one_that_fails_says_so_in_its_result() {
    let hand = open().await;
    let call = |name: &str, arguments: Value| {
        hand.stateless("tools/call", json!({"name": name, "arguments": arguments}))
    };
    let (_, sum) = asked(call("add", json!({"a": 2, "b": 40}))).await;
    assert_eq!(sum["result"]["content"][0]["text"], "42");
    let (_, picture) = asked(call("picture", json!({}))).await;
    assert_eq!(picture["result"]["content"][0]["mimeType"], "image/png");
    let (_, moon) = asked(call("moon_phase", json!({}))).await;
    assert!(moon["result"]["structuredContent"]["phase"].is_string());
    let (_, failed) = asked(call("always_fails", json!({}))).await;
    assert_eq!(failed["result"]["isError"], true);
    let (_, wrong) = asked(call("add", json!({"a": "two"}))).await;
    assert_eq!(wrong["result"]["isError"], true);
    let (status, unknown) = asked(call("no_such_tool", json!({}))).await;
    assert_eq!((status, &unknown["error"]["code"]), (200, &json!(-32602)));
}

#[tokio::test]
async fn header_fields_must_say_what_the_body_says() {
    let hand = open().await;
    let call = || {
        hand.stateless(
            "tools/call",
            json!({"name": "office_hours", "arguments": {"region": "jp"}}),
        )
    };
    let (status, _) = asked(call().header("mcp-param-region", "jp")).await;
    assert_eq!(status, 200);
    let (status, _) = asked(call().header("mcp-param-region", "=?base64?anA=?=")).await;
    assert_eq!(status, 200);
    for wrong in [
        call(),
        call().header("mcp-param-region", "eu"),
        call()
            .header("mcp-param-region", "jp")
            .header("mcp-method", "tools/list"),
        call().header("mcp-param-region", "jp").header("mcp-name", "echo"),
        call()
            .header("mcp-param-region", "jp")
            .header("mcp-protocol-version", "2026-07-28"),
    ] {
        let (status, reply) = asked(wrong).await;
        assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32020)));
    }
}

#[tokio::test]
async fn what_is_missing_unknown_or_of_the_other_era_is_refused_as_the_specification_says() {
    let hand = open().await;
    let send = |body: Value, version: &'static str| {
        let request = hand.http.post(hand.demo.mcp_url()).json(&body);
        let request = request.header("accept", "application/json, text/event-stream");
        asked(
            request
                .header("mcp-method", "tools/list")
                .header("mcp-protocol-version", version),
        )
    };
    let bare = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let (status, reply) = send(bare.clone(), "2026-07-28").await;
    assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32602)));
    let mut future = bare;
    future["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2031-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let (status, reply) = send(future, "2031-01-01").await;
    assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32022)));
    assert_eq!(reply["error"]["data"]["supported"], json!(["2026-07-28"]));
    for gone in ["initialize", "ping", "logging/setLevel", "no/such"] {
        let (status, reply) = asked(hand.stateless(gone, json!({}))).await;
        assert_eq!((status, &reply["error"]["code"]), (404, &json!(-32601)), "{gone}");
    }
    let json_only = hand
        .http
        .post(hand.demo.mcp_url())
        .header("accept", "application/json");
    assert_eq!(json_only.json(&json!({})).send().await.unwrap().status(), 406);
    let not_json = hand
        .stateless("tools/list", json!({}))
        .body("<html>")
        .send()
        .await
        .unwrap();
    assert_eq!(not_json.status(), 415);
}

#[tokio::test]
async fn a_stateless_server_has_neither_initialize_nor_get_nor_delete() {
    let hand = open().await;
    hand.demo.change(|options| options.era = Era::Stateless);
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}});
    let (status, reply) = asked(hand.in_session(None, "initialize", &params)).await;
    assert_eq!((status, &reply["error"]["code"]), (400, &json!(-32022)));
    assert_eq!(hand.get("/mcp").await.status(), 405);
    assert_eq!(
        hand.http
            .delete(hand.demo.mcp_url())
            .send()
            .await
            .unwrap()
            .status(),
        405
    );
}

#[tokio::test]
async fn a_thousand_tools_come_in_pages_and_a_bad_cursor_is_refused() {
    let hand = open_with(ToolOptions {
        extra: 1000,
        page_size: Some(300),
        ..ToolOptions::default()
    })
    .await;
    let (mut params, mut tools, mut pages) = (json!({}), 0, 0);
    loop {
        let (_, reply) = asked(hand.stateless("tools/list", params.clone())).await;
        tools += reply["result"]["tools"].as_array().unwrap().len();
        pages += 1;
        match reply["result"].get("nextCursor") {
            Some(cursor) => params["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!((tools, pages), (1014, 4));
    let (_, reply) = asked(hand.stateless("tools/list", json!({"cursor": "bogus"}))).await;
    assert_eq!(reply["error"]["code"], -32602);
}

#[tokio::test]
async fn progress_comes_before_the_answer_and_only_when_asked_for() {
    let hand = open().await;
    let params = json!({"name": "countdown", "arguments": {"from": 3, "pause_ms": 0}});
    let (status, plain) = asked(hand.stateless("tools/call", params.clone())).await;
    assert_eq!(
        (status, &plain["result"]["content"][0]["text"]),
        (200, &json!("lift-off"))
    );
    let mut wanted = params;
    wanted["_meta"]["progressToken"] = json!("p1");
    let response = hand.stateless("tools/call", wanted).send().await.unwrap();
    let messages = messages(response).await;
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[0]["params"]["progressToken"], "p1");
    assert_eq!(messages[2]["params"]["progress"], 3);
    assert_eq!(messages[3]["result"]["content"][0]["text"], "lift-off");
}

#[tokio::test]
async fn a_listener_is_told_of_changed_tools_and_of_the_end() {
    let hand = open().await;
    let params = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true}});
    let mut stream = hand
        .stateless("subscriptions/listen", params)
        .send()
        .await
        .unwrap();
    let first = next_messages(&mut stream, 1).await;
    assert_eq!(first[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        first[0]["params"]["notifications"],
        json!({"toolsListChanged": true})
    );
    hand.demo.tools_changed();
    let told = next_messages(&mut stream, 1).await;
    assert_eq!(told[0]["method"], "notifications/tools/list_changed");
    assert_eq!(
        told[0]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        1
    );
    hand.demo.end_listeners();
    let ended = messages(stream).await;
    assert_eq!(ended[0]["result"]["resultType"], "complete");
}

#[tokio::test]
async fn every_answer_comes_as_a_stream_when_the_server_likes_streams() {
    let hand = open_with(ToolOptions {
        reply: Reply::Stream,
        ..ToolOptions::default()
    })
    .await;
    let response = hand.stateless("tools/list", json!({})).send().await.unwrap();
    let messages = messages(response).await;
    assert_eq!(messages[0]["result"]["tools"].as_array().unwrap().len(), 14);
}

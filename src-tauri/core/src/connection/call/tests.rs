use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::connection::{
    open::{OpenContext, open},
    test_kit::{
        ScriptedTokens, Seen, Server, context, json_reply, open_ended, reply, result, rpc_error, stateless,
        streamable,
    },
};

const LIMIT: Duration = Duration::from_secs(10);

async fn opened(script: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> (Server, Opened) {
    let server = Server::start(script).await;
    let opened = open(&streamable(server.url()), &context()).await.expect("opened");
    (server, opened)
}

fn page(tools: &Value, next: Option<&str>) -> Value {
    json!({"resultType": "complete", "tools": tools, "nextCursor": next, "ttlMs": 0, "cacheScope": "private"})
}

fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}

fn names(tools: &[Tool]) -> Vec<&str> {
    tools.iter().map(|tool| tool.name.as_ref()).collect()
}

#[tokio::test]
async fn all_pages_are_read() {
    let (server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("tools/list") => match seen.body["params"]["cursor"].as_str() {
            None => result(seen, &page(&json!([tool("a"), tool("b")]), Some("2"))),
            _ => result(seen, &page(&json!([tool("c")]), None)),
        },
        _ => stateless(seen),
    })
    .await;
    assert_eq!(
        names(&opened.tools(LIMIT).await.expect("listed")),
        ["a", "b", "c"]
    );
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let (_server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("tools/list") => result(seen, &page(&json!([tool("a")]), Some("again"))),
        _ => stateless(seen),
    })
    .await;
    let error = opened.tools(LIMIT).await.expect_err("endless");
    assert!(matches!(error, CallError::EndlessList));
}

#[tokio::test]
async fn one_tool_that_is_not_as_it_should_be_does_not_take_the_others_with_it() {
    let (_server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("tools/list") => result(seen, &page(&json!([tool("a"), {"title": 7}, tool("b")]), None)),
        _ => stateless(seen),
    })
    .await;
    assert_eq!(names(&opened.tools(LIMIT).await.expect("listed")), ["a", "b"]);
}

#[tokio::test]
async fn a_server_that_refuses_is_believed_more_than_an_earlier_list() {
    let lists = AtomicUsize::new(0);
    let (_server, opened) = opened(move |seen| match seen.body["method"].as_str() {
        Some("tools/list") if lists.fetch_add(1, Ordering::SeqCst) == 0 => {
            let mut page = page(&json!([tool("a")]), None);
            page["ttlMs"] = json!(3_600_000);
            result(seen, &page)
        }
        Some("tools/list") => reply(401, &[], ""),
        _ => stateless(seen),
    })
    .await;
    opened.tools(LIMIT).await.expect("listed");
    assert!(matches!(
        opened.tools(LIMIT).await,
        Err(CallError::Unauthorized(_))
    ));
}

#[tokio::test]
async fn a_401_at_a_call_names_the_tool() {
    let server = Server::start(|seen| match seen.body["method"].as_str() {
        Some("tools/call") => reply(401, &[], ""),
        _ => stateless(seen),
    })
    .await;
    let context = OpenContext {
        tokens: ScriptedTokens::new("t", vec![]),
        ..context()
    };
    let opened = open(&streamable(server.url()), &context).await.expect("opened");
    let error = opened
        .call(CallToolRequestParams::new("echo"), LIMIT)
        .await
        .expect_err("401");
    let refusal = error.refusal().expect("a refusal");
    assert_eq!(refusal.operation.as_deref(), Some("tools/call echo"));
    assert_eq!(error.action(), Action::Reauthenticate);
}

#[tokio::test]
async fn a_tool_that_has_changed_is_listed_anew_and_called_once_more() {
    let calls = AtomicUsize::new(0);
    let (server, opened) = opened(move |seen| match seen.body["method"].as_str() {
        Some("tools/call") if calls.fetch_add(1, Ordering::SeqCst) == 0 => {
            rpc_error(StatusCode::BAD_REQUEST, &seen.body["id"], -32020)
        }
        _ => stateless(seen),
    })
    .await;
    opened
        .call(CallToolRequestParams::new("echo"), LIMIT)
        .await
        .expect("called");
    let expected = [
        "POST server/discover",
        "POST tools/call",
        "POST tools/list",
        "POST tools/call",
    ];
    assert_eq!(server.lines(), expected);
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_and_the_connection_goes_on() {
    let (_server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("tools/call") => reply(200, &[("content-type", "text/event-stream")], open_ended(vec![])),
        _ => stateless(seen),
    })
    .await;
    let limit = Duration::from_millis(50);
    let error = opened
        .call(CallToolRequestParams::new("echo"), limit)
        .await
        .expect_err("silence");
    assert!(matches!(error, CallError::TimedOut { .. }));
    opened.tools(LIMIT).await.expect("listed");
}

#[tokio::test]
async fn an_error_of_the_tool_server_is_quoted() {
    let (_server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("tools/call") => rpc_error(StatusCode::OK, &seen.body["id"], -32602),
        _ => stateless(seen),
    })
    .await;
    let error = opened
        .call(CallToolRequestParams::new("echo"), LIMIT)
        .await
        .expect_err("an error");
    assert_eq!(
        error.to_string(),
        "the server answered with an error: no (-32602)"
    );
}

#[tokio::test]
async fn changed_tools_are_heard_of_in_the_stateless_era() {
    let (server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("subscriptions/listen") => {
            let meta = json!({"io.modelcontextprotocol/subscriptionId": seen.body["id"]});
            let acknowledged = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
                "params": {"_meta": meta, "notifications": {"toolsListChanged": true}}});
            let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                "params": {"_meta": meta}});
            let events = vec![
                format!("data: {acknowledged}\n\n"),
                format!("data: {changed}\n\n"),
            ];
            reply(200, &[("content-type", "text/event-stream")], open_ended(events))
        }
        _ => stateless(seen),
    })
    .await;
    let mut changes = opened.service.service().tools_changed();
    let clock = Clock::system();
    tokio::select! {
        () = opened.listen(&clock) => panic!("the connection is open"),
        change = changes.changed() => change.expect("heard"),
    }
    assert_eq!(server.lines()[1], "POST subscriptions/listen");
}

#[tokio::test]
async fn a_server_that_announces_no_changes_is_not_listened_to() {
    let (server, opened) = opened(|seen| match seen.body["method"].as_str() {
        Some("server/discover") => {
            let mut discovered = crate::connection::test_kit::discovered(&["2026-07-28"]);
            discovered["capabilities"] = json!({"tools": {}});
            json_reply(
                200,
                &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": discovered}),
            )
        }
        _ => stateless(seen),
    })
    .await;
    opened.listen(&Clock::system()).await;
    assert_eq!(server.lines().len(), 1);
}

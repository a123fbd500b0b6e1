//! Clients that wait for a few seconds only: what a slow answer says meanwhile, and what a gateway that was started
//! anew makes of their sessions.
#![cfg(unix)]

use std::{error::Error, time::Duration};

use omlx_demo::{Demo, DemoOptions, Era};
use omlx_tests::{Desk, Omlx, TestResult, in_time, script};
use serde_json::{Value, json};

use crate::{
    eras::stateless,
    lending::{DEMO, Lent, OMLX, message_of, text_of},
};

/// oMLX gives up a stream on which it has read nothing for as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A program whose tool `slow` answers once a file is there, and `wait` never; what it hears is in `heard`.
fn slow(desk: &Desk) -> Result<(), Box<dyn Error>> {
    let folder = desk.path().display();
    let lines = format!(
        r#"while read -r line; do
  printf '%s\n' "$line" >> '{folder}/heard'
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{{"jsonrpc":"2.0","id":%s,"result":{{"protocolVersion":"2025-06-18","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"sh","version":"1"}}}}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{{"jsonrpc":"2.0","id":%s,"result":{{"tools":[{{"name":"slow","inputSchema":{{"type":"object"}}}}]}}}}\n' "$id" ;;
    *'"wait"'*) ;;
    *'"slow"'*) while [ ! -e '{folder}/go' ]; do sleep 0.1; done
      printf '{{"jsonrpc":"2.0","id":%s,"result":{{"content":[{{"type":"text","text":"hello"}}]}}}}\n' "$id" ;;
  esac
done"#
    );
    let file = script(desk, "server.sh", &lines)?;
    Ok(desk.configure(&json!({ "demo": { "command": file } }))?)
}

async fn lent() -> Result<Lent, Box<dyn Error>> {
    let desk = Desk::new()?;
    slow(&desk)?;
    let lent = Lent::over(Demo::start(DemoOptions::headless()).await?, desk).await?;
    // How it is spoken to has been found out by then.
    in_time(async {
        while lent.get("/status").await?["servers"][0]["connection"] != "connected" {
            tokio::task::yield_now().await;
        }
        TestResult::Ok(())
    })
    .await??;
    Ok(lent)
}

/// Reads comments until some are there, then lets the program go on and reads the answer.
async fn kept_alive(lent: &Lent, response: reqwest::Response) -> TestResult {
    let mut response = response;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while text.matches(":\n\n").count() < 3 {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await??;
        text.push_str(std::str::from_utf8(&chunk.ok_or("the stream ended")?)?);
    }
    std::fs::write(lent.desk.path().join("go"), "")?;
    while let Some(chunk) = in_time(response.chunk()).await?? {
        text.push_str(std::str::from_utf8(&chunk)?);
    }
    assert!(text.contains("hello"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_slow_call_in_a_session_of_ours_is_heard_of_before_its_answer() -> TestResult {
    let lent = lent().await?;
    let (session, _) = lent.greet(DEMO).await?;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "slow" } });
    let response = tokio::time::timeout(PATIENCE, lent.message(DEMO, session.as_deref(), call)).await??;
    kept_alive(&lent, response).await
}

#[tokio::test]
async fn a_slow_call_of_the_stateless_era_is_heard_of_before_its_answer() -> TestResult {
    let lent = lent().await?;
    let params = stateless(json!({ "name": "slow", "arguments": {} }));
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let post = lent.to(DEMO).body(call.to_string());
    let post = post
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "slow");
    let response = tokio::time::timeout(PATIENCE, post.send()).await??;
    kept_alive(&lent, response).await
}

#[tokio::test]
async fn who_listens_hears_something_every_few_seconds() -> TestResult {
    let lent = lent().await?;
    for path in [DEMO, "/mcp"] {
        let (session, _) = lent.greet(path).await?;
        let stream = lent.http.get(format!("{}{path}", lent.url));
        let stream = stream
            .bearer_auth(&lent.key)
            .header("accept", "text/event-stream");
        let stream = stream.header("mcp-session-id", session.ok_or("no session")?);
        let mut stream = stream.send().await?;
        for _ in 0..2 {
            let heard = tokio::time::timeout(PATIENCE, stream.chunk()).await??;
            assert!(heard.is_some(), "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_cancelled_ends_and_frees_its_connection() -> TestResult {
    let lent = lent().await?;
    for path in [DEMO, "/mcp"] {
        let name = if path == DEMO { "wait" } else { "demo__wait" };
        let (session, _) = lent.greet(path).await?;
        let session = session.as_deref();
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": name } });
        let cancel =
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
        let cancelled = async {
            let heard = lent.desk.path().join("heard");
            in_time(async {
                while !std::fs::read_to_string(&heard).is_ok_and(|heard| heard.contains("\"wait\"")) {
                    tokio::task::yield_now().await;
                }
            })
            .await?;
            assert_eq!(lent.message(path, session, cancel).await?.status(), 202);
            TestResult::Ok(())
        };
        let (answer, cancelled) = tokio::join!(lent.message(path, session, call), cancelled);
        cancelled?;
        let answer = answer?;
        assert!(answer.status().is_success(), "{}", answer.status());
        let text = in_time(answer.text()).await??;
        assert!(!text.contains("\"id\""), "nothing is answered: {text}");
        std::fs::remove_file(lent.desk.path().join("heard"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_session_with_all_servers_outlives_the_gateway_it_was_begun_with() -> TestResult {
    let mut lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet("/mcp").await?;
    let (one, _) = lent.greet(DEMO).await?;
    lent.process.interrupt().await?;
    let (desk, port) = (
        &lent.desk,
        lent.url.rsplit(':').next().unwrap_or_default().to_owned(),
    );
    let again = Omlx::on(desk, OMLX, &["mcp", "serve", "--port", &port, "--json"]).start()?;
    let before = std::mem::replace(&mut lent.process, again);
    before.end().await?;
    lent.process.line().await?;
    let call = json!({ "name": "demo__echo", "arguments": { "text": "hello" } });
    let answer = lent.ask("/mcp", session.as_deref(), ("tools/call", call)).await?;
    assert_eq!(text_of(&answer["result"]), "hello", "{answer}");
    let foreign = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for unknown in ["omlx-short", "another"] {
        let response = lent.message("/mcp", Some(unknown), foreign.clone()).await?;
        assert_eq!(response.status(), 404, "{unknown}");
    }
    let gone: Value = message_of(lent.message(DEMO, one.as_deref(), foreign).await?).await?;
    assert!(
        gone.get("result").is_some() || gone.get("error").is_some(),
        "{gone}"
    );
    Ok(())
}

#[tokio::test]
async fn of_two_requests_under_one_id_the_first_is_answered_and_the_second_told_so() -> TestResult {
    let lent = lent().await?;
    let (session, _) = lent.greet(DEMO).await?;
    let call = |id: u64, tool: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool } });
    let first = lent.message(DEMO, session.as_deref(), call(1, "slow")).await?;
    let second = lent.message(DEMO, session.as_deref(), call(1, "slow")).await?;
    assert_eq!(second.status(), 400);
    let told = message_of(second).await?;
    assert_eq!(
        (&told["id"], &told["error"]["code"]),
        (&json!(1), &json!(-32600)),
        "{told}"
    );
    kept_alive(&lent, first).await?;

    let cancelled = lent.message(DEMO, session.as_deref(), call(2, "wait")).await?;
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
    lent.message(DEMO, session.as_deref(), note).await?;
    let again = lent.message(DEMO, session.as_deref(), call(2, "slow")).await?;
    in_time(cancelled.text()).await??;
    let answer = message_of(again).await?;
    assert_eq!(text_of(&answer["result"]), "hello", "{answer}");
    Ok(())
}

//! What a client keeps when the entry of the server it uses is switched off, switched on, or edited meanwhile.
#![cfg(unix)]

use std::error::Error;

use omlx_demo::{Demo, DemoOptions, Era};
use omlx_tests::{Desk, Omlx, TestResult, in_time, script};
use serde_json::{Value, json};

use crate::{
    eras::stateless,
    lending::{Client, DEMO, Lent, OMLX, message_of, signed_in, text_of},
};

/// A program that knows `tools/call`, and leaves one of `wait` unanswered.
const PROGRAM: &str = r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"wait"'*) ;;
    *'"tools/call"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"hello"}]}}\n' "$id" ;;
  esac
done"#;

/// The entry, switched on.
fn on(entry: &Value) -> Value {
    json!({ "demo": entry })
}

/// The entry, switched off.
fn off(entry: &Value) -> Value {
    let mut entry = entry.clone();
    entry["enabled"] = false.into();
    json!({ "demo": entry })
}

/// The entry of a program, and the desk it is on.
fn program() -> Result<(Desk, Value), Box<dyn Error>> {
    let desk = Desk::new()?;
    let entry = json!({ "command": script(&desk, "server.sh", PROGRAM)? });
    desk.configure(&json!({ "demo": entry }))?;
    Ok((desk, entry))
}

/// Asks until it is as said.
async fn until(
    is: impl Fn(&Value) -> bool,
    mut ask: impl AsyncFnMut() -> Result<Value, Box<dyn Error>>,
) -> TestResult {
    in_time(async {
        while !is(&ask().await?) {
            tokio::task::yield_now().await;
        }
        TestResult::Ok(())
    })
    .await?
}

fn failed(result: &Value) -> bool {
    result["isError"] == true
}

fn served(result: &Value) -> bool {
    text_of(result) == "hello"
}

async fn used_again_over_the_bridge(desk: &Desk, entry: &Value) -> TestResult {
    let (mut client, _) = Client::greeted(desk, &["demo"]).await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    desk.configure(&off(entry))?;
    until(failed, async || client.echo("hello").await).await?;
    client.aside.clear();
    desk.configure(&on(entry))?;
    client.until("notifications/tools/list_changed").await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    Ok(())
}

#[tokio::test]
async fn a_bridge_goes_on_after_its_server_was_paused_and_resumed() -> TestResult {
    for era in [Era::Session, Era::Stateless] {
        let (demo, desk) = signed_in(era).await?;
        let entry = json!({ "transport": "streamable-http", "url": demo.mcp_url() });
        used_again_over_the_bridge(&desk, &entry).await?;
    }
    let (demo, desk) = signed_in(Era::Session).await?;
    let entry = json!({ "transport": "sse", "url": demo.sse_url() });
    desk.configure(&json!({ "demo": entry }))?;
    desk.sign_in().await?;
    used_again_over_the_bridge(&desk, &entry).await?;
    let (desk, entry) = program()?;
    used_again_over_the_bridge(&desk, &entry).await
}

#[tokio::test]
async fn a_call_that_is_open_when_its_server_is_paused_is_answered_with_an_error() -> TestResult {
    let (desk, entry) = program()?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    let id = client.begin("tools/call", json!({ "name": "wait" })).await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    desk.configure(&off(&entry))?;
    let answer = client.answer(id).await?;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(
        text_of(&answer["result"]).contains("whether the request was carried out is unknown"),
        "{answer}"
    );
    Ok(())
}

/// A gateway over one entry named `demo`.
async fn over(desk: Desk) -> Result<Lent, Box<dyn Error>> {
    Lent::over(Demo::start(DemoOptions::headless()).await?, desk).await
}

#[tokio::test]
async fn a_session_of_the_gateway_goes_on_after_its_server_was_paused_and_resumed() -> TestResult {
    let (desk, entry) = program()?;
    let lent = over(desk).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let session = session.as_deref();
    assert_eq!(text_of(&lent.echo(DEMO, session).await?), "hello");
    lent.desk.configure(&off(&entry))?;
    let is_said = |result: &Value| text_of(result).contains("demo is switched off. To switch it on, run");
    until(is_said, async || lent.echo(DEMO, session).await).await?;
    lent.desk.configure(&on(&entry))?;
    until(served, async || lent.echo(DEMO, session).await).await
}

#[tokio::test]
async fn all_servers_as_one_go_on_after_one_was_edited_while_a_call_was_open() -> TestResult {
    let (desk, entry) = program()?;
    let lent = over(desk).await?;
    let (session, _) = lent.greet("/mcp").await?;
    let session = session.as_deref();
    let echo = async || {
        let call = json!({ "name": "demo__echo", "arguments": {} });
        Ok(lent.ask("/mcp", session, ("tools/call", call)).await?["result"].clone())
    };
    until(served, echo).await?;
    let waiting =
        json!({ "jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": { "name": "demo__wait" } });
    let edited = async {
        until(served, echo).await?;
        let mut entry = entry.clone();
        entry["timeout"] = 17.into();
        lent.desk.configure(&json!({ "demo": entry }))?;
        TestResult::Ok(())
    };
    let (answer, edited) = tokio::join!(lent.message("/mcp", session, waiting), edited);
    edited?;
    let answer = in_time(message_of(answer?)).await??;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    until(served, echo).await
}

#[tokio::test]
async fn a_client_of_the_stateless_era_goes_on_after_its_server_was_paused_and_resumed() -> TestResult {
    let (desk, entry) = program()?;
    let lent = over(desk).await?;
    let echo = async || {
        let params = stateless(json!({ "name": "echo", "arguments": {} }));
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let post = lent.to(DEMO).body(call.to_string());
        let post = post
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "echo");
        Ok(message_of(post.send().await?).await?["result"].clone())
    };
    until(served, echo).await?;
    lent.desk.configure(&off(&entry))?;
    until(failed, echo).await?;
    lent.desk.configure(&on(&entry))?;
    until(served, echo).await
}

async fn typed(desk: &Desk, word: &str) -> TestResult {
    let ran = Omlx::on(desk, OMLX, &["mcp", word]).run().await?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Ok(())
}

fn paused(result: &Value) -> bool {
    failed(result)
        && text_of(result)
            == "demo is paused, as all servers of oMLX Connect are. They come back when somebody resumes \
                               them, with `omlx mcp resume` in a terminal or in oMLX Connect; then call again."
}

#[tokio::test]
async fn a_pause_reaches_a_bridge_and_its_end_does_too() -> TestResult {
    let (_demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    typed(&desk, "pause").await?;
    until(paused, async || client.echo("hello").await).await?;
    let (mut late, _) = Client::greeted(&desk, &["demo"]).await?;
    assert!(
        paused(&late.echo("hello").await?),
        "one that is started meanwhile, too"
    );
    let asked = Omlx::on(&desk, OMLX, &["mcp", "call", "demo__echo", "text=hello"]);
    let asked = asked.run().await?;
    assert_eq!(asked.data, "hello\n", "what a person types is done: {asked:?}");
    client.aside.clear();
    typed(&desk, "resume").await?;
    client.until("notifications/tools/list_changed").await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    Ok(())
}

#[tokio::test]
async fn a_pause_reaches_the_gateway_and_its_end_does_too() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet("/mcp").await?;
    let session = session.as_deref();
    let echo = async || {
        let call = json!({ "name": "demo__echo", "arguments": { "text": "hello" } });
        Ok(lent.ask("/mcp", session, ("tools/call", call)).await?["result"].clone())
    };
    assert_eq!(text_of(&echo().await?), "hello");
    typed(&lent.desk, "pause").await?;
    until(paused, echo).await?;
    let status = Omlx::on(&lent.desk, OMLX, &["mcp", "status"]).run().await?;
    assert!(
        status
            .data
            .contains("All servers are paused; to use them again: omlx mcp resume\n"),
        "{status:?}"
    );
    let status = Omlx::on(&lent.desk, OMLX, &["mcp", "status", "--json"])
        .run()
        .await?;
    assert_eq!(status.json()?["paused"], true);
    typed(&lent.desk, "resume").await?;
    until(served, echo).await
}

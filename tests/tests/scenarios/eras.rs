//! A client and a server of different eras, with the bridge and the gateway between them.
#![cfg(unix)]

use std::{error::Error, process::Stdio};

use omlx_demo::Era;
use omlx_tests::{Desk, TestResult, in_time, interop_folder, node};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::lending::{Client, DEMO, Lent, signed_in, text_of};

/// The full server of `tests/interop/fixture` in one era alone, and a desk that has it as `full`.
async fn full(era: &str) -> Result<(Child, Desk), Box<dyn Error>> {
    let mut server = Command::new(node()?)
        .args(["fixture/server.mjs", era])
        .current_dir(interop_folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = server.stdout.take().ok_or("no standard output")?;
    let port = in_time(BufReader::new(output).lines().next_line()).await??;
    let url = format!("http://127.0.0.1:{}/mcp", port.ok_or("no port")?);
    let desk = Desk::new()?;
    desk.configure(&json!({ "full": { "url": url } }))?;
    Ok((server, desk))
}

/// A client of the session era that can be asked.
async fn able(desk: &Desk) -> Result<(Client, Value), Box<dyn Error>> {
    let mut client = Client::start(desk, &["full"])?;
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "elicitation": {}, "sampling": {}, "roots": {} },
        "clientInfo": { "name": "by hand", "version": "1" },
    });
    let answer = client.ask("initialize", hello).await?;
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    client.say(&note).await?;
    Ok((client, answer["result"].clone()))
}

fn call(tool: &str) -> Value {
    json!({ "name": tool, "arguments": {} })
}

#[tokio::test]
async fn a_client_of_the_session_era_uses_a_server_that_has_no_sessions_over_the_bridge() -> TestResult {
    let (demo, desk) = signed_in(Era::Stateless).await?;
    let (mut client, answer) = Client::greeted(&desk, &["demo"]).await?;
    let hello = &answer["result"];
    assert_eq!(hello["protocolVersion"], "2025-11-25", "{answer}");
    assert_eq!(hello["capabilities"]["tools"]["listChanged"], true, "{answer}");
    let tools = client.ask("tools/list", json!({})).await?;
    assert!(
        tools["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 5),
        "{tools}"
    );
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    assert_eq!(client.ask("ping", json!({})).await?["result"], json!({}));
    let unknown = client.ask("no/such", json!({})).await?;
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    // The schema wants this argument in a header field, and the demo server insists on it.
    let hours = json!({ "name": "office_hours", "arguments": { "region": "eu" } });
    let hours = client.ask("tools/call", hours).await?;
    assert_ne!(hours["result"]["isError"], true, "{hours}");
    assert!(hours.get("error").is_none(), "{hours}");
    in_time(demo.until("rpc=subscriptions/listen", 1)).await?;
    demo.tools_changed();
    client.until("notifications/tools/list_changed").await?;
    assert_eq!(demo.count("status=401"), 0);
    Ok(())
}

#[tokio::test]
async fn a_client_of_the_session_era_uses_a_server_that_has_no_sessions_over_http() -> TestResult {
    let lent = Lent::ready(Era::Stateless).await?;
    let (session, hello) = lent.greet(DEMO).await?;
    assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "{hello}");
    let session = session.as_deref();
    assert!(
        session.is_some_and(|name| name.starts_with("omlx-")),
        "{session:?}"
    );
    assert_eq!(text_of(&lent.echo(DEMO, session).await?), "hello");
    let pinged = lent.ask(DEMO, session, ("ping", json!({}))).await?;
    assert_eq!(pinged["result"], json!({}), "{pinged}");
    Ok(())
}

#[tokio::test]
async fn progress_reaches_a_client_of_the_session_era_before_the_answer() -> TestResult {
    let (_demo, desk) = signed_in(Era::Stateless).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    let count = json!({
        "name": "countdown",
        "arguments": { "from": 2, "pause_ms": 1 },
        "_meta": { "progressToken": "mine" },
    });
    let id = client.begin("tools/call", count).await?;
    let progress = client.until("notifications/progress").await?;
    assert_eq!(progress["params"]["progressToken"], "mine", "{progress}");
    let answer = client.answer(id).await?;
    assert!(answer.get("result").is_some(), "{answer}");
    Ok(())
}

#[tokio::test]
async fn what_a_stateless_server_wants_to_know_is_asked_of_a_client_of_the_session_era() -> TestResult {
    let (_server, desk) = full("stateless").await?;
    let (mut client, hello) = able(&desk).await?;
    assert_eq!(hello["serverInfo"]["name"], "omlx-connect-fixture", "{hello}");
    let id = client
        .begin("tools/call", call("test_input_required_result_multi_round"))
        .await?;
    for (property, said) in [("name", "Ada"), ("color", "blue")] {
        let question = client.until("elicitation/create").await?;
        let properties = &question["params"]["requestedSchema"]["properties"];
        assert!(properties.get(property).is_some(), "{question}");
        let content = json!({ "action": "accept", "content": { property: said } });
        client
            .say(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": content }))
            .await?;
    }
    let answer = client.answer(id).await?;
    assert_eq!(text_of(&answer["result"]), "Ada likes blue", "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_client_that_refuses_to_be_asked_is_answered_with_its_own_refusal() -> TestResult {
    let (_server, desk) = full("stateless").await?;
    let (mut client, _) = able(&desk).await?;
    let id = client.begin("tools/call", call("test_sampling")).await?;
    let question = client.until("sampling/createMessage").await?;
    let error = json!({ "code": -1, "message": "the user does not want that" });
    client
        .say(&json!({ "jsonrpc": "2.0", "id": question["id"], "error": error }))
        .await?;
    let answer = client.answer(id).await?;
    assert_eq!(answer["error"], error, "{answer}");
    Ok(())
}

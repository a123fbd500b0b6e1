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

use crate::lending::{Client, DEMO, Lent, message_of, signed_in, text_of};

/// The full server of `tests/interop/fixture` in one era alone, and its URL.
pub(crate) async fn fixture(era: &str) -> Result<(Child, String), Box<dyn Error>> {
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
    Ok((server, url))
}

/// The same, and a desk that has it as `full`.
async fn full(era: &str) -> Result<(Child, Desk), Box<dyn Error>> {
    let (server, url) = fixture(era).await?;
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
    let id = client.begin("tools/call", call(ASKING)).await?;
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

/// A request of the stateless era.
pub(crate) fn stateless(params: Value) -> Value {
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
        "io.modelcontextprotocol/clientInfo": { "name": "by hand", "version": "1" },
    });
    params
}

#[tokio::test]
async fn a_client_of_the_stateless_era_uses_a_server_that_insists_on_a_session_over_the_bridge() -> TestResult
{
    let (demo, desk) = signed_in(Era::Session).await?;
    let mut client = Client::start(&desk, &["demo"])?;
    let said = client.ask("server/discover", stateless(json!({}))).await?;
    assert_eq!(
        said["result"]["supportedVersions"],
        json!(["2026-07-28"]),
        "{said}"
    );
    let listening = stateless(json!({ "notifications": { "toolsListChanged": true } }));
    let subscription = client.begin("subscriptions/listen", listening).await?;
    client.until("notifications/subscriptions/acknowledged").await?;
    let tools = client.ask("tools/list", stateless(json!({}))).await?;
    let tools = &tools["result"];
    assert_eq!(
        (&tools["resultType"], &tools["ttlMs"]),
        (&json!("complete"), &json!(0)),
        "{tools}"
    );
    let echo = stateless(json!({ "name": "echo", "arguments": { "text": "hello" } }));
    let echoed = client.ask("tools/call", echo).await?;
    assert_eq!(text_of(&echoed["result"]), "hello", "{echoed}");
    let removed = client.ask("ping", stateless(json!({}))).await?;
    assert_eq!(removed["error"]["code"], -32601, "{removed}");
    demo.tools_changed();
    let news = client.until("notifications/tools/list_changed").await?;
    let meta = &news["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    assert_eq!(meta, &json!(subscription), "{news}");
    Ok(())
}

/// The tool that asks for a name, and then for a colour.
pub(crate) const ASKING: &str = "test_input_required_result_multi_round";

/// Calls the tool that asks, and answers its questions as a client of the stateless era does.
pub(crate) async fn asked_twice(
    tool: &str,
    mut ask: impl AsyncFnMut(Value) -> Result<Value, Box<dyn Error>>,
) -> Result<Value, Box<dyn Error>> {
    let mut answer = ask(stateless(call(tool))).await?;
    for content in [json!({ "name": "Ada" }), json!({ "color": "blue" })] {
        let result = &answer["result"];
        assert_eq!(result["resultType"], "input_required", "{answer}");
        let questions = result["inputRequests"].as_object().ok_or("no questions")?;
        let answers = questions.iter().map(|(name, question)| {
            assert_eq!(question["method"], "elicitation/create");
            (name.clone(), json!({ "action": "accept", "content": content }))
        });
        let mut again = stateless(call(tool));
        again["inputResponses"] = Value::Object(answers.collect());
        again["requestState"] = result["requestState"].clone();
        answer = ask(again).await?;
    }
    Ok(answer)
}

#[tokio::test]
async fn what_a_session_server_asks_is_an_input_required_result_to_a_client_of_the_stateless_era()
-> TestResult {
    let (_server, desk) = full("session").await?;
    let mut client = Client::start(&desk, &["full"])?;
    let answer = asked_twice(ASKING, async |params| client.ask("tools/call", params).await).await?;
    assert_eq!(text_of(&answer["result"]), "Ada likes blue", "{answer}");
    Ok(())
}

/// A call goes on as another request, whose progress token is another one, too; the server knows the first alone.
#[tokio::test]
async fn progress_after_a_question_is_told_to_the_request_with_which_the_call_goes_on() -> TestResult {
    let (_server, desk) = full("session").await?;
    let mut client = Client::start(&desk, &["full"])?;
    let request = |token: &str| {
        let mut params = stateless(call("test_question_then_progress"));
        params["_meta"]["progressToken"] = token.into();
        params
    };
    let asked = client.ask("tools/call", request("first")).await?;
    let state = &asked["result"]["requestState"];
    assert!(state.is_string(), "{asked}");
    let mut again = request("second");
    let said = json!({ "action": "accept", "content": { "response": "well" } });
    again["inputResponses"] = json!({ "question": said });
    again["requestState"] = state.clone();
    let id = client.begin("tools/call", again).await?;
    let progress = client.until("notifications/progress").await?;
    assert_eq!(progress["params"]["progressToken"], "second", "{progress}");
    let answer = client.answer(id).await?;
    assert_eq!(text_of(&answer["result"]), "done", "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_client_of_the_stateless_era_is_asked_by_a_session_server_over_http_too() -> TestResult {
    let (_server, desk) = full("session").await?;
    let demo = omlx_demo::Demo::start(omlx_demo::DemoOptions::headless()).await?;
    let lent = Lent::over(demo, desk).await?;
    let post = async |params: Value, name: Option<&str>| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let post = lent.to("/servers/full/mcp").body(request.to_string());
        let post = post
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call");
        let post = name
            .into_iter()
            .fold(post, |post, name| post.header("mcp-name", name));
        message_of(post.send().await?).await
    };
    let answer = asked_twice(ASKING, async |params| {
        let name = params["name"].as_str().map(str::to_owned);
        post(params, name.as_deref()).await
    })
    .await?;
    assert_eq!(text_of(&answer["result"]), "Ada likes blue", "{answer}");
    let unnamed = post(stateless(call("test_simple_text")), None).await?;
    assert_eq!(unnamed["error"]["code"], -32020, "{unnamed}");
    Ok(())
}

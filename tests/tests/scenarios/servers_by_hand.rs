//! Servers that answer late, badly, or to nobody: what their clients are told meanwhile, and what is never passed on.
#![cfg(unix)]

use std::{error::Error, sync::Arc, time::Duration};

use omlx_demo::{Era, Fault};
use omlx_tests::{Desk, Omlx, TestResult, in_time, script};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::lending::{Client, OMLX, echo, signed_in, text_of};

/// More than there may be requests of one client at once.
const MANY: usize = 260;

/// What a server by hand says to one request.
enum Said {
    /// The head and the whole body.
    All(String),
    /// The same, but the connection stays open.
    Open(String),
}

/// Answers one request after the other, each on a connection of its own.
async fn serve(
    answer: impl Fn(&str, &Value) -> Said + Send + Sync + 'static,
) -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let _ = converse(stream, &*answer).await;
            });
        }
    });
    Ok(url)
}

async fn converse(mut stream: TcpStream, answer: &(impl Fn(&str, &Value) -> Said + Sync)) -> TestResult {
    let (mut asked, mut piece) = (String::new(), vec![0; 16 * 1024]);
    // A request is whole with the brace that ends its message; one without a message has no such.
    while !(asked.ends_with('}') || asked.starts_with("GET") && asked.ends_with("\r\n\r\n")) {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        asked.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    let message = asked
        .find('{')
        .and_then(|at| serde_json::from_str(&asked[at..]).ok());
    match answer(&asked, &message.unwrap_or_default()) {
        Said::All(text) => stream.write_all(text.as_bytes()).await?,
        Said::Open(text) => {
            stream.write_all(text.as_bytes()).await?;
            let mut rest = [0; 1];
            let _ = stream.read(&mut rest).await;
        }
    }
    Ok(())
}

fn head(status: &str, kind: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nmcp-session-id: s\r\nconnection: close\r\n\r\n")
}

fn document(message: &Value) -> Said {
    Said::All(head("200 OK", "application/json") + &message.to_string())
}

fn events(messages: &[Value]) -> String {
    let events = messages.iter().map(|message| format!("data: {message}\n\n"));
    head("200 OK", "text/event-stream") + &events.collect::<String>()
}

fn result(asked: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })
}

fn stray(id: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "tools": [{ "name": "stray", "inputSchema": {} }] } })
}

fn hello(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

/// What any server by hand says, but to calls and to who listens.
fn usual(message: &Value) -> Said {
    let answer = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }] }),
        _ => json!({}),
    };
    match message.get("id") {
        Some(_) => document(&result(message, &answer)),
        None => {
            Said::All("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned())
        }
    }
}

async fn over(url: &str) -> Result<(Desk, Client), Box<dyn Error>> {
    let desk = Desk::new()?;
    desk.configure(&json!({ "hand": { "url": url } }))?;
    let (client, _) = Client::greeted(&desk, &["hand"]).await?;
    Ok((desk, client))
}

/// A client that has shaken hands, of a bridge that writes next to no log: nobody reads that while it calls.
async fn patient(desk: &Desk, server: &str) -> Result<Client, Box<dyn Error>> {
    let bridge = Omlx::on(desk, OMLX, &["mcp", "bridge", server]).with("OMLX_LOG", "error");
    let mut client = Client::of(bridge.start()?);
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "by hand", "version": "1" },
    });
    client.ask("initialize", hello).await?;
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    client.say(&note).await?;
    Ok(client)
}

fn never_heard_of_tools(client: &Client) {
    let strays: Vec<_> = client
        .aside
        .iter()
        .filter(|message| message.to_string().contains("stray"))
        .collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[tokio::test]
async fn a_stream_that_is_left_open_after_the_answer_is_not_waited_for() -> TestResult {
    let url = serve(|_, message| match message["method"].as_str() {
        Some("tools/call") => Said::Open(events(&[result(message, &hello("hello"))])),
        _ => usual(message),
    })
    .await?;
    let desk = Desk::new()?;
    desk.configure(&json!({ "hand": { "url": url } }))?;
    let mut client = patient(&desk, "hand").await?;
    for number in 0..MANY {
        let answer = client
            .echo("hello")
            .await
            .map_err(|error| format!("{number}: {error}"))?;
        assert_eq!(text_of(&answer), "hello", "{number}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_here_is_not_passed_on_whichever_way_it_comes() -> TestResult {
    let url = serve(|head, message| {
        if head.starts_with("GET") {
            return Said::Open(events(&[
                stray(&json!(1)),
                json!({ "jsonrpc": "2.0", "method": "notifications/heard" }),
            ]));
        }
        match message["method"].as_str() {
            Some("tools/call") => Said::All(events(&[
                stray(&json!("another")),
                stray(&json!(message["id"].to_string())),
                result(message, &hello("hello")),
            ])),
            Some("prompts/list") => document(&stray(&json!(999))),
            _ => usual(message),
        }
    })
    .await?;
    let (_desk, mut client) = over(&url).await?;
    while !client
        .aside
        .iter()
        .any(|message| message["method"] == "notifications/heard")
    {
        assert_eq!(text_of(&client.echo("hello").await?), "hello");
    }
    let listed = client.ask("prompts/list", json!({})).await?;
    assert!(listed["error"].is_object(), "{listed}");
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    never_heard_of_tools(&client);
    Ok(())
}

#[tokio::test]
async fn a_large_answer_to_another_request_is_no_message_by_the_time_it_could_be_read() -> TestResult {
    let large = "x".repeat(300 * 1024);
    let url = serve(move |_, message| match message["method"].as_str() {
        Some("tools/call") => {
            let mut foreign = stray(&json!("another"));
            foreign["result"]["padding"] = large.clone().into();
            Said::All(events(&[foreign, result(message, &hello(&large))]))
        }
        _ => usual(message),
    })
    .await?;
    let (_desk, mut client) = over(&url).await?;
    let id = client.begin("tools/call", echo("hello")).await?;
    let broken = client.process.line().await?;
    assert!(
        serde_json::from_str::<Value>(&broken).is_err(),
        "it was passed on"
    );
    let answer = client.answer(id).await?;
    assert_eq!(text_of(&answer["result"]).len(), 300 * 1024);
    assert_eq!(
        client.ask("tools/list", json!({})).await?["result"]["tools"][0]["name"],
        "echo"
    );
    Ok(())
}

#[tokio::test]
async fn a_stray_answer_of_a_program_is_not_passed_on() -> TestResult {
    let desk = Desk::new()?;
    let program = r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}\n' "$id" ;;
    *'"tools/call"'*)
      printf '{"jsonrpc":"2.0","id":"%s","result":{"tools":[{"name":"stray"}]}}\n' "$id"
      printf '[{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"stray"}]}}]\n'
      printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"hello"}]}}\n' "$id" ;;
  esac
done"#;
    desk.configure(&json!({ "local": { "command": script(&desk, "server.sh", program)? } }))?;
    let (mut client, _) = Client::greeted(&desk, &["local"]).await?;
    for _ in 0..3 {
        assert_eq!(text_of(&client.echo("hello").await?), "hello");
    }
    never_heard_of_tools(&client);
    Ok(())
}

#[tokio::test]
async fn large_answers_of_a_server_of_2024_are_answers_however_many_there_are() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    desk.configure(&json!({ "demo": { "transport": "sse", "url": demo.sse_url() } }))?;
    desk.sign_in().await?;
    let mut client = patient(&desk, "demo").await?;
    let large = "x".repeat(70 * 1024);
    for number in 0..MANY {
        let answer = client
            .echo(&large)
            .await
            .map_err(|error| format!("{number}: {error}"))?;
        assert_eq!(text_of(&answer).len(), large.len(), "{number}");
    }
    Ok(())
}

#[tokio::test]
async fn a_mute_server_is_answered_for_and_does_not_keep_a_client_that_leaves() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let gate = demo.hold("rpc=initialize");
    let greeted = Client::greeted(&desk, &["demo"]);
    let (mut client, answer) = tokio::time::timeout(Duration::from_secs(10), greeted).await??;
    assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
    let tools = client.ask("tools/list", json!({})).await?;
    assert!(tools["result"]["tools"].is_array(), "{tools}");
    let waiting = client.begin("tools/call", echo("hello")).await?;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": waiting } });
    client.say(&cancel).await?;
    let left = tokio::time::timeout(Duration::from_secs(10), client.leave()).await??;
    assert_eq!(left.code, Some(0), "{}", left.words);
    drop(gate);
    Ok(())
}

#[tokio::test]
async fn a_mute_server_that_speaks_after_all_is_used_and_the_lists_are_told_to_have_changed() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let gate = demo.hold("rpc=initialize");
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    gate.release();
    client.until("notifications/tools/list_changed").await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    Ok(())
}

#[tokio::test]
async fn a_hiccup_is_an_error_for_lists_that_are_not_remembered_and_the_next_answer_says_to_look_again()
-> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    demo.set(Fault::Status(503).at("rpc=prompts/list").once());
    let prompts = client.ask("prompts/list", json!({})).await?;
    assert!(prompts["error"].is_object(), "{prompts}");
    demo.set(Fault::Status(503).at("rpc=tools/list").once());
    let tools = client.ask("tools/list", json!({})).await?;
    assert!(tools["result"]["tools"].is_array(), "{tools}");
    let answer = client.begin("tools/call", echo("hello")).await?;
    client.until("notifications/tools/list_changed").await?;
    assert_ne!(answer, 0);
    Ok(())
}

#[tokio::test]
async fn json_with_an_error_status_that_is_no_message_is_no_answer_to_a_handshake() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let reply = Fault::Reply {
        status: 503,
        content_type: "application/json".to_owned(),
        body: r#"{"error":"busy"}"#.to_owned(),
    };
    demo.set(reply.at("rpc=initialize").once());
    let (mut client, answer) = Client::greeted(&desk, &["demo"]).await?;
    assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    Ok(())
}

#[tokio::test]
async fn who_could_not_listen_for_long_listens_again_once_the_server_answers() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    demo.set(Fault::Status(503).at("GET /mcp"));
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    in_time(demo.until("GET /mcp status=503", 4)).await?;
    demo.clear_faults();
    in_time(async {
        while demo.count("GET /mcp status=200") == 0 {
            client.echo("hello").await?;
        }
        TestResult::Ok(())
    })
    .await??;
    demo.tools_changed();
    client.until("notifications/tools/list_changed").await?;
    Ok(())
}

#[tokio::test]
async fn a_program_is_told_of_what_is_under_way_when_its_client_leaves() -> TestResult {
    let desk = Desk::new()?;
    let heard_in = desk.path().join("heard");
    let program = format!(
        r#"while read -r line; do
  printf '%s\n' "$line" >> '{}'
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{{"jsonrpc":"2.0","id":%s,"result":{{"protocolVersion":"2025-06-18","capabilities":{{}},"serverInfo":{{"name":"sh","version":"1"}}}}}}\n' "$id" ;;
  esac
done"#,
        heard_in.display()
    );
    desk.configure(&json!({ "local": { "command": script(&desk, "server.sh", &program)? } }))?;
    for is_interrupted in [false, true] {
        let (mut client, _) = Client::greeted(&desk, &["local"]).await?;
        let waiting = client.begin("tools/call", echo("hello")).await?;
        let is_called = || std::fs::read_to_string(&heard_in).is_ok_and(|heard| heard.contains("tools/call"));
        in_time(async {
            while !is_called() {
                tokio::task::yield_now().await;
            }
        })
        .await?;
        let code = if is_interrupted {
            // As the protocol has it: the input is closed, and a signal comes when that was not enough.
            client.process.hang_up();
            client.process.interrupt().await?;
            client.process.end().await?.code
        } else {
            client.process.desert().await?.code
        };
        assert_eq!(code, Some(if is_interrupted { 130 } else { 0 }));
        let heard = std::fs::read_to_string(&heard_in)?;
        let cancelled = format!("\"requestId\":{waiting}");
        assert!(
            heard.contains("notifications/cancelled") && heard.contains(&cancelled),
            "{heard}"
        );
        std::fs::remove_file(&heard_in)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_it_is_written_leaves_no_half_of_it_to_the_program() -> TestResult {
    let desk = Desk::new()?;
    let go = desk.path().join("go");
    let program = format!(
        r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{{"jsonrpc":"2.0","id":%s,"result":{{"protocolVersion":"2025-06-18","capabilities":{{}},"serverInfo":{{"name":"sh","version":"1"}}}}}}\n' "$id" ;;
    *'"large"'*) ;;
    *'"tools/call"'*)
      case "$line" in *'"pause"'*) while [ ! -e '{}' ]; do sleep 0.1; done ;; esac
      printf '{{"jsonrpc":"2.0","id":%s,"result":{{"content":[{{"type":"text","text":"hello"}}]}}}}\n' "$id" ;;
  esac
done"#,
        go.display()
    );
    desk.configure(&json!({ "local": { "command": script(&desk, "server.sh", &program)? } }))?;
    let (mut client, _) = Client::greeted(&desk, &["local"]).await?;
    let pausing = client.begin("tools/call", json!({ "name": "pause" })).await?;
    let large = json!({ "name": "large", "arguments": { "text": "x".repeat(200 * 1024) } });
    let large = client.begin("tools/call", large).await?;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": large } });
    client.say(&cancel).await?;
    // What is no message is answered in turn, so all that was said before has been taken by then.
    client.process.type_in("{").await?;
    std::fs::write(go, "")?;
    client.answer(pausing).await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    Ok(())
}

//! What becomes of a client's calls when the server, the token or the client itself fails in the middle of one.
#![cfg(unix)]

use std::error::Error;

use omlx_demo::{Demo, DemoOptions, Era, Fault};
use omlx_tests::{Desk, TestResult, in_time};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::lending::{Client, DEMO, Lent, REFRESH, signed_in, text_of};

const STATELESS: &str = "2026-07-28";

/// A call that tells how far it is, and takes long enough for something to happen meanwhile.
fn countdown(from: u64) -> Value {
    json!({
        "name": "countdown",
        "arguments": { "from": from, "pause_ms": 50 },
        "_meta": { "progressToken": "p" },
    })
}

fn call(params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": "slow", "method": "tools/call", "params": params })
}

/// Calls in the stateless era, where no stream can be taken up again.
async fn called_statelessly(lent: &Lent, from: u64) -> Result<Response, Box<dyn Error>> {
    let mut params = countdown(from);
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = STATELESS.into();
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let request = lent.to(DEMO).header("mcp-protocol-version", STATELESS);
    let request = request
        .header("mcp-method", "tools/call")
        .header("mcp-name", "countdown");
    Ok(request.body(call(&params).to_string()).send().await?)
}

/// Reads until the first progress has come.
async fn begun(stream: &mut Response) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    while !text.contains("notifications/progress") {
        let chunk = in_time(stream.chunk()).await??.ok_or("the stream ended")?;
        text.push_str(std::str::from_utf8(&chunk)?);
    }
    Ok(text)
}

/// Reads the rest, however it ends.
async fn rest(stream: &mut Response) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    while let Ok(Some(chunk)) = in_time(stream.chunk()).await? {
        text.push_str(std::str::from_utf8(&chunk)?);
    }
    Ok(text)
}

fn messages(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[tokio::test]
async fn a_stream_that_dies_with_its_server_ends_with_an_error_for_that_call_and_others_go_on() -> TestResult
{
    let lent = Lent::ready(Era::Both).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let mut stream = called_statelessly(&lent, 60).await?;
    begun(&mut stream).await?;
    lent.demo.cut_connections();
    let told = messages(&rest(&mut stream).await?);
    let answer = told
        .iter()
        .find(|message| message["id"] == "slow")
        .ok_or("no answer")?;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(
        text_of(&answer["result"]).contains("whether the request was carried out is unknown"),
        "{answer}"
    );
    assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_ends_in_the_middle_of_a_message_ends_with_an_error_for_that_call() -> TestResult {
    let lent = Lent::ready(Era::Both).await?;
    for fault in [Fault::CutBody, Fault::EndStream(1)] {
        lent.demo
            .set(fault.clone().at("rpc=tools/call tool=countdown").once());
        let mut stream = called_statelessly(&lent, 3).await?;
        let text = rest(&mut stream).await?;
        let last = messages(&text).pop().ok_or("nothing was said")?;
        assert_eq!(
            (&last["id"], &last["result"]["isError"]),
            (&json!("slow"), &json!(true)),
            "{fault:?}: {text}"
        );
    }
    Ok(())
}

/// A server that says how long the stream with the answer to a call is, and breaks off before.
async fn breaking_off() -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut asked, mut piece) = (String::new(), vec![0; 16 * 1024]);
            // A request is whole with the brace that ends its message; one without a message has no such.
            while !asked.ends_with('}') && !asked.starts_with("GET") {
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => asked.push_str(&String::from_utf8_lossy(&piece[..length])),
                }
            }
            let _ = stream.write_all(half_answered(&asked).as_bytes()).await;
        }
    });
    Ok(url)
}

fn half_answered(asked: &str) -> String {
    let message: Value = asked
        .find('{')
        .and_then(|at| serde_json::from_str(&asked[at..]).ok())
        .unwrap_or_default();
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": [] }),
        Some("tools/call") => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 400";
            return format!("{head}\r\nconnection: close\r\n\r\nevent: message\ndata: {{\"jso");
        }
        Some(_) if message["id"].is_null() => {
            return "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
        }
        Some(_) => json!(null),
        None => return "HTTP/1.1 405 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
    };
    let unknown = json!({ "code": -32601, "message": "no such method" });
    let answer = match result {
        Value::Null => json!({ "jsonrpc": "2.0", "id": message["id"], "error": unknown }),
        result => json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }),
    };
    let answer = answer.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())
}

#[tokio::test]
async fn a_stream_shorter_than_its_server_said_ends_with_an_error_for_that_call() -> TestResult {
    let (demo, desk) = (Demo::start(DemoOptions::headless()).await?, Desk::new()?);
    desk.configure(&json!({ "demo": { "transport": "streamable-http", "url": breaking_off().await? } }))?;
    let lent = Lent::over(demo, desk).await?;
    for _ in 0..2 {
        let answer = in_time(lent.ask(DEMO, None, ("tools/call", countdown(1)))).await??;
        let told = text_of(&answer["result"]);
        assert!(
            told.contains("whether the request was carried out is unknown"),
            "{told}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_client_takes_a_broken_stream_up_again_through_the_gateway() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let mut stream = lent
        .message(DEMO, session.as_deref(), call(&countdown(20)))
        .await?;
    let heard = begun(&mut stream).await?;
    lent.demo.cut_connections();
    let heard = heard + &rest(&mut stream).await?;
    assert!(!heard.contains("\"slow\""), "the answer is not made up: {heard}");
    let last = heard
        .lines()
        .filter_map(|line| line.strip_prefix("id:"))
        .next_back();
    let again = lent
        .http
        .get(format!("{}{DEMO}", lent.url))
        .bearer_auth(&lent.key)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session.unwrap_or_default())
        .header("mcp-protocol-version", "2025-11-25")
        .header("last-event-id", last.ok_or("no event was named")?.trim());
    let mut again = again.send().await?;
    assert_eq!(again.status(), StatusCode::OK);
    let mut text = String::new();
    while !text.contains("lift-off") {
        let chunk = in_time(again.chunk()).await??.ok_or("the stream ended")?;
        text.push_str(std::str::from_utf8(&chunk)?);
    }
    Ok(())
}

#[tokio::test]
async fn the_bridge_takes_a_broken_stream_up_again_where_it_ended_and_the_client_sees_nothing_of_it()
-> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    let id = client.begin("tools/call", countdown(30)).await?;
    let mut progress = vec![client.until("notifications/progress").await?];
    demo.cut_connections();
    let answer = loop {
        let message = client.hear().await?;
        if message["id"] == id {
            break message;
        }
        if message["method"] == "notifications/progress" {
            progress.push(message);
        }
    };
    assert_eq!(text_of(&answer["result"]), "lift-off", "{answer}");
    let steps: Vec<_> = progress
        .iter()
        .filter_map(|told| told["params"]["progress"].as_u64())
        .collect();
    assert_eq!(
        steps,
        (1..=30).collect::<Vec<_>>(),
        "nothing is missing, and nothing is said twice"
    );
    assert!(demo.count("GET /mcp header=last-event-id") > 0);
    assert_eq!(demo.count("rpc=tools/call"), 1, "the call was made once");
    Ok(())
}

/// Begins a slow call, lets the token expire, and sees that both the slow call and a later one are served.
async fn served_although_the_token_expires(demo: &Demo, lent: &Lent, mut stream: Response) -> TestResult {
    begun(&mut stream).await?;
    demo.expire_access_tokens();
    let (session, _) = lent.greet(DEMO).await?;
    assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    let told = rest(&mut stream).await?;
    assert!(told.contains("lift-off"), "{told}");
    assert_eq!(demo.count(REFRESH), 1);
    Ok(())
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_of_a_stream_is_refreshed_for_the_next_call_and_the_stream_goes_on()
-> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let stream = lent
        .message(DEMO, session.as_deref(), call(&countdown(20)))
        .await?;
    served_although_the_token_expires(&lent.demo, &lent, stream).await?;
    let lent = Lent::ready(Era::Both).await?;
    let stream = called_statelessly(&lent, 20).await?;
    served_although_the_token_expires(&lent.demo, &lent, stream).await
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_endless_answer_is_not_read_ahead_for() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    lent.demo
        .set(Fault::EndlessBody.at("rpc=tools/call tool=time").once());
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "time" } });
    let unread = lent.message(DEMO, session.as_deref(), request).await?;
    for _ in 0..200 {
        assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    }
    if cfg!(target_os = "linux") {
        let status = std::fs::read_to_string(format!("/proc/{}/status", lent.process.id()?))?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most
            .and_then(|most| most.split_whitespace().next())
            .ok_or("no figure")?;
        assert!(most.parse::<u64>()? < 200 * 1024, "{most} KiB");
    }
    drop(unread);
    Ok(())
}

/// The server is down, and something in front of it takes connections all the same (ssh -L, kubectl port-forward).
fn down_behind_a_tunnel(demo: &Demo) {
    demo.set(Fault::DropBefore.at("/mcp"));
}

fn has_tools(answer: &Value) -> bool {
    answer["result"]["tools"]
        .as_array()
        .is_some_and(|tools| tools.len() > 5)
}

#[tokio::test]
async fn a_server_that_is_down_behind_a_tunnel_is_answered_for_over_the_bridge_until_it_is_there_again()
-> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    down_behind_a_tunnel(&demo);
    let (mut client, hello) = Client::greeted(&desk, &["demo"]).await?;
    assert_eq!(
        hello["result"]["capabilities"]["tools"]["listChanged"], true,
        "{hello}"
    );
    let tools = client.ask("tools/list", json!({})).await?;
    assert!(has_tools(&tools), "{tools}");
    let call = client.echo("hello").await?;
    assert_eq!(call["isError"], true, "{call}");
    demo.clear_faults();
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    let changed = "notifications/tools/list_changed";
    if !client.aside.iter().any(|told| told["method"] == changed) {
        client.until(changed).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_behind_a_tunnel_is_answered_for_over_http_until_it_is_there_again()
-> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    down_behind_a_tunnel(&lent.demo);
    let (new, hello) = lent.greet(DEMO).await?;
    assert_eq!(
        hello["result"]["capabilities"]["tools"]["listChanged"], true,
        "{hello}"
    );
    for session in [&new, &session] {
        let tools = lent
            .ask(DEMO, session.as_deref(), ("tools/list", json!({})))
            .await?;
        assert!(has_tools(&tools), "{tools}");
    }
    lent.demo.clear_faults();
    for session in [&new, &session] {
        assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    }
    Ok(())
}

#[tokio::test]
async fn a_list_of_tools_that_breaks_off_is_that_of_the_last_discovery() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    lent.demo.set(Fault::CutBody.at("rpc=tools/list").once());
    let tools = lent
        .ask(DEMO, session.as_deref(), ("tools/list", json!({})))
        .await?;
    assert!(has_tools(&tools), "{tools}");
    Ok(())
}

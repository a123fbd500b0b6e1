//! The gateway as clients meet it: a real process, real HTTP, real keys.
#![cfg(unix)]

use std::{collections::VecDeque, error::Error};

use omlx_demo::{Demo, DemoOptions, Era};
use omlx_tests::{Desk, Omlx, TestResult, in_time};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::{
    eras::stateless,
    lending::{Client, DEMO, Lent, OMLX, REFRESH, echo, message_of, new_key, text_of},
};

#[tokio::test]
async fn a_client_with_a_key_uses_a_signed_in_server_and_no_credential_passes_in_either_direction()
-> TestResult {
    for era in [Era::Session, Era::Both] {
        let lent = Lent::ready(era).await?;
        let (session, hello) = lent.greet(DEMO).await?;
        assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "{hello}");
        let session = session.as_deref();
        let tools = lent.ask(DEMO, session, ("tools/list", json!({}))).await?;
        assert!(
            tools["result"]["tools"]
                .as_array()
                .is_some_and(|tools| tools.len() > 5),
            "{tools}"
        );
        assert_eq!(text_of(&lent.echo(DEMO, session).await?), "hello");
        let key = format!("bearer={}", lent.key);
        assert_eq!(lent.demo.count(&key), 0, "the client's key stays here");
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": echo("x") });
        let answer = lent.message(DEMO, session, call).await?;
        for field in ["set-cookie", "www-authenticate", "authorization"] {
            assert!(!answer.headers().contains_key(field), "{field}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn whoever_has_no_key_or_comes_from_elsewhere_is_told_so_and_gets_nothing() -> TestResult {
    let lent = Lent::new(Era::Session).await?;
    let status = format!("{}/status", lent.url);
    let cases = [
        (lent.http.get(&status), StatusCode::UNAUTHORIZED, "key_missing"),
        (
            lent.http.get(&status).bearer_auth("omlx_wrong"),
            StatusCode::UNAUTHORIZED,
            "key_unknown",
        ),
        (
            lent.http
                .get(&status)
                .bearer_auth(&lent.key)
                .header("origin", "https://evil.example"),
            StatusCode::FORBIDDEN,
            "foreign_origin",
        ),
        (
            lent.http
                .get(&status)
                .bearer_auth(&lent.key)
                .header("host", "evil.example"),
            StatusCode::FORBIDDEN,
            "foreign_host",
        ),
        (
            lent.http
                .get(format!("{}/nowhere", lent.url))
                .bearer_auth(&lent.key),
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            lent.http.put(&status).bearer_auth(&lent.key),
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
        ),
        (
            lent.to("/servers/none/mcp").body("{}"),
            StatusCode::NOT_FOUND,
            "unknown_server",
        ),
    ];
    for (request, status, code) in cases {
        let answer = request.send().await?;
        assert_eq!(answer.status(), status, "{code}");
        assert_eq!(
            answer.headers().contains_key("www-authenticate"),
            status == StatusCode::UNAUTHORIZED
        );
        let body: Value = answer.json().await?;
        assert_eq!(body["error"]["code"], code, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_any_more() -> TestResult {
    let lent = Lent::new(Era::Session).await?;
    assert!(lent.get("/status").await?["servers"].is_array());
    let revoked = Omlx::on(&lent.desk, OMLX, &["mcp", "access", "revoke", "by hand"])
        .run()
        .await?;
    assert_eq!(revoked.code, Some(0), "{}", revoked.words);
    assert_eq!(lent.get("/status").await?["error"]["code"], "key_unknown");
    Ok(())
}

/// A session at one server and one at all of them, each with a stream that is listened to, and the name of the latter.
async fn listening(lent: &Lent) -> Result<(Vec<Response>, String), Box<dyn Error>> {
    let (mut streams, mut name) = (Vec::new(), String::new());
    for path in [DEMO, "/mcp"] {
        let (session, _) = lent.greet(path).await?;
        name = session.ok_or("no session")?;
        let stream = lent
            .http
            .get(format!("{}{path}", lent.url))
            .bearer_auth(&lent.key);
        let stream = stream.header("accept", "text/event-stream");
        let stream = stream.header("mcp-session-id", &name).send().await?;
        assert_eq!(stream.status(), 200, "{path}");
        streams.push(stream);
    }
    Ok((streams, name))
}

#[tokio::test]
async fn what_a_client_has_open_ends_when_its_key_is_revoked() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (streams, _) = listening(&lent).await?;
    let other = Lent {
        key: new_key(&lent.desk, &["another"]).await?,
        ..lent
    };
    Omlx::on(&other.desk, OMLX, &["mcp", "access", "revoke", "by hand"])
        .run()
        .await?;
    for mut stream in streams {
        in_time(async { while let Ok(Some(_)) = stream.chunk().await {} }).await?;
    }
    assert!(other.get("/status").await?["servers"].is_array());
    Ok(())
}

#[tokio::test]
async fn what_was_opened_with_a_key_ends_when_it_is_renewed_and_is_begun_anew_with_the_new_one() -> TestResult
{
    let lent = Lent::ready(Era::Session).await?;
    let (streams, session) = listening(&lent).await?;
    let renewed = Omlx::on(&lent.desk, OMLX, &["mcp", "access", "renew", "by hand", "--json"])
        .run()
        .await?
        .json()?;
    for mut stream in streams {
        in_time(async { while let Ok(Some(_)) = stream.chunk().await {} }).await?;
    }
    let renewed = Lent {
        key: renewed["key"].as_str().ok_or("no key")?.to_owned(),
        ..lent
    };
    let tools = renewed
        .ask("/mcp", Some(&session), ("tools/list", json!({})))
        .await?;
    assert!(tools["result"]["tools"].is_array(), "{tools}");
    Ok(())
}

/// Reads a stream up to the next event with this in it, and returns that event.
async fn hear(stream: &mut Response, word: &str) -> Result<String, Box<dyn Error>> {
    let mut heard = String::new();
    let listening = async {
        loop {
            let chunk = stream.chunk().await?.ok_or("the stream has ended")?;
            heard.push_str(std::str::from_utf8(&chunk)?);
            if let Some(event) = heard.split("\n\n").find(|event| event.contains(word)) {
                return Ok(event.to_owned());
            }
        }
    };
    in_time(listening).await?
}

#[tokio::test]
async fn who_listens_to_a_servers_own_stream_hears_of_other_tools_that_it_may_see_now() -> TestResult {
    const CHANGED: &str = "notifications/tools/list_changed";
    for era in [Era::Session, Era::Both] {
        let lent = Lent::ready(era).await?;
        let mut stream = if era == Era::Session {
            let (session, _) = lent.greet(DEMO).await?;
            let listen = lent.http.get(format!("{}{DEMO}", lent.url));
            let listen = listen.bearer_auth(&lent.key);
            let listen = listen.header("accept", "text/event-stream");
            listen.header("mcp-session-id", session.ok_or("no session")?)
        } else {
            let params = stateless(json!({ "notifications": { "toolsListChanged": true } }));
            let listen =
                json!({ "jsonrpc": "2.0", "id": "mine", "method": "subscriptions/listen", "params": params });
            let listen = lent.to(DEMO).body(listen.to_string());
            let listen = listen.header("mcp-protocol-version", "2026-07-28");
            listen.header("mcp-method", "subscriptions/listen")
        }
        .send()
        .await?;
        if era == Era::Both {
            hear(&mut stream, "subscriptions/acknowledged").await?;
        }
        let allow = ["mcp", "access", "allow", "by hand", "--tool", "demo__add"];
        let allowed = Omlx::on(&lent.desk, OMLX, &allow).run().await?;
        assert_eq!(allowed.code, Some(0), "{}", allowed.words);
        let told = hear(&mut stream, CHANGED).await?;
        assert_eq!(
            told.contains(r#"subscriptionId":"mine""#),
            era == Era::Both,
            "{told}"
        );
        lent.demo.tools_changed();
        hear(&mut stream, CHANGED).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_client_may_not_use_it_neither_sees_nor_calls_and_every_call_is_a_line() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let narrow = Lent {
        key: new_key(&lent.desk, &["narrow", "--tool", "demo__add"]).await?,
        ..lent
    };
    let (session, _) = narrow.greet(DEMO).await?;
    let tools = narrow
        .ask(DEMO, session.as_deref(), ("tools/list", json!({})))
        .await?;
    let names: Vec<_> = tools["result"]["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| tool["name"].clone())
        .collect();
    assert_eq!(names, ["add"]);
    let call = narrow.echo(DEMO, session.as_deref()).await?;
    assert_eq!(call["isError"], true, "{call}");
    assert!(
        text_of(&call).contains("may not use the tool 'demo__echo'"),
        "{call}"
    );
    let merged = narrow.get("/v1/mcp/tools").await?;
    assert_eq!(
        (merged["count"].as_u64(), &merged["tools"][0]["name"]),
        (Some(1), &json!("demo__add"))
    );
    let sum = json!({ "name": "add", "arguments": { "a": 1, "b": 2 } });
    narrow.ask(DEMO, session.as_deref(), ("tools/call", sum)).await?;
    let log = narrow.desk.home_path().join("access/calls.jsonl");
    let lines = in_time(async {
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.lines().count() >= 2 {
                return text;
            }
            tokio::task::yield_now().await;
        }
    })
    .await?;
    assert!(
        lines.contains("\"tool\":\"echo\"") && lines.contains("\"outcome\":\"tool_not_allowed\""),
        "{lines}"
    );
    assert!(
        lines.contains("\"tool\":\"add\"") && lines.contains("\"outcome\":\"ok\""),
        "{lines}"
    );
    Ok(())
}

/// The outcomes of that many calls, once they are in the log.
async fn outcomes(desk: &Desk, calls: usize) -> Result<Vec<Value>, Box<dyn Error>> {
    let log = desk.home_path().join("access/calls.jsonl");
    let text = in_time(async {
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if text.lines().count() >= calls {
                return text;
            }
            tokio::task::yield_now().await;
        }
    })
    .await?;
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let lines = lines.map(|line| line.map(|line| line["outcome"].clone()));
    Ok(lines.collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn a_call_that_the_server_rejects_is_written_down_as_that_whichever_way_it_came() -> TestResult {
    for era in [Era::Session, Era::Stateless] {
        let lent = Lent::ready(era).await?;
        let (session, _) = lent.greet(DEMO).await?;
        let call = || json!({ "name": "no_such_tool", "arguments": {} });
        let answer = lent.ask(DEMO, session.as_deref(), ("tools/call", call())).await?;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(outcomes(&lent.desk, 1).await?, ["call_rejected"]);
        let (mut client, _) = Client::greeted(&lent.desk, &["demo"]).await?;
        let answer = client.ask("tools/call", call()).await?;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        client.echo("about an \"error\":").await?;
        assert_eq!(
            outcomes(&lent.desk, 3).await?,
            ["call_rejected", "call_rejected", "ok"]
        );
    }
    Ok(())
}

#[tokio::test]
async fn all_servers_are_one_under_omlx_names_and_in_its_own_api() -> TestResult {
    let lent = Lent::ready(Era::Both).await?;
    let (_, hello) = lent.greet("/mcp").await?;
    assert_eq!(
        hello["result"]["capabilities"]["tools"]["listChanged"], true,
        "{hello}"
    );
    let tools = lent.ask("/mcp", None, ("tools/list", json!({}))).await?;
    assert!(
        tools["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.iter().any(|tool| tool["name"] == "demo__echo")),
        "{tools}"
    );
    let call = json!({ "name": "demo__echo", "arguments": { "text": "merged" } });
    let called = lent.ask("/mcp", None, ("tools/call", call)).await?;
    assert_eq!(text_of(&called["result"]), "merged", "{called}");

    let listed = lent.get("/v1/mcp/tools").await?;
    assert_eq!(
        listed["count"].as_u64(),
        listed["tools"].as_array().map(|tools| tools.len() as u64)
    );
    assert!(listed["tools"][0]["parameters"].is_object(), "{listed}");
    let servers = lent.get("/v1/mcp/servers").await?;
    assert_eq!(servers["servers"][0]["state"], "connected", "{servers}");
    assert_eq!(servers["servers"][0]["auth"], "authenticated");
    for name in ["demo__echo", "echo"] {
        let wanted = json!({ "tool_name": name, "arguments": { "text": "run" } });
        let done = lent.to("/v1/mcp/execute").body(wanted.to_string()).send().await?;
        let done: Value = done.json().await?;
        assert_eq!(
            (&done["content"], &done["is_error"], &done["error_message"]),
            (&json!("run"), &json!(false), &Value::Null)
        );
    }
    let status = lent.get("/status").await?;
    assert_eq!(status["servers"][0]["auth"], "authenticated", "{status}");
    Ok(())
}

#[tokio::test]
async fn a_signed_out_server_is_answered_for_and_goes_on_by_itself_once_someone_signs_in() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let signed_out = Omlx::on(&lent.desk, OMLX, &["mcp", "logout", "demo"])
        .run()
        .await?;
    assert_eq!(signed_out.code, Some(0), "{}", signed_out.words);
    lent.until_auth("not_authenticated").await?;
    let (session, hello) = lent.greet(DEMO).await?;
    let session = session.as_deref();
    assert_eq!(
        hello["result"]["capabilities"]["tools"]["listChanged"], true,
        "{hello}"
    );
    let tools = lent.ask(DEMO, session, ("tools/list", json!({}))).await?;
    assert!(
        tools["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 5),
        "{tools}"
    );
    let call = lent.echo(DEMO, session).await?;
    assert_eq!(call["isError"], true);
    assert!(text_of(&call).contains("omlx mcp login demo"), "{call}");

    let mut listening = lent
        .http
        .get(format!("{}{DEMO}", lent.url))
        .bearer_auth(&lent.key)
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session.unwrap_or_default())
        .send()
        .await?;
    lent.desk.sign_in().await?;
    let heard = in_time(listening.chunk()).await??.unwrap_or_default();
    assert!(
        String::from_utf8_lossy(&heard).contains("notifications/tools/list_changed"),
        "{heard:?}"
    );
    assert_eq!(text_of(&lent.echo(DEMO, session).await?), "hello");
    Ok(())
}

#[tokio::test]
async fn a_burst_on_an_expired_token_is_one_refresh() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    lent.demo.expire_access_tokens();
    let calls = (0..32).map(|_| lent.echo(DEMO, session.as_deref()));
    for called in futures::future::join_all(calls).await {
        assert_eq!(text_of(&called?), "hello");
    }
    assert_eq!(lent.demo.count(REFRESH), 1);
    Ok(())
}

#[tokio::test]
async fn a_local_program_is_a_server_over_http_with_a_process_for_each_session() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::new()?;
    let server = r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([^,}]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"who","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"tools/call"'*) printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}\n{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$id" "$$" ;;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id" ;;
  esac
done"#;
    let file = omlx_tests::script(&desk, "server.sh", server)?;
    desk.configure(&json!({ "local": { "command": file } }))?;
    let lent = Lent::over(demo, desk).await?;
    let path = "/servers/local/mcp";
    let mut processes = Vec::new();
    for _ in 0..2 {
        let (session, _) = lent.greet(path).await?;
        let who = json!({ "name": "who", "_meta": { "progressToken": "p" } });
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": who });
        let answer = lent.message(path, session.as_deref(), request).await?;
        assert_eq!(
            answer.headers()["content-type"],
            "text/event-stream",
            "what comes before the answer is streamed"
        );
        processes.push(text_of(&message_of(answer).await?["result"]).to_owned());
        let ended = lent
            .http
            .delete(format!("{}{path}", lent.url))
            .bearer_auth(&lent.key);
        let ended = ended
            .header("mcp-session-id", session.unwrap_or_default())
            .send()
            .await?;
        assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    }
    assert_ne!(processes[0], processes[1]);
    let unknown = lent
        .message(
            path,
            Some("omlx-0000"),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }),
        )
        .await?;
    assert_eq!(
        unknown.status(),
        StatusCode::NOT_FOUND,
        "so that the client begins anew"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_no_message_or_too_large_is_refused_and_the_connection_goes_on() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    for (body, code) in [("{", -32700), ("[]", -32600), ("{}", -32600)] {
        let answer = lent.to(DEMO).body(body).send().await?;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.json::<Value>().await?["error"]["code"], code, "{body}");
    }
    let text = lent
        .http
        .post(format!("{}{DEMO}", lent.url))
        .bearer_auth(&lent.key)
        .body("{}")
        .send()
        .await?;
    assert_eq!(text.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = lent.to(DEMO).body(vec![b' '; 33 * 1024 * 1024]).send().await;
    // A server may also hang up on what it does not want to read.
    assert!(
        large
            .as_ref()
            .map_or(true, |answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE),
        "{large:?}"
    );
    let (session, _) = lent.greet(DEMO).await?;
    assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    Ok(())
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_a_call_ends_the_request_behind_it() -> TestResult {
    let lent = Lent::ready(Era::Both).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let gate = lent.demo.hold_reply("rpc=tools/call");
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": echo("x") });
    let call = lent.message(DEMO, session.as_deref(), request);
    tokio::select! {
        _ = call => return Err("it was held".into()),
        () = gate.arrived() => {}
    }
    in_time(gate.empty()).await?;
    assert_eq!(
        gate.held(),
        1,
        "the server has noticed that nobody waits any more"
    );
    drop(gate);
    assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    Ok(())
}

/// How many connections without a key there may be.
const STRANGERS: usize = 128;

#[tokio::test]
async fn of_ten_thousand_connections_opened_and_left_the_oldest_give_way_and_nobody_else_notices()
-> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let address = lent.url.trim_start_matches("http://").to_owned();
    let mut opened = VecDeque::new();
    for number in 0..10_000 {
        opened.push_back(TcpStream::connect(&address).await?);
        if opened.len() > 2 * STRANGERS {
            ended(opened.pop_front()).await?;
        }
        if number % 1_000 == 0 {
            assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
        }
    }
    while opened.len() > STRANGERS {
        ended(opened.pop_front()).await?;
    }
    if cfg!(target_os = "linux") {
        let files = std::fs::read_dir(format!("/proc/{}/fd", lent.process.id()?))?.count();
        assert!((STRANGERS..3 * STRANGERS).contains(&files), "{files} open files");
    }
    assert_eq!(text_of(&lent.echo(DEMO, session.as_deref()).await?), "hello");
    Ok(())
}

/// Waits for the other side to close a connection that we keep.
async fn ended(connection: Option<TcpStream>) -> TestResult {
    let mut connection = connection.ok_or("none is left")?;
    let read = in_time(connection.read(&mut [0; 1])).await?;
    assert!(matches!(read, Ok(0) | Err(_)), "the oldest gives way");
    Ok(())
}

#[tokio::test]
async fn a_version_of_the_protocol_that_nobody_knows_is_refused_where_the_session_is_ours() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (merged, _) = lent.greet("/mcp").await?;
    let (theirs, _) = lent.greet(DEMO).await?;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let asked = async |path: &str, session: Option<&str>, (method, version): (Method, &str)| {
        let request = lent.to(path).body(ping.clone()).build()?;
        let request =
            RequestBuilder::from_parts(lent.http.clone(), request).header("mcp-protocol-version", version);
        let mut request = request.build()?;
        *request.method_mut() = method;
        if let Some(session) = session {
            request.headers_mut().insert("mcp-session-id", session.parse()?);
        }
        Ok::<_, Box<dyn std::error::Error>>(lent.http.execute(request).await?)
    };
    for session in [merged.as_deref(), None] {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let refused = asked("/mcp", session, (method.clone(), "1999-01-01")).await?;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{method} {session:?}");
            let told: Value = refused.json().await?;
            assert_eq!(told["error"]["code"], -32600, "{told}");
        }
        for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
            let answered = asked("/mcp", session, (Method::POST, version)).await?;
            assert_eq!(answered.status(), StatusCode::OK, "{version} {session:?}");
        }
    }
    let judged = asked(DEMO, theirs.as_deref(), (Method::POST, "1999-01-01")).await?;
    let judged: Value = judged.json().await?;
    assert_eq!(
        judged["error"]["code"], -32000,
        "the server's own refusal: {judged}"
    );
    Ok(())
}

//! The stdio bridge as a client starts it: a real process, spoken to line by line.
#![cfg(unix)]

use omlx_demo::{Era, Fault};
use omlx_tests::{Desk, Omlx, TestResult, script};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    eras::stateless,
    lending::{Client, OMLX, REFRESH, echo, signed_in, text_of},
};

#[tokio::test]
async fn a_client_that_knows_no_oauth_uses_a_signed_in_server_and_reads_nothing_but_mcp() -> TestResult {
    for era in [Era::Session, Era::Both] {
        let (demo, desk) = signed_in(era).await?;
        let (mut client, answer) = Client::greeted(&desk, &["demo"]).await?;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        let tools = client.ask("tools/list", json!({})).await?;
        assert!(
            tools["result"]["tools"]
                .as_array()
                .is_some_and(|tools| tools.len() > 5),
            "{tools}"
        );
        assert_eq!(text_of(&client.echo("hello").await?), "hello");
        let unknown = client.ask("no/such", json!({})).await?;
        assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
        assert_eq!(demo.count("status=401"), 0);
        let ended = client.leave().await?;
        assert_eq!((ended.code, ended.data.as_str()), (Some(0), ""));
        assert!(
            ended.words.contains("demo"),
            "the log is on standard error: {}",
            ended.words
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_later_start_asks_the_server_nothing_that_the_client_did_not_ask() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    client.ask("tools/list", json!({})).await?;
    let asked: Vec<_> = demo
        .calls_to("POST")
        .iter()
        .filter_map(|call| call.rpc_method.clone())
        .collect();
    assert_eq!(asked, ["initialize", "notifications/initialized", "tools/list"]);
    Ok(())
}

#[tokio::test]
async fn while_signed_out_the_last_tools_are_listed_and_a_call_says_what_to_do_until_someone_signs_in()
-> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let signed_out = Omlx::on(&desk, OMLX, &["mcp", "logout", "demo"]).run().await?;
    assert_eq!(signed_out.code, Some(0), "{}", signed_out.words);
    let (mut client, answer) = Client::greeted(&desk, &["demo"]).await?;
    assert_eq!(
        answer["result"]["capabilities"]["tools"]["listChanged"], true,
        "{answer}"
    );
    let tools = client.ask("tools/list", json!({})).await?;
    assert!(
        tools["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 5),
        "{tools}"
    );
    let call = client.echo("hello").await?;
    assert_eq!(call["isError"], true, "{call}");
    assert!(text_of(&call).contains("omlx mcp login demo"), "{call}");

    desk.sign_in().await?;
    client.until("notifications/tools/list_changed").await?;
    assert_eq!(text_of(&client.echo("hello").await?), "hello");
    assert_eq!(
        demo.count("GET /authorize"),
        1,
        "nothing but the sign-in opened a browser"
    );
    Ok(())
}

#[tokio::test]
async fn a_burst_on_an_expired_token_is_served_by_one_refresh() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    demo.expire_access_tokens();
    let mut asked = Vec::new();
    for number in 0..32 {
        let call = json!({ "name": "echo", "arguments": { "text": number.to_string() } });
        asked.push(client.begin("tools/call", call).await?);
    }
    let mut served = 0;
    while served < asked.len() {
        let message = client.hear().await?;
        if message["id"].as_u64().is_some_and(|id| asked.contains(&id)) {
            assert_ne!(message["result"]["isError"], true, "{message}");
            assert!(message["error"].is_null(), "{message}");
            served += 1;
        }
    }
    assert_eq!(demo.count(REFRESH), 1);
    Ok(())
}

/// As many as a person with many clients and many windows of each has; every one is a process of its own.
const CROWD: usize = 64;

#[tokio::test]
async fn sixty_four_bridges_at_once_on_one_expired_grant_ask_for_one_token_and_open_no_window() -> TestResult
{
    let (demo, desk) = signed_in(Era::Session).await?;
    let window = desk.path().join("window");
    let browser = script(&desk, "browser.sh", &format!("echo >> '{}'", window.display()))?;
    demo.expire_access_tokens();
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let process = Omlx::on(&desk, OMLX, &["mcp", "bridge", "demo"]).with("BROWSER", &browser);
        let client = Client::of(process.start()?);
        crowd.spawn(async move { client.first_list().await.map_err(|error| error.to_string()) });
    }
    let mut served = 0;
    while let Some(listed) = crowd.join_next().await {
        let tools = listed??;
        assert!(
            tools["result"]["tools"]
                .as_array()
                .is_some_and(|tools| !tools.is_empty()),
            "{tools}"
        );
        served += 1;
    }
    assert_eq!(served, CROWD);
    assert_eq!(demo.count("POST /token"), 1, "{:?}", demo.calls());
    assert_eq!(demo.count(REFRESH), 1);
    assert_eq!(demo.count("GET /authorize"), 0);
    assert!(!window.exists(), "a window was opened");
    Ok(())
}

#[tokio::test]
async fn what_is_no_message_is_answered_as_such_and_the_next_one_counts() -> TestResult {
    let (_demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    for (line, code) in [
        ("{\"jsonrpc\":", -32700),
        ("[]", -32600),
        ("{}", -32600),
        ("hello", -32700),
    ] {
        client.process.type_in(line).await?;
        let answer = client.hear().await?;
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &Value::Null),
            "{line}"
        );
    }
    assert_eq!(text_of(&client.echo("still here").await?), "still here");
    Ok(())
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_a_call_takes_the_call_and_the_session_with_it() -> TestResult
{
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    let gate = demo.hold_reply("rpc=tools/call");
    client
        .begin(
            "tools/call",
            json!({ "name": "echo", "arguments": { "text": "x" } }),
        )
        .await?;
    demo.until("rpc=tools/call", 1).await;
    let ended = client.process.desert().await?;
    assert_eq!(ended.code, Some(0), "{}", ended.words);
    assert_eq!(demo.count("rpc=notifications/cancelled"), 1);
    assert_eq!(demo.count("DELETE /mcp"), 1);
    drop(gate);
    Ok(())
}

#[tokio::test]
async fn what_was_asked_before_the_input_ended_is_answered_however_long_the_handshake_takes() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let gate = demo.hold("rpc=initialize");
    let mut client = Client::start(&desk, &["demo"])?;
    let greeting = client.begin("initialize", Client::hello()).await?;
    client.initialized().await?;
    let call = client.begin("tools/call", echo("hello")).await?;
    client.process.hang_up();
    gate.arrived().await;
    let greeted = client.answer(greeting).await?;
    assert!(
        greeted["result"].is_object(),
        "from the last discovery: {greeted}"
    );
    gate.release();
    assert_eq!(text_of(&client.answer(call).await?["result"]), "hello");
    let ended = client.process.end().await?;
    assert_eq!((ended.code, ended.data.as_str()), (Some(0), ""));
    assert_eq!(demo.count("DELETE /mcp"), 1);
    Ok(())
}

#[tokio::test]
async fn a_call_of_either_era_outlasts_the_end_of_the_input_and_a_subscription_does_not() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut older, _) = Client::greeted(&desk, &["demo"]).await?;
    let mut newer = Client::start(&desk, &["demo"])?;
    let changes = stateless(json!({ "notifications": { "toolsListChanged": true } }));
    newer.begin("subscriptions/listen", changes).await?;
    newer.until("notifications/subscriptions/acknowledged").await?;
    let calls = demo.hold_reply("rpc=tools/call");
    let called = [
        older.begin("tools/call", echo("hello")).await?,
        newer.begin("tools/call", stateless(echo("hello"))).await?,
    ];
    calls.arrivals(2).await;
    older.process.hang_up();
    newer.process.hang_up();
    // A third client's handshake is answered for after three seconds: so long the two have waited.
    let mute = demo.hold("rpc=initialize");
    let (_third, _) = Client::greeted(&desk, &["demo"]).await?;
    drop(mute);
    calls.release();
    for (mut client, called) in [older, newer].into_iter().zip(called) {
        assert_eq!(text_of(&client.answer(called).await?["result"]), "hello");
        let ended = client.process.end().await?;
        assert_eq!((ended.code, ended.data.as_str()), (Some(0), ""));
    }
    Ok(())
}

#[tokio::test]
async fn a_session_the_server_has_forgotten_is_begun_anew_without_the_client_noticing() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let (mut client, _) = Client::greeted(&desk, &["demo"]).await?;
    assert_eq!(text_of(&client.echo("one").await?), "one");
    demo.end_sessions();
    assert_eq!(text_of(&client.echo("two").await?), "two");
    // As the official TypeScript examples answer for a session they do not know.
    let unknown = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}"#;
    let unknown = Fault::Reply {
        status: 400,
        content_type: "application/json".to_owned(),
        body: unknown.to_owned(),
    };
    demo.set(unknown.at("rpc=tools/call").once());
    assert_eq!(text_of(&client.echo("three").await?), "three");
    assert_eq!(demo.count("rpc=initialize"), 3);
    Ok(())
}

#[tokio::test]
async fn a_local_program_is_lent_with_its_own_messages_and_its_end_is_an_answer() -> TestResult {
    let desk = Desk::new()?;
    let server = r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([^,}]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) echo 'Welcome!'; printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"},"x-unknown":true}}\n' "$id" ;;
    *'"tools/call"'*) exit 7 ;;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"echoed":"%s"}}\n' "$id" 'as it is' ;;
  esac
done"#;
    let file = omlx_tests::script(&desk, "server.sh", server)?;
    desk.configure(&json!({ "local": { "command": file } }))?;
    let (mut client, answer) = Client::greeted(&desk, &["local"]).await?;
    assert_eq!(answer["result"]["x-unknown"], true, "{answer}");
    let custom = client.ask("vendor/custom", json!({ "x": 1 })).await?;
    assert_eq!(custom["result"]["echoed"], "as it is");
    let call = client.ask("tools/call", json!({ "name": "x" })).await?;
    assert!(
        call["result"]["content"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("exited with code 7")),
        "{call}"
    );
    let again = client.ask("vendor/custom", json!({})).await?;
    assert_eq!(
        again["result"]["echoed"], "as it is",
        "started anew, with the handshake made up for"
    );
    assert_eq!(client.leave().await?.code, Some(0));
    Ok(())
}

#[tokio::test]
async fn a_server_of_2024_is_lent_over_its_own_stream() -> TestResult {
    let (demo, desk) = signed_in(Era::Session).await?;
    let desk_of_sse = Desk::new()?;
    desk_of_sse.configure(&json!({ "demo": { "transport": "sse", "url": demo.sse_url() } }))?;
    drop(desk);
    desk_of_sse.sign_in().await?;
    let (mut client, _) = Client::greeted(&desk_of_sse, &["demo"]).await?;
    assert_eq!(text_of(&client.echo("old").await?), "old");
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_not_in_the_config_file_is_a_usage_error_on_standard_error() -> TestResult {
    let (_demo, desk) = signed_in(Era::Session).await?;
    let ran = Omlx::on(&desk, OMLX, &["mcp", "bridge", "demon"]).run().await?;
    assert_eq!((ran.code, ran.data.as_str()), (Some(1), ""));
    assert!(ran.words.contains("demo"), "{}", ran.words);
    Ok(())
}

#[tokio::test]
async fn a_client_is_told_when_it_may_see_other_tools_and_not_when_it_may_see_the_same() -> TestResult {
    let (_demo, desk) = signed_in(Era::Session).await?;
    let omlx = async |words: &[&str]| Omlx::on(&desk, OMLX, words).run().await;
    let used = omlx(&["mcp", "use", "claude-desktop", "--server", "demo", "--json"]).await?;
    let path = used.json()?["path"].as_str().ok_or("no path")?.to_owned();
    let config: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let words = config["mcpServers"]["demo"]["args"]
        .as_array()
        .ok_or("no words")?;
    let id = words.iter().skip_while(|word| *word != "--client").nth(1);
    let id = id.and_then(Value::as_str).ok_or("no client")?;
    let (mut client, _) = Client::greeted(&desk, &["demo", "--client", id]).await?;
    let all = client.ask("tools/list", json!({})).await?;
    assert!(
        all["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 1)
    );
    for (rule, left) in [("demo__add", "add"), ("demo__echo", "echo")] {
        let allowed = omlx(&["mcp", "access", "allow", "claude desktop", "--tool", rule]).await?;
        assert_eq!(allowed.code, Some(0), "{}", allowed.words);
        client.until("notifications/tools/list_changed").await?;
        let tools = client.ask("tools/list", json!({})).await?;
        assert_eq!(tools["result"]["tools"][0]["name"], left, "{tools}");
    }
    let renamed = omlx(&["mcp", "access", "rename", "claude desktop", "Claude"]).await?;
    assert_eq!(renamed.code, Some(0), "{}", renamed.words);
    client.ask("ping", json!({})).await?;
    assert!(client.aside.is_empty(), "{:?}", client.aside);
    Ok(())
}

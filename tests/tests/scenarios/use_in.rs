//! "Use in…" from the terminal: what is written works for the client that reads it, and undo leaves no trace.
#![cfg(unix)]

use std::{error::Error, fs, path::PathBuf, process::Stdio};

use omlx_demo::{Demo, DemoOptions, Protection};
use omlx_mcp::{
    access::Access,
    clock::Clock,
    network::{Network, NetworkSettings},
    store::Home,
};
use omlx_tests::{Desk, Omlx, Ran, TestResult, in_time};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

/// As Cursor has it, tabs, comment and all.
const CURSOR: &str = "{\n\t// mine\n\t\"mcpServers\": {\n\t\t\"db\": {\"command\": \"x\", \"env\": {\"PASSWORD\": \"hunter2\"}},\n\t},\n}\n";

async fn used(desk: &Desk, words: &[&str]) -> Result<Ran, Box<dyn Error>> {
    Omlx::on(desk, OMLX, &[&["mcp", "use"], words].concat())
        .run()
        .await
}

#[track_caller]
fn ended(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}\n--\n{}", ran.data, ran.words);
}

fn write(desk: &Desk, path: &str, text: &str) -> Result<PathBuf, Box<dyn Error>> {
    let path = desk.path().join(path);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    fs::write(&path, text)?;
    Ok(path)
}

/// A machine with an open server and a Cursor.
async fn desk() -> Result<(Demo, Desk, PathBuf), Box<dyn Error>> {
    let mut options = DemoOptions::headless();
    options.protection = Protection::Open;
    let demo = Demo::start(options).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let cursor = write(&desk, ".cursor/mcp.json", CURSOR)?;
    Ok((demo, desk, cursor))
}

#[tokio::test]
async fn a_client_is_shown_the_change_given_a_key_and_rid_of_both_by_undo() -> TestResult {
    let (_demo, desk, cursor) = desk().await?;
    let access = Access::open(&Home::at(desk.home_path()), Clock::system());
    let dry = used(&desk, &["cursor", "--dry-run"]).await?;
    ended(&dry, 0);
    assert!(dry.data.contains("+ \t\t\"omlx-connect\": {"), "{}", dry.data);
    assert!(!dry.data.contains("hunter2"), "{}", dry.data);
    assert_eq!(fs::read_to_string(&cursor)?, CURSOR);
    assert_eq!(access.clients()?, []);

    let done = used(&desk, &["cursor"]).await?;
    ended(&done, 0);
    let text = fs::read_to_string(&cursor)?;
    let at = text.find("omlx_").ok_or("no key")?;
    let key = &text[at..at + 48];
    assert_eq!(access.authenticate(key).ok_or("not known")?.name(), "Cursor");
    assert!(!done.data.contains(key) && !done.words.contains(key), "{done:?}");
    assert!(done.words.contains(".omlx-backup"), "{}", done.words);
    let again = used(&desk, &["cursor"]).await?;
    ended(&again, 0);
    assert!(again.words.contains("says so already"), "{}", again.words);
    assert_eq!(fs::read_to_string(&cursor)?, text);

    ended(&used(&desk, &["cursor", "--undo"]).await?, 0);
    assert_eq!(fs::read_to_string(&cursor)?, CURSOR);
    assert!(access.authenticate(key).is_none());
    assert_eq!(fs::read_dir(desk.path().join(".cursor"))?.count(), 1);
    let nothing = used(&desk, &["cursor", "--undo"]).await?;
    ended(&nothing, 1);
    assert!(
        nothing.words.starts_with("error[nothing_to_undo]"),
        "{}",
        nothing.words
    );
    Ok(())
}

#[tokio::test]
async fn each_use_is_undone_by_what_was_told_after_it_and_only_once() -> TestResult {
    let (_demo, desk, cursor) = desk().await?;
    let one = used(&desk, &["cursor", "--server", "demo"]).await?;
    ended(&one, 0);
    let undo = one
        .words
        .split_whitespace()
        .find(|word| word.starts_with("--undo="));
    let undo = undo.ok_or("no use is told")?;
    let all = used(&desk, &["cursor", "--json"]).await?.json()?;
    let all = format!("--undo={}", all["write"].as_str().ok_or("no use")?);
    ended(&used(&desk, &["cursor", undo]).await?, 0);
    let text = fs::read_to_string(&cursor)?;
    assert!(
        !text.contains("\"demo\"") && text.contains("omlx-connect"),
        "{text}"
    );
    let again = used(&desk, &["cursor", undo]).await?;
    ended(&again, 1);
    assert!(again.words.starts_with("error[use_undone]"), "{}", again.words);

    ended(&used(&desk, &["cursor", "--port", "9000"]).await?, 0);
    let refused = used(&desk, &["cursor", &all]).await?;
    ended(&refused, 1);
    assert!(
        refused.words.starts_with("error[use_superseded]"),
        "{}",
        refused.words
    );
    assert!(fs::read_to_string(&cursor)?.contains("9000"));
    Ok(())
}

/// Starts a client's entry as the client would, from its own folder and with nothing but a PATH, and lists the tools.
async fn tools_of(entry: &Value) -> Result<Value, Box<dyn Error>> {
    let args = entry["args"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut child = Command::new(entry["command"].as_str().ok_or("no command")?)
        .args(args)
        .env_clear()
        .env("OMLX_CONNECT_KEYCHAIN", "off")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no input")?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "claude", "version": "1"}}});
    for (message, answer) in [
        (hello, Some(1)),
        (
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            None,
        ),
        (
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
            Some(2),
        ),
    ] {
        input.write_all(format!("{message}\n").as_bytes()).await?;
        while let Some(wanted) = answer {
            let line = in_time(lines.next_line()).await??.ok_or("it has ended")?;
            let said: Value = serde_json::from_str(&line)?;
            if said["id"] == wanted {
                if wanted == 2 {
                    return Ok(said["result"]["tools"].clone());
                }
                break;
            }
        }
    }
    Err("no answer".into())
}

#[tokio::test]
async fn what_claude_desktop_is_given_starts_the_bridge_from_anywhere() -> TestResult {
    let (_demo, desk, _) = desk().await?;
    let done = used(&desk, &["claude-desktop", "--json"]).await?;
    ended(&done, 0);
    let path = done.json()?["path"].as_str().ok_or("no path")?.to_owned();
    let config: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let tools = tools_of(&config["mcpServers"]["demo"]).await?;
    assert!(
        tools
            .as_array()
            .is_some_and(|tools| tools.iter().any(|tool| tool["name"] == "echo")),
        "{tools}"
    );
    ended(&used(&desk, &["claude-desktop", "--undo"]).await?, 0);
    assert!(!PathBuf::from(path).exists());
    Ok(())
}

#[tokio::test]
async fn claude_desktop_is_held_to_its_own_rules_over_the_bridge_until_it_is_revoked() -> TestResult {
    let (_demo, desk, _) = desk().await?;
    let done = used(&desk, &["claude-desktop", "--json"]).await?;
    ended(&done, 0);
    let path = done.json()?["path"].as_str().ok_or("no path")?.to_owned();
    let config: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let entry = &config["mcpServers"]["demo"];
    let access = async |words: &[&str]| {
        Omlx::on(&desk, OMLX, &[&["mcp", "access"], words].concat())
            .run()
            .await
    };
    ended(
        &access(&["allow", "claude desktop", "--tool", "demo__echo"]).await?,
        0,
    );
    let tools = tools_of(entry).await?;
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
    assert_eq!(tools[0]["name"], "echo");
    let list = access(&["list", "--json"]).await?.json()?;
    assert_eq!(list["clients"][0]["name"], "Claude Desktop");
    assert!(list["clients"][0]["last_used_at"].is_string(), "{list}");
    assert_eq!(
        list["clients"].as_array().map(Vec::len),
        Some(1),
        "nobody came without a name"
    );
    ended(&access(&["revoke", "claude desktop"]).await?, 0);
    assert!(tools_of(entry).await.is_err(), "it is shut out");
    Ok(())
}

/// What the gateway answers to the entry as its client would use it: URL and header fields as they stand in the file.
async fn answer_to(entry: &Value) -> Result<u16, Box<dyn Error>> {
    let client = Network::new(&NetworkSettings::default())?.client()?;
    let mut request = client
        .post(entry["url"].as_str().ok_or("no url")?)
        .header("accept", "application/json, text/event-stream");
    for (name, value) in entry["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "zed", "version": "1"}}});
    Ok(in_time(request.json(&hello).send()).await??.status().as_u16())
}

#[tokio::test]
async fn what_zed_is_given_opens_a_running_gateway_until_it_is_undone() -> TestResult {
    let (_demo, desk, _) = desk().await?;
    let mut gateway = Omlx::on(&desk, OMLX, &["mcp", "serve", "--port", "0", "--json"]).start()?;
    let mut listening = String::new();
    while serde_json::from_str::<Value>(&listening).is_err() {
        listening.push_str(&gateway.line().await?);
    }
    let port = serde_json::from_str::<Value>(&listening)?["port"].to_string();
    let done = used(&desk, &["zed", "--port", &port, "--json"]).await?;
    ended(&done, 0);
    let path = done.json()?["path"].as_str().ok_or("no path")?.to_owned();
    let settings: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let entry = &settings["context_servers"]["omlx-connect"];
    assert_eq!(answer_to(entry).await?, 200);
    ended(&used(&desk, &["zed", "--undo"]).await?, 0);
    assert_eq!(answer_to(entry).await?, 401);
    Ok(())
}

#[tokio::test]
async fn whoever_was_given_a_server_that_is_removed_is_named() -> TestResult {
    let (_demo, desk, _) = desk().await?;
    ended(&used(&desk, &["cursor", "--server", "demo"]).await?, 0);
    let removed = Omlx::on(&desk, OMLX, &["mcp", "remove", "demo"]).run().await?;
    ended(&removed, 0);
    assert!(
        removed
            .words
            .contains("warning[client_still_names]: Cursor still asks for 'demo'"),
        "{}",
        removed.words
    );
    Ok(())
}

#[tokio::test]
async fn a_broken_file_is_told_by_line_and_left_as_it_is() -> TestResult {
    let (_demo, desk, _) = desk().await?;
    let broken = "[mcp_servers.a]\ncommand = \n";
    let codex = write(&desk, ".codex/config.toml", broken)?;
    let refused = used(&desk, &["codex"]).await?;
    ended(&refused, 1);
    assert!(
        refused.words.starts_with("error[client_config_broken]"),
        "{}",
        refused.words
    );
    assert!(refused.words.contains("line 2 is not TOML"), "{}", refused.words);
    assert_eq!(fs::read_to_string(codex)?, broken);
    Ok(())
}

#[tokio::test]
async fn the_clients_are_listed_and_a_wrong_name_is_guessed() -> TestResult {
    let (_demo, desk, _) = desk().await?;
    let list = used(&desk, &["--json"]).await?.json()?;
    let clients = list["clients"].as_array().ok_or("no list")?;
    let installed: Vec<_> = clients
        .iter()
        .filter(|client| client["installed"] == true)
        .map(|client| &client["id"])
        .collect();
    assert!(installed.contains(&&json!("cursor")), "{list}");
    let wrong = used(&desk, &["curser"]).await?;
    ended(&wrong, 1);
    assert!(wrong.words.contains("did you mean 'cursor'?"), "{}", wrong.words);
    Ok(())
}

//! The config file while the program runs, and entries that know nothing of OAuth.

use std::{error::Error, fs, path::PathBuf};

use omlx_demo::{Demo, DemoOptions, Era, Protection};
use omlx_mcp::{
    AuthStatus, ConnectionStatus, Event, event::TransportKind, handle::Handle, settings::Settings,
};
use omlx_tests::{Desk, Failure, Scene, TestResult, arguments, in_time, requests, until_of};
use serde_json::{Value, json};
use tokio::sync::watch;

async fn open() -> std::io::Result<Demo> {
    Demo::start(DemoOptions {
        protection: Protection::Open,
        ..DemoOptions::headless()
    })
    .await
}

fn http(demo: &Demo) -> Value {
    json!({ "transport": "streamable-http", "url": demo.mcp_url() })
}

async fn connected(core: &Handle, id: &str) -> TestResult {
    until_of(core, id, |status| {
        status.connection == ConnectionStatus::Connected
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn an_entry_that_is_added_is_connected_and_one_that_is_removed_is_gone() -> TestResult {
    let demo = open().await?;
    let desk = Desk::new()?;
    desk.configure(&json!({ "first": http(&demo) }))?;
    let core = desk.start()?;
    let mut news = core.events();
    connected(&core, "first").await?;
    desk.configure(&json!({ "first": http(&demo), "second": http(&demo) }))?;
    connected(&core, "second").await?;
    assert_eq!(demo.count("rpc=tools/list"), 2, "the first one was left alone");
    desk.configure(&json!({ "second": http(&demo) }))?;
    let mut board = core.snapshot();
    in_time(board.wait_for(|snapshot| snapshot.servers.len() == 1)).await??;
    assert!(core.server("first").is_err());
    assert!(
        core.server("second")?
            .call("echo", arguments(&json!({ "text": "x" })))
            .await
            .is_ok()
    );
    let mut changes = 0;
    while let Ok(event) = news.try_recv() {
        changes += usize::from(event == Event::ConfigChanged);
    }
    assert_eq!(changes, 2);
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn an_entry_that_is_changed_is_connected_anew() -> TestResult {
    let (old, new) = (open().await?, open().await?);
    let desk = Desk::new()?;
    desk.configure(&json!({ "one": http(&old) }))?;
    let core = desk.start()?;
    connected(&core, "one").await?;
    old.forget_calls();
    desk.configure(&json!({ "one": http(&new) }))?;
    in_time(new.until("rpc=tools/list", 1)).await?;
    connected(&core, "one").await?;
    assert!(
        core.server("one")?
            .call("echo", arguments(&json!({ "text": "x" })))
            .await
            .is_ok()
    );
    assert_eq!(old.count("rpc=tools/call"), 0);
    desk.configure(
        &json!({ "one": { "transport": "streamable-http", "url": new.mcp_url(), "enabled": false } }),
    )?;
    until_of(&core, "one", |status| {
        status.connection == ConnectionStatus::Disabled
    })
    .await?;
    assert!(
        core.server("one")?
            .call("echo", arguments(&json!({ "text": "x" })))
            .await
            .is_err()
    );
    desk.configure(&json!({ "one": http(&new) }))?;
    connected(&core, "one").await?;
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_makes_no_sense_leaves_the_last_good_one_in_force() -> TestResult {
    let demo = open().await?;
    let desk = Desk::new()?;
    desk.configure(&json!({ "one": http(&demo) }))?;
    let core = desk.start()?;
    connected(&core, "one").await?;
    let good = fs::read(desk.config_path())?;
    for broken in [
        &b"{\"servers\": {\"one\": {\"transp"[..],
        b"",
        b"[]",
        b"{\"servers\": 7}",
    ] {
        fs::write(desk.config_path(), broken)?;
        let mut board = core.snapshot();
        in_time(board.wait_for(|snapshot| !snapshot.config_problems.is_empty())).await??;
        assert!(
            core.server("one")?
                .call("echo", arguments(&json!({ "text": "x" })))
                .await
                .is_ok()
        );
        fs::write(desk.config_path(), &good)?;
        in_time(board.wait_for(|snapshot| snapshot.config_problems.is_empty())).await??;
    }
    assert_eq!(demo.count("rpc=tools/list"), 1, "nothing was connected anew");
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn one_bad_entry_does_not_hurt_the_others() -> TestResult {
    let demo = open().await?;
    let desk = Desk::new()?;
    desk.configure(&json!({
        "good": http(&demo),
        "nothing": {},
        "odd": { "transport": "carrier-pigeon", "url": "https://x.example" },
        "no_url": { "transport": "streamable-http" },
        "no_such_program": { "command": "/no/such/program" },
    }))?;
    let core = desk.start()?;
    connected(&core, "good").await?;
    let board = core.snapshot().borrow().clone();
    assert!(board.config_problems.len() >= 3, "{:#?}", board.config_problems);
    let status = until_of(&core, "no_such_program", |status| {
        status.connection == ConnectionStatus::Failed
    })
    .await?;
    assert!(
        status
            .problem
            .is_some_and(|problem| problem.message.contains("/no/such/program"))
    );
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_sign_in_goes_on_while_another_entry_is_edited() -> TestResult {
    let scene = Scene::new(DemoOptions::headless()).await?;
    let gate = scene.demo.hold("POST /token");
    let server = scene.server.clone();
    let waiting = tokio::spawn(async move {
        server
            .sign_in(omlx_mcp::connection::SignInOptions::default())
            .await
    });
    in_time(gate.arrived()).await?;
    scene
        .desk
        .configure(&json!({ "demo": http(&scene.demo), "other": { "command": "/no/such/program" } }))?;
    until_of(&scene.core, "other", |_| true).await?;
    gate.release();
    assert_eq!(
        in_time(waiting).await??.map_err(Failure)?.snapshot.auth,
        AuthStatus::Authenticated
    );
    scene.end().await
}

/// A stdio server in a language everybody has.
fn python_server(desk: &Desk) -> std::io::Result<PathBuf> {
    let path = desk.path().join("server.py");
    fs::write(
        &path,
        r#"
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, reply = asked["method"], {"jsonrpc": "2.0", "id": asked["id"]}
    if method == "initialize":
        version = asked["params"]["protocolVersion"]
        reply["result"] = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "python", "version": "1"}}
    elif method == "tools/list":
        reply["result"] = {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
    elif method == "tools/call":
        text = asked["params"]["arguments"]["text"] + os.environ.get("SUFFIX", "")
        reply["result"] = {"content": [{"type": "text", "text": text}]}
    else:
        reply["error"] = {"code": -32601, "message": "no such method"}
    print(json.dumps(reply), flush=True)
"#,
    )?;
    Ok(path)
}

#[tokio::test]
async fn a_config_without_any_oauth_works_as_it_did() -> TestResult {
    let header = Protection::Header {
        name: "x-api-key".into(),
        value: "planted".into(),
    };
    let keyed = Demo::start(DemoOptions {
        protection: header,
        ..DemoOptions::headless()
    })
    .await?;
    let legacy = open().await?;
    let session = Demo::start(DemoOptions {
        era: Era::Session,
        protection: Protection::Open,
        ..DemoOptions::headless()
    })
    .await?;
    let desk = Desk::new()?;
    let python = python_server(&desk)?;
    desk.configure(&json!({
        "local": { "command": "python3", "args": [python], "env": { "SUFFIX": "!" } },
        "keyed": { "transport": "streamable-http", "url": keyed.mcp_url(), "headers": { "X-API-Key": "planted" } },
        "legacy": { "transport": "sse", "url": legacy.sse_url() },
        "session": { "transport": "streamable-http", "url": session.mcp_url(), "timeout": 10 },
    }))?;
    let core = desk.start()?;
    for (id, transport, answer) in [
        ("local", TransportKind::Stdio, "hi!"),
        ("keyed", TransportKind::StreamableHttp, "hi"),
        ("legacy", TransportKind::Sse, "hi"),
        ("session", TransportKind::StreamableHttp, "hi"),
    ] {
        let server = core.server(id)?;
        let status = in_time(server.settled()).await?;
        assert_eq!(
            (status.auth, status.connection),
            (AuthStatus::NotRequired, ConnectionStatus::Connected),
            "{status:#?}"
        );
        assert_eq!(status.transport, transport);
        let result = in_time(server.call("echo", arguments(&json!({ "text": "hi" }))))
            .await?
            .map_err(Failure)?;
        assert!(
            format!("{result:?}").contains(&format!("\"{answer}\"")),
            "{result:?}"
        );
    }
    assert_eq!(desk.browser.windows(), 0);
    assert!(
        requests(&keyed).iter().all(|request| request.starts_with("/mcp")),
        "{:?}",
        requests(&keyed)
    );
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_local_program_that_dies_is_started_again() -> TestResult {
    let desk = Desk::new()?;
    let python = python_server(&desk)?;
    desk.configure(&json!({ "local": { "command": "python3", "args": [python] } }))?;
    let core = desk.start()?;
    connected(&core, "local").await?;
    // Its answer to a call without a text is a traceback and its end.
    assert!(
        in_time(core.server("local")?.call("echo", serde_json::Map::new()))
            .await?
            .is_err()
    );
    until_of(&core, "local", |status| {
        status.connection != ConnectionStatus::Connected
    })
    .await?;
    connected(&core, "local").await?;
    assert!(
        in_time(
            core.server("local")?
                .call("echo", arguments(&json!({ "text": "x" })))
        )
        .await?
        .is_ok()
    );
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_paused_says_so_before_anything_else_until_it_is_resumed() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let (chosen, seen) = watch::channel(Settings::default());
    let core = desk.start_pausable(seen)?;
    let said = || -> Result<_, Box<dyn Error>> { Ok(core.server("demo")?.obstacle().code) };
    until_of(&core, "demo", |status| {
        status.auth == AuthStatus::NotAuthenticated
    })
    .await?;
    assert_eq!(said()?, "sign_in_needed");
    chosen.send_modify(|chosen| chosen.paused = true);
    until_of(&core, "demo", |status| {
        status.connection == ConnectionStatus::Disabled
    })
    .await?;
    assert_eq!(said()?, "paused", "a sign-in would not bring it back");
    let refused = core.server("demo")?.call("echo", serde_json::Map::new()).await;
    let problem = refused.err().ok_or("it was called")?;
    assert_eq!(&*problem.code, "paused", "{problem:?}");
    chosen.send_modify(|chosen| chosen.paused = false);
    until_of(&core, "demo", |status| {
        status.connection != ConnectionStatus::Disabled && status.problem.is_some()
    })
    .await?;
    assert_eq!(said()?, "sign_in_needed");
    in_time(core.stop()).await?;
    Ok(())
}

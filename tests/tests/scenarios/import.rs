//! Taking servers over from other clients, as a person does it in a terminal.
#![cfg(unix)]

use std::{error::Error, fs, sync::Arc};

use omlx_demo::{Demo, DemoOptions, Protection};
use omlx_mcp::{
    ServerId,
    oauth::grant::GrantKey,
    store::{Home, NoKeychain, Vault},
};
use omlx_tests::{Desk, Omlx, Ran, TestResult};
use serde_json::{Value, json};

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

async fn omlx(desk: &Desk, words: &[&str]) -> Result<Ran, Box<dyn Error>> {
    Omlx::on(desk, OMLX, &[&["mcp"], words].concat()).run().await
}

#[track_caller]
fn ended(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}\n--\n{}", ran.data, ran.words);
}

#[tokio::test]
async fn servers_of_another_client_are_shown_taken_over_and_work() -> TestResult {
    let mut options = DemoOptions::headless();
    options.protection = Protection::Header {
        name: "x-api-key".to_owned(),
        value: "hunter2-planted".to_owned(),
    };
    let demo = Demo::start(options).await?;
    let desk = Desk::new()?;
    desk.configure(&json!({"taken": {"command": "something-else"}}))?;
    let theirs = json!({"mcpServers": {
        "demo": {"url": demo.mcp_url(), "headers": {"X-Api-Key": "hunter2-planted"}},
        "taken": {"command": "npx", "args": ["-y", "a-server"]},
        "nonsense": {"args": []},
    }});
    fs::create_dir_all(desk.path().join(".cursor"))?;
    fs::write(desk.path().join(".cursor/mcp.json"), theirs.to_string())?;
    let before = fs::read_to_string(desk.config_path())?;

    let dry = omlx(&desk, &["import", "--from", "cursor", "--dry-run"]).await?;
    ended(&dry, 0);
    assert!(
        dry.data.contains("taken-2") && dry.data.contains("secrets"),
        "{}",
        dry.data
    );
    assert_eq!(fs::read_to_string(desk.config_path())?, before);

    let done = omlx(&desk, &["import", "--from", "cursor", "--json"]).await?;
    ended(&done, 0);
    let report = done.json()?;
    assert_eq!(
        report["added"],
        json!([{"name": "demo", "server": "demo"}, {"name": "taken", "server": "taken-2"}])
    );
    assert_eq!(report["candidates"][2]["verdict"], "invalid");
    for said in [&dry.data, &dry.words, &done.data, &done.words] {
        assert!(!said.contains("hunter2"), "{said}");
    }
    let called = omlx(&desk, &["call", "demo__add", "a=40", "b=2"]).await?;
    ended(&called, 0);
    assert!(called.data.contains("42"), "{}", called.data);

    let again = omlx(&desk, &["import", "--from", "cursor"]).await?;
    ended(&again, 0);
    assert!(again.words.contains("nothing to take over"), "{}", again.words);
    Ok(())
}

#[tokio::test]
async fn the_clients_are_listed_with_what_they_have_and_a_missing_one_says_where_it_was_looked_for()
-> TestResult {
    let desk = Desk::new()?;
    let list = omlx(&desk, &["import", "--json"]).await?.json()?;
    assert_eq!(list["sources"].as_array().map(Vec::len), Some(9));
    let missing = omlx(&desk, &["import", "--from", "zed"]).await?;
    ended(&missing, 1);
    assert!(
        missing.words.starts_with("error[client_config_missing]"),
        "{}",
        missing.words
    );
    let usage = omlx(&desk, &["import", "linear"]).await?;
    ended(&usage, 2);
    Ok(())
}

/// What the fork of oMLX keeps of a sign-in: the tokens of a real one.
async fn kept_by_the_fork(desk: &Desk, url: &str) -> Result<Value, Box<dyn Error>> {
    desk.sign_in().await?;
    let vault = Vault::open(&Home::at(desk.home_path()), Arc::new(NoKeychain));
    let server: ServerId = "demo".parse()?;
    let key = GrantKey {
        server,
        url: url.parse()?,
        account: None,
    };
    let grant = vault.load(&key).await?.ok_or("no grant")?;
    vault.wipe().await?;
    Ok(json!({
        "access_token": "over-since-long-ago",
        "token_type": "Bearer",
        "refresh_token": grant.tokens.refresh_token.as_ref().map(|token| token.secret().as_str()),
        "expires_at": 1_000_000_000.5,
        "scope": grant.tokens.scope.to_string(),
        "registered_client_id": grant.client.client_id.as_str(),
        "token_url": grant.endpoints.token.as_url().as_str(),
    }))
}

#[tokio::test]
async fn a_sign_in_of_the_fork_goes_on_here_without_a_browser() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let kept = kept_by_the_fork(&desk, &demo.mcp_url()).await?;
    let folder = desk.path().join(".config/omlx");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("mcp_tokens.json"),
        json!({ "demo": kept }).to_string(),
    )?;
    ended(&omlx(&desk, &["call", "demo__add", "a=1", "b=1"]).await?, 3);

    let dry = omlx(&desk, &["import", "--from", "omlx", "--dry-run"]).await?;
    ended(&dry, 0);
    assert!(dry.data.contains("sign-in"), "{}", dry.data);
    let registrations = demo.count("POST /register");
    let done = omlx(&desk, &["import", "--from", "omlx", "--json"]).await?;
    ended(&done, 0);
    assert_eq!(done.json()?["signed_in"], json!(["demo"]), "{}", done.words);
    let called = omlx(&desk, &["call", "demo__add", "a=40", "b=2"]).await?;
    ended(&called, 0);
    assert!(called.data.contains("42"), "{}", called.data);
    assert_eq!(demo.count("POST /register"), registrations);
    let again = omlx(&desk, &["import", "--from", "omlx", "--json"])
        .await?
        .json()?;
    assert_eq!(again["signed_in"], json!([]), "what we have is not written over");
    Ok(())
}

#[tokio::test]
async fn a_sign_in_from_another_authorization_server_is_left_where_it_is() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let mut kept = kept_by_the_fork(&desk, &demo.mcp_url()).await?;
    kept["token_url"] = json!("https://evil.example/token");
    let folder = desk.path().join(".config/omlx");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("mcp_tokens.json"),
        json!({ "demo": kept }).to_string(),
    )?;
    let refused = omlx(&desk, &["import", "--from", "omlx"]).await?;
    ended(&refused, 0);
    assert!(
        refused.words.contains("warning[sign_in_elsewhere]"),
        "{}",
        refused.words
    );
    assert!(refused.words.contains("omlx mcp login demo"), "{}", refused.words);
    assert_eq!(demo.count("POST /token"), 1, "only the one that signed in");
    Ok(())
}

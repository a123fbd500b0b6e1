//! Taking servers over from other clients, as a person does it in a terminal.
#![cfg(unix)]

use std::{error::Error, fs};

use omlx_demo::{Demo, DemoOptions, Protection};
use omlx_tests::{Desk, Omlx, Ran, TestResult};
use serde_json::json;

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

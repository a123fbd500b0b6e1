//! The built program as a shell sees it: what it prints where, and the number it exits with.
#![cfg(unix)]

mod shell;

use std::{error::Error, fs, os::unix::fs::PermissionsExt};

use omlx_demo::{Demo, DemoOptions};
use serde_json::Value;

use shell::Shell;

type TestResult = Result<(), Box<dyn Error>>;

#[tokio::test]
async fn from_an_empty_machine_to_a_tool_and_back() -> TestResult {
    let (demo, shell) = (Demo::start(DemoOptions::headless()).await?, Shell::new()?);
    let added = shell.run(&["add", "demo", &demo.mcp_url()]).await?;
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.words.contains("hint: omlx mcp login demo"), "{added:?}");

    let signed_in = shell.sign_in("demo").await?;
    assert_eq!(signed_in.code, 0, "{signed_in:?}");
    assert!(signed_in.words.contains("✓ 14 tools available"), "{signed_in:?}");

    let tools = shell.run(&["tools", "demo"]).await?;
    assert!(tools.data.contains("demo__add "), "{tools:?}");
    let sum = shell.run(&["call", "demo__add", "a=2", "b=40"]).await?;
    assert_eq!((sum.code, sum.data.as_str(), sum.words.as_str()), (0, "42\n", ""));
    let status = shell.run(&["status"]).await?;
    assert!(status.data.contains("✓ Authenticated"), "{status:?}");

    let signed_out = shell.run(&["logout", "demo"]).await?;
    assert_eq!((signed_out.code, signed_out.data.as_str()), (0, ""));
    assert!(
        signed_out.words.contains("registration   deleted"),
        "{signed_out:?}"
    );
    let removed = shell.run(&["remove", "demo"]).await?;
    assert_eq!(removed.code, 0, "{removed:?}");
    assert_eq!(shell.run(&["status", "demo"]).await?.code, 1);
    Ok(())
}

#[tokio::test]
async fn the_exit_code_and_the_json_say_what_is_missing() -> TestResult {
    let (demo, shell) = (Demo::start(DemoOptions::headless()).await?, Shell::new()?);
    shell.run(&["add", "demo", &demo.mcp_url(), "--no-check"]).await?;
    let refused = shell.run(&["call", "demo__echo", "text=x", "--json"]).await?;
    assert_eq!(refused.code, 3);
    let document: Value = serde_json::from_str(&refused.data)?;
    assert_eq!(document["error"]["code"], "sign_in_needed");
    assert_eq!(document["error"]["hint"], "omlx mcp login demo");
    assert_eq!(shell.run(&["status", "--check"]).await?.code, 3);
    assert_eq!(shell.run(&["status", "dmeo"]).await?.code, 1);
    assert_eq!(shell.run(&["call", "demo"]).await?.code, 2);
    assert_eq!(shell.run(&["sing"]).await?.code, 2);
    assert_eq!(shell.run(&["--help"]).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn plain_status_asks_nobody() -> TestResult {
    let (demo, shell) = (Demo::start(DemoOptions::headless()).await?, Shell::new()?);
    shell.run(&["add", "demo", &demo.mcp_url(), "--no-check"]).await?;
    let status = shell.run(&["status", "--json"]).await?;
    let document: Value = serde_json::from_str(&status.data)?;
    assert_eq!(document["servers"][0]["auth"], "unknown");
    assert_eq!(demo.calls().len(), 0);
    assert!(
        !shell.path("home").exists(),
        "nothing is made only to be looked at"
    );
    Ok(())
}

#[tokio::test]
async fn giving_up_a_sign_in_leaves_nothing_behind() -> TestResult {
    let (demo, shell) = (Demo::start(DemoOptions::headless()).await?, Shell::new()?);
    shell.run(&["add", "demo", &demo.mcp_url(), "--no-check"]).await?;
    let mut login = shell.start(&["login", "demo", "--no-browser"])?;
    let url = login.first_line().await?;
    let redirect = shell::redirect_uri(&url)?;
    login.signal("-INT").await?;
    assert_eq!(login.end().await?.code, 130);
    assert!(
        tokio::net::TcpStream::connect(redirect).await.is_err(),
        "the listener is closed"
    );
    let mut left = fs::read_dir(shell.path("home/vault"))?.flatten();
    assert!(!left.any(|file| file.path().extension().is_some_and(|kind| kind == "grant")));
    Ok(())
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() -> TestResult {
    let shell = Shell::new()?;
    let mut completions = shell.start(&["completions", "bash"])?;
    completions.close_data();
    let ended = completions.end().await?;
    assert_eq!((ended.code, ended.words.as_str()), (0, ""));
    Ok(())
}

#[tokio::test]
async fn every_other_first_word_goes_to_the_next_omlx() -> TestResult {
    let shell = Shell::new()?;
    let theirs = shell.path("bin/omlx");
    fs::create_dir(shell.path("bin"))?;
    fs::write(&theirs, "#!/bin/sh\necho \"theirs: $*\"\nexit 7\n")?;
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755))?;
    let handed_over = shell.run_whole(&["serve", "--port", "1"]).await?;
    assert_eq!(
        (handed_over.code, handed_over.data.as_str()),
        (7, "theirs: serve --port 1\n")
    );
    fs::remove_file(theirs)?;
    let alone = shell.run_whole(&["serve"]).await?;
    assert_eq!(alone.code, 2);
    assert!(alone.words.contains("hint: omlx mcp --help"), "{alone:?}");
    Ok(())
}

#[tokio::test]
async fn the_demo_goes_the_whole_way_by_itself_and_leaves_nothing() -> TestResult {
    let shell = Shell::new()?;
    let shown = shell.run(&["demo"]).await?;
    assert_eq!(shown.code, 0, "{shown:?}");
    for part in [
        "→ 401",
        "POST /register",
        "✓ 14 tools",
        "gives 42",
        "DELETE /register/",
    ] {
        assert!(shown.data.contains(part), "{part}: {}", shown.data);
    }
    let told = shell.run(&["demo", "--json"]).await?;
    let document: Value = serde_json::from_str(&told.data)?;
    assert_eq!(
        (&document["answer"], told.words.as_str()),
        (&Value::from("42"), "")
    );
    assert!(!shell.path("home").exists() && !shell.path("mcp.json").exists());
    assert_eq!(
        fs::read_dir(shell.path("tmp"))?.count(),
        0,
        "what was thrown away is gone"
    );
    Ok(())
}

/// What differs from run to run: the port, and the name the demo gives its client.
fn without_chance(shown: &str) -> String {
    let words = shown.split_inclusive([' ', '\n']).map(|word| match word {
        word if word.starts_with("http://127.0.0.1:") => "http://127.0.0.1:0/mcp\n",
        word if word.starts_with("/register/") => "/register/client ",
        word => word,
    });
    words.collect()
}

#[tokio::test]
async fn the_readme_shows_what_the_demo_prints() -> TestResult {
    let shown = Shell::new()?.run(&["demo"]).await?.data;
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"))?;
    let from = readme
        .find("An MCP server on this machine")
        .ok_or("the README shows the demo")?;
    let quoted = readme[from..].split("```").next().unwrap_or_default();
    let journey = shown.split("\n\nThat is all").next().unwrap_or_default();
    assert_eq!(
        without_chance(quoted).trim_end(),
        without_chance(journey).trim_end()
    );
    Ok(())
}

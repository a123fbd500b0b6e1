//! The menu bar app as a whole, on a desktop of its own: every scenario, one module a capability.
//!
//! Run by `scripts/e2e.sh`, which builds the app first; Linux only, where a desktop can be had without a screen.
#![cfg(target_os = "linux")]

mod at_once;
mod bad_days;
mod choices;
mod clients;
mod entries;
mod held_back;
mod links;
mod pictures;
mod secrets;
mod sign_in;
mod start;
mod terminal;
mod terminals;
mod tokens;
mod waiting;

use std::{error::Error, fs};

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{Ran, desktop::Desktop};
use serde_json::{Value, json};

/// The command line under test.
const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

/// A running demo that is the one server, named `demo`, of the desktop.
async fn with_demo(desktop: &Desktop, options: DemoOptions) -> Result<Demo, Box<dyn Error>> {
    with_entry(desktop, options, json!({})).await
}

/// The same with an `auth` block, at the root, where oMLX does not mind it.
async fn with_entry(desktop: &Desktop, options: DemoOptions, auth: Value) -> Result<Demo, Box<dyn Error>> {
    let demo = Demo::start(options).await?;
    let entry = json!({ "transport": "streamable-http", "url": demo.mcp_url() });
    let document = json!({ "servers": { "demo": entry }, "auth": { "demo": auth } });
    fs::write(desktop.desk.config_path(), document.to_string())?;
    Ok(demo)
}

/// The same, with the app running and signed in, by a person who was asked for nothing.
async fn signed_in(desktop: &mut Desktop, options: DemoOptions) -> Result<Demo, Box<dyn Error>> {
    let demo = with_entry(desktop, options, json!({ "redirect": "loopback" })).await?;
    desktop.start().await?;
    desktop.click("Connect demo…").await?;
    let page = desktop.page(1).await?;
    desktop.chromium().await?.go(page.as_str()).await?;
    desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
    Ok(demo)
}

/// What a command line in a terminal of the desktop comes to.
async fn terminal(desktop: &Desktop, words: &[&str]) -> Result<Ran, Box<dyn Error>> {
    let mut all = vec!["mcp"];
    all.extend(words);
    let ran = desktop.omlx(OMLX, &all).run().await?;
    if ran.code == Some(0) {
        Ok(ran)
    } else {
        Err(format!("{words:?}: {ran:?}").into())
    }
}

/// What a command line says of the server `demo`.
async fn status(desktop: &Desktop) -> Result<Value, Box<dyn Error>> {
    let ran = desktop.omlx(OMLX, &["mcp", "status", "--json"]).run().await?;
    Ok(ran.json()?["servers"][0].take())
}

//! The menu bar app as a whole, on a desktop of its own: every scenario, one module a capability.
//!
//! Run by `scripts/e2e.sh`, which builds the app first; Linux only, where a desktop can be had without a screen.
#![cfg(target_os = "linux")]

mod terminal;

use std::error::Error;

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::desktop::Desktop;
use serde_json::json;

/// The command line under test.
const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

/// A running demo that is the one server, named `demo`, of the desktop.
async fn with_demo(desktop: &Desktop, options: DemoOptions) -> Result<Demo, Box<dyn Error>> {
    let demo = Demo::start(options).await?;
    desktop
        .desk
        .configure(&json!({ "demo": { "transport": "streamable-http", "url": demo.mcp_url() } }))?;
    Ok(demo)
}

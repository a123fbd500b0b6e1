//! Many bridges at once on one expired grant.

use std::time::Instant;

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{Desk, Omlx, Running};
use serde_json::{Value, json};

use super::{Outcome, say};

/// Bridges that run already when the token they share ends, with a single-use refresh token. Each then calls once.
pub(super) async fn bridges(omlx: &str) -> Outcome {
    for many in [10, 64] {
        let demo = Demo::start(DemoOptions::headless()).await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        desk.sign_in().await?;
        let mut bridges = Vec::new();
        for _ in 0..many {
            let mut bridge = Omlx::on(&desk, omlx, &["mcp", "bridge", "demo"]).start()?;
            greet(&mut bridge).await?;
            bridges.push(bridge);
        }
        demo.expire_access_tokens();
        demo.forget_calls();
        let begun = Instant::now();
        for bridge in &mut bridges {
            bridge.type_in(&call()).await?;
        }
        let mut served = 0;
        for bridge in &mut bridges {
            served += usize::from(answer(bridge).await?["result"]["isError"] != json!(true));
        }
        let (requests, windows) = (demo.count("POST /token"), demo.count("GET /authorize"));
        say(
            &format!("{many} bridges, expired"),
            begun.elapsed(),
            &format!("{served} of {many} served, {requests} token request, {windows} windows"),
        )?;
    }
    Ok(())
}

async fn greet(bridge: &mut Running) -> Outcome {
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" },
    });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    bridge.type_in(&hello.to_string()).await?;
    answer(bridge).await?;
    let noted = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    Ok(bridge.type_in(&noted.to_string()).await?)
}

fn call() -> String {
    let params = json!({ "name": "echo", "arguments": { "text": "hello" } });
    json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }).to_string()
}

/// The next answer; what the server says by itself is passed over.
async fn answer(bridge: &mut Running) -> Outcome<Value> {
    loop {
        let message: Value = serde_json::from_str(&bridge.line().await?)?;
        if message["method"].is_null() {
            return Ok(message);
        }
    }
}

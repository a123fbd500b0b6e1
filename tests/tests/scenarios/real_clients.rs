//! The official TypeScript client and the official example server, with nothing, the bridge and the gateway between them.
#![cfg(unix)]

use std::{error::Error, net::TcpListener, path::PathBuf, process::Stdio};

use omlx_tests::{Desk, Omlx, TestResult, in_time, interop_folder, node};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

fn everything() -> PathBuf {
    interop_folder().join("node_modules/@modelcontextprotocol/server-everything/dist/index.js")
}

/// The example server over streamable HTTP, and its URL.
async fn over_http() -> Result<(Child, String), Box<dyn Error>> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let server = Command::new(node()?)
        .arg(everything())
        .arg("streamableHttp")
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    in_time(async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    Ok((server, format!("http://127.0.0.1:{port}/mcp")))
}

/// What the client makes of whatever is at the end of `words`.
async fn used(desk: &Desk, words: &[&str]) -> Result<Value, Box<dyn Error>> {
    let run = Command::new(node()?)
        .arg("everything.mjs")
        .args(words)
        .current_dir(interop_folder())
        .env("OMLX_MCP_CONFIG", desk.config_path())
        .env("OMLX_CONNECT_HOME", desk.home_path())
        .env("OMLX_CONNECT_KEYCHAIN", "off")
        .kill_on_drop(true)
        .output();
    let ran = tokio::time::timeout(std::time::Duration::from_mins(2), run).await??;
    let words = String::from_utf8_lossy(&ran.stderr);
    serde_json::from_slice(&ran.stdout).map_err(|error| format!("{error}: {words}").into())
}

#[tokio::test]
async fn everything_a_server_offers_is_the_same_through_the_bridge_and_the_gateway() -> TestResult {
    let (_server, url) = over_http().await?;
    let (program, script) = (node()?, everything());
    let (program, script) = (program.display().to_string(), script.display().to_string());
    let desk = Desk::new()?;
    desk.configure(&json!({
        "remote": { "transport": "streamable-http", "url": url },
        "local": { "command": program, "args": [script, "stdio"] },
    }))?;
    let added = Omlx::on(&desk, OMLX, &["mcp", "access", "add", "ts", "--json"])
        .run()
        .await?
        .json()?;
    let key = added["key"].as_str().ok_or("no key")?;
    let mut serving = Omlx::on(&desk, OMLX, &["mcp", "serve", "--port", "0"]).start()?;
    let gateways = [serving.line().await?, serving.line().await?];

    let direct = [
        used(&desk, &["http", &url]).await?,
        used(&desk, &["stdio", &program, &script, "stdio"]).await?,
    ];
    assert!(
        direct[0]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 10),
        "{}",
        direct[0]
    );
    assert_eq!(direct[0]["heard"]["sampled"], 1, "{}", direct[0]);
    for ((server, direct), gateway) in ["remote", "local"].iter().zip(direct).zip(gateways) {
        assert_eq!(
            used(&desk, &["stdio", OMLX, "mcp", "bridge", server]).await?,
            direct,
            "bridge {server}"
        );
        assert_eq!(
            used(&desk, &["http", &gateway, key]).await?,
            direct,
            "gateway {server}"
        );
    }
    Ok(())
}

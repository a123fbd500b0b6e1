//! The app starts, shows itself in the tray, and ends when told to.

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{TestResult, desktop::scene};
use serde_json::json;

#[tokio::test]
async fn the_tray_tells_each_server_and_quit_ends_everything() -> TestResult {
    scene("start", async |desktop| {
        let demo = Demo::start(DemoOptions::default()).await?;
        desktop
            .desk
            .configure(&json!({ "demo": { "transport": "streamable-http", "url": demo.mcp_url() } }))?;
        desktop.start().await?;
        desktop.menu_line(&["demo", "Not authenticated"]).await?;
        desktop.click("Quit").await?;
        assert!(desktop.ended().await?.success());
        Ok(())
    })
    .await
}

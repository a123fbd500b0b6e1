//! What a person chooses for the app as a whole.

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{TestResult, desktop::scene};
use serde_json::json;

use crate::{signed_in, with_demo};

#[tokio::test]
async fn while_paused_no_server_hears_of_the_app_until_it_is_resumed() -> TestResult {
    scene("paused", async |desktop| {
        let demo = signed_in(desktop, DemoOptions::headless()).await?;
        let other = Demo::start(DemoOptions::headless()).await?;
        let panel = desktop.open_panel_at("demo").await?;
        desktop.click("Pause").await?;
        desktop.menu_line(&["demo", "Paused"]).await?;
        panel
            .until_says("No server is connected until you resume.")
            .await?;

        demo.forget_calls();
        demo.expire_access_tokens();
        demo.cut_connections();
        // A change that is seen is one that everything else would have followed by now.
        let entry = |demo: &Demo| json!({ "transport": "streamable-http", "url": demo.mcp_url() });
        let servers = json!({ "demo": entry(&demo), "other": entry(&other) });
        desktop.desk.configure(&servers)?;
        desktop.menu_line(&["other", "Paused"]).await?;
        assert_eq!(demo.calls().len(), 0, "{:?}", demo.calls());
        assert_eq!(other.calls().len(), 0, "{:?}", other.calls());

        panel.press("Resume").await?;
        panel
            .until_silent("No server is connected until you resume.")
            .await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        desktop.menu_line(&["other", "Not authenticated"]).await?;
        assert_eq!(demo.count("POST /token grant_type=refresh_token"), 1);
        assert_eq!(desktop.opened().len(), 1, "only the first sign-in opened a page");
        let told = desktop.notifications();
        assert!(!told.iter().any(|one| one.summary.contains("demo")), "{told:?}");
        Ok(())
    })
    .await
}

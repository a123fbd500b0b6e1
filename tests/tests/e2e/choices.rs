//! What a person chooses for the app as a whole.

use std::fs;

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{
    TestResult,
    desktop::{eventually, scene},
};
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

#[tokio::test]
async fn launch_at_login_is_an_entry_of_the_session_while_it_is_chosen_and_no_longer() -> TestResult {
    scene("launch-at-login", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::headless()).await?;
        desktop.start().await?;
        let folder = desktop.desk.path().join(".config/autostart");
        let entries = || -> Vec<String> {
            let found = fs::read_dir(&folder).into_iter().flatten().flatten();
            found
                .filter_map(|entry| fs::read_to_string(entry.path()).ok())
                .collect()
        };
        assert_eq!(entries(), Vec::<String>::new(), "nobody has chosen it");
        let panel = desktop.open_panel().await?;
        panel.page.press("switch", "Launch at login").await?;
        let entry = eventually("an entry of the session", async || entries().pop()).await?;
        let starts = entry
            .lines()
            .find(|line| line.starts_with("Exec="))
            .unwrap_or_default();
        assert!(starts.contains("omlx-connect"), "{entry}");
        assert!(
            starts.contains("--background"),
            "a session shows no window: {entry}"
        );
        panel.page.press("switch", "Launch at login").await?;
        eventually("no entry", async || entries().is_empty().then_some(())).await
    })
    .await
}

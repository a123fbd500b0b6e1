//! What is broken, locked, silent or too much: told calmly, and over as soon as it is mended.

use std::fs;

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{TestResult, desktop::scene};
use serde_json::{Map, json};

use crate::{signed_in, with_demo};

#[tokio::test]
async fn a_config_file_that_breaks_while_the_app_runs_changes_nothing_but_is_told() -> TestResult {
    scene("config-broken", async |desktop| {
        let demo = with_demo(desktop, DemoOptions::default()).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Not authenticated").await?;
        let good = fs::read(desktop.desk.config_path())?;
        fs::write(desktop.desk.config_path(), "{ \"servers\": { ")?;
        panel.until_says("The config file has a mistake").await?;
        desktop.menu_line(&["The config file needs a look…"]).await?;
        desktop.menu_line(&["demo", "Not authenticated"]).await?;
        panel.press("Connect").await?;
        desktop.page(1).await?;
        fs::write(desktop.desk.config_path(), good)?;
        desktop.menu_without("config file").await?;
        panel.until_silent("The config file has a mistake").await?;
        assert_eq!(demo.count("POST /token"), 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_keychain_that_is_locked_is_said_and_unlocked_without_a_new_sign_in() -> TestResult {
    scene("keychain-locked", async |desktop| {
        let demo = signed_in(desktop, DemoOptions::headless()).await?;
        desktop.click("Quit oMLX Connect").await?;
        assert!(desktop.ended().await?.success());
        desktop.lock_keychain().await?;
        desktop.start().await?;
        desktop.menu_line(&["demo", "Keychain locked"]).await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Keychain locked").await?;
        desktop.ask_for_password().await?;
        panel.press("Unlock").await?;
        desktop.give_password().await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_eq!(desktop.opened().len(), 1, "no new sign-in");
        assert_eq!(demo.count("POST /token grant_type=authorization_code"), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn two_hundred_servers_fit() -> TestResult {
    scene("200-servers", async |desktop| {
        let demo = Demo::start(DemoOptions::default()).await?;
        let entry = json!({ "transport": "streamable-http", "url": demo.mcp_url() });
        let servers: Map<_, _> = (0..200)
            .map(|number| (format!("server-{number:03}"), entry.clone()))
            .collect();
        desktop.desk.configure(&servers.into())?;
        desktop.start().await?;
        desktop.menu_line(&["180 more…"]).await?;
        assert!(desktop.menu().await?.len() < 60, "a longer menu is no menu");
        let panel = desktop.open_panel_at("server-000").await?;
        panel.until_says("200 servers need you").await?;
        panel.fill("Search", "server-199").await?;
        panel.choose("server-199").await?;
        panel.page.find("heading", "server-199").await?;
        panel.press("Connect").await?;
        desktop.page(1).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_never_answers_holds_up_nobody_else() -> TestResult {
    scene("silent-server", async |desktop| {
        let demo = Demo::start(DemoOptions::default()).await?;
        let silent = Demo::start(DemoOptions::default()).await?;
        let _held = silent.hold("POST /mcp");
        let entry = |url: String| json!({ "transport": "streamable-http", "url": url });
        desktop.desk.configure(&json!({
            "silent": entry(silent.mcp_url()),
            "demo": entry(demo.mcp_url()),
        }))?;
        desktop.start().await?;
        desktop.menu_line(&["demo", "Not authenticated"]).await?;
        desktop.menu_line(&["silent", "Connecting…"]).await?;
        let panel = desktop.open_panel_at("silent").await?;
        panel.until_says("Connecting…").await?;
        panel.choose("demo").await?;
        panel.press("Connect").await?;
        desktop.consent(1, "Allow").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.click("Quit oMLX Connect").await?;
        assert!(
            desktop.ended().await?.success(),
            "nobody waits for it at the end, either"
        );
        Ok(())
    })
    .await
}

//! Signing in from the panel, in a real browser, at a demo and at an authorization server that is not ours.

use omlx_demo::DemoOptions;
use omlx_tests::{
    Provider, TestResult,
    desktop::{eventually, scene, shows_pages},
};
use serde_json::json;

use crate::{status, with_entry};

#[tokio::test]
async fn connect_consent_in_chromium_and_every_surface_says_so() -> TestResult {
    scene("loopback", async |desktop| {
        let auth = json!({ "redirect": "loopback" });
        let demo = with_entry(desktop, DemoOptions::default(), auth).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        let waiting = desktop.icon().await?.picture().await?;
        panel.press("Connect").await?;
        panel.until_says("Waiting for the browser…").await?;
        desktop.menu_line(&["demo", "Waiting for the browser…"]).await?;
        let browser = desktop.consent(1, "Allow").await?;
        browser.until_says("You can close this").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        panel.until_says("Ada Lovelace").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_ne!(
            desktop.icon().await?.picture().await?,
            waiting,
            "the glyph is calm again"
        );
        let server = status(desktop).await?;
        assert_eq!(server["auth"], "authenticated", "{server:#}");
        assert_eq!(server["tool_count"], 14, "{server:#}");
        assert_eq!(desktop.opened().len(), 1);
        assert_eq!(demo.count("POST /token"), 1);
        assert_eq!(
            desktop.notifications(),
            [],
            "nobody has to be told of what they do themselves"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_person_who_denies_it_is_told_so_and_may_try_again() -> TestResult {
    scene("denied", async |desktop| {
        let auth = json!({ "redirect": "loopback" });
        let demo = with_entry(desktop, DemoOptions::default(), auth).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        desktop.consent(1, "Deny").await?;
        panel.until_says("access_denied").await?;
        panel.press("Connect").await?;
        desktop.consent(2, "Allow").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        assert_eq!(demo.count("POST /token"), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_authorization_server_that_is_not_ours_lets_the_app_in() -> TestResult {
    scene("oidc-provider", async |desktop| {
        let provider = Provider::start_asking().await?;
        let entry = json!({ "transport": "streamable-http", "url": provider.mcp_url() });
        desktop.desk.configure(&json!({ "notes": entry }))?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("notes").await?;
        panel.press("Connect").await?;
        desktop.consent(1, "Continue").await?;
        panel.until_says("Authorized, 2 tools discovered").await?;
        desktop.menu_line(&["notes", "Authenticated · 2 tools"]).await?;
        assert_eq!(provider.token_requests("authorization_code").await?.len(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_panel_may_die_while_the_browser_is_awaited() -> TestResult {
    scene("panel-dies", async |desktop| {
        let auth = json!({ "redirect": "loopback" });
        let _demo = with_entry(desktop, DemoOptions::default(), auth).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        desktop.page(1).await?;
        desktop.crash_panel()?;
        desktop.no_page_is_shown().await?;
        desktop.consent(1, "Allow").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        // The driver's session died with the page; that there is a new one is seen from outside.
        desktop.click("demo — ").await?;
        eventually("a new page", async || {
            desktop.helpers().iter().any(shows_pages).then_some(())
        })
        .await
    })
    .await
}

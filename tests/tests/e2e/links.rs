//! A redirect that comes back as a link of the app's own scheme.

use omlx_demo::DemoOptions;
use omlx_tests::{Redirect, TestResult, desktop::scene};
use serde_json::json;

use crate::{with_demo, with_entry};

#[tokio::test]
async fn consent_in_chromium_comes_back_as_a_link_unasked() -> TestResult {
    scene("link-chromium", async |desktop| {
        let demo = with_demo(desktop, DemoOptions::default()).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        let page = desktop.page(1).await?;
        let (_, redirect) = page
            .query_pairs()
            .find(|(name, _)| name == "redirect_uri")
            .ok_or("no redirect_uri")?;
        assert_eq!(
            redirect, "ai.omlx.connect:/oauth/callback",
            "what `auto` comes to here"
        );
        desktop.consent(1, "Allow").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_eq!(demo.count("POST /token"), 1);
        assert_eq!(
            desktop.icons(),
            1,
            "the second process handed the link over and went"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_link_ends_the_sign_in_once_whoever_else_sends_one() -> TestResult {
    scene("link-warm", async |desktop| {
        let auth = json!({ "redirect": "deep-link" });
        let demo = with_entry(desktop, DemoOptions::headless(), auth).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        let link = Redirect::of(&desktop.page(1).await?).await?;
        assert!(
            link.address().starts_with("ai.omlx.connect:/oauth/callback?"),
            "{link:?}"
        );

        let stranger = link.with("state", Some("a-stranger's-state-of-some-length"));
        assert!(desktop.start_again(&[stranger.address()]).await?.success());
        assert!(
            desktop
                .start_again(&["ai.omlx.connect:/elsewhere?x"])
                .await?
                .success()
        );
        panel.until_says("Waiting for the browser…").await?;
        assert_eq!(demo.count("POST /token"), 0, "a stranger's link leads to nothing");

        assert!(desktop.start_again(&[link.address()]).await?.success());
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert!(desktop.start_again(&[link.address()]).await?.success());
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_eq!(demo.count("POST /token"), 1, "a code is redeemed once");
        assert_eq!(desktop.icons(), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_app_that_died_and_is_started_by_its_own_link_asks_to_connect_again() -> TestResult {
    scene("link-cold", async |desktop| {
        let auth = json!({ "redirect": "deep-link" });
        let demo = with_entry(desktop, DemoOptions::headless(), auth).await?;
        desktop.start().await?;
        desktop.click("Connect demo…").await?;
        let link = Redirect::of(&desktop.page(1).await?).await?;
        desktop.crash()?;

        desktop.open_link(link.address())?;
        let panel = desktop.panel().await?;
        panel.until_says("Not authenticated").await?;
        assert_eq!(demo.count("POST /token"), 0, "the verifier died with the app");
        panel.press("Connect").await?;
        let link = Redirect::of(&desktop.page(2).await?).await?;
        desktop.open_link(link.address())?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        assert_eq!(desktop.icons(), 1);
        Ok(())
    })
    .await
}

//! What becomes of a sign-in: refreshed silently, rejected loudly once, given back when its person says so.

use omlx_demo::DemoOptions;
use omlx_tests::{TestResult, desktop::scene};

use crate::{signed_in, status};

const REFRESH: &str = "POST /token grant_type=refresh_token";

#[tokio::test]
async fn an_expired_token_is_replaced_and_nobody_hears_of_it() -> TestResult {
    scene("silent-refresh", async |desktop| {
        let demo = signed_in(desktop, DemoOptions::headless()).await?;
        let calm = desktop.icon().await?.picture().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        demo.expire_access_tokens();
        demo.cut_connections();
        panel.until_says("Last refresh").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_eq!(demo.count(REFRESH), 1);
        assert_eq!(desktop.opened().len(), 1, "no window for a refresh");
        assert_eq!(desktop.notifications(), []);
        assert_eq!(desktop.icon().await?.picture().await?, calm);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_rejected_refresh_is_told_once_and_its_button_signs_in_again() -> TestResult {
    scene("rejected-refresh", async |desktop| {
        let demo = signed_in(desktop, DemoOptions::headless()).await?;
        let calm = desktop.icon().await?.picture().await?;
        demo.revoke_all();
        demo.cut_connections();
        desktop
            .menu_line(&["demo", "Token expired, refresh failed"])
            .await?;
        assert_ne!(
            desktop.icon().await?.picture().await?,
            calm,
            "the glyph asks for somebody"
        );
        let told = desktop.notification(1).await?;
        assert!(
            format!("{} {}", told.summary, told.body).contains("demo"),
            "{told:?}"
        );
        assert_eq!(desktop.opened().len(), 1, "background work opens no browser");

        desktop.press(&told, "Log In").await?;
        let page = desktop.page(2).await?;
        desktop.chromium().await?.go(page.as_str()).await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_eq!(desktop.icon().await?.picture().await?, calm);
        assert_eq!(desktop.notifications().len(), 1, "told once");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn disconnect_says_what_was_revoked() -> TestResult {
    scene("disconnect", async |desktop| {
        let demo = signed_in(desktop, DemoOptions::headless()).await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Disconnect").await?;
        panel.until_says("Not authenticated").await?;
        let text = panel.page.text().await?;
        for words in [
            "Refresh token",
            "Access token",
            "Client registration",
            "Revoked",
            "Erased",
        ] {
            assert!(text.contains(words), "no {words:?} in {text}");
        }
        assert!(demo.count("POST /revoke") > 0, "{:?}", demo.calls());
        desktop.menu_line(&["demo", "Not authenticated"]).await?;
        assert_eq!(status(desktop).await?["auth"], "not_authenticated");
        assert_eq!(desktop.notifications(), [], "whoever signs out knows it");
        Ok(())
    })
    .await
}

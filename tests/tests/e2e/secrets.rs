//! No secret is anywhere a person, a page or a log could show it.

use omlx_demo::{DemoOptions, SECRET_MARK};
use omlx_tests::{
    Haul, TestResult,
    desktop::{Desktop, Panel, scene},
};
use serde_json::json;

use crate::with_entry;

const PLANTED: &str = "planted-client-secret-7f3a9c51d2";

/// Everything there is to be seen at this moment.
async fn look(haul: &mut Haul, desktop: &Desktop, panel: &Panel, step: &str) -> TestResult {
    haul.text(&format!("the panel, {step}"), panel.page.html().await?);
    haul.text(&format!("the tray, {step}"), desktop.menu().await?.join("\n"));
    Ok(())
}

#[tokio::test]
async fn panel_ipc_tray_notifications_and_log_hold_none() -> TestResult {
    scene("secrets", async |desktop| {
        let auth =
            json!({ "redirect": "loopback", "authorize_params": { "login_hint": "ada@demo.example" } });
        let demo = with_entry(desktop, DemoOptions::headless(), auth).await?;
        desktop.start().await?;
        let mut haul = Haul::default();
        let panel = desktop.open_panel_at("demo").await?;
        panel.listen().await?;
        look(&mut haul, desktop, &panel, "at first").await?;
        panel.press("Connect").await?;
        let page = desktop.page(1).await?;
        look(&mut haul, desktop, &panel, "while the browser is awaited").await?;
        desktop.chromium().await?.go(page.as_str()).await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        for tab in ["Tools", "Sign-in steps", "Log", "Overview"] {
            panel.page.press("tab", tab).await?;
            look(&mut haul, desktop, &panel, tab).await?;
        }
        enter_a_client_secret(desktop, &panel).await?;
        look(&mut haul, desktop, &panel, "with a client of our own").await?;
        panel.press("Cancel").await?;
        demo.revoke_all();
        demo.cut_connections();
        desktop
            .menu_line(&["demo", "Token expired, refresh failed"])
            .await?;
        look(&mut haul, desktop, &panel, "after a rejected refresh").await?;

        for message in panel.heard().await? {
            haul.text("the IPC", message);
        }
        haul.debug("the notifications", &desktop.notifications());
        haul.text("the log", desktop.log());
        assert!(haul.contains("Ada Lovelace"), "the haul is not empty");
        haul.without_authorization_urls();
        let leaks = haul.leaks(&[PLANTED, SECRET_MARK], &demo.calls());
        assert!(leaks.is_empty(), "{leaks:#?}");
        Ok(())
    })
    .await
}

/// A secret goes in by the panel, and must not come out again anywhere.
async fn enter_a_client_secret(desktop: &Desktop, panel: &Panel) -> TestResult {
    panel.press("More actions for demo").await?;
    panel.page.press("menuitem", "Enter client ID…").await?;
    panel.fill("Client ID", "a-client-of-our-own").await?;
    panel.fill("Client secret", PLANTED).await?;
    panel.press("Save and connect").await?;
    desktop.page(2).await.map(drop)
}

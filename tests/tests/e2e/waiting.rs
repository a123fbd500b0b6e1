//! A sign-in under way: its link and its code can be taken elsewhere, and it outlives the window that shows it.

use std::time::Duration;

use omlx_demo::{DemoOptions, DevicePolicy};
use omlx_tests::{TestResult, desktop::scene};
use serde_json::json;

use crate::with_entry;

#[tokio::test]
async fn copy_link_takes_the_page_of_a_waiting_sign_in_to_the_clipboard() -> TestResult {
    scene("copy-link", async |desktop| {
        let auth = json!({ "redirect": "loopback" });
        let _demo = with_entry(desktop, DemoOptions::headless(), auth).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        let page = desktop.page(1).await?;
        panel.press("Copy link").await?;
        panel.until_says("Link copied").await?;
        let copied = panel.paste().await?;
        assert_eq!(copied, page.as_str());
        desktop.chromium().await?.go(&copied).await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        assert_eq!(desktop.opened().len(), 1, "copying opens nothing");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_panel_closed_during_a_sign_in_shows_it_again_when_it_comes_back() -> TestResult {
    scene("waiting-reopened", async |desktop| {
        let auth = json!({ "redirect": "loopback" });
        let demo = with_entry(desktop, DemoOptions::headless(), auth).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        let page = desktop.page(1).await?;
        desktop.close_panel().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Waiting for the browser…").await?;
        panel.press("Copy link").await?;
        panel.until_says("Link copied").await?;
        assert_eq!(panel.paste().await?, page.as_str(), "the same sign-in");
        desktop.chromium().await?.go(page.as_str()).await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        assert_eq!(demo.count("POST /token"), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_device_code_is_copied_from_the_panel_and_entered_in_a_browser() -> TestResult {
    scene("device-code", async |desktop| {
        let options = DemoOptions {
            device: DevicePolicy {
                interval: Duration::from_secs(1),
                lifetime: Duration::from_mins(10),
            },
            ..DemoOptions::default()
        };
        let demo = with_entry(desktop, options, json!({ "grant": "device_code" })).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Connect").await?;
        let line = desktop.menu_line(&["demo", "Enter code"]).await?;
        let code = line.rsplit(' ').next().ok_or("no code")?;
        let place = format!("{}/device", demo.origin());
        panel.until_says(&place).await?;
        panel.press("Copy code").await?;
        let copied = panel.paste().await?;
        assert_eq!(copied, code, "tray and clipboard have the same code");

        let browser = desktop.chromium().await?;
        browser.go(&place).await?;
        browser.find("textbox", "Code").await?.type_in(&copied).await?;
        browser.press("button", "Continue").await?;
        browser.press("button", "Allow").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_eq!(desktop.opened(), [], "a code needs no browser on this machine");
        Ok(())
    })
    .await
}

//! What a terminal does shows in the app, and what is done in the app shows in a terminal.

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{TestResult, browser_script, desktop::scene};

use crate::{OMLX, signed_in, status, terminal, with_demo};

#[tokio::test]
async fn a_sign_in_and_a_sign_out_in_a_terminal_show_in_tray_and_panel() -> TestResult {
    scene("terminal-to-app", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::headless()).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Not authenticated").await?;
        let login = desktop.omlx(OMLX, &["mcp", "login", "demo"]);
        let login = login
            .with("BROWSER", browser_script(&desktop.desk)?)
            .run()
            .await?;
        assert_eq!(login.code, Some(0), "{login:?}");
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        terminal(desktop, &["logout", "demo"]).await?;
        panel.until_says("Not authenticated").await?;
        desktop.menu_line(&["demo", "Not authenticated"]).await?;
        assert_eq!(
            desktop.notifications(),
            [],
            "whoever signs out in a terminal knows it"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_added_switched_off_and_removed_in_a_terminal_comes_and_goes() -> TestResult {
    scene("terminal-edits", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        let other = Demo::start(DemoOptions::default()).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        terminal(desktop, &["add", "second", &other.mcp_url()]).await?;
        desktop.menu_line(&["second", "Not authenticated"]).await?;
        panel.page.find("option", "second").await?;
        terminal(desktop, &["disable", "second"]).await?;
        desktop.menu_line(&["second", "Disabled"]).await?;
        terminal(desktop, &["enable", "second"]).await?;
        desktop.menu_line(&["second", "Not authenticated"]).await?;
        terminal(desktop, &["remove", "second"]).await?;
        desktop.menu_without("second").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_done_in_the_panel_is_so_in_a_terminal() -> TestResult {
    scene("app-to-terminal", async |desktop| {
        let _demo = signed_in(desktop, DemoOptions::headless()).await?;
        assert_eq!(status(desktop).await?["auth"], "authenticated");
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("More actions for demo").await?;
        panel.page.press("menuitem", "Disable").await?;
        panel.until_says("Disabled").await?;
        assert_eq!(status(desktop).await?["connection"], "disabled");
        panel.press("Enable").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        assert_ne!(status(desktop).await?["connection"], "disabled");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_is_added_in_the_panel_and_connected_at_once() -> TestResult {
    scene("add", async |desktop| {
        let demo = Demo::start(DemoOptions::headless()).await?;
        desktop.desk.configure(&serde_json::json!({}))?;
        desktop.start().await?;
        let panel = desktop.panel().await?;
        panel.until_says("Sign in once, use it everywhere").await?;
        panel.press("Add server").await?;
        panel.fill("Address", &demo.mcp_url()).await?;
        panel.until_says("Needs sign-in with").await?;
        panel.fill("Name", "mine").await?;
        panel.press("Add and connect").await?;
        let page = desktop.page(1).await?;
        desktop.chromium().await?.go(page.as_str()).await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        desktop.menu_line(&["mine", "Authenticated · 14 tools"]).await?;
        assert_eq!(status(desktop).await?["id"], "mine");
        Ok(())
    })
    .await
}

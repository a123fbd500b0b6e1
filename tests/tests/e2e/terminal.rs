//! A sign-in from a terminal of the desktop: the page opens in a real browser, somebody presses the button.

use omlx_demo::DemoOptions;
use omlx_tests::{TestResult, desktop::scene};

use crate::{OMLX, status, with_demo};

#[tokio::test]
async fn a_person_allows_it_in_chromium_and_the_terminal_is_signed_in() -> TestResult {
    scene("terminal-allow", async |desktop| {
        let demo = with_demo(desktop, DemoOptions::default()).await?;
        let login = desktop.omlx(OMLX, &["mcp", "login", "demo"]).start()?;
        let browser = desktop.consent(1, "Allow").await?;
        browser.until_says("You can close this").await?;
        let ended = login.end().await?;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let server = status(desktop).await?;
        assert_eq!(server["auth"], "authenticated", "{server:#}");
        assert_eq!(server["tool_count"], 14, "{server:#}");
        assert_eq!(demo.count("POST /token"), 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_person_denies_it_and_nothing_is_stored() -> TestResult {
    scene("terminal-deny", async |desktop| {
        let demo = with_demo(desktop, DemoOptions::default()).await?;
        let login = desktop.omlx(OMLX, &["mcp", "login", "demo"]).start()?;
        desktop.consent(1, "Deny").await?;
        let ended = login.end().await?;
        assert_ne!(ended.code, Some(0), "{ended:?}");
        assert_eq!(demo.count("POST /token"), 0);
        Ok(())
    })
    .await
}

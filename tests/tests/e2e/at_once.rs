//! What is done in a terminal shows in tray and panel within a second of its end, and what is done in the panel is so in
//! a terminal within a second of the press. How long each took stands in the test's output.

use std::{
    error::Error,
    io::Write as _,
    time::{Duration, Instant},
};

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{
    TestResult, browser_script,
    desktop::{Desktop, Panel, scene, within},
};

use crate::{OMLX, signed_in, status, terminal, with_demo};

/// As long as it may take.
const SECOND: Duration = Duration::from_secs(1);

/// Waits until it is so, a second at most; how long it took.
async fn at_once(what: &str, look: impl AsyncFnMut() -> Option<()>) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    within(SECOND, what, look).await?;
    Ok(begun.elapsed())
}

/// Waits until tray and panel say every word, and none of those that come after a `!`, each within a second from now.
async fn both_say(desktop: &Desktop, panel: &Panel, deed: &str, words: &[&str]) -> TestResult {
    let says = |text: &str| {
        words.iter().all(|word| match word.strip_prefix('!') {
            Some(word) => !text.contains(word),
            None => text.contains(word),
        })
    };
    let tray = at_once("the tray to say so", async || {
        let menu = desktop.menu().await.ok()?.join("\n");
        says(&menu).then_some(())
    });
    let page = at_once("the panel to say so", async || {
        panel.page.text().await.ok().filter(|text| says(text)).map(drop)
    });
    let (tray, page) = tokio::join!(tray, page);
    let blamed = |error: Box<dyn Error>| format!("{deed}: {words:?}: {error}");
    let (tray, page) = (tray.map_err(blamed)?, page.map_err(blamed)?);
    note(&format!("{deed}: tray {tray:.0?}, panel {page:.0?}"))
}

fn note(line: &str) -> TestResult {
    Ok(writeln!(std::io::stderr(), "{line}")?)
}

#[tokio::test]
async fn whatever_a_terminal_does_shows_in_tray_and_panel_within_a_second() -> TestResult {
    scene("at-once", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::headless()).await?;
        let other = Demo::start(DemoOptions::headless()).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Not authenticated").await?;
        let show = async |deed: &str, words: &[&str]| both_say(desktop, &panel, deed, words).await;

        let login = desktop.omlx(OMLX, &["mcp", "login", "demo"]);
        let login = login.with("BROWSER", browser_script(&desktop.desk)?);
        assert_eq!(login.run().await?.code, Some(0));
        show("login", &["demo", "14 tools", "!Not authenticated"]).await?;
        terminal(desktop, &["logout", "demo"]).await?;
        show("logout", &["demo", "Not authenticated", "!Authorized"]).await?;
        terminal(desktop, &["disable", "demo"]).await?;
        show("disable", &["demo", "Disabled"]).await?;
        terminal(desktop, &["enable", "demo"]).await?;
        show("enable", &["demo", "Not authenticated", "!Disabled"]).await?;
        terminal(desktop, &["add", "second", &other.mcp_url()]).await?;
        show("add", &["demo", "second"]).await?;
        terminal(desktop, &["remove", "second"]).await?;
        show("remove", &["demo", "!second"]).await
    })
    .await
}

#[tokio::test]
async fn whatever_the_panel_does_is_so_in_a_terminal_within_a_second() -> TestResult {
    scene("at-once-back", async |desktop| {
        let _demo = signed_in(desktop, DemoOptions::headless()).await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        let is = async |deed: &str, member: &str, wanted: &str| {
            let so = at_once(deed, async || {
                let server = status(desktop).await.ok()?;
                (server[member] == wanted).then_some(())
            });
            note(&format!("{deed}: terminal {:.0?}", so.await?))
        };
        panel.press("More actions for demo").await?;
        panel.page.press("menuitem", "Disable").await?;
        is("disable", "connection", "disabled").await?;
        panel.press("Enable").await?;
        is("enable", "auth", "authenticated").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        panel.press("Disconnect").await?;
        is("disconnect", "auth", "not_authenticated").await
    })
    .await
}

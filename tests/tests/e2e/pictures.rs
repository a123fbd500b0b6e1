//! Pictures of the real panel for docs/screenshots/app: made by `scripts/screenshots.sh`, never by a test run.

use std::{fs, path::Path, process::Command};

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{
    TestResult,
    desktop::{Desktop, Panel, scene},
};
use serde_json::{Value, json};

/// Where they are kept.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/screenshots/app");

/// Pictures of one panel in one scheme, until they are joined with their other half.
struct Album<'a> {
    desktop: &'a Desktop,
    panel: &'a Panel,
    scheme: &'a str,
}

impl Album<'_> {
    async fn keep(&self, name: &str) -> TestResult {
        fs::create_dir_all(FOLDER)?;
        let file = Path::new(FOLDER).join(format!("{name}.{}.png", self.scheme));
        self.desktop.photograph_panel(self.panel, &file).await
    }
}

#[tokio::test]
#[ignore = "writes docs/screenshots/app"]
async fn of_the_app() -> TestResult {
    scene("pictures-light", async |desktop| play(desktop, "1-light").await).await?;
    scene("pictures-dark", async |desktop| {
        desktop.darken()?;
        play(desktop, "2-dark").await
    })
    .await?;
    for name in [
        "welcome",
        "not-authenticated",
        "waiting-for-the-browser",
        "authenticated",
        "tools",
        "refresh-failed",
    ] {
        join(name)?;
    }
    Ok(())
}

async fn play(desktop: &mut Desktop, scheme: &str) -> TestResult {
    desktop.desk.configure(&json!({}))?;
    desktop.start().await?;
    let panel = desktop.panel().await?;
    let browser = desktop.chromium().await?;
    let desktop = &*desktop;
    let album = |panel| Album {
        desktop,
        panel,
        scheme,
    };
    panel.until_says("Sign in once, use it everywhere").await?;
    album(&panel).keep("welcome").await?;

    let demos = [
        Demo::start(DemoOptions::headless()).await?,
        Demo::start(DemoOptions::headless()).await?,
    ];
    std::fs::write(desktop.desk.config_path(), servers(&demos).to_string())?;
    panel.choose("notes").await?;
    panel.until_says("Not authenticated").await?;
    album(&panel).keep("not-authenticated").await?;
    panel.press("Connect").await?;
    panel.until_says("Waiting for the browser…").await?;
    album(&panel).keep("waiting-for-the-browser").await?;
    let page = desktop.page(1).await?;
    browser.go(page.as_str()).await?;
    panel.until_says("Authorized, 14 tools discovered").await?;
    album(&panel).keep("authenticated").await?;
    panel.page.press("tab", "Tools").await?;
    panel.until_says("echo").await?;
    album(&panel).keep("tools").await?;
    panel.page.press("tab", "Overview").await?;
    demos[0].revoke_all();
    demos[0].cut_connections();
    panel.until_says("Token expired, refresh failed").await?;
    album(&panel).keep("refresh-failed").await
}

fn servers(demos: &[Demo; 2]) -> Value {
    let entry = |demo: &Demo| json!({ "transport": "streamable-http", "url": demo.mcp_url() });
    // The browser is open before the first sign-in; a link would want another one, which may open links unasked.
    let auth = json!({ "redirect": "loopback" });
    json!({
        "servers": { "notes": entry(&demos[0]), "tickets": entry(&demos[1]) },
        "auth": { "notes": auth },
    })
}

/// Light at the left, dark at the right, as few colours as look the same.
fn join(name: &str) -> TestResult {
    let script = format!(
        "convert {name}.1-light.png {name}.2-dark.png +append -strip {name}.png && rm {name}.?-*.png && \
         pngquant --force --strip --speed=1 --quality=70-95 --output={name}.png 96 {name}.png"
    );
    let joined = Command::new("/bin/sh")
        .args(["-c", &script])
        .current_dir(FOLDER)
        .status()?;
    assert!(joined.success(), "{name}");
    Ok(())
}

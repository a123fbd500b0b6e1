//! The config file as the panel changes it: what is changed, and all that is not.

use std::fs;

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{
    TestResult,
    desktop::{Desktop, eventually, scene},
};
use serde_json::{Value, json};

use crate::{signed_in, status};

/// What somebody wrote by hand, in their own way.
const BY_HAND: &str = r#""by-hand":   {"command":"true",  "args": [ "a","b" ],
      "enabled" : false, "theirs": {"kept":[1,2 ,3]} }"#;

/// The config file with `demo`, and an entry by hand after it.
fn written(url: &str) -> String {
    format!(
        r#"{{
  "theirs": "kept",
  "servers": {{
    "demo": {{ "transport": "streamable-http", "url": "{url}", "theirs": true }},
    {BY_HAND}
  }},
  "auth": {{ "demo": {{ "redirect": "loopback", "scopes": ["mcp:tools"] }} }}
}}
"#
    )
}

async fn config(
    desktop: &Desktop,
    what: &str,
    is: impl Fn(&str) -> bool,
) -> Result<String, Box<dyn std::error::Error>> {
    eventually(what, async || {
        let text = fs::read_to_string(desktop.desk.config_path()).ok()?;
        is(&text).then_some(text)
    })
    .await
}

#[tokio::test]
async fn a_server_removed_by_mistake_is_back_with_its_sign_in() -> TestResult {
    scene("remove-undo", async |desktop| {
        let demo = signed_in(desktop, DemoOptions::headless()).await?;
        let panel = desktop.open_panel_at("demo").await?;
        let before = written(&demo.mcp_url());
        fs::write(desktop.desk.config_path(), &before)?;
        desktop.menu_line(&["by-hand", "Disabled"]).await?;
        panel.press("More actions for demo").await?;
        panel.page.press("menuitem", "Remove").await?;
        panel.until_says("demo removed").await?;
        desktop.menu_without("demo").await?;
        config(desktop, "a config file without it", |text| {
            !text.contains(&demo.mcp_url())
        })
        .await?;

        panel.press("Undo").await?;
        desktop.menu_line(&["demo", "Authenticated · 14 tools"]).await?;
        let after = fs::read_to_string(desktop.desk.config_path())?;
        assert_eq!(
            serde_json::from_str::<Value>(&after)?,
            serde_json::from_str::<Value>(&before)?
        );
        assert_eq!(after, before, "byte for byte");
        panel.choose("demo").await?;
        panel.until_says("Authorized, 14 tools discovered").await?;
        assert_eq!(demo.count("POST /revoke"), 0, "{:?}", demo.calls());
        assert_eq!(demo.count("POST /token grant_type=authorization_code"), 1);
        assert_eq!(desktop.opened().len(), 1, "no new sign-in");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_edited_server_is_so_in_the_file_in_a_terminal_and_at_the_next_sign_in() -> TestResult {
    scene("edit", async |desktop| {
        let before = Demo::start(DemoOptions::headless()).await?;
        let after = Demo::start(DemoOptions::headless()).await?;
        fs::write(desktop.desk.config_path(), written(&before.mcp_url()))?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.until_says("Not authenticated").await?;
        panel.press("More actions for demo").await?;
        panel.page.press("menuitem", "Edit…").await?;
        panel.fill("Name", "notes").await?;
        panel.fill("Address", &after.mcp_url()).await?;
        panel
            .fill("Permissions to ask for", "mcp:tools notes:write")
            .await?;
        panel.press("Save").await?;

        panel.page.find("heading", "notes").await?;
        let text = config(desktop, "the new address in the file", |text| {
            text.contains(&after.mcp_url())
        })
        .await?;
        let entry = json!({ "transport": "streamable-http", "url": after.mcp_url(), "theirs": true });
        let auth = json!({ "redirect": "loopback", "scopes": ["mcp:tools", "notes:write"] });
        let file: Value = serde_json::from_str(&text)?;
        assert_eq!(file["servers"]["notes"], entry, "{text}");
        assert_eq!(file["auth"], json!({ "notes": auth }), "{text}");
        assert_eq!(file["theirs"], "kept", "{text}");
        assert!(
            text.contains(BY_HAND),
            "what somebody wrote by hand is theirs: {text}"
        );

        desktop.menu_line(&["notes", "Not authenticated"]).await?;
        let server = status(desktop).await?;
        assert_eq!(server["id"], "notes", "{server:#}");
        assert_eq!(server["url"], after.mcp_url(), "{server:#}");
        panel.press("Connect").await?;
        let page = desktop.page(1).await?;
        let asked = page
            .query_pairs()
            .find(|(name, _)| name == "scope")
            .ok_or("no scope")?
            .1;
        assert!(asked.split(' ').any(|scope| scope == "notes:write"), "{asked}");
        assert!(page.as_str().starts_with(after.origin()), "{page}");
        Ok(())
    })
    .await
}

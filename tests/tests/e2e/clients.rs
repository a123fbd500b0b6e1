//! Other clients' files: servers taken over from them, ours written into them, and both taken back.

use std::{fs, path::PathBuf};

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{
    TestResult,
    desktop::{Desktop, eventually, scene},
};
use serde_json::{Value, json};

use crate::{terminal, with_demo};

/// What stands in another client's file and is nobody's to see.
const PLANTED: &str = "planted-api-key-4be71d90c3";

/// Cursor's file, in the desktop's home folder.
fn cursor(desktop: &Desktop) -> std::io::Result<PathBuf> {
    let folder = desktop.desk.path().join(".cursor");
    fs::create_dir_all(&folder)?;
    Ok(folder.join("mcp.json"))
}

#[tokio::test]
async fn servers_come_over_from_cursor_and_their_keys_are_shown_nowhere() -> TestResult {
    scene("import", async |desktop| {
        let demo = Demo::start(DemoOptions::headless()).await?;
        let other = Demo::start(DemoOptions::headless()).await?;
        let theirs = json!({ "mcpServers": {
            "notes": { "url": demo.mcp_url() },
            "keyed": { "url": other.mcp_url(), "headers": { "X-Api-Key": PLANTED } },
            "local": { "command": "true", "args": ["--token", PLANTED], "env": { "API_KEY": PLANTED } },
        }});
        fs::write(cursor(desktop)?, theirs.to_string())?;
        desktop.desk.configure(&json!({}))?;
        let before = fs::read(desktop.desk.config_path())?;
        desktop.start().await?;
        let panel = desktop.panel().await?;
        panel.listen().await?;
        panel.press("Import from other apps").await?;
        panel.press("Cursor").await?;
        panel.until_says("Brings its keys along").await?;
        let mut seen = vec![panel.page.html().await?];
        assert_eq!(
            fs::read(desktop.desk.config_path())?,
            before,
            "a preview changes nothing"
        );

        panel.press("Import 3 servers").await?;
        panel.until_says("3 servers imported").await?;
        for server in ["notes", "keyed", "local"] {
            desktop.menu_line(&[server]).await?;
        }
        let file: Value = serde_json::from_slice(&fs::read(desktop.desk.config_path())?)?;
        assert_eq!(file["servers"]["notes"]["url"], demo.mcp_url(), "{file:#}");
        assert_eq!(
            file["servers"]["keyed"]["headers"]["X-Api-Key"], PLANTED,
            "the key came along"
        );
        seen.push(panel.page.html().await?);
        seen.extend(panel.heard().await?);
        assert!(
            seen.iter().any(|text| text.contains("keyed")),
            "something was seen"
        );
        assert!(
            !seen.iter().any(|text| text.contains(PLANTED)),
            "a key was shown: {seen:#?}"
        );
        assert!(!desktop.log().contains(PLANTED), "a key was logged");

        panel.press("Undo").await?;
        desktop.menu_without("notes").await?;
        let file: Value = serde_json::from_slice(&fs::read(desktop.desk.config_path())?)?;
        assert_eq!(file["servers"], json!({}), "{file:#}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_written_into_cursors_file_was_shown_before_and_is_taken_back_byte_for_byte() -> TestResult {
    scene("use-in", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        let file = cursor(desktop)?;
        let before =
            "{\n    \"mcpServers\" : { \"theirs\":  {\"command\": \"true\", \"args\": [ ]} },\n\t\"more\":1}";
        fs::write(&file, before)?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Use in…").await?;
        // What is drawn is the label around it: the button itself is for the keyboard.
        panel.page.find("radio", "Cursor").await?.type_in(" ").await?;
        panel.until_says(&file.display().to_string()).await?;
        let diff = panel
            .page
            .find("region", "Changes to the file")
            .await?
            .text()
            .await?;
        assert!(diff.contains("\"demo\""), "{diff}");
        assert_eq!(fs::read_to_string(&file)?, before, "a preview changes nothing");

        panel.press("Add to Cursor").await?;
        panel.until_says("Added to Cursor").await?;
        let written = fs::read_to_string(&file)?;
        let document: Value = serde_json::from_str(&written)?;
        assert_eq!(
            document["mcpServers"]["theirs"],
            json!({ "command": "true", "args": [] }),
            "{written}"
        );
        assert!(document["mcpServers"]["demo"].is_object(), "{written}");
        // The id by which Cursor says who it is comes into being with the entry.
        let id = document["mcpServers"]["demo"]["args"][4]
            .as_str()
            .ok_or("no id")?;
        for line in written
            .lines()
            .filter(|line| !line.contains("theirs") && !before.contains(*line))
        {
            assert!(
                diff.contains(line.trim().replace(id, "…").as_str()),
                "{line:?} was written and not shown: {diff}"
            );
        }

        panel.press("Undo").await?;
        let is_back = async || (fs::read_to_string(&file).ok()? == before).then_some(());
        eventually("the file as it was, byte for byte", is_back).await
    })
    .await
}

#[tokio::test]
async fn undo_takes_back_what_it_was_offered_for_under_a_later_use_of_a_terminal() -> TestResult {
    scene("use-in-undo", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        let file = cursor(desktop)?;
        fs::write(&file, "{}")?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Use in…").await?;
        panel.page.find("radio", "Cursor").await?.type_in(" ").await?;
        panel.until_says(&file.display().to_string()).await?;
        panel.press("Add to Cursor").await?;
        panel.until_says("Added to Cursor").await?;
        terminal(desktop, &["use", "cursor"]).await?;
        panel.press("Undo").await?;
        let servers = async || {
            let text = fs::read_to_string(&file).ok()?;
            let document: Value = serde_json::from_str(&text).ok()?;
            let servers = document["mcpServers"].as_object()?.keys().cloned();
            let servers: Vec<String> = servers.collect();
            (servers == ["omlx-connect"]).then_some(())
        };
        eventually("the later entry alone", servers).await
    })
    .await
}

#[tokio::test]
async fn an_app_that_is_renamed_in_the_panel_is_so_in_a_terminal() -> TestResult {
    scene("app-renamed", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        terminal(desktop, &["access", "add", "Cursor", "--server", "demo"]).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("Apps").await?;
        panel.press("Rename Cursor").await?;
        panel.fill("Name of Cursor", "Work").await?;
        panel.press("Save").await?;
        panel.until_says("Cursor is called Work now").await?;
        panel.page.find("heading", "Work").await?;
        let list = terminal(desktop, &["access", "list", "--json"]).await?.json()?;
        let client = &list["clients"][0];
        assert_eq!(client["name"], "Work", "{list:#}");
        assert_eq!(client["rules"]["servers"], json!(["demo"]), "{list:#}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_still_asks_for_a_removed_server_is_named_until_the_server_is_back() -> TestResult {
    scene("still-named", async |desktop| {
        let _demo = with_demo(desktop, DemoOptions::default()).await?;
        let file = cursor(desktop)?;
        fs::write(&file, "{}")?;
        terminal(desktop, &["use", "cursor", "--server", "demo"]).await?;
        desktop.start().await?;
        let panel = desktop.open_panel_at("demo").await?;
        panel.press("More actions for demo").await?;
        panel.page.press("menuitem", "Remove").await?;
        panel
            .until_says("demo is removed, and Cursor may still ask for it.")
            .await?;
        panel.until_says(&format!("{}: demo", file.display())).await?;
        panel.press("Undo").await?;
        panel.until_silent("may still ask for it").await
    })
    .await
}

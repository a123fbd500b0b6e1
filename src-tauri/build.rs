//! Gives each command a permission of its own, and lets the app be built before the panel was.

use std::{fs, io, path::Path};

use tauri_build::{AppManifest, Attributes};

const COMMANDS: &[&str] = &include!("src/command_names.rs");

const PANEL: &str = "../ui/dist";

/// What a window shows in an executable that was built without the panel.
const NO_PANEL: &str = r#"<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <title>oMLX Connect</title>
  <p>The panel is not in this build. <code>make run</code> builds both.</p>
</html>
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    stand_in(Path::new(PANEL))?;
    println!("cargo:rerun-if-changed={PANEL}");
    println!("cargo:rerun-if-changed=src/command_names.rs");
    println!("cargo:rerun-if-changed=../icons");
    let manifest = AppManifest::new().commands(COMMANDS);
    Ok(tauri_build::try_build(Attributes::new().app_manifest(manifest))?)
}

/// The panel is embedded while compiling, so that a checkout where it was never built needs something in its place.
fn stand_in(panel: &Path) -> io::Result<()> {
    let page = panel.join("index.html");
    if page.exists() {
        return Ok(());
    }
    fs::create_dir_all(panel)?;
    fs::write(page, NO_PANEL)
}

//! Plays a scenario on a desktop, and keeps what a failing one leaves to look at.

use std::{
    fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
};

use futures::FutureExt as _;

use super::{Desktop, app::App};
use crate::TestResult;

/// What a desktop is made of; Debian's packages are those of `scripts/setup.sh e2e`.
const PROGRAMS: [&str; 13] = [
    "Xvfb",
    "openbox",
    "wmctrl",
    "import",
    "dbus-daemon",
    "gnome-keyring-daemon",
    "WebKitWebDriver",
    "chromedriver",
    "chromium",
    "xdg-open",
    "gio",
    "update-desktop-database",
    "xdotool",
];

/// How much of the app's log is shown for a scenario that failed.
const TAIL: usize = 60;

/// Plays `play` on a new desktop. Where the programs for one are missing, says which and does nothing.
pub async fn scene(name: &str, play: impl AsyncFnOnce(&mut Desktop) -> TestResult) -> TestResult {
    let missing = missing();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        tell(&format!(
            "LEFT OUT: {name}: no {missing} on this machine; `scripts/setup.sh e2e` installs it"
        ));
        return Ok(());
    }
    let logs = evidence_folder(name)?;
    let mut desktop = Desktop::new(logs.clone()).await?;
    let played = AssertUnwindSafe(play(&mut desktop)).catch_unwind().await;
    if matches!(played, Ok(Ok(()))) {
        drop(desktop);
        fs::remove_dir_all(&logs)?;
    } else {
        leave_evidence(&desktop, &logs).await;
    }
    played.unwrap_or_else(|panic| resume_unwind(panic))
}

fn missing() -> Vec<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let absent = |program: &&str| !folders.iter().any(|folder| folder.join(program).exists());
    PROGRAMS.into_iter().filter(absent).collect()
}

/// `target/e2e/{name}`, emptied.
fn evidence_folder(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let app = App::program()?;
    let target = app.parent().and_then(Path::parent).ok_or("no target folder")?;
    let folder = target.join("e2e").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn leave_evidence(desktop: &Desktop, folder: &Path) {
    tell(&format!("what is left to look at is in {}", folder.display()));
    if let Err(error) = desktop.photograph(&folder.join("screen.png")) {
        tell(&format!("no picture: {error}"));
    }
    if desktop.icons() > 0 {
        tell(&format!("the menu: {:#?}", desktop.menu().await));
    }
    tell(&format!("the notifications: {:#?}", desktop.notifications()));
    let log = desktop.log();
    let lines: Vec<_> = log.lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL)..];
    tell(&format!("the end of the app's log:\n{}", tail.join("\n")));
}

#[expect(clippy::print_stderr, reason = "the test runner shows it beside the failure")]
fn tell(words: &str) {
    eprintln!("{words}");
}

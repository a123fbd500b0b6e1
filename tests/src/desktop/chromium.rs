//! The person's own browser: a real Chromium, and what the app asked it to open.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::Stdio,
    thread,
};

use serde_json::json;
use url::Url;

use super::{
    process::{Resident, Session},
    waiting::eventually,
    webdriver::WebDriver,
};
use crate::{Desk, script};

/// What comes before the port in chromedriver's first lines.
const STARTED: &str = "started successfully on port ";

/// The program behind `$BROWSER`: it opens nothing, and notes which page it was asked for.
#[derive(Debug)]
pub(super) struct Opener {
    notes: PathBuf,
}

impl Opener {
    pub(super) fn install(desk: &Desk, session: &mut Session) -> Result<Self, Box<dyn Error>> {
        let notes = desk.path().join("opened");
        let lines = format!("printf '%s\\n' \"$1\" >> '{}'", notes.display());
        session.set("BROWSER", script(desk, "bin/browser", &lines)?);
        // The desktop's own opener would look for the browsers this machine has before it reads `$BROWSER`.
        script(desk, "bin/xdg-open", &lines)?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [desk.path().join("bin")]
            .into_iter()
            .chain(std::env::split_paths(&path));
        session.set("PATH", std::env::join_paths(path)?);
        Ok(Self { notes })
    }

    /// Every page it was asked for, in order.
    pub(super) fn opened(&self) -> Vec<Url> {
        let notes = fs::read_to_string(&self.notes).unwrap_or_default();
        let whole = notes.rfind('\n').map_or("", |end| &notes[..end]);
        whole.lines().filter_map(|line| Url::parse(line).ok()).collect()
    }

    /// The `number`th page, from 1, as soon as it is asked for.
    pub(super) async fn page(&self, number: usize) -> Result<Url, Box<dyn Error>> {
        eventually(&format!("browser window {number}"), async || {
            self.opened().into_iter().nth(number - 1)
        })
        .await
    }
}

/// A running Chromium.
#[derive(Debug)]
pub(super) struct Chromium {
    pub(super) driver: WebDriver,
    _process: Resident,
}

impl Chromium {
    pub(super) async fn start(session: &Session, profile: PathBuf) -> Result<Self, Box<dyn Error>> {
        let mut command = session.command("chromedriver")?;
        command.arg("--port=0").stdout(Stdio::piped());
        let mut process = Resident::start(&mut command)?;
        let output = process.child().stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once(STARTED)?.1.trim_end_matches('.').to_owned()));
        // It must not stand still because nobody reads on.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let address = format!("http://127.0.0.1:{}", port.ok_or("chromedriver did not start")?);
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": flags(&profile) },
        });
        Ok(Self {
            driver: WebDriver::start(&address, capabilities).await?,
            _process: process,
        })
    }
}

/// Nothing but the page that is asked for goes over the network.
fn flags(profile: &std::path::Path) -> Vec<String> {
    let quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];
    let mut flags: Vec<_> = quiet.map(str::to_owned).into();
    flags.push(format!("--user-data-dir={}", profile.display()));
    flags
}

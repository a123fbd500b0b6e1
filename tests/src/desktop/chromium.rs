//! The person's own browser: a real Chromium, what the app asked it to open, and where it hands over links that are no
//! pages.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};

use serde_json::{Map, Value, json};
use url::Url;

use super::{
    process::{Resident, Session},
    waiting::eventually,
    webdriver::WebDriver,
};
use crate::{Desk, script};

/// What comes before the port in chromedriver's first lines.
const STARTED: &str = "started successfully on port ";

/// The preference that names, for each site, the schemes that go to another program unasked.
const HAND_OVER: &str = "protocol_handler.allowed_origin_protocol_pairs";

/// The program behind `$BROWSER`: it opens nothing, and notes which page it was asked for. Links of another scheme go to
/// the desktop's own opener, which looks for the program that takes them.
#[derive(Debug)]
pub(super) struct Opener {
    notes: PathBuf,
}

impl Opener {
    pub(super) fn install(desk: &Desk, session: &mut Session) -> Result<Self, Box<dyn Error>> {
        let notes = desk.path().join("opened");
        let lines = format!("printf '%s\\n' \"$1\" >> '{}'", notes.display());
        session.set("BROWSER", script(desk, "bin/browser", &lines)?);
        let path = std::env::var_os("PATH").unwrap_or_default();
        // The desktop's own opener would look for the browsers this machine has before it reads `$BROWSER`.
        let real = std::env::split_paths(&path).map(|folder| folder.join("xdg-open"));
        let real = real.into_iter().find(|program| program.exists());
        let handed = real.map_or_else(
            || "exit 3".to_owned(),
            |real| format!("exec '{}' \"$1\"", real.display()),
        );
        let lines = format!("case \"$1\" in http*) {lines};; *) {handed};; esac");
        script(desk, "bin/xdg-open", &lines)?;
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

    /// The site of each page it was asked for, once.
    pub(super) fn sites(&self) -> BTreeSet<String> {
        let origin = |page: Url| page.origin().ascii_serialization();
        self.opened().into_iter().map(origin).collect()
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
    /// The sites whose links it hands over without asking, as its person once told it.
    pub(super) trusted: BTreeSet<String>,
    _process: Resident,
}

impl Chromium {
    pub(super) async fn start(
        session: &Session,
        profile: &Path,
        trusted: BTreeSet<String>,
    ) -> Result<Self, Box<dyn Error>> {
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
            "goog:chromeOptions": {
                "binary": "/usr/bin/chromium",
                "args": flags(profile),
                "prefs": { HAND_OVER: handed_over(&trusted) },
            },
        });
        Ok(Self {
            driver: WebDriver::start(&address, capabilities).await?,
            trusted,
            _process: process,
        })
    }
}

/// What stands in the profile of somebody who ticked "Always allow" for our links at each of these sites.
fn handed_over(sites: &BTreeSet<String>) -> Map<String, Value> {
    let ours = json!({ omlx_mcp::BUNDLE_ID: true });
    sites.iter().map(|site| (site.clone(), ours.clone())).collect()
}

/// Nothing but the page that is asked for goes over the network.
fn flags(profile: &Path) -> Vec<String> {
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

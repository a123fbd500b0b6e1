//! The panel, driven through `WebKit`'s own driver while it stands on the screen.
//!
//! The driver speaks to the app under test, which we started ourselves: the panel comes and goes in it, and the driver's
//! session with it.

use std::{
    error::Error,
    net::TcpListener,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use super::{
    process::{Process, Resident, START, Session},
    waiting::{eventually, within},
    webdriver::WebDriver,
};

/// Keeps a copy of everything that comes over the IPC, answers and events alike.
const LISTEN: &str = r"
if (window.heard) return;
window.heard = [];
const callbacks = window.__TAURI_INTERNALS__.callbacks;
callbacks.get = (id) => {
  const callback = Map.prototype.get.call(callbacks, id);
  return callback && ((data) => { window.heard.push(JSON.stringify(data)); return callback(data); });
};";

/// The keys that paste, as `WebDriver` names them (§17.4.2): control held, v, all released.
const PASTE: &str = "\u{E009}v\u{E000}";

/// Where `WebKit`'s inspector listens, and the driver that speaks to it.
#[derive(Debug)]
pub(super) struct Inspector {
    address: String,
    driver: String,
    session: Mutex<Option<WebDriver>>,
    _process: Resident,
}

/// The panel's window.
#[derive(Debug)]
pub struct Panel {
    /// What is in it.
    pub page: WebDriver,
}

impl Inspector {
    /// Starts the driver; every app of this session can be looked into from now on, one after the other.
    pub(super) fn start(session: &mut Session) -> Result<Self, Box<dyn Error>> {
        let address = format!("127.0.0.1:{}", free_port()?);
        session.set("WEBKIT_INSPECTOR_SERVER", &address);
        session.set("TAURI_WEBVIEW_AUTOMATION", "true");
        let port = free_port()?;
        let mut command = session.command("WebKitWebDriver")?;
        command.args([
            format!("--port={port}"),
            format!("--target={address}"),
            "--replace-on-new-session".into(),
        ]);
        Ok(Self {
            address,
            driver: format!("http://127.0.0.1:{port}"),
            session: Mutex::default(),
            _process: Resident::start(&mut command)?,
        })
    }

    /// The panel, as soon as there is one.
    pub(super) async fn panel(&self) -> Result<Panel, Box<dyn Error>> {
        let panel = Panel {
            page: self.window().await?,
        };
        eventually("the panel's page", async || {
            let ready = panel
                .page
                .run("return Boolean(document.querySelector('main'))", json!([]));
            ready.await.ok().filter(|ready| *ready == Value::Bool(true))
        })
        .await?;
        Ok(panel)
    }

    /// The app has gone, and the driver's session with it.
    pub(super) fn forget(&self) {
        *self.session() = None;
    }

    /// The session, looking at the window there is: each one the app opens is a new one to the driver.
    async fn window(&self) -> Result<WebDriver, Box<dyn Error>> {
        let known = self.session().clone();
        let session = match known {
            Some(session) => session,
            None => self.open().await?,
        };
        *self.session() = Some(session.clone());
        eventually("a window of the panel", async || {
            let window = session.windows().await.ok()?.pop()?;
            session.look_at(&window).await.ok()
        })
        .await?;
        Ok(session)
    }

    /// There is nothing to speak to before the first webview is there.
    async fn open(&self) -> Result<WebDriver, Box<dyn Error>> {
        let there = format!("a webview at {}", self.address);
        within(START, &there, async || {
            WebDriver::start(&self.driver, json!({})).await.ok()
        })
        .await
    }

    fn session(&self) -> MutexGuard<'_, Option<WebDriver>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Panel {
    /// Presses a button.
    pub async fn press(&self, name: &str) -> Result<(), Box<dyn Error>> {
        self.page.press("button", name).await
    }

    /// Chooses a server in the list.
    pub async fn choose(&self, server: &str) -> Result<(), Box<dyn Error>> {
        self.page.press("option", server).await
    }

    /// Waits until a person can read `words`.
    pub async fn until_says(&self, words: &str) -> Result<(), Box<dyn Error>> {
        self.page.until_says(words).await
    }

    /// Waits until `words` are nowhere any more.
    pub async fn until_silent(&self, words: &str) -> Result<(), Box<dyn Error>> {
        eventually(&format!("the panel without {words:?}"), async || {
            let text = self.page.text().await.ok()?;
            (!text.contains(words)).then_some(())
        })
        .await
    }

    /// Fills a field with `words` instead of what is there.
    pub async fn fill(&self, field: &str, words: &str) -> Result<(), Box<dyn Error>> {
        let field = self.page.find("textbox", field).await?;
        field.clear().await?;
        field.type_in(words).await
    }

    /// What is on the clipboard, as pasting it into the search field shows; the field is empty again afterwards.
    pub async fn paste(&self) -> Result<String, Box<dyn Error>> {
        let field = self.page.find("textbox", "Search").await?;
        field.type_in(PASTE).await?;
        let pasted = eventually("something on the clipboard", async || {
            let value = field.value().await.ok()?;
            (!value.is_empty()).then_some(value)
        })
        .await?;
        field.clear().await?;
        Ok(pasted)
    }

    /// From now on, everything that reaches the panel is kept.
    pub async fn listen(&self) -> Result<(), Box<dyn Error>> {
        self.page.run(LISTEN, json!([])).await.map(drop)
    }

    /// Everything that reached the panel since [`Self::listen`], as JSON.
    pub async fn heard(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let heard = self.page.run("return window.heard ?? []", json!([])).await?;
        Ok(serde_json::from_value(heard)?)
    }
}

/// Whether a process is one that shows web pages.
pub fn shows_pages(process: &Process) -> bool {
    process.name.starts_with("WebKitWebProces")
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

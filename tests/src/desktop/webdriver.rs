//! A small `WebDriver` client (W3C), enough to read a page and press its buttons.
//!
//! Elements are found as a person names them, by role and accessible name, never by class or structure.

use std::error::Error;

use omlx_mcp::network::{Network, NetworkSettings};
use reqwest::Method;
use serde_json::{Value, json};

use super::waiting::eventually;

/// The member name under which an element is handed over (`WebDriver` §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Waits for what moves once, and for two frames after it; what turns for ever is let turn.
const SETTLE: &str = r"
const [done] = arguments;
const ends = document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
  .map((one) => one.finished.catch(() => {}));
Promise.all(ends).then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(true))));";

/// Finds what is visible, has this role, and is called this.
const FIND: &str = include_str!("find.js");

/// One browser under control.
#[derive(Clone, Debug)]
pub struct WebDriver {
    http: reqwest::Client,
    session: String,
}

/// Something on a page.
#[derive(Debug)]
pub struct Element<'a> {
    driver: &'a WebDriver,
    id: String,
}

impl WebDriver {
    /// Starts a session at a driver that listens at `driver`; ends when the driver does.
    pub(super) async fn start(driver: &str, capabilities: Value) -> Result<Self, Box<dyn Error>> {
        let http = Network::new(&NetworkSettings::default())?.client()?;
        let mut opening = Self {
            http,
            session: driver.to_owned(),
        };
        let asked = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let opened = opening.ask(Method::POST, "/session", Some(asked)).await?;
        let id = opened["sessionId"].as_str().ok_or("no session")?;
        opening.session = format!("{driver}/session/{id}");
        Ok(opening)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Box<dyn Error>> {
        let mut request = self.http.request(method, format!("{}{path}", self.session));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut answer: Value = request.send().await?.json().await?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(format!("{path}: {error}: {}", value["message"]).into()),
            None => Ok(value),
        }
    }

    async fn get(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, Box<dyn Error>> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Opens a page and waits until it is loaded.
    pub async fn go(&self, url: &str) -> Result<(), Box<dyn Error>> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Where it is.
    pub async fn url(&self) -> Result<String, Box<dyn Error>> {
        Ok(text(self.get("/url").await?))
    }

    /// What a function body returns in the page; `arguments` are its arguments.
    pub async fn run(&self, body: &str, arguments: Value) -> Result<Value, Box<dyn Error>> {
        let script = json!({ "script": body, "args": arguments });
        self.post("/execute/sync", script).await
    }

    /// Everything a person can read.
    pub async fn text(&self) -> Result<String, Box<dyn Error>> {
        Ok(text(self.run("return document.body.innerText", json!([])).await?))
    }

    /// Waits until nothing moves any more and what stands there is painted.
    pub(super) async fn settle(&self) -> Result<(), Box<dyn Error>> {
        let settled = self.ask(
            Method::POST,
            "/execute/async",
            Some(json!({ "script": SETTLE, "args": [] })),
        );
        settled.await.map(drop)
    }

    /// The whole document as it stands, hidden parts and attributes included.
    pub async fn html(&self) -> Result<String, Box<dyn Error>> {
        let html = self.run("return document.documentElement.outerHTML", json!([]));
        Ok(text(html.await?))
    }

    /// The windows there are.
    pub(super) async fn windows(&self) -> Result<Vec<String>, Box<dyn Error>> {
        Ok(serde_json::from_value(self.get("/window/handles").await?)?)
    }

    /// Looks at another window.
    pub(super) async fn look_at(&self, window: &str) -> Result<(), Box<dyn Error>> {
        self.post("/window", json!({ "handle": window })).await.map(drop)
    }

    /// What has this role and is called `name`, as soon as it is there; where several do, the first one.
    pub async fn find(&self, role: &str, name: &str) -> Result<Element<'_>, Box<dyn Error>> {
        let what = format!("a {role} {name:?}");
        let found = eventually(&what, async || self.look_for(role, name).await.ok().flatten());
        match found.await {
            Ok(element) => Ok(element),
            Err(error) => Err(format!("{error}; the page says:\n{}", self.text().await?).into()),
        }
    }

    /// The same if it is there now.
    pub async fn look_for(&self, role: &str, name: &str) -> Result<Option<Element<'_>>, Box<dyn Error>> {
        let found = self.run(FIND, json!([role, name])).await?;
        Ok(found[ELEMENT].as_str().map(|id| Element {
            driver: self,
            id: id.to_owned(),
        }))
    }

    /// Presses what has this role and name.
    pub async fn press(&self, role: &str, name: &str) -> Result<(), Box<dyn Error>> {
        match self.find(role, name).await?.click().await {
            // A list that was drawn anew meanwhile has left behind what was found in it.
            Err(error) if error.to_string().contains("stale") => self.find(role, name).await?.click().await,
            outcome => outcome,
        }
    }

    /// Waits until a person can read `words`.
    pub async fn until_says(&self, words: &str) -> Result<(), Box<dyn Error>> {
        let what = format!("the page to say {words:?}");
        let read = eventually(&what, async || {
            self.text().await.ok().filter(|text| text.contains(words))
        });
        match read.await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error}; it says:\n{}", self.text().await?).into()),
        }
    }
}

impl Element<'_> {
    /// Clicks it.
    pub async fn click(&self) -> Result<(), Box<dyn Error>> {
        self.act("click", json!({})).await
    }

    /// Types into it, after what is there.
    pub async fn type_in(&self, words: &str) -> Result<(), Box<dyn Error>> {
        self.act("value", json!({ "text": words })).await
    }

    /// Empties it.
    pub async fn clear(&self) -> Result<(), Box<dyn Error>> {
        self.act("clear", json!({})).await
    }

    /// What a person can read of it.
    pub async fn text(&self) -> Result<String, Box<dyn Error>> {
        Ok(text(
            self.driver.get(&format!("/element/{}/text", self.id)).await?,
        ))
    }

    /// What is in it.
    pub(super) async fn value(&self) -> Result<String, Box<dyn Error>> {
        let path = format!("/element/{}/property/value", self.id);
        Ok(text(self.driver.get(&path).await?))
    }

    async fn act(&self, what: &str, how: Value) -> Result<(), Box<dyn Error>> {
        let path = format!("/element/{}/{what}", self.id);
        self.driver.post(&path, how).await.map(drop)
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

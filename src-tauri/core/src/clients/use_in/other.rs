//! An app that none of the known files belongs to: a key of its own, and what to put into its configuration.

use std::fmt;

use serde::Serialize;
use serde_json::json;

use super::{UseIn, plan::ALL};
use crate::{
    ServerId,
    access::{AccessError, ClientKey},
};

/// What an app needs to use our servers through the gateway. Holds its key, to be shown once: no `Debug` shows it, and
/// nothing keeps it.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct OtherApp {
    /// What it is called.
    pub client: String,
    /// Where it finds the servers.
    pub url: String,
    /// Its key.
    pub key: String,
    /// All of it, as most clients write it.
    pub snippet: String,
}

impl fmt::Debug for OtherApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherApp")
            .field("client", &self.client)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl UseIn {
    /// Makes a key for an app by a name of the user's; without a server, for all of them.
    pub fn other(&self, name: &str, server: Option<&ServerId>) -> Result<OtherApp, AccessError> {
        let (url, rules) = self.reached(server);
        let key = self.access.issue(name, rules)?;
        Ok(OtherApp {
            client: name.trim().to_owned(),
            snippet: snippet(server.map_or(ALL, ServerId::as_str), &url, &key),
            key: key.reveal().to_owned(),
            url,
        })
    }
}

fn snippet(name: &str, url: &str, key: &ClientKey) -> String {
    let authorization = format!("Bearer {}", key.reveal());
    let entry = json!({ "type": "http", "url": url, "headers": { "Authorization": authorization } });
    let document = json!({ "mcpServers": { name: entry } });
    format!("{document:#}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::clients::test_kit::{Desk, id};

    #[test]
    fn an_app_of_any_kind_is_given_a_key_that_opens_what_it_is_for_and_no_debug_shows_it() {
        let desk = Desk::full();
        let use_in = desk.use_in();
        let made = use_in.other(" My agent ", Some(&id("notion"))).expect("made");
        assert_eq!(made.client, "My agent");
        assert_eq!(made.url, "http://127.0.0.1:8719/servers/notion/mcp");
        let client = use_in.access.authenticate(&made.key).expect("known");
        assert!(client.may_use(&id("notion")) && !client.may_use(&id("linear")));
        let snippet: Value = serde_json::from_str(&made.snippet).expect("JSON");
        let entry = &snippet["mcpServers"]["notion"];
        assert_eq!(entry["url"], made.url);
        assert_eq!(entry["headers"]["Authorization"], format!("Bearer {}", made.key));
        assert!(!format!("{made:?}").contains(&made.key));
        let all = use_in.other("Another", None).expect("made");
        assert_eq!(all.url, "http://127.0.0.1:8719/mcp");
        let taken = use_in.other("my agent", None).expect_err("taken");
        assert!(matches!(taken, AccessError::NameTaken(_)), "{taken}");
    }
}

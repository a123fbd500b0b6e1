//! Entries of ours in other clients' files that name one server: they follow it to its new name, and are told of when it
//! is removed.
//!
//! Only what "use in" has written down is looked at, and only what still leads back to us is changed. No second copy is
//! made of a file: what stood there before our first write is kept already, and renaming back takes this change back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    ClientError,
    app::App,
    document::{Document, Entry},
    file, ours,
    record::{Records, fingerprint},
};
use crate::{Action, Explain, Problem, ServerId, store::Home};

/// An entry of ours that leads to one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NamingEntry {
    /// The client's id.
    pub client: String,
    /// The client's own name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// What the entry is called there.
    pub entry: String,
}

/// An entry of ours that may still ask for a server by its old name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NotRenamed {
    /// The client's own name; none where it cannot be read which clients were given the server.
    pub client: Option<String>,
    /// Why it could not be changed.
    pub cause: Problem,
}

/// What is left to be done by hand in another client.
#[derive(Debug, thiserror::Error)]
enum Left {
    /// It asks for a server that is gone.
    #[error("{name} still asks for '{server}', by the entry '{entry}' in {path}", name = .0.name, entry = .0.entry, path = .0.path, server = .1)]
    Gone(NamingEntry, ServerId),
}

impl NotRenamed {
    fn of(client: Option<&str>, cause: &ClientError) -> Self {
        Self {
            client: client.map(str::to_owned),
            cause: cause.problem(),
        }
    }
}

impl Explain for Left {
    fn code(&self) -> &'static str {
        match self {
            Self::Gone(..) => "client_still_names",
        }
    }

    fn action(&self) -> Action {
        Action::None
    }
}

/// A file of another client in which we have written, and the entries we wrote.
struct Spot {
    app: &'static App,
    path: PathBuf,
    entries: BTreeSet<String>,
}

/// Every entry that was written for clients of this config file and leads to the server, as the files are now. Files
/// that cannot be read are passed over.
pub fn naming((home, config): (&Home, &Path), server: &ServerId) -> Vec<NamingEntry> {
    let mut found = Vec::new();
    for spot in spots(&Records::of(home)).unwrap_or_default() {
        let Ok(Some(document)) = spot.document() else {
            continue;
        };
        for entry in spot.leading_to(&document, (server, config)) {
            found.push(NamingEntry {
                client: spot.app.id.to_owned(),
                name: spot.app.name.to_owned(),
                path: spot.path.display().to_string(),
                entry: entry.name,
            });
        }
    }
    found
}

/// The same as something to be told, where the server is removed.
pub fn left_naming(place: (&Home, &Path), server: &ServerId) -> Vec<Problem> {
    let left = naming(place, server).into_iter();
    left.map(|entry| Left::Gone(entry, server.clone()).problem())
        .collect()
}

/// Has every such entry ask for the server by its new name; what could not be changed, to be told.
pub(crate) fn rename_server(
    (home, config): (&Home, &Path),
    old: &ServerId,
    new: &ServerId,
) -> Vec<NotRenamed> {
    let records = Records::of(home);
    let spots = match spots(&records) {
        Ok(spots) => spots,
        Err(error) => return vec![NotRenamed::of(None, &error)],
    };
    let renamed = spots.into_iter().filter_map(|spot| {
        let outcome = spot.rename(&records, (old, config), new);
        let left = |cause: ClientError| NotRenamed::of(Some(spot.app.name), &cause);
        outcome.err().map(left)
    });
    renamed.collect()
}

fn spots(records: &Records) -> Result<Vec<Spot>, ClientError> {
    let mut spots: BTreeMap<(String, PathBuf), BTreeSet<String>> = BTreeMap::new();
    for written in records.all()? {
        let entries = spots.entry((written.app, written.path)).or_default();
        entries.extend(written.entries);
    }
    let known = spots.into_iter().filter_map(|((app, path), entries)| {
        let app = App::named(&app).ok()?;
        Some(Spot { app, path, entries })
    });
    Ok(known.collect())
}

impl Spot {
    /// What the file says; none when there is none.
    fn document(&self) -> Result<Option<Document<'_>>, ClientError> {
        let text = file::text(&self.path)?;
        text.map(|text| Document::parse(self.app, &self.path, Some(text)))
            .transpose()
    }

    /// Those of the entries that still lead to the server.
    fn leading_to(&self, document: &Document<'_>, (server, config): (&ServerId, &Path)) -> Vec<Entry> {
        let entries = self.entries.iter().filter_map(|name| {
            let value = document.get(name).filter(|entry| ours::leads_back(entry))?;
            let leads = ours::server_of(value, config).as_deref() == Some(server.as_str());
            leads.then(|| Entry {
                name: name.clone(),
                value: value.clone(),
            })
        });
        entries.collect()
    }

    fn rename(
        &self,
        records: &Records,
        (old, config): (&ServerId, &Path),
        new: &ServerId,
    ) -> Result<(), ClientError> {
        if !self.path.exists() {
            return Ok(());
        }
        let held = file::hold(&self.path)?;
        let Some(document) = self.document()? else {
            return Ok(());
        };
        let mut entries = self.leading_to(&document, (old, config));
        if entries.is_empty() {
            return Ok(());
        }
        for entry in &mut entries {
            entry.value = ours::renamed(&entry.value, new);
        }
        let (before, after) = (document.text().as_bytes(), document.with(&entries)?);
        held.replace(Some(before), after.as_bytes())?;
        records.rewritten(&self.path, (&fingerprint(before), fingerprint(after.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::clients::{
        Os, Target, Way, Wish,
        apps::APPS,
        test_kit::{Desk, fixture, id, wish},
    };

    fn config() -> PathBuf {
        Desk::empty(Os::Linux).use_in().bridge.config
    }

    fn app(id: &str) -> &'static App {
        App::named(id).expect("known")
    }

    #[test]
    fn every_client_asks_for_a_server_by_its_new_name_and_undo_is_still_exact() {
        let desk = Desk::full();
        let use_in = desk.use_in();
        let (home, config) = (desk.home(), config());
        for app in APPS {
            use_in.apply(&wish(app, Some("linear"))).expect("written");
        }
        let told = rename_server((&home, &config), &id("linear"), &id("work"));
        assert_eq!(told, []);
        assert_eq!(naming((&home, &config), &id("linear")), []);
        assert_eq!(naming((&home, &config), &id("work")).len(), APPS.len());
        for app in APPS {
            let text = desk.text(app);
            assert!(
                text.contains("\"work\"") && !text.contains("\"linear\", \"--client"),
                "{text}"
            );
            assert!(use_in.undo(app.id).expect("undone").exact);
            assert_eq!(desk.text(app), fixture(app));
        }
    }

    #[test]
    fn an_address_follows_as_well_and_no_other_entry_does() {
        let desk = Desk::full();
        let (use_in, cursor) = (desk.use_in(), app("cursor"));
        let (home, config) = (desk.home(), config());
        let gateway = Wish {
            client: "cursor".to_owned(),
            target: Target::One(id("my linear")),
            way: Some(Way::Gateway),
        };
        use_in.apply(&gateway).expect("written");
        use_in.apply(&wish(cursor, None)).expect("written");
        use_in.apply(&wish(cursor, Some("notion"))).expect("written");
        let before = desk.text(cursor);
        assert_eq!(rename_server((&home, &config), &id("my linear"), &id("ü")), []);
        let expected = before.replace("/servers/my%20linear/mcp", "/servers/%C3%BC/mcp");
        assert_eq!(desk.text(cursor), expected);
        // Three writes stand in one file now: what is undone are entries, since no copy knows the new name.
        for _ in 0..3 {
            assert!(!use_in.undo("cursor").expect("undone").exact);
        }
        assert!(!desk.text(cursor).contains("omlx_"), "{}", desk.text(cursor));
    }

    #[test]
    fn what_is_not_ours_any_more_or_of_another_config_file_stays_and_what_cannot_be_read_is_told() {
        let desk = Desk::full();
        let (use_in, cursor) = (desk.use_in(), app("cursor"));
        let (home, config) = (desk.home(), config());
        use_in.apply(&wish(cursor, Some("linear"))).expect("written");
        let ours = desk.text(cursor);
        assert_eq!(
            rename_server((&home, Path::new("/other.json")), &id("linear"), &id("x")),
            []
        );
        assert_eq!(desk.text(cursor), ours);
        let theirs = json!({"mcpServers": {"linear": {"command": "x", "args": ["linear"]}}}).to_string();
        for text in [theirs.as_str(), "{}"] {
            desk.write(cursor, text);
            assert_eq!(rename_server((&home, &config), &id("linear"), &id("x")), []);
            assert_eq!(desk.text(cursor), text);
        }
        desk.write(cursor, "{");
        let told = rename_server((&home, &config), &id("linear"), &id("x"));
        assert_eq!(
            (told.len(), told[0].client.as_deref(), &*told[0].cause.code),
            (1, Some("Cursor"), "client_config_broken")
        );
        fs::write(home.data().join("use-in.json"), "{").expect("written");
        let told = rename_server((&home, &config), &id("linear"), &id("x"));
        assert_eq!((told.len(), &told[0].client), (1, &None), "nobody knows whom");
        fs::write(home.data().join("use-in.json"), "[]").expect("written");
        fs::remove_file(desk.path(cursor)).expect("removed");
        assert_eq!(rename_server((&home, &config), &id("linear"), &id("x")), []);
    }

    #[test]
    fn clients_that_ask_for_a_removed_server_are_named() {
        let desk = Desk::full();
        desk.use_in()
            .apply(&wish(app("zed"), Some("linear")))
            .expect("written");
        let told = left_naming((&desk.home(), &config()), &id("linear"));
        let path = desk.path(app("zed"));
        let said = format!(
            "Zed still asks for 'linear', by the entry 'linear' in {}",
            path.display()
        );
        assert_eq!(told[0].message, said);
        assert_eq!(left_naming((&desk.home(), &config()), &id("notion")), []);
    }

    #[test]
    fn the_server_of_an_entry_is_known_in_every_dialect() {
        let of = |entry: Value| ours::server_of(&entry, Path::new("/mcp.json"));
        assert_eq!(of(json!({"args": ["mcp", "bridge", "a"]})).as_deref(), Some("a"));
        let args = json!({"args": ["mcp", "bridge", "a", "--config", "/mcp.json"]});
        assert_eq!(of(args).as_deref(), Some("a"));
        assert_eq!(
            of(json!({"args": ["mcp", "bridge", "a", "--config", "/b.json"]})),
            None
        );
        let url = |key: &str| json!({key: "http://127.0.0.1:1/servers/a%20b/mcp"});
        for key in ["url", "httpUrl", "serverUrl"] {
            assert_eq!(of(url(key)).as_deref(), Some("a b"));
        }
        assert_eq!(of(json!({"url": "http://127.0.0.1:1/mcp"})), None);
    }
}

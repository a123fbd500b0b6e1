//! What is to be known of a client, and the short form in which it is listed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ClientError, Machine, Os, apps::APPS};
use crate::config::{ConfigFile, Readers};

/// A client as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ClientApp {
    /// What it is called on the command line.
    pub id: String,
    /// The client's own name.
    pub name: String,
    /// Whether it is on this machine, as far as its files tell.
    pub installed: bool,
}

/// What is to be known of a client.
pub(super) struct App {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The user's own configuration, in force in every project.
    pub(super) file: fn(&Machine) -> PathBuf,
    /// How its file is found where it may be ours as well, which says whether the client reads it.
    pub(super) locate: Option<fn(&Machine) -> ConfigFile>,
    /// Files and folders one of which is there when the client is; besides the configuration and its folder.
    pub(super) signs: fn(&Machine) -> Vec<PathBuf>,
    /// The keys of the map of servers: the first that holds any counts, as with oMLX.
    pub(super) servers: &'static [&'static str],
    pub(super) syntax: Syntax,
    /// A program on standard streams, as this client writes it.
    pub(super) program: fn(&str, &[String]) -> Value,
    /// A server behind a URL with a header field, as this client writes it; none when it knows no such thing.
    pub(super) remote: Option<fn(&str, &str) -> Value>,
    /// Turns what only this client writes into what is understood everywhere, before an entry is taken over.
    pub(super) adapt: Option<fn(&mut Value)>,
    /// Whether it may have sign-ins of its own that can be taken over.
    pub(super) keeps_sign_ins: bool,
}

/// How a client's configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// JSON; comments and trailing commas are left where they are.
    Json,
    /// TOML.
    Toml,
}

impl App {
    /// The client of that name; capitals do not matter.
    pub(super) fn named(name: &str) -> Result<&'static Self, ClientError> {
        let wanted = name.to_lowercase();
        let is_it = |app: &&&Self| app.id == wanted || app.name.to_lowercase() == wanted;
        if let Some(app) = APPS.iter().find(is_it) {
            return Ok(app);
        }
        let likeness = |app: &Self| strsim::jaro_winkler(&wanted, app.id);
        let closest = APPS
            .iter()
            .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        Err(ClientError::Unknown {
            name: name.to_owned(),
            similar: closest.filter(|app| likeness(app) > 0.8).map(|app| app.id),
        })
    }

    pub(super) fn is_installed(&self, machine: &Machine) -> bool {
        let has_sign = || (self.signs)(machine).iter().any(|sign| sign.exists());
        // A file that may be ours says nothing about the client, unless the client was given it.
        if let Some(locate) = self.locate {
            let file = locate(machine);
            let is_given = file.read_by() == Readers::OmlxToo && file.path().exists();
            return is_given || has_sign();
        }
        let file = (self.file)(machine);
        // A folder of its own tells as well; the home folder, in which some files stand, tells nothing.
        let own_folder = file
            .parent()
            .filter(|folder| Some(*folder) != machine.env().home().as_deref())
            .is_some_and(std::path::Path::is_dir);
        file.exists() || own_folder || has_sign()
    }

    pub(super) fn listed(&self, machine: &Machine) -> ClientApp {
        ClientApp {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            installed: self.is_installed(machine),
        }
    }
}

/// Where macOS keeps an application.
pub(super) fn application(machine: &Machine, name: &str) -> Vec<PathBuf> {
    match machine.os() {
        Os::MacOs => vec![
            PathBuf::from("/Applications").join(name),
            machine.home("Applications").join(name),
        ],
        Os::Linux => Vec::new(),
    }
}

//! What the user chose for the app itself, in one small file in the data folder; servers are the config file's business.
//!
//! A file that cannot be read says nothing, and a key of another version is kept out of the way: choices fall back to
//! their defaults one by one, and none is worth keeping the app from starting.

use std::{
    fs,
    io::{self, Write as _},
    num::NonZeroU16,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tempfile::NamedTempFile;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{Action, Explain, access::GATEWAY_PORT, config::folders::FolderWatch, store::Home};

const FILE: &str = "settings.json";

/// The longest file read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// How often the file is looked at although nothing was told.
const SAFETY: Duration = Duration::from_secs(30);

/// The user's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Settings {
    /// Whether the app is started with the session.
    pub launch_at_login: bool,
    /// Whether a needed sign-in is told by a notification.
    pub notifications: bool,
    /// Whether every connection rests.
    pub paused: bool,
    /// The language of panel, menu and notifications.
    pub language: Language,
    /// Where other clients find the servers, on both loopback addresses.
    pub gateway_port: NonZeroU16,
}

/// A language of the panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum Language {
    /// The system's, where we speak it.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English
    #[serde(rename = "en")]
    English,
    /// Japanese
    #[serde(rename = "ja")]
    Japanese,
    /// Korean
    #[serde(rename = "ko")]
    Korean,
    /// Chinese in simplified characters
    #[serde(rename = "zh-Hans")]
    SimplifiedChinese,
    /// Chinese in traditional characters
    #[serde(rename = "zh-Hant")]
    TraditionalChinese,
}

/// A choice could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("the settings could not be saved: {kind}")]
pub struct SettingsError {
    kind: io::ErrorKind,
}

impl Explain for SettingsError {
    fn code(&self) -> &'static str {
        "settings_unwritable"
    }

    fn action(&self) -> Action {
        Action::Retry
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            launch_at_login: false,
            notifications: true,
            paused: false,
            language: Language::System,
            gateway_port: NonZeroU16::new(GATEWAY_PORT).unwrap_or(NonZeroU16::MIN),
        }
    }
}

impl Settings {
    /// Each choice by itself, as far as it makes sense.
    fn of(file: &Map<String, Value>) -> Self {
        let standard = Self::default();
        Self {
            launch_at_login: choice(file, "launch_at_login", standard.launch_at_login),
            notifications: choice(file, "notifications", standard.notifications),
            paused: choice(file, "paused", standard.paused),
            language: choice(file, "language", standard.language),
            gateway_port: choice(file, "gateway_port", standard.gateway_port),
        }
    }
}

fn choice<T: DeserializeOwned>(file: &Map<String, Value>, key: &str, standard: T) -> T {
    let value = file.get(key).cloned();
    value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or(standard)
}

/// Where the choices are kept.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    /// The one of this data folder; it need not exist.
    pub fn of(home: &Home) -> Self {
        Self {
            path: home.data().join(FILE),
        }
    }

    /// What stands in it.
    pub fn read(&self) -> Settings {
        let is_small = fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() <= MAX_BYTES);
        let text = is_small.then(|| fs::read(&self.path).ok()).flatten();
        let file: Option<Map<_, _>> = text.and_then(|text| serde_json::from_slice(&text).ok());
        file.as_ref().map(Settings::of).unwrap_or_default()
    }

    /// Replaces it as a whole; who reads meanwhile has the old choices or the new ones.
    pub fn write(&self, settings: Settings) -> Result<(), SettingsError> {
        replace(&self.path, settings).map_err(|error| SettingsError { kind: error.kind() })
    }

    /// What stands in it now, and whenever it changes, until the last receiver is dropped. Needs a Tokio runtime.
    pub fn watch(&self) -> watch::Receiver<Settings> {
        let changed = Arc::new(Notify::new());
        let told = Arc::clone(&changed);
        let folders = FolderWatch::new(&self.path, move || told.notify_one());
        let (sender, receiver) = watch::channel(self.read());
        tokio::spawn(follow(self.clone(), folders, changed, sender));
        receiver
    }
}

async fn follow(
    file: SettingsFile,
    mut folders: FolderWatch,
    changed: Arc<Notify>,
    sender: watch::Sender<Settings>,
) {
    loop {
        tokio::select! {
            () = sender.closed() => return,
            // Nothing told for a while is a reason to look, too.
            _ = timeout(SAFETY, changed.notified()) => {}
        }
        folders.renew();
        let now = file.read();
        sender.send_if_modified(|known| std::mem::replace(known, now) != now);
    }
}

fn replace(path: &Path, settings: Settings) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, &settings)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, SettingsFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SettingsFile::of(&Home::at(folder.path().join("home")));
        (folder, file)
    }

    #[test]
    fn what_was_chosen_is_read_back_and_nothing_chosen_means_the_defaults() {
        let (_folder, file) = file();
        assert_eq!(file.read(), Settings::default());
        let chosen = Settings {
            paused: true,
            language: Language::TraditionalChinese,
            ..Settings::default()
        };
        file.write(chosen).expect("written");
        assert_eq!(file.read(), chosen);
    }

    #[test]
    fn a_value_that_makes_no_sense_costs_only_itself() {
        let (_folder, file) = file();
        file.write(Settings::default()).expect("written");
        let odd = r#"{"paused": true, "notifications": "loud", "language": "tlh", "gateway": {}}"#;
        fs::write(&file.path, odd).expect("written");
        let read = file.read();
        assert!(read.paused && read.notifications);
        assert_eq!(read.language, Language::System);
        fs::write(&file.path, "{").expect("written");
        assert_eq!(file.read(), Settings::default());
    }

    #[tokio::test]
    async fn a_choice_made_by_another_process_is_seen() {
        let (_folder, file) = file();
        let mut seen = file.watch();
        let paused = Settings {
            paused: true,
            ..Settings::default()
        };
        file.write(paused).expect("written");
        let seen = seen.wait_for(|settings| settings.paused).await;
        assert_eq!(*seen.expect("watched"), paused);
    }
}

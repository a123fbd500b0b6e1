use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;
use crate::config::Environment;

/// Long enough for a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// A watched file in a folder of its own.
struct Watched {
    root: TempDir,
    path: PathBuf,
    state: watch::Receiver<Arc<ConfigState>>,
}

fn server(name: &str) -> String {
    format!("{{\"servers\": {{\"{name}\": {{\"command\": \"x\"}}}}}}")
}

impl Watched {
    fn new(path: &str, prepare: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        prepare(root.path());
        let path = root.path().join(path);
        let state = ConfigFile::at(&path, &Environment::of([])).watch();
        Self { root, path, state }
    }

    fn with(name: &str) -> Self {
        Self::new("mcp.json", |root| {
            fs::write(root.join("mcp.json"), server(name)).expect("written");
        })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, text: &str) {
        fs::write(&self.path, text).expect("written");
    }

    /// Replaces the file the way editors do.
    fn replace(&self, text: &str) {
        let other = self.at("mcp.json.tmp");
        fs::write(&other, text).expect("written");
        fs::rename(other, &self.path).expect("renamed");
    }

    fn now(&self) -> (Vec<String>, Vec<String>) {
        shown(&self.state.borrow())
    }

    /// Waits for these servers and these problems.
    async fn becomes(&mut self, servers: &[&str], problems: &[&str]) {
        let wanted = |state: &Arc<ConfigState>| {
            let (names, codes) = shown(state);
            names == servers && codes == problems
        };
        let seen = timeout(PATIENCE, self.state.wait_for(wanted)).await.is_ok();
        assert!(seen, "still {:?}", self.now());
    }
}

fn shown(state: &ConfigState) -> (Vec<String>, Vec<String>) {
    let names = state.config.servers.keys().map(ToString::to_string).collect();
    let codes = state
        .problems
        .iter()
        .chain(&state.advice)
        .map(|problem| problem.code.to_string())
        .collect();
    (names, codes)
}

#[tokio::test]
async fn the_first_state_is_there_at_once() {
    let watched = Watched::with("a");
    assert_eq!(watched.now(), (vec!["a".to_owned()], vec![]));
}

#[tokio::test]
async fn a_write_into_the_file_is_seen() {
    let mut watched = Watched::with("a");
    watched.write(&server("b"));
    watched.becomes(&["b"], &[]).await;
}

#[tokio::test]
async fn a_replaced_file_is_seen_again_and_again() {
    let mut watched = Watched::with("a");
    for name in ["b", "c", "d"] {
        watched.replace(&server(name));
        watched.becomes(&[name], &[]).await;
    }
}

#[tokio::test]
async fn a_broken_file_is_told_and_the_last_good_one_stays() {
    let mut watched = Watched::with("a");
    watched.replace("{\"servers\": {");
    watched.becomes(&["a"], &["config_syntax"]).await;
    watched.write("");
    watched.becomes(&["a"], &["config_empty"]).await;
    watched.write("[]");
    watched.becomes(&["a"], &["config_shape"]).await;
    watched.write(&server("b"));
    watched.becomes(&["b"], &[]).await;
}

#[tokio::test]
async fn a_bad_entry_is_told_and_the_others_are_taken() {
    let mut watched = Watched::with("a");
    watched.write(r#"{"servers": {"b": {"command": "x"}, "c": {}}}"#);
    watched.becomes(&["b"], &["server_config"]).await;
}

#[tokio::test]
async fn a_deleted_file_keeps_the_servers_until_it_is_made_again() {
    let mut watched = Watched::with("a");
    fs::remove_file(&watched.path).expect("deleted");
    watched.becomes(&["a"], &["config_missing"]).await;
    watched.write(&server("b"));
    watched.becomes(&["b"], &[]).await;
}

#[tokio::test]
async fn a_file_whose_folders_are_yet_to_be_made_is_seen_when_they_are() {
    let mut watched = Watched::new("a/b/mcp.json", |_| ());
    watched.becomes(&[], &["config_missing"]).await;
    fs::create_dir_all(watched.at("a/b")).expect("made");
    watched.write(&server("x"));
    watched.becomes(&["x"], &[]).await;
}

#[tokio::test]
async fn a_folder_deleted_and_made_again_is_watched_again() {
    let mut watched = Watched::new("a/mcp.json", |root| {
        fs::create_dir(root.join("a")).expect("made");
        fs::write(root.join("a/mcp.json"), server("x")).expect("written");
    });
    fs::remove_dir_all(watched.at("a")).expect("deleted");
    watched.becomes(&["x"], &["config_missing"]).await;
    for name in ["y", "z"] {
        fs::create_dir(watched.at("a")).expect("made");
        watched.write(&server(name));
        watched.becomes(&[name], &[]).await;
        fs::remove_dir_all(watched.at("a")).expect("deleted");
        fs::create_dir(watched.at("a")).expect("made");
        watched.becomes(&[name], &["config_missing"]).await;
        fs::remove_dir_all(watched.at("a")).expect("deleted");
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_told() {
    let mut watched = Watched::with("a");
    fs::remove_file(&watched.path).expect("deleted");
    fs::create_dir(&watched.path).expect("made");
    watched.becomes(&["a"], &["config_not_a_file"]).await;
}

#[tokio::test]
async fn the_same_text_again_is_no_change() {
    let mut watched = Watched::with("a");
    watched.state.mark_unchanged();
    watched.replace(&format!("{} ", server("a")));
    watched.replace(&server("b"));
    watched.becomes(&["b"], &[]).await;
    let changed = watched.state.has_changed().expect("still watched");
    assert!(!changed);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn a_change_behind_a_link_is_seen() {
        let mut watched = Watched::new("mcp.json", |root| {
            fs::create_dir(root.join("dots")).expect("made");
            fs::write(root.join("dots/one.json"), server("a")).expect("written");
            symlink("dots/one.json", root.join("mcp.json")).expect("linked");
        });
        fs::write(watched.at("dots/one.json"), server("b")).expect("written");
        watched.becomes(&["b"], &[]).await;
        fs::write(watched.at("dots/new"), server("c")).expect("written");
        fs::rename(watched.at("dots/new"), watched.at("dots/one.json")).expect("renamed");
        watched.becomes(&["c"], &[]).await;
    }

    #[tokio::test]
    async fn a_link_pointed_elsewhere_is_followed() {
        let mut watched = Watched::new("mcp.json", |root| {
            for (folder, name) in [("one", "a"), ("two", "b")] {
                fs::create_dir(root.join(folder)).expect("made");
                fs::write(root.join(folder).join("x.json"), server(name)).expect("written");
            }
            symlink("one/x.json", root.join("mcp.json")).expect("linked");
        });
        symlink("two/x.json", watched.at("new")).expect("linked");
        fs::rename(watched.at("new"), &watched.path).expect("renamed");
        watched.becomes(&["b"], &[]).await;
        fs::write(watched.at("two/x.json"), server("c")).expect("written");
        watched.becomes(&["c"], &[]).await;
    }

    #[tokio::test]
    async fn a_linked_folder_pointed_elsewhere_is_followed() {
        let mut watched = Watched::new("conf/mcp.json", |root| {
            for (folder, name) in [("one", "a"), ("two", "b")] {
                fs::create_dir(root.join(folder)).expect("made");
                fs::write(root.join(folder).join("mcp.json"), server(name)).expect("written");
            }
            symlink("one", root.join("conf")).expect("linked");
        });
        symlink("two", watched.at("new")).expect("linked");
        fs::rename(watched.at("new"), watched.at("conf")).expect("renamed");
        watched.becomes(&["b"], &[]).await;
    }

    #[tokio::test]
    async fn a_link_to_nowhere_is_seen_when_its_target_is_made() {
        let mut watched = Watched::new("mcp.json", |root| {
            symlink("later/x.json", root.join("mcp.json")).expect("linked");
        });
        watched.becomes(&[], &["config_missing"]).await;
        fs::create_dir(watched.at("later")).expect("made");
        fs::write(watched.at("later/x.json"), server("a")).expect("written");
        watched.becomes(&["a"], &[]).await;
    }
}

#[tokio::test]
async fn the_watch_ends_with_its_last_receiver() {
    let (sender, receiver) = watch::channel(Arc::new(ConfigState::default()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = ConfigFile::at(folder.path().join("mcp.json"), &Environment::of([]));
    let folders = FolderWatch::new(file.path(), || ());
    let (_signal, changes) = mpsc::channel(1);
    let task = tokio::spawn(follow(file, folders, changes, sender));
    drop(receiver);
    timeout(PATIENCE, task).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn without_anyone_telling_the_file_is_still_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = ConfigFile::at(folder.path().join("mcp.json"), &Environment::of([]));
    fs::write(file.path(), server("a")).expect("written");
    let (sender, mut receiver) = watch::channel(Arc::new(ConfigState::default()));
    let folders = FolderWatch::new(file.path(), || ());
    let (_signal, changes) = mpsc::channel(1);
    tokio::time::pause();
    let task = tokio::spawn(follow(file, folders, changes, sender));
    receiver.changed().await.expect("looked at");
    assert_eq!(shown(&receiver.borrow()).0, ["a"]);
    task.abort();
}

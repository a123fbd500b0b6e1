//! The folders in which a change can change what a path leads to, and a watch on exactly these.
//!
//! An editor replaces a file instead of writing into it, a dotfile manager points a link elsewhere, someone deletes the
//! folder: none of that is seen by watching the file. So every folder that holds the file, or a link on the way to
//! it, is watched; and while a part of the way is missing, the folder in which it would appear.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind, event::AccessMode,
};

/// More links than any operating system follows.
const MAX_LINKS: usize = 40;

/// How often the watch is laid anew because the way changed under its hands.
const MAX_ROUNDS: usize = 8;

/// A watch that follows the file wherever its path leads.
pub(crate) struct FolderWatch {
    path: PathBuf,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Identity>,
}

/// Tells a folder from another one made later under the same name; a file system gives numbers out again, so the
/// time of birth counts as well.
type Identity = Option<(u64, u64, Option<SystemTime>)>;

impl FolderWatch {
    /// Watches the way to `path`; `changed` is called on another thread and must not block.
    pub(crate) fn new(path: &Path, changed: impl Fn() + Send + 'static) -> Self {
        let handler = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| !is_change(event.kind)) {
                return;
            }
            changed();
        };
        let watcher = notify::recommended_watcher(handler)
            .inspect_err(|error| tracing::warn!(kind = ?error.kind, "no folder can be watched here"))
            .ok();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut new = Self {
            path,
            watcher,
            watched: BTreeMap::new(),
        };
        new.renew();
        new
    }

    /// Whether changes are told at all; otherwise someone has to look.
    pub(crate) fn tells(&self) -> bool {
        self.watcher.is_some() && !self.watched.is_empty()
    }

    /// Follows the path again, until two looks agree: a folder made between look and watch would stay unseen.
    pub(crate) fn renew(&mut self) {
        for _ in 0..MAX_ROUNDS {
            let wanted = folders(&self.path);
            if wanted == self.watched {
                return;
            }
            self.watch(wanted);
        }
    }

    fn watch(&mut self, wanted: BTreeMap<PathBuf, Identity>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for (folder, identity) in &self.watched {
            if wanted.get(folder) != Some(identity) {
                // It fails when the folder is gone, and its watch with it.
                let _ = watcher.unwatch(folder);
            }
        }
        let before = std::mem::take(&mut self.watched);
        for (folder, identity) in wanted {
            let kept = before.get(&folder) == Some(&identity);
            if kept || watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                self.watched.insert(folder, identity);
            }
        }
    }
}

/// Reading the file is an event as well, and must not be answered by reading the file.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// Every folder that holds the file, a link on the way, or the first missing part; by its real path.
fn folders(path: &Path) -> BTreeMap<PathBuf, Identity> {
    let mut folders = BTreeMap::new();
    let mut way = path.to_owned();
    for _ in 0..MAX_LINKS {
        let step = walk(&way);
        if let Ok(folder) = step.folder.canonicalize() {
            let identity = identity(&folder);
            folders.insert(folder, identity);
        }
        match step.onward {
            Some(onward) => way = onward,
            None => break,
        }
    }
    folders
}

/// As far as a path goes without a link.
struct Step {
    /// The folder to watch.
    folder: PathBuf,
    /// Where the link leads; none at the end of the way.
    onward: Option<PathBuf>,
}

fn walk(path: &Path) -> Step {
    let mut folder = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        let here = folder.join(component);
        if matches!(component, Component::Prefix(_) | Component::RootDir) {
            folder = here;
            continue;
        }
        if let Ok(target) = here.read_link() {
            let onward = Some(folder.join(target).join(components.as_path()));
            return Step { folder, onward };
        }
        let is_last = components.as_path().as_os_str().is_empty();
        if is_last || !here.is_dir() {
            break;
        }
        folder = here;
    }
    Step { folder, onward: None }
}

#[cfg(unix)]
fn identity(folder: &Path) -> Identity {
    use std::os::unix::fs::MetadataExt;
    let metadata = folder.metadata().ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}

#[cfg(not(unix))]
fn identity(_folder: &Path) -> Identity {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn watched(path: &Path, root: &Path) -> Vec<String> {
        let root = root.canonicalize().unwrap_or_default();
        let relative = |folder: &PathBuf| folder.strip_prefix(&root).map(|rest| rest.display().to_string());
        folders(path)
            .keys()
            .filter_map(|folder| relative(folder).ok())
            .collect()
    }

    #[test]
    fn the_folder_of_a_plain_file_is_watched() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("a")).expect("made");
        assert_eq!(watched(&root.path().join("a/mcp.json"), root.path()), ["a"]);
    }

    #[test]
    fn the_folder_in_which_the_missing_part_would_appear_is_watched() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(watched(&root.path().join("a/b/mcp.json"), root.path()), [""]);
        fs::create_dir(root.path().join("a")).expect("made");
        assert_eq!(watched(&root.path().join("a/b/mcp.json"), root.path()), ["a"]);
    }

    #[test]
    fn every_link_on_the_way_is_watched_where_it_stands() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |path: &str| root.path().join(path);
        for folder in ["home", "dots/omlx", "store"] {
            fs::create_dir_all(at(folder)).expect("made");
        }
        symlink("../dots/omlx", at("home/omlx")).expect("linked");
        symlink(at("store/one.json"), at("dots/omlx/mcp.json")).expect("linked");
        assert_eq!(
            watched(&at("home/omlx/mcp.json"), root.path()),
            ["dots/omlx", "home", "store"]
        );
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let root = tempfile::tempdir().expect("a folder");
        symlink("b", root.path().join("a")).expect("linked");
        symlink("a", root.path().join("b")).expect("linked");
        assert_eq!(watched(&root.path().join("a"), root.path()), [""]);
    }
}

//! Notices what other processes do: a sign-in, a refresh, a sign-out, a new observation.
//!
//! A notice says that something changed and not what: whoever wakes reads the summary again, so that a burst of
//! notices costs one look and none can be missed. Files come by rename, so a notice never meets half a file.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

use super::disk;

/// How often the folders are looked at where the operating system gives no notice, such as on network drives.
const POLL: Duration = Duration::from_millis(500);

/// Counts what has happened since the watch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Grants saved or removed, by anyone.
    pub grants: u64,
    /// Observations saved, by anyone.
    pub records: u64,
}

/// Watches one vault's folders from the first time someone asks.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Option<Watching>>);

struct Watching {
    seen: watch::Sender<Seen>,
    _watcher: Box<dyn Watcher + Send>,
}

impl Changes {
    /// Counts up with every change from now on. Closed once the last clone of the vault is gone.
    pub(super) fn subscribe(&self, folders: &[PathBuf; 2]) -> watch::Receiver<Seen> {
        let mut watching = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watching
            .get_or_insert_with(|| Watching::start(folders))
            .seen
            .subscribe()
    }
}

impl Watching {
    fn start(folders: &[PathBuf]) -> Self {
        let seen = watch::Sender::new(Seen::default());
        let watcher = native(folders, &seen).unwrap_or_else(|error| {
            tracing::warn!(%error, "the data folder cannot be watched; it is polled instead");
            polling(folders, &seen)
        });
        Self {
            seen,
            _watcher: watcher,
        }
    }
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watching({:?})", *self.seen.borrow())
    }
}

fn native(folders: &[PathBuf], seen: &watch::Sender<Seen>) -> notify::Result<Box<dyn Watcher + Send>> {
    let mut watcher = RecommendedWatcher::new(counter(seen), Config::default())?;
    watch_all(&mut watcher, folders)?;
    Ok(Box::new(watcher))
}

fn polling(folders: &[PathBuf], seen: &watch::Sender<Seen>) -> Box<dyn Watcher + Send> {
    let config = Config::default().with_poll_interval(POLL);
    match PollWatcher::new(counter(seen), config) {
        Ok(mut watcher) => {
            if let Err(error) = watch_all(&mut watcher, folders) {
                tracing::warn!(%error, "changes made by other processes will not be noticed");
            }
            Box::new(watcher)
        }
        Err(error) => {
            tracing::warn!(%error, "changes made by other processes will not be noticed");
            Box::new(notify::NullWatcher)
        }
    }
}

fn watch_all(watcher: &mut dyn Watcher, folders: &[PathBuf]) -> notify::Result<()> {
    for folder in folders {
        disk::make_private(folder).map_err(|error| notify::Error::generic(&error.to_string()))?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(())
}

fn counter(seen: &watch::Sender<Seen>) -> impl Fn(notify::Result<Event>) + Send + 'static {
    // Weak in effect: the watcher, and this with it, is dropped together with the sender that `Watching` holds.
    let seen = seen.clone();
    move |event| match event {
        Ok(event) => count(&event, &seen),
        // Events were lost: look at everything.
        Err(_) => seen.send_modify(Seen::both),
    }
}

fn count(event: &Event, seen: &watch::Sender<Seen>) {
    if matches!(event.kind, EventKind::Access(_)) {
        return;
    }
    if event.need_rescan() {
        return seen.send_modify(Seen::both);
    }
    let is = |extension: &str| event.paths.iter().any(|path| has_extension(path, extension));
    let (grants, records) = (is("grant"), is("json"));
    if grants || records {
        seen.send_modify(|seen| {
            seen.grants += u64::from(grants);
            seen.records += u64::from(records);
        });
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension() == Some(OsStr::new(extension))
}

impl Seen {
    fn both(&mut self) {
        self.grants += 1;
        self.records += 1;
    }
}

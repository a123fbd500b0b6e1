//! Notices what other processes do: a sign-in, a refresh, a sign-out, a new observation.
//!
//! A notice says that something changed and not what: whoever wakes reads the summary again, so that a burst of
//! notices costs one look and none can be missed. Files come by rename, so a notice never meets half a file.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch;

use super::disk;

/// How often the folders are looked at where the operating system gives no notice, such as on network drives, and
/// how often a folder that was removed is looked for.
const POLL: Duration = Duration::from_millis(500);

/// Counts what has happened since the watch began, whoever did it: this process included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Grants saved or removed.
    pub grants: u64,
    /// Observations saved.
    pub records: u64,
}

/// Watches one vault's folders from the first time someone asks.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Option<Watching>>);

#[derive(Debug)]
struct Watching {
    seen: watch::Sender<Seen>,
    wake: Sender<Wake>,
}

enum Wake {
    /// A folder was removed, and the operating system's interest in it with it.
    Lost,
    /// Nobody is interested any more.
    Stop,
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
    /// The folders are watched by the time this returns.
    fn start(folders: &[PathBuf; 2]) -> Self {
        for folder in folders {
            // A folder that cannot be made is looked for until someone makes it.
            let _ = disk::make_private(folder);
        }
        let seen = watch::Sender::new(Seen::default());
        let (wake, wakes) = mpsc::channel();
        let notices = Notices {
            folders: folders.to_vec(),
            seen: seen.clone(),
            wake: wake.clone(),
        };
        if let Err(error) = notices.watch(wakes) {
            tracing::warn!(%error, "changes made by other processes will not be noticed");
        }
        Self { seen, wake }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.wake.send(Wake::Stop);
    }
}

/// What the watcher's events become.
#[derive(Clone)]
struct Notices {
    folders: Vec<PathBuf>,
    seen: watch::Sender<Seen>,
    wake: Sender<Wake>,
}

impl Notices {
    fn watch(self, wakes: Receiver<Wake>) -> notify::Result<()> {
        let mut watcher = self.native().or_else(|error| {
            tracing::warn!(%error, "the data folder cannot be watched; it is polled instead");
            self.polling()
        })?;
        if self.watch_all(&mut *watcher).is_err() {
            let _ = self.wake.send(Wake::Lost);
        }
        thread::Builder::new()
            .name("vault-watch".to_owned())
            .spawn(move || self.keep(watcher, &wakes))?;
        Ok(())
    }

    /// Keeps the watcher until it is no longer wanted, and gives it back its folders when they come back.
    fn keep(self, mut watcher: Box<dyn Watcher + Send>, wakes: &Receiver<Wake>) {
        let mut is_lost = false;
        loop {
            let wake = if is_lost {
                wakes.recv_timeout(POLL)
            } else {
                wakes.recv().map_err(RecvTimeoutError::from)
            };
            match wake {
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Wake::Lost) => is_lost = true,
                Err(RecvTimeoutError::Timeout) if self.watch_all(&mut *watcher).is_ok() => {
                    is_lost = false;
                    self.seen.send_modify(Seen::both);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn native(&self) -> notify::Result<Box<dyn Watcher + Send>> {
        let watcher = RecommendedWatcher::new(self.handler(), Config::default())?;
        Ok(Box::new(watcher))
    }

    fn polling(&self) -> notify::Result<Box<dyn Watcher + Send>> {
        let config = Config::default().with_poll_interval(POLL);
        Ok(Box::new(PollWatcher::new(self.handler(), config)?))
    }

    fn watch_all(&self, watcher: &mut dyn Watcher) -> notify::Result<()> {
        self.folders
            .iter()
            .try_for_each(|folder| watcher.watch(folder, RecursiveMode::NonRecursive))
    }

    fn handler(&self) -> impl Fn(notify::Result<Event>) + Send + 'static {
        let notices = self.clone();
        move |event| match event {
            Ok(event) => notices.take(&event),
            // Events were lost: look at everything.
            Err(_) => notices.seen.send_modify(Seen::both),
        }
    }

    fn take(&self, event: &Event) {
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        if matches!(event.kind, EventKind::Remove(_))
            && event.paths.iter().any(|path| self.folders.contains(path))
        {
            let _ = self.wake.send(Wake::Lost);
        }
        let is = |extension: &str| event.paths.iter().any(|path| has_extension(path, extension));
        let grants = event.need_rescan() || is("grant");
        let records = event.need_rescan() || is("json");
        if grants || records {
            self.seen.send_modify(|seen| {
                seen.grants += u64::from(grants);
                seen.records += u64::from(records);
            });
        }
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

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn folders(root: &TempDir) -> [PathBuf; 2] {
        ["vault", "records"].map(|name| root.path().join(name))
    }

    async fn more_grants(seen: &mut watch::Receiver<Seen>, than: u64) -> u64 {
        let now = seen.wait_for(|seen| seen.grants > than).await;
        now.expect("noticed").grants
    }

    #[tokio::test]
    async fn a_folder_that_was_removed_is_watched_again_once_it_is_back() {
        let root = TempDir::new().expect("a folder");
        let (changes, folders) = (Changes::default(), folders(&root));
        let mut seen = changes.subscribe(&folders);
        fs::write(folders[0].join("a.grant"), "").expect("written");
        more_grants(&mut seen, 0).await;
        for folder in &folders {
            fs::remove_dir_all(folder).expect("removed");
            fs::create_dir(folder).expect("back");
        }
        // Nothing was ever observed: only the return of the folders counts one up.
        let back = seen.wait_for(|seen| seen.records > 0).await;
        let grants = back.expect("noticed").grants;
        fs::write(folders[0].join("b.grant"), "").expect("written");
        more_grants(&mut seen, grants).await;
    }

    #[tokio::test]
    async fn without_the_systems_notices_the_folders_are_polled() {
        let root = TempDir::new().expect("a folder");
        let folders = folders(&root);
        for folder in &folders {
            fs::create_dir(folder).expect("made");
        }
        let (wake, _wakes) = mpsc::channel();
        let notices = Notices {
            folders: folders.to_vec(),
            seen: watch::Sender::default(),
            wake,
        };
        let mut seen = notices.seen.subscribe();
        let mut watcher = notices.polling().expect("a watcher");
        notices.watch_all(&mut *watcher).expect("watched");
        fs::write(folders[0].join("a.grant"), "").expect("written");
        more_grants(&mut seen, 0).await;
        assert_eq!(seen.borrow().records, 0);
    }

    #[test]
    fn only_grants_and_records_count() {
        let (wake, _wakes) = mpsc::channel();
        let notices = Notices {
            folders: Vec::new(),
            seen: watch::Sender::default(),
            wake,
        };
        for name in ["a.lock", ".writing-x", "a.client", "a.grant.damaged"] {
            let kind = EventKind::Create(notify::event::CreateKind::File);
            notices.take(&Event::new(kind).add_path(name.into()));
        }
        let read = EventKind::Access(notify::event::AccessKind::Read);
        notices.take(&Event::new(read).add_path("a.grant".into()));
        assert_eq!(*notices.seen.borrow(), Seen::default());
    }
}

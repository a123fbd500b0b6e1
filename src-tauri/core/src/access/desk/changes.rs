//! Clients, rules, approvals and calls over time, whichever process changes them.
//!
//! A notice says that something changed and not what: whoever wakes looks again. A burst of changes is one notice, and
//! a notice without a change is none.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::sleep,
};

use super::{Access, AccessSnapshot};
use crate::{
    access::stamp::Stamp,
    config::{folders::FolderWatch, settle},
};

/// How often the files are looked at although nothing was told; network folders tell nothing.
const SAFETY: Duration = Duration::from_secs(30);

impl Access {
    /// Counts up whenever a client, its rules, or what it approved or is held back changes, by whichever process, until the
    /// last receiver is dropped. Needs a Tokio runtime.
    pub fn changes(&self) -> watch::Receiver<u64> {
        let (ledger, approvals) = (self.ledger_path().to_owned(), self.approvals_folder());
        let watched = [ledger.clone(), approvals.join("any")];
        count(&watched, move || (Stamp::of(&ledger), stamps(&approvals)))
    }

    /// Counts up whenever calls were logged, by whichever process, until the last receiver is dropped. Needs a Tokio
    /// runtime.
    pub fn activity(&self) -> watch::Receiver<u64> {
        let log = self.log_path();
        let watched = [log.clone()];
        count(&watched, move || Stamp::of(&log))
    }

    /// The truth, now and whenever it changes, until the last receiver is dropped. When a client was last there does not
    /// count as a change. Needs a Tokio runtime.
    pub fn watch(&self) -> watch::Receiver<Arc<AccessSnapshot>> {
        let mut news = self.changes();
        let (sender, receiver) = watch::channel(Arc::new(self.snapshot()));
        let access = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    changed = news.changed() => if changed.is_err() { return },
                }
                let access = access.clone();
                let Ok(next) = spawn_blocking(move || access.snapshot()).await else {
                    tracing::error!("the clients of the gateway are no longer watched");
                    return;
                };
                sender.send_replace(Arc::new(next));
            }
        });
        receiver
    }
}

/// The state of every file of a folder, by its path.
fn stamps(folder: &Path) -> Vec<(PathBuf, Option<Stamp>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let kept = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut stamps: Vec<_> = kept
        .map(|path| {
            let stamp = Stamp::of(&path);
            (path, stamp)
        })
        .collect();
    stamps.sort_by(|one, other| one.0.cmp(&other.0));
    stamps
}

/// Counts how often another look at these files is not what the last one was.
fn count<L: PartialEq + Send + 'static>(
    watched: &[PathBuf],
    look: impl Fn() -> L + Send + 'static,
) -> watch::Receiver<u64> {
    let (signal, told) = mpsc::channel(1);
    let folder = |path: &PathBuf| {
        let signal = signal.clone();
        // A full channel means that a look is due already.
        FolderWatch::new(path, move || {
            let _ = signal.try_send(());
        })
    };
    let folders = watched.iter().map(folder).collect();
    let (sender, receiver) = watch::channel(0);
    let last = look();
    tokio::spawn(follow(Sight { folders, look, last }, told, sender));
    receiver
}

struct Sight<F, L> {
    folders: Vec<FolderWatch>,
    look: F,
    last: L,
}

impl<F: Fn() -> L, L: PartialEq> Sight<F, L> {
    /// Whether it is another one than the last.
    fn again(&mut self) -> bool {
        for folder in &mut self.folders {
            folder.renew();
        }
        let now = (self.look)();
        let is_other = now != self.last;
        self.last = now;
        is_other
    }
}

async fn follow<F, L>(mut look: Sight<F, L>, mut told: mpsc::Receiver<()>, sender: watch::Sender<u64>)
where
    F: Fn() -> L + Send + 'static,
    L: PartialEq + Send + 'static,
{
    loop {
        tokio::select! {
            () = sender.closed() => return,
            Some(()) = told.recv() => settle(&mut told).await,
            () = sleep(SAFETY) => {}
        }
        let looking = spawn_blocking(move || {
            let is_other = look.again();
            (look, is_other)
        });
        let Ok((returned, is_other)) = looking.await else {
            tracing::error!("the clients of the gateway are no longer watched");
            return;
        };
        look = returned;
        if is_other {
            sender.send_modify(|count| *count += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        ServerId,
        access::{Call, Client, Rules, ToolSet},
        clock::Clock,
        store::Home,
    };

    /// The desk of a process of its own.
    fn desk(folder: &TempDir) -> Access {
        Access::open(&Home::at(folder.path()), Clock::system())
    }

    fn notion() -> ServerId {
        "notion".parse().expect("a name")
    }

    fn list(desk: &Access, client: &Client, description: &str) {
        let tool = json!({"name": "search", "description": description, "inputSchema": {"type": "object"}});
        desk.sieve(
            client,
            &notion(),
            (&ToolSet::of(&[tool]), crate::access::Source::Server),
        )
        .expect("sieved");
    }

    #[tokio::test]
    async fn what_another_process_does_with_keys_rules_and_approvals_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, there) = (desk(&folder), desk(&folder));
        let mut changes = here.changes();
        let key = there.issue("Cursor", Rules::default()).expect("issued");
        changes.changed().await.expect("a new key");
        let client = there.authenticate(key.reveal()).expect("known");
        list(&there, &client, "a");
        changes.changed().await.expect("tools as first seen");
        list(&there, &client, "b");
        changes.changed().await.expect("a tool held back");
        let reviewed: Vec<_> = there
            .held()
            .expect("read")
            .iter()
            .map(crate::access::HeldTool::reviewed)
            .collect();
        there.approve("Cursor", &notion(), &reviewed).expect("approved");
        changes.changed().await.expect("a tool approved");
        there.revoke("Cursor").expect("revoked");
        changes.changed().await.expect("a key taken away");
    }

    #[tokio::test]
    async fn a_call_is_activity_and_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, there) = (desk(&folder), desk(&folder));
        let key = there.issue("Cursor", Rules::default()).expect("issued");
        let client = there.authenticate(key.reveal()).expect("known");
        let (changes, mut activity) = (here.changes(), here.activity());
        there.log(&Call {
            client: &client,
            server: &notion(),
            tool: "search",
            duration: Duration::from_millis(12),
            outcome: "ok",
            arguments: None,
        });
        activity.changed().await.expect("a call");
        assert!(!changes.has_changed().expect("watched"));
    }

    #[tokio::test]
    async fn a_tool_that_is_held_back_shows_in_the_truth_until_it_was_reviewed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, there) = (desk(&folder), desk(&folder));
        let mut truth = here.watch();
        assert_eq!(**truth.borrow_and_update(), AccessSnapshot::default());
        let bridge = Client::on_standard_streams();
        list(&there, &bridge, "a");
        list(&there, &bridge, "b");
        let held = truth.wait_for(|truth| !truth.held.is_empty()).await;
        let held = held.expect("watched").clone();
        let mark = held.held.first().expect("one");
        assert_eq!((mark.client.as_str(), mark.tool.as_str()), ("bridge", "search"));
        assert_eq!(held.bridge.as_ref().map(|bridge| bridge.held_tools), Some(1));
        let reviewed = crate::access::ReviewedTool {
            tool: mark.tool.clone(),
            version: mark.version.clone(),
        };
        there.approve("bridge", &notion(), &[reviewed]).expect("approved");
        let none = truth.wait_for(|truth| truth.held.is_empty()).await;
        none.expect("watched");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_understood_is_said_to_be_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = desk(&folder);
        here.issue("Cursor", Rules::default()).expect("issued");
        let mut truth = here.watch();
        assert_eq!(truth.borrow_and_update().clients.len(), 1);
        fs::write(here.ledger_path(), "{").expect("written");
        let damaged = truth.wait_for(|truth| truth.problem.is_some()).await;
        let damaged = damaged.expect("watched").problem.clone().expect("a problem");
        assert_eq!(damaged.code, "access_damaged");
    }
}

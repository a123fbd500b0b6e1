//! What only real processes can show: locks that die with their holder, the first key made twice at once, a change
//! noticed from outside, and a process stopped in the middle of every write.
//!
//! The other process is this test program again, told by variables what to be.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    Home, LockError, NoKeychain, ServerRecord, Vault,
    fixtures::{client, grant, issuer, key},
};
use crate::Explain as _;

const ROLE: &str = "OMLX_TEST_ROLE";
const HOME: &str = "OMLX_TEST_HOME";

/// Run by the tests below in a process of its own; by itself it does nothing.
#[tokio::test]
async fn child() {
    let (Ok(role), Ok(home)) = (std::env::var(ROLE), std::env::var(HOME)) else {
        return;
    };
    let vault = vault(Path::new(&home));
    if role == "hold" {
        let lock = vault.lock(&key("notion"), Duration::ZERO).await;
        say(if lock.is_ok() { "held" } else { "busy" });
        wait_for_a_word();
        return;
    }
    say("ready");
    wait_for_a_word();
    say(&done(&vault, &role).await);
}

async fn done(vault: &Vault, role: &str) -> String {
    let outcome = match role {
        "save_client" => vault.save_client(&key("notion").server, &client()).await,
        "save_record" => vault.save_record(&key("notion"), &observed()).await,
        "remove" => vault.remove(&key("notion")).await.map(drop),
        "remove_client" => vault
            .remove_client(&key("notion").server, &issuer())
            .await
            .map(drop),
        "remove_record" => vault.remove_record(&key("notion")).await,
        server => vault.save(&grant(server)).await,
    };
    outcome.map_or_else(|error| error.code().to_owned(), |()| "done".to_owned())
}

fn observed() -> ServerRecord {
    ServerRecord {
        tool_count: Some(14),
        ..ServerRecord::default()
    }
}

fn say(word: &str) {
    println!("said: {word}");
}

fn wait_for_a_word() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn vault(home: &Path) -> Vault {
    Vault::open(&Home::at(home), Arc::new(NoKeychain))
}

/// Another process that waits to be told to go on.
struct Other {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Other {
    fn start(home: &Path, role: &str, fault: &str) -> Self {
        let name = concat!(module_path!(), "::child");
        let (_, name) = name.split_once("::").expect("below the crate");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", name, "--nocapture"])
            .env(ROLE, role)
            .env(HOME, home)
            .env("OMLX_FAULT", fault)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let said = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, said }
    }

    /// The next thing it says; none when it died.
    fn says(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.said.read_line(&mut line).expect("text") > 0 {
            if let Some((_, word)) = line.split_once("said: ") {
                return Some(word.trim().to_owned());
            }
            line.clear();
        }
        None
    }

    fn go_on(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(b"\n").expect("it waits");
    }

    fn kill(mut self) {
        self.child.kill().expect("running");
        self.child.wait().expect("gone");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.said.read_to_end(&mut Vec::new());
    }
}

fn run(home: &Path, role: &str, fault: &str) -> Option<String> {
    let mut other = Other::start(home, role, fault);
    assert_eq!(other.says().as_deref(), Some("ready"));
    other.go_on();
    other.says()
}

#[tokio::test]
async fn a_lock_names_its_holder_and_ends_with_it_however_it_dies() {
    let home = TempDir::new().expect("a folder");
    let mut other = Other::start(home.path(), "hold", "");
    assert_eq!(other.says().as_deref(), Some("held"));
    let busy = vault(home.path())
        .lock(&key("notion"), Duration::from_millis(10))
        .await
        .expect_err("held elsewhere");
    let LockError::Held { holder: Some(holder) } = busy else {
        panic!("{busy:?}");
    };
    assert_eq!(holder.pid, other.child.id());
    other.kill();
    vault(home.path())
        .lock(&key("notion"), Duration::from_secs(30))
        .await
        .expect("freed by the system");
}

#[tokio::test]
async fn processes_that_make_the_first_key_at_once_end_with_one_key() {
    let home = TempDir::new().expect("a folder");
    let servers: Vec<_> = (0..6).map(|number| format!("server-{number}")).collect();
    let mut others: Vec<_> = servers
        .iter()
        .map(|server| Other::start(home.path(), server, ""))
        .collect();
    for other in &mut others {
        assert_eq!(other.says().as_deref(), Some("ready"));
    }
    others.iter_mut().for_each(Other::go_on);
    for other in &mut others {
        assert_eq!(other.says().as_deref(), Some("done"));
    }
    let vault = vault(home.path());
    for server in &servers {
        assert!(vault.load(&key(server)).await.expect("one key").is_some());
    }
    assert_eq!(vault.summaries().len(), servers.len());
}

#[tokio::test]
async fn a_sign_in_and_a_sign_out_of_another_process_are_noticed() {
    let home = TempDir::new().expect("a folder");
    let vault = vault(home.path());
    let mut changes = vault.changes();
    assert_eq!(run(home.path(), "notion", "").as_deref(), Some("done"));
    changes.wait_for(|seen| seen.grants > 0).await.expect("noticed");
    assert!(vault.summary(&key("notion")).expect("readable").is_some());
    let grants = changes.borrow_and_update().grants;
    assert_eq!(run(home.path(), "remove", "").as_deref(), Some("done"));
    changes
        .wait_for(|seen| seen.grants > grants)
        .await
        .expect("noticed");
    assert!(vault.summary(&key("notion")).expect("none").is_none());
}

/// Compiled with the points, as the test kit does it: `--features fault-points`.
#[cfg(feature = "fault-points")]
mod faults {
    use super::*;
    use crate::store::fault::POINTS;

    /// What the other process does to come to a point; none for a point of another module.
    fn role(point: &str) -> Option<&'static str> {
        match point.split_once('.')? {
            ("grant", "remove") => Some("remove"),
            ("client", "remove") => Some("remove_client"),
            ("record", "remove" | "sync_folder") => Some("remove_record"),
            ("grant" | "key" | "marker", _) => Some("notion"),
            ("client", _) => Some("save_client"),
            ("record", _) => Some("save_record"),
            _ => None,
        }
    }

    /// Files for every point to be reached: nothing for the key's own, a damaged grant for what is kept aside.
    async fn prepare(home: &Path, point: &str) {
        if point.starts_with("key.") || point.starts_with("marker.") {
            if point.ends_with("keep_aside") {
                std::fs::write(home.join("vault.key"), "damaged").expect("written");
            }
            return;
        }
        let vault = vault(home);
        vault.save(&grant("notion")).await.expect("saved");
        vault
            .save_record(&key("notion"), &ServerRecord::default())
            .await
            .expect("saved");
        vault
            .save_client(&key("notion").server, &client())
            .await
            .expect("saved");
        if point.ends_with("keep_aside") {
            for entry in std::fs::read_dir(home.join("vault")).expect("a folder").flatten() {
                std::fs::write(entry.path(), "damaged").expect("written");
            }
        }
    }

    #[tokio::test]
    async fn a_process_killed_at_any_point_leaves_the_old_or_the_new_and_a_working_vault() {
        let roles = POINTS.iter().filter_map(|point| Some((point, role(point)?)));
        for (point, role) in roles {
            let home = TempDir::new().expect("a folder");
            prepare(home.path(), point).await;
            assert_eq!(run(home.path(), role, point), None, "{point} kills");
            if !point.ends_with("keep_aside") {
                let found = vault(home.path()).load(&key("notion")).await;
                let found = found.unwrap_or_else(|error| panic!("{point}: {error}"));
                let had_one = !point.starts_with("key.") && !point.starts_with("marker.");
                assert!(found.is_some() || !had_one, "{point}: the old one is gone");
            }
            let again = run(home.path(), role, "");
            assert_eq!(again.as_deref(), Some("done"), "{point}: works again");
        }
    }

    #[tokio::test]
    async fn a_full_or_read_only_disk_is_named_and_costs_nothing() {
        for (point, effect, code) in [
            ("grant.write", "full", "disk_full"),
            ("grant.create", "read-only", "disk_read_only"),
            ("grant.rename", "error", "disk_failed"),
            ("client.write", "full", "disk_full"),
            ("record.write", "full", "disk_full"),
        ] {
            let home = TempDir::new().expect("a folder");
            prepare(home.path(), point).await;
            let fault = format!("{point}:{effect}");
            let role = role(point).expect("ours");
            assert_eq!(run(home.path(), role, &fault).as_deref(), Some(code));
            let vault = vault(home.path());
            assert!(vault.load(&key("notion")).await.expect("the old one").is_some());
            let left = std::fs::read_dir(home.path().join("vault"))
                .expect("a folder")
                .flatten();
            let left: Vec<_> = left
                .filter(|entry| entry.file_name().to_string_lossy().starts_with('.'))
                .collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

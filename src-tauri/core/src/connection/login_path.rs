//! PATH as the user's login shell sets it, for an app that was started from the desktop and has hardly any.
//!
//! The shell is run once, with a time-out, interactive as well as login because version managers write to either
//! file; what it prints besides is told apart by a marker. In a terminal PATH is right already, and nothing is run.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::IsTerminal,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use tokio::{process::Command, sync::OnceCell};

use super::process_group::ProcessGroup;

/// How long the shell may take; profiles that reach for the network are slow.
const LIMIT: Duration = Duration::from_secs(10);

const MARKER: &str = "__omlx_connect_path__";

/// The login shell's PATH, asked for when first needed; cheap to clone.
#[derive(Clone, Debug)]
pub struct LoginPath {
    shell: Option<OsString>,
    path: Arc<OnceCell<Option<OsString>>>,
}

impl LoginPath {
    /// Asks `$SHELL`, unless this process was started from a terminal.
    pub fn of_user() -> Self {
        let in_terminal = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
        let shell = if in_terminal { None } else { env::var_os("SHELL") };
        Self::of_shell(shell)
    }

    /// Asks the given shell; none means there is nothing to ask.
    pub fn of_shell(shell: Option<OsString>) -> Self {
        Self {
            shell,
            path: Arc::default(),
        }
    }

    /// The shell's PATH, followed by what only the inherited one has; none when the shell gave nothing.
    pub async fn get(&self) -> Option<OsString> {
        self.path.get_or_init(|| self.ask()).await.clone()
    }

    async fn ask(&self) -> Option<OsString> {
        let shell = self.shell.as_ref()?;
        let output = tokio::time::timeout(LIMIT, run(shell)).await.ok()??;
        let path = between_markers(&output)?;
        Some(joined(&path, &env::var_os("PATH").unwrap_or_default()))
    }
}

/// `printenv` rather than `$PATH`: fish and others write variables in their own way.
async fn run(shell: &OsStr) -> Option<Vec<u8>> {
    let script = format!("echo {MARKER}; /usr/bin/printenv PATH; echo {MARKER}");
    let mut command = Command::new(shell);
    command
        .args(["-l", "-i", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    ProcessGroup::prepare(&mut command);
    let child = command.spawn().ok()?;
    let _group = ProcessGroup::of(&child);
    Some(child.wait_with_output().await.ok()?.stdout)
}

fn between_markers(output: &[u8]) -> Option<String> {
    let output = String::from_utf8_lossy(output);
    let mut parts = output.split(MARKER);
    let path = parts.nth(1)?.trim();
    // Without the closing marker the shell was cut off half-way.
    parts.next()?;
    (!path.is_empty()).then(|| path.to_owned())
}

fn joined(first: &str, second: &OsStr) -> OsString {
    let mut folders: Vec<_> = env::split_paths(first).collect();
    for folder in env::split_paths(second) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    env::join_paths(folders).unwrap_or_else(|_| first.into())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use tempfile::TempDir;

    use super::*;

    fn shell(script: &str) -> (TempDir, LoginPath) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shell");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        let login = LoginPath::of_shell(Some(path.into()));
        (folder, login)
    }

    #[tokio::test]
    async fn the_shells_path_comes_first_whatever_else_a_profile_prints() {
        let (_folder, login) = shell("echo Welcome!; export PATH=/opt/login/bin:/usr/bin:/bin; eval \"$4\"");
        let path = login.get().await.expect("a path");
        let folders: Vec<_> = env::split_paths(&path).collect();
        assert_eq!(folders[0], std::path::Path::new("/opt/login/bin"));
        for inherited in env::split_paths(&env::var_os("PATH").expect("set")) {
            assert_eq!(folders.iter().filter(|folder| **folder == inherited).count(), 1);
        }
    }

    #[tokio::test]
    async fn the_shell_is_run_once() {
        let (folder, login) = shell("echo x >> \"$0.runs\"; eval \"$4\"");
        assert_eq!(login.get().await, login.clone().get().await);
        let runs = fs::read_to_string(folder.path().join("shell.runs")).expect("ran");
        assert_eq!(runs.lines().count(), 1);
    }

    #[tokio::test]
    async fn a_shell_that_fails_or_is_missing_leaves_path_as_it_was() {
        assert_eq!(LoginPath::of_shell(None).get().await, None);
        assert_eq!(
            LoginPath::of_shell(Some("/no/such/shell".into())).get().await,
            None
        );
        let (_folder, login) = shell("exit 3");
        assert_eq!(login.get().await, None);
    }

    #[test]
    fn output_that_was_cut_off_is_not_believed() {
        assert_eq!(between_markers(b"__omlx_connect_path__\n/usr/b"), None);
        assert_eq!(
            between_markers(b"hi\n__omlx_connect_path__\n/usr/bin\n__omlx_connect_path__\nbye"),
            Some("/usr/bin".to_owned())
        );
        assert_eq!(between_markers(b""), None);
    }
}

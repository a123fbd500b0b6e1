//! The variables that say which browser there is, if any.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// What of the environment decides which browser is opened.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `BROWSER`: a colon-separated list of commands, `%s` standing for the URL.
    pub browser: Option<String>,
    /// `PATH`
    pub path: OsString,
    /// Whether there is a screen: `DISPLAY` or `WAYLAND_DISPLAY`, or a system that always has one.
    pub screen: bool,
    /// Whether someone sits elsewhere: `SSH_CONNECTION` or `SSH_TTY`.
    pub remote: bool,
    /// Whether this is the Windows Subsystem for Linux, whose browser is the host's.
    pub wsl: bool,
}

impl Environment {
    /// The process's own.
    pub fn of_process() -> Self {
        let given = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            browser: env::var("BROWSER").ok().filter(|list| !list.trim().is_empty()),
            path: env::var_os("PATH").unwrap_or_default(),
            screen: cfg!(any(target_os = "macos", windows)) || given("DISPLAY") || given("WAYLAND_DISPLAY"),
            remote: given("SSH_CONNECTION") || given("SSH_TTY"),
            wsl: given("WSL_DISTRO_NAME") || given("WSL_INTEROP"),
        }
    }

    /// The executable a command's first word means.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| is_executable(path));
        }
        env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| is_executable(path))
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

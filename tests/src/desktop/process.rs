//! Processes of one login session: they see its environment and nothing of this machine's, they log into its folder,
//! and none is left when it ends.
//!
//! They stay in the test runner's process group on purpose: a runner that gives a test up ends the group, and with it
//! everything a test that can no longer clean up has started.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long a screen, a bus or a browser may take to say that it is there; only ever reached by one that is not.
pub(super) const START: Duration = Duration::from_secs(40);

/// The variable by which a process is known as one of ours, whoever started it.
const MARK: &str = "OMLX_TEST_DESKTOP";

/// What every process of a login session shares.
#[derive(Debug)]
pub(super) struct Session {
    mark: OsString,
    logs: PathBuf,
    variables: HashMap<OsString, OsString>,
    home: PathBuf,
}

impl Session {
    /// A session at home in `home`, with the folders the XDG base directory specification names below it.
    pub(super) fn new(home: &Path, logs: PathBuf) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut session = Self {
            mark: home.as_os_str().to_owned(),
            logs,
            variables: HashMap::new(),
            home: home.to_owned(),
        };
        fs::create_dir_all(&session.logs)?;
        session.set(MARK, session.mark.clone());
        session.set("HOME", home);
        session.set("PATH", std::env::var_os("PATH").unwrap_or_default());
        session.set("LANG", "C.UTF-8");
        for (name, folder) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            let folder = home.join(folder);
            fs::create_dir_all(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
            session.set(name, folder);
        }
        Ok(session)
    }

    /// Gives every process started from now on one more variable.
    pub(super) fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.variables
            .insert(name.as_ref().to_owned(), value.as_ref().to_owned());
    }

    /// Every variable.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }

    /// Where the file named `name` of a run is kept, for whoever looks into a failure.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(name)
    }

    /// A program of this session, not yet started; what it prints goes into `{program}.log`.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> io::Result<Command> {
        let program = program.as_ref();
        let name = program
            .file_name()
            .unwrap_or(program.as_os_str())
            .to_string_lossy();
        let log = self.append(&format!("{name}.log"))?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    fn append(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.log(name))
    }

    /// Every process that has this session's mark in its environment.
    fn everyone(&self) -> Vec<i32> {
        let mark = [MARK.as_bytes(), b"=", self.mark.as_encoded_bytes()].concat();
        let ours = |pid: &i32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == mark))
        };
        processes().into_iter().map(|(pid, _)| pid).filter(ours).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for pid in self.everyone() {
            end(pid);
        }
    }
}

/// A process that ends, with everything below it, when it is let go.
#[derive(Debug)]
pub(super) struct Resident(Child);

impl Resident {
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .spawn()
            .map(Self)
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills this one process, as a crash would, and waits until it is gone.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        for process in below(self.0.id()) {
            end(process.pid);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn end(pid: i32) {
    // It may have ended by itself in the meantime.
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

/// A running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// What the kernel calls it: the first 15 letters of its program.
    pub name: String,
}

/// Every process that descends from `pid`, without itself.
pub fn below(pid: u32) -> Vec<Process> {
    let all = processes();
    let mut found: Vec<i32> = i32::try_from(pid).into_iter().collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| pid));
        next += 1;
    }
    found.iter().skip(1).filter_map(|pid| named(*pid)).collect()
}

fn named(pid: i32) -> Option<Process> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(Process {
        pid,
        name: name.trim().to_owned(),
    })
}

/// Every process with its parent.
fn processes() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect()
}

/// The fourth field; the second one is in parentheses and may hold anything.
fn parent(pid: i32) -> Option<i32> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

//! One holder at a time, across processes: an operating-system lock on a file, which ends with its process.
//!
//! The file stays when the lock goes, because removing it would let two processes lock two files of one name. While it
//! is held it says by whom.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    blocking::{self, Stopped},
    disk::{self, DiskError},
};
use crate::{Action, Explain};

/// The first pause between two attempts; a refresh of a neighbour is noticed this quickly.
const SHORT_PAUSE: Duration = Duration::from_millis(3);
/// The pause once the holder has shown that it takes its time.
const LONG_PAUSE: Duration = Duration::from_millis(25);
/// How long the short pause is used.
const IMPATIENT: Duration = Duration::from_secs(1);

/// More than any holder's name takes.
const MAX_HOLDER_BYTES: u64 = 4096;

/// Exclusive use of one grant; ends when dropped, and with the process however it dies.
#[derive(Debug)]
pub struct GrantLock {
    file: File,
    cut_off: bool,
    marked: AtomicBool,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The name of its executable.
    pub program: String,
}

/// The lock was not had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Another holder did not let go in time: wait, or end that process.
    #[error("{} is busy with this server's sign-in", shown(holder.as_ref()))]
    Held {
        /// Who, when it could be read.
        holder: Option<Holder>,
    },
    /// The lock file could not be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The program is ending.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Explain for LockError {
    fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "grant_busy",
            Self::Disk(error) => error.code(),
            Self::Stopped(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Held { .. } => Action::Retry,
            Self::Disk(error) => error.action(),
            Self::Stopped(error) => error.action(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.program, self.pid)
    }
}

impl GrantLock {
    /// Takes the lock, waiting for at most `wait`.
    pub(super) async fn acquire(path: PathBuf, wait: Duration) -> Result<Self, LockError> {
        let patience = Patience::new(wait);
        let mut file = blocking::brief(|| LockFile::open(path)).await??;
        loop {
            file = match file.try_take()? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Busy(file) => file,
            };
            let Some(pause) = patience.pause() else {
                return Err(file.held());
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// The same for a thread of one's own.
    pub(super) fn acquire_blocking(path: PathBuf, wait: Duration) -> Result<Self, LockError> {
        let patience = Patience::new(wait);
        let mut file = LockFile::open(path)?;
        loop {
            file = match file.try_take()? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Busy(file) => file,
            };
            let Some(pause) = patience.pause() else {
                return Err(file.held());
            };
            std::thread::sleep(pause);
        }
    }
}

impl GrantLock {
    /// Whether the holder before us left, or died, between [`Self::mark`] and [`Self::unmark`].
    pub fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Notes that from here on something may be lost with this process.
    pub fn mark(&self) {
        self.write(Work::Risky);
    }

    /// Notes that nothing can be lost any more.
    pub fn unmark(&self) {
        self.write(Work::Harmless);
    }

    fn write(&self, work: Work) {
        self.marked.store(work == Work::Risky, Ordering::Relaxed);
        // A full disk must not stand in the way; it only costs the next holder an explanation.
        let _ = sign(&self.file, work);
    }
}

impl Drop for GrantLock {
    /// Takes our name out of the file, so that the next one to wait is not told of a holder long gone; a mark stays.
    fn drop(&mut self) {
        if !*self.marked.get_mut() {
            let _ = self.file.set_len(0);
        }
    }
}

/// A lock file, not locked.
struct LockFile {
    file: File,
    path: PathBuf,
}

enum Attempt {
    Taken(GrantLock),
    Busy(LockFile),
}

impl LockFile {
    fn open(path: PathBuf) -> Result<Self, LockError> {
        if let Some(folder) = path.parent() {
            disk::make_private(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => Err(DiskError::new(&path, error).into()),
        }
    }

    /// One attempt; never blocks, so that it may be made on an async thread.
    fn try_take(self) -> Result<Attempt, LockError> {
        match self.file.try_lock() {
            Ok(()) => {
                let cut_off = read(&self.file).is_some_and(|left| left.work == Work::Risky);
                // Who holds it is a courtesy; a full disk must not stand in the way of a refresh.
                let _ = sign(&self.file, Work::Harmless);
                Ok(Attempt::Taken(GrantLock {
                    file: self.file,
                    cut_off,
                    marked: AtomicBool::new(false),
                }))
            }
            Err(TryLockError::WouldBlock) => Ok(Attempt::Busy(self)),
            Err(TryLockError::Error(error)) => Err(DiskError::new(&self.path, error).into()),
        }
    }

    fn held(self) -> LockError {
        LockError::Held {
            holder: read(&self.file).map(|text| text.holder),
        }
    }
}

/// What stands in a lock file; nothing while nobody holds it, unless its holder died.
#[derive(Serialize, Deserialize)]
struct Signature {
    #[serde(flatten)]
    holder: Holder,
    #[serde(default)]
    work: Work,
}

/// What the holder is doing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    #[default]
    Harmless,
    Risky,
}

fn read(mut file: &File) -> Option<Signature> {
    let mut text = Vec::new();
    file.rewind().ok()?;
    file.take(MAX_HOLDER_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn sign(mut file: &File, work: Work) -> io::Result<()> {
    let signature = Signature {
        holder: Holder {
            pid: std::process::id(),
            program: program(),
        },
        work,
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&signature)?)
}

fn program() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "another program".to_owned())
}

fn shown(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), Holder::to_string)
}

/// How long to go on trying.
struct Patience {
    began: Instant,
    wait: Duration,
}

impl Patience {
    fn new(wait: Duration) -> Self {
        Self {
            began: Instant::now(),
            wait,
        }
    }

    /// The next pause; none when the time is up.
    fn pause(&self) -> Option<Duration> {
        let waited = self.began.elapsed();
        let pause = if waited < IMPATIENT {
            SHORT_PAUSE
        } else {
            LONG_PAUSE
        };
        let left = self.wait.checked_sub(waited).filter(|left| !left.is_zero())?;
        Some(pause.min(left))
    }
}

//! Files written so that a crash leaves the old one or the new one, never half of one; and bounded reads.
//!
//! Blocking throughout: callers are off the async threads. The order is create, write, flush, rename, flush the folder;
//! a [`fault`] point stands before each step.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::{Builder, NamedTempFile};

use super::fault;
use crate::{Action, Explain};

/// What a file of ours is called while it is being written.
const TEMPORARY_PREFIX: &str = ".writing-";

/// What is added to the name of a file kept aside.
pub(super) const ASIDE: &str = ".damaged";

/// Why a file could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DiskError {
    /// No space, or no quota.
    #[error("the disk is full: {path} was not written")]
    Full {
        /// The file; what it held before is still there.
        path: PathBuf,
    },
    /// The file system takes no writes.
    #[error("the disk is read-only: {path} was not written")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Permissions forbid it.
    #[error("there is no permission to use {path}")]
    Denied {
        /// The file or folder.
        path: PathBuf,
    },
    /// Anything else.
    #[error("{path} could not be used: {source}")]
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: Arc<io::Error>,
    },
}

impl DiskError {
    pub(super) fn new(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path },
            _ => Self::Failed {
                path,
                source: Arc::new(error),
            },
        }
    }
}

impl Explain for DiskError {
    fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "disk_full",
            Self::ReadOnly { .. } => "disk_read_only",
            Self::Denied { .. } => "disk_denied",
            Self::Failed { .. } => "disk_failed",
        }
    }

    fn action(&self) -> Action {
        Action::Retry
    }
}

/// Reads a whole file of at most `limit` bytes; none when there is no such file.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, DiskError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::new(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| DiskError::new(path, error))?;
    if bytes.len() as u64 > limit {
        return Err(DiskError::new(path, io::ErrorKind::FileTooLarge.into()));
    }
    Ok(Some(bytes))
}

/// Puts `bytes` in the place of whatever is at `path`, readable by its owner alone; survives a power cut.
pub(super) fn replace(path: &Path, bytes: &[u8], what: &'static str) -> Result<(), DiskError> {
    let write = || {
        let file = flushed(temporary(path, bytes, what)?, what)?;
        fault::reach(what, "rename")?;
        file.persist(path).map_err(|refused| refused.error)?;
        sync_folder(path, what)
    };
    write().map_err(|error| DiskError::new(path, error))
}

/// The same for what can be observed again: not flushed, and not written when it is there already.
pub(super) fn note(path: &Path, bytes: &[u8], what: &'static str) -> Result<(), DiskError> {
    if matches!(read(path, bytes.len() as u64), Ok(Some(old)) if old == bytes) {
        return Ok(());
    }
    let write = || {
        let file = temporary(path, bytes, what)?;
        fault::reach(what, "rename")?;
        file.persist(path).map_err(|refused| refused.error)
    };
    write().map(drop).map_err(|error| DiskError::new(path, error))
}

/// Puts `bytes` at `path` unless something is there already; false when there is.
pub(super) fn create(path: &Path, bytes: &[u8], what: &'static str) -> Result<bool, DiskError> {
    let write = || {
        let file = flushed(temporary(path, bytes, what)?, what)?;
        fault::reach(what, "rename")?;
        match file.persist_noclobber(path) {
            Ok(_) => sync_folder(path, what).map(|()| true),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(refused) => Err(refused.error),
        }
    };
    write().map_err(|error| DiskError::new(path, error))
}

/// Removes a file, for good: what was signed out does not come back after a power cut. False when there was none.
pub(super) fn remove(path: &Path, what: &'static str) -> Result<bool, DiskError> {
    let removed = fault::reach(what, "remove").and_then(|()| fs::remove_file(path));
    match removed.and_then(|()| sync_folder(path, what)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(DiskError::new(path, error)),
    }
}

/// Renames a file that cannot be used to `<name>.damaged`, so that nothing is lost to whoever can mend it.
pub(super) fn keep_aside(path: &Path, what: &'static str) -> Result<(), DiskError> {
    fault::reach(what, "keep_aside")
        .and_then(|()| fs::rename(path, aside(path)))
        .map_err(|error| DiskError::new(path, error))
}

/// Where [`keep_aside`] puts a file.
pub(super) fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(ASIDE);
    aside.into()
}

/// Makes a folder, and the ones above it, that only its owner can enter; leaves an existing one as it is.
pub(super) fn make_private(folder: &Path) -> Result<(), DiskError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| DiskError::new(folder, error))
}

/// Takes away what others may do with a file that should be its owner's alone, such as one restored from a backup.
#[cfg(unix)]
pub(super) fn keep_private(path: &Path) -> Result<(), DiskError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let tighten = || {
        let others = fs::metadata(path)?.mode() & 0o077;
        if others == 0 {
            return Ok(());
        }
        tracing::warn!(path = %path.display(), "others could read this file; they no longer can");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
    };
    tighten().map_err(|error| DiskError::new(path, error))
}

/// Elsewhere the folder's access list is what protects it.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature on every platform")]
pub(super) fn keep_private(_path: &Path) -> Result<(), DiskError> {
    Ok(())
}

/// Removes what a process that died while writing left behind more than `age` ago.
pub(super) fn sweep(folder: &Path, age: Duration) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        if is_ours && is_older(&entry, age) {
            // A neighbour may have swept it already.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_older(entry: &fs::DirEntry, age: Duration) -> bool {
    entry
        .metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|modified| modified.elapsed().ok())
        .is_some_and(|elapsed| elapsed > age)
}

fn temporary(path: &Path, bytes: &[u8], what: &'static str) -> io::Result<NamedTempFile> {
    fault::reach(what, "create")?;
    // 0600 by default, which is why the crate and not `File::create` makes it.
    let mut file = Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempfile_in(folder_of(path))?;
    fault::reach(what, "write")?;
    file.write_all(bytes)?;
    Ok(file)
}

fn flushed(file: NamedTempFile, what: &'static str) -> io::Result<NamedTempFile> {
    fault::reach(what, "sync")?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Without this a rename may be undone by a power cut, and a rotated refresh token with it.
fn sync_folder(path: &Path, what: &'static str) -> io::Result<()> {
    fault::reach(what, "sync_folder")?;
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(folder_of(path))?.sync_all() {
        // Some file systems know no such thing.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

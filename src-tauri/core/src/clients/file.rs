//! Another client's file: read whole, bounded, and replaced in one step only when it is still what was read.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::ClientError;
use crate::config::atomic::{self, FolderLock, ReplaceError};

/// The most that is read, in bytes: Claude Code keeps its history in the same file as its servers.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A file with every link followed, locked against other processes of ours for as long as this lives.
pub(super) struct Held {
    path: PathBuf,
    made_folder: Option<PathBuf>,
    _lock: FolderLock,
}

/// The bytes of a file; none when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, ClientError> {
    let unreadable = |cause: String| ClientError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error.kind().to_string())),
    };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(unreadable("it is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(error.kind().to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(Some(bytes))
}

/// The text of a file; none when there is none.
pub(super) fn text(path: &Path) -> Result<Option<String>, ClientError> {
    let as_text = |bytes| {
        String::from_utf8(bytes).map_err(|_| ClientError::Unreadable {
            path: path.to_owned(),
            cause: "it is not UTF-8 text".to_owned(),
        })
    };
    read(path)?.map(as_text).transpose()
}

/// Whether users other than its owner can get at a file and read it. On macOS they are all in one group.
#[cfg(unix)]
pub(super) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let path = atomic::followed(path);
    let mode = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.mode());
    let folders = path
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty());
    let (file, way) = (mode(&path), folders.fold(0o011, |way, folder| way & mode(folder)));
    let all = file & 0o004 != 0 && way & 0o001 != 0;
    let group = file & 0o040 != 0 && way & 0o010 != 0;
    all || (cfg!(target_os = "macos") && group)
}

#[cfg(not(unix))]
pub(super) fn others_can_read(_path: &Path) -> bool {
    false
}

/// Locks a file; its folder is made when there is none.
pub(super) fn hold(path: &Path) -> Result<Held, ClientError> {
    let path = atomic::followed(path);
    let folder = atomic::folder_of(&path);
    let missing = folder.ancestors().take_while(|folder| !folder.exists());
    let made_folder = missing.last().map(Path::to_owned);
    let lock = atomic::make_folder(folder).and_then(|()| atomic::lock(folder));
    let lock = lock.map_err(|error| failed(&path, error.into()))?;
    Ok(Held {
        path,
        made_folder,
        _lock: lock,
    })
}

impl Held {
    /// The file itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The uppermost of the folders that had to be made for it.
    pub(super) fn made_folder(&self) -> Option<&Path> {
        self.made_folder.as_deref()
    }

    /// Removes the folders between the file and `uppermost`, which is one of them, as far as nothing is in them.
    pub(super) fn remove_folders(&self, uppermost: &Path) {
        let Ok(uppermost) = uppermost.canonicalize() else {
            return;
        };
        let folders = atomic::folder_of(&self.path).ancestors();
        for folder in folders.take_while(|folder| folder.starts_with(&uppermost)) {
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }

    /// Puts `new` in the place of `before`, which is none for a file that is to be made.
    pub(super) fn replace(&self, before: Option<&[u8]>, new: &[u8]) -> Result<(), ClientError> {
        atomic::replace(&self.path, before, new).map_err(|error| failed(&self.path, error))
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> Result<(), ClientError> {
        fs::remove_file(&self.path).map_err(|error| failed(&self.path, error.into()))
    }
}

/// Writes a copy, for its owner alone, whatever stood there before.
pub(super) fn keep_copy(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let _ = fs::remove_file(path);
    atomic::replace(path, None, bytes).map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: ReplaceError) -> ClientError {
    let path = path.to_owned();
    match error {
        ReplaceError::Changed => ClientError::Changed(path),
        ReplaceError::ReadOnly => ClientError::ReadOnly(path),
        ReplaceError::Io(error) => ClientError::Unwritable {
            path,
            kind: error.kind(),
        },
    }
}

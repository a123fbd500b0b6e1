//! Our own small files: read whole, replaced whole, and changed by one process at a time.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use arc_swap::ArcSwapOption;
use std::sync::Arc;

use super::{AccessError, stamp::Stamp};
use crate::config::atomic::{self, ReplaceError};

/// The most one of these files may hold, in bytes; the tools of a large server fit many times.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// The whole file; none when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, AccessError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, &error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(path, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(AccessError::Damaged(path.to_owned()));
    }
    Ok(Some(bytes))
}

/// Changes a file under the lock of its folder: `change` is given what stands there, and gives what shall.
pub(crate) fn update<T>(
    path: &Path,
    change: impl FnOnce(Option<&[u8]>) -> Result<(Vec<u8>, T), AccessError>,
) -> Result<T, AccessError> {
    let folder = atomic::folder_of(path);
    let locked = atomic::make_folder(folder).and_then(|()| atomic::lock(folder));
    let _lock = locked.map_err(|error| failed(folder, &error))?;
    let before = read(path)?;
    let (after, outcome) = change(before.as_deref())?;
    if before.as_deref() != Some(&after[..]) {
        atomic::replace(path, before.as_deref(), &after).map_err(|error| match error {
            ReplaceError::Changed => failed(path, &io::ErrorKind::ResourceBusy.into()),
            ReplaceError::ReadOnly => failed(path, &io::ErrorKind::PermissionDenied.into()),
            ReplaceError::Io(error) => failed(path, &error),
        })?;
    }
    Ok(outcome)
}

/// Removes a file; one that is not there is as good.
pub(super) fn remove(path: &Path) -> Result<(), AccessError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

pub(super) fn failed(path: &Path, error: &io::Error) -> AccessError {
    AccessError::Disk {
        path: path.to_owned(),
        kind: error.kind(),
    }
}

/// What a file said when it was last read, for as long as it is the same file. That it could not be read is not kept:
/// there were too many open files then, and are not now.
#[derive(Debug)]
pub(super) struct Cached<T>(ArcSwapOption<(Option<Stamp>, Result<T, AccessError>)>);

impl<T: Clone> Cached<T> {
    pub(super) fn empty() -> Self {
        Self(ArcSwapOption::empty())
    }

    /// What the file said when it was last looked at; none when it never was.
    pub(super) fn last(&self) -> Option<Result<T, AccessError>> {
        self.0.load().as_deref().map(|(_, said)| said.clone())
    }

    /// What the file says now; read again only when it is another one.
    pub(super) fn get(
        &self,
        path: &Path,
        read: impl FnOnce() -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        // Looked at before it is read: a change in between shows at the next look.
        let stamp = Stamp::of(path);
        if let Some(kept) = self.0.load().as_deref()
            && kept.0 == stamp
        {
            return kept.1.clone();
        }
        let read = read();
        if !matches!(read, Err(AccessError::Disk { .. })) {
            self.0.store(Some(Arc::new((stamp, read.clone()))));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_failed_once_is_asked_again_and_a_damaged_file_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let cached = Cached::empty();
        let full = || Err(failed(&path, &io::ErrorKind::Other.into()));
        assert!(cached.get(&path, full).is_err());
        assert_eq!(cached.get(&path, || Ok(1)), Ok(1));
        assert_eq!(cached.get(&path, || Ok(2)), Ok(1), "kept");
        fs::write(&path, "{").expect("written");
        let damaged = || Err(AccessError::Damaged(path.clone()));
        assert!(cached.get(&path, damaged).is_err());
        assert!(cached.get(&path, || Ok(3)).is_err(), "kept as well");
    }
}

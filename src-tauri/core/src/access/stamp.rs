//! Whether a file is still the one that was read: cheap enough to ask at every request.

use std::{fs, path::Path, time::SystemTime};

/// What tells one state of a file from the next. Files here are replaced by renaming, so the number changes as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    number: u64,
}

impl Stamp {
    /// The file's state now; none when there is no file, or none that can be looked at.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            number: number(&metadata),
        })
    }

    /// How long it is, in bytes.
    pub(super) fn length(self) -> u64 {
        self.length
    }

    /// Tells the file from another one under the same name, where the operating system numbers them.
    pub(super) fn number(self) -> u64 {
        self.number
    }
}

#[cfg(unix)]
fn number(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_metadata: &fs::Metadata) -> u64 {
    0
}

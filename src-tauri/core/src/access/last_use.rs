//! When a client was last there: a file of its own for each, so that a running gateway never writes over a change of
//! the rules, and no lock stands in a request's way.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tempfile::NamedTempFile;

use super::ClientId;
use crate::config::atomic;

/// How often it is written at most.
const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The most a file is waited for when it is read; an instant is shorter.
const MAX_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct LastUse {
    folder: PathBuf,
    written: Mutex<HashMap<ClientId, Timestamp>>,
}

impl LastUse {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            written: Mutex::default(),
        }
    }

    /// Remembers that a client was there. What cannot be written is only missed by whoever reads the list.
    pub(super) fn note(&self, client: &ClientId, now: Timestamp) {
        let is_due = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let before = written.get(client);
            // A clock that was set back must not silence the notes until it has caught up.
            let is_due = before.is_none_or(|before| now.duration_since(*before).abs() >= EVERY);
            if is_due {
                written.insert(client.clone(), now);
            }
            is_due
        };
        if is_due && let Err(error) = self.write(client, now) {
            tracing::warn!(kind = ?error.kind(), "when a client was last there could not be written");
        }
    }

    /// When it was last there.
    pub(super) fn of(&self, client: &ClientId) -> Option<Timestamp> {
        let text = fs::read_to_string(self.path(client)).ok()?;
        (text.len() <= MAX_BYTES)
            .then(|| text.trim().parse().ok())
            .flatten()
    }

    /// Forgets it.
    pub(super) fn forget(&self, client: &ClientId) {
        // Nothing reads it any more without its client.
        let _ = fs::remove_file(self.path(client));
    }

    /// Not flushed: it is not worth a spin of the disk.
    fn write(&self, client: &ClientId, now: Timestamp) -> io::Result<()> {
        atomic::make_folder(&self.folder)?;
        let mut file = NamedTempFile::new_in(&self.folder)?;
        writeln!(file, "{now}")?;
        file.persist(self.path(client)).map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, client: &ClientId) -> PathBuf {
        self.folder.join(client.as_str())
    }
}

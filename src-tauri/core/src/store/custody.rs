//! Where the vault's key is kept, and the one rule about it: a key is never replaced because it cannot be reached.
//!
//! | marker says | keychain | then |
//! |---|---|---|
//! | nothing yet | has the key, or takes a new one | keychain |
//! | nothing yet | there is none | key file, 0600, and the state says so |
//! | keychain | locked, denied, dismissed | locked: ask the user |
//! | keychain | there is none any more | out of reach: ask the user, never a file |
//! | keychain | unlocked, and has no such item | the key is lost: only a new sign-in makes a new one |
//! | file | whatever it says | key file; gone means lost |
//!
//! The key is stored before the marker: a crash in between leaves a key that is found, not a marker without one.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    CredentialStore, CredentialStoreError, Home,
    blocking::Stopped,
    disk::{self, DiskError},
    fault,
    key::{Fingerprint, Key},
    lock::{GrantLock, LockError},
};

/// More than any marker or key takes.
const MAX_BYTES: u64 = 4096;
/// Longer than a keychain prompt is waited for, so that two first starts do not both fail.
const MAKING_WAIT: Duration = Duration::from_mins(2);
/// After this a half-written file is nobody's any more.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// What keeps the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// The operating system's keychain.
    Keychain,
    /// A file that its owner alone can read: this machine has no keychain.
    File,
}

/// The key, and where it came from.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: Key,
    pub(super) source: KeySource,
}

/// Why there is no key to be had; what to do differs by variant.
#[derive(Debug, Clone)]
pub(super) enum KeyError {
    Locked,
    OutOfReach { marker: PathBuf },
    Damaged { source: KeySource },
    Busy(LockError),
    Disk(DiskError),
    NoRandomness,
    Stopped(Stopped),
}

/// Remembers what keeps the key, so that something else is not mistaken for it.
#[derive(Serialize, Deserialize)]
struct Marker {
    version: u32,
    source: KeySource,
    fingerprint: Fingerprint,
}

/// Finds the key, and makes it once. Blocking: the keychain may be asking the user.
#[derive(Debug)]
pub(super) struct Custody {
    home: Home,
    credentials: Arc<dyn CredentialStore>,
}

impl Custody {
    pub(super) fn new(home: Home, credentials: Arc<dyn CredentialStore>) -> Self {
        Self { home, credentials }
    }

    /// What keeps the key, without asking it; none when no key was made yet.
    pub(super) fn source(&self) -> Option<KeySource> {
        match self.marker() {
            Ok(Some(marker)) => Some(marker.source),
            _ => self.key_file().exists().then_some(KeySource::File),
        }
    }

    /// Whether `key` is still the one that everybody uses.
    pub(super) fn is_current(&self, key: &Key) -> bool {
        matches!(self.marker(), Ok(Some(marker)) if marker.fingerprint == *key.fingerprint())
    }

    /// The key as it is kept; none when there surely is none.
    pub(super) fn find(&self) -> Result<Option<Held>, KeyError> {
        let bound = self.marker()?.map(|marker| marker.source);
        if bound != Some(KeySource::Keychain) {
            let held = self.kept_in_file()?;
            if held.is_some() || bound == Some(KeySource::File) {
                return Ok(held);
            }
        }
        match self.credentials.read() {
            Ok(Some(text)) => held(&Zeroizing::new(text), KeySource::Keychain).map(Some),
            Ok(None) => Ok(None),
            Err(CredentialStoreError::Missing) if bound.is_none() => Ok(None),
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    /// The key, made now if there surely is none. One process at a time: all of them end up with the same key.
    pub(super) fn find_or_make(&self) -> Result<Held, KeyError> {
        self.home.create()?;
        let lock = self.home.data().join("key.lock");
        let _lock = GrantLock::acquire_blocking(lock, MAKING_WAIT).map_err(KeyError::Busy)?;
        self.sweep();
        let held = match self.find() {
            Ok(Some(held)) => held,
            Ok(None) => self.make()?,
            Err(KeyError::Damaged { source }) => {
                if source == KeySource::File {
                    disk::keep_aside(&self.key_file(), "key")?;
                }
                self.make()?
            }
            Err(error) => return Err(error),
        };
        self.remember(&held)?;
        Ok(held)
    }

    fn make(&self) -> Result<Held, KeyError> {
        let key = Key::generate().map_err(|_| KeyError::NoRandomness)?;
        fault::reach("key", "keychain").map_err(|error| DiskError::new(self.home.data(), error))?;
        match self.credentials.write(key.to_text().as_bytes()) {
            Ok(()) => Ok(Held {
                key,
                source: KeySource::Keychain,
            }),
            Err(CredentialStoreError::Missing) if !self.is_bound_to_the_keychain()? => self.make_file(key),
            Err(refusal) => Err(self.refused(refusal)),
        }
    }

    /// Not over an existing file: where file locks do not work, the first one to get here still wins.
    fn make_file(&self, key: Key) -> Result<Held, KeyError> {
        if disk::create(&self.key_file(), key.to_text().as_bytes(), "key")? {
            return Ok(Held {
                key,
                source: KeySource::File,
            });
        }
        self.kept_in_file()?.ok_or(KeyError::Damaged {
            source: KeySource::File,
        })
    }

    fn kept_in_file(&self) -> Result<Option<Held>, KeyError> {
        let path = self.key_file();
        let Some(text) = disk::read(&path, MAX_BYTES)? else {
            return Ok(None);
        };
        disk::keep_private(&path)?;
        held(&Zeroizing::new(text), KeySource::File).map(Some)
    }

    fn remember(&self, held: &Held) -> Result<(), KeyError> {
        if self.is_current(&held.key) && self.source() == Some(held.source) {
            return Ok(());
        }
        let marker = Marker {
            version: 1,
            source: held.source,
            fingerprint: held.key.fingerprint().clone(),
        };
        let path = self.marker_file();
        let text = serde_json::to_vec(&marker).map_err(|error| DiskError::new(&path, error.into()))?;
        Ok(disk::replace(&path, &text, "marker")?)
    }

    /// A marker that cannot be understood counts as none: the key itself is what matters.
    fn marker(&self) -> Result<Option<Marker>, DiskError> {
        let text = disk::read(&self.marker_file(), MAX_BYTES)?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    fn is_bound_to_the_keychain(&self) -> Result<bool, DiskError> {
        let marker = self.marker()?;
        Ok(marker.is_some_and(|marker| marker.source == KeySource::Keychain))
    }

    fn refused(&self, refusal: CredentialStoreError) -> KeyError {
        match refusal {
            CredentialStoreError::Missing => KeyError::OutOfReach {
                marker: self.marker_file(),
            },
            CredentialStoreError::Refused => KeyError::Locked,
            CredentialStoreError::Damaged => KeyError::Damaged {
                source: KeySource::Keychain,
            },
        }
    }

    fn sweep(&self) {
        for folder in [self.home.data(), &self.home.vault(), &self.home.records()] {
            disk::sweep(folder, LEFT_BEHIND);
        }
    }

    fn key_file(&self) -> PathBuf {
        self.home.data().join("vault.key")
    }

    fn marker_file(&self) -> PathBuf {
        self.home.data().join("key.json")
    }
}

impl From<DiskError> for KeyError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<Stopped> for KeyError {
    fn from(error: Stopped) -> Self {
        Self::Stopped(error)
    }
}

fn held(text: &[u8], source: KeySource) -> Result<Held, KeyError> {
    match Key::from_text(text) {
        Some(key) => Ok(Held { key, source }),
        None => Err(KeyError::Damaged { source }),
    }
}

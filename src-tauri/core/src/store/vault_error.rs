//! What can be wrong with the vault, each with its own mend.

use std::path::PathBuf;

use super::{
    blocking::Stopped,
    custody::{KeyError, KeySource},
    disk::DiskError,
    lock::LockError,
    sealed::SealedError,
};
use crate::{Action, Explain, ServerId};

/// The vault could not give or take what was asked. No variant ever means "signed out": what is stored stays stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The file was changed or is not what it should be; kept aside when the next sign-in replaces it.
    #[error("what is stored for {server} is damaged: {file}")]
    Corrupt {
        /// The entry.
        server: ServerId,
        /// Its file.
        file: PathBuf,
    },
    /// The file ends too early.
    #[error("what is stored for {server} is incomplete: {file}")]
    Truncated {
        /// The entry.
        server: ServerId,
        /// Its file.
        file: PathBuf,
    },
    /// The file belongs to another server or is of another kind: someone moved it.
    #[error("what is stored for {server} belongs to something else: {file}")]
    Misplaced {
        /// The entry.
        server: ServerId,
        /// The file that stands in its place.
        file: PathBuf,
    },
    /// A newer program wrote the file: update this one.
    #[error("what is stored for {server} needs a newer version of this program (format {version}): {file}")]
    Newer {
        /// The entry.
        server: ServerId,
        /// Its file.
        file: PathBuf,
        /// The format's version.
        version: u32,
    },
    /// More than the vault takes.
    #[error("what is to be stored for {server} is too large")]
    TooLarge {
        /// The entry.
        server: ServerId,
    },
    /// The key that sealed the file is gone, or was replaced: only a new sign-in helps.
    #[error("the key to what is stored for {server} is lost")]
    KeyLost {
        /// The entry.
        server: ServerId,
    },
    /// The keychain is locked, or the user said no, or nobody answered its prompt.
    #[error("the keychain is locked or refused access")]
    Locked,
    /// The key is in a keychain that cannot be reached from this session, such as one over SSH.
    #[error(
        "the key is in a keychain that cannot be reached from this session; removing {marker} gives up what it sealed"
    )]
    OutOfReach {
        /// The file that says so.
        marker: PathBuf,
    },
    /// What keeps the key holds something else in its place; the next sign-in makes a new key.
    #[error("{} holds something that is no key of ours", place(*kept_in))]
    KeyDamaged {
        /// Where.
        kept_in: KeySource,
    },
    /// Another process is making the key.
    #[error(transparent)]
    KeyBusy(LockError),
    /// The operating system gives no random numbers.
    #[error("the system's random number generator does not answer")]
    NoRandomness,
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The program is ending.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl VaultError {
    pub(super) fn sealed(error: SealedError, server: &ServerId, file: PathBuf) -> Self {
        let server = server.clone();
        match error {
            SealedError::Corrupt => Self::Corrupt { server, file },
            SealedError::Truncated => Self::Truncated { server, file },
            SealedError::Misplaced => Self::Misplaced { server, file },
            SealedError::Newer { version } => Self::Newer {
                server,
                file,
                version,
            },
            SealedError::OtherKey => Self::KeyLost { server },
            SealedError::TooLarge => Self::TooLarge { server },
            SealedError::NoRandomness => Self::NoRandomness,
        }
    }
}

impl From<KeyError> for VaultError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Locked => Self::Locked,
            KeyError::OutOfReach { marker } => Self::OutOfReach { marker },
            KeyError::Damaged { source } => Self::KeyDamaged { kept_in: source },
            KeyError::Busy(error) => Self::KeyBusy(error),
            KeyError::Disk(error) => Self::Disk(error),
            KeyError::NoRandomness => Self::NoRandomness,
            KeyError::Stopped(error) => Self::Stopped(error),
        }
    }
}

impl Explain for VaultError {
    fn code(&self) -> &'static str {
        match self {
            Self::Corrupt { .. } => "vault_corrupt",
            Self::Truncated { .. } => "vault_truncated",
            Self::Misplaced { .. } => "vault_misplaced",
            Self::Newer { .. } => "vault_newer",
            Self::TooLarge { .. } => "vault_too_large",
            Self::KeyLost { .. } => "key_lost",
            Self::Locked => "keychain_locked",
            Self::OutOfReach { .. } => "keychain_out_of_reach",
            Self::KeyDamaged { .. } => "key_damaged",
            Self::KeyBusy(error) => error.code(),
            Self::NoRandomness => "no_randomness",
            Self::Disk(error) => error.code(),
            Self::Stopped(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Corrupt { .. }
            | Self::Truncated { .. }
            | Self::Misplaced { .. }
            | Self::KeyLost { .. }
            | Self::KeyDamaged { .. } => Action::Reauthenticate,
            Self::Locked | Self::OutOfReach { .. } => Action::Unlock,
            Self::Newer { .. } => Action::None,
            Self::TooLarge { .. } => Action::AskProvider,
            Self::KeyBusy(error) => error.action(),
            Self::NoRandomness => Action::Retry,
            Self::Disk(error) => error.action(),
            Self::Stopped(error) => error.action(),
        }
    }
}

fn place(source: KeySource) -> &'static str {
    match source {
        KeySource::Keychain => "the keychain item",
        KeySource::File => "the key file",
    }
}

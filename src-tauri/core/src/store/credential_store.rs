//! The keychain seam: one small secret in the operating system's keeping.

use std::fmt;

/// Holds the vault's key. Every call may block on a prompt and must be made off the async threads.
pub trait CredentialStore: Send + Sync + fmt::Debug {
    /// Reads the secret; `Ok(None)` only when the store answered and surely has none.
    fn read(&self) -> Result<Option<Vec<u8>>, CredentialStoreError>;

    /// Writes the secret, and reads it back before saying so.
    fn write(&self, secret: &[u8]) -> Result<(), CredentialStoreError>;

    /// Removes the secret; fine when there is none.
    fn delete(&self) -> Result<(), CredentialStoreError>;
}

/// Why the keychain gave nothing. Carries no platform text that could repeat a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialStoreError {
    /// This machine has no keychain: headless, no session bus, no service. The key file takes over.
    #[error("there is no keychain on this machine")]
    Missing,
    /// There is one and it refuses: locked, denied, dismissed. The user is asked; nothing falls back.
    #[error("the keychain is locked or refused")]
    Refused,
    /// It answered something that is not ours.
    #[error("the keychain item is damaged")]
    Damaged,
}

//! Sealed grants, their key, and their locks.
//!
//! ```text
//! <home>/key.json           what keeps the key: keychain or file        (custody)
//! <home>/vault.key          the key, where there is no keychain, 0600   (key)
//! <home>/vault/*.grant      sealed grants: one readable line, then ciphertext  (sealed, sealed_file)
//! <home>/vault/*.client     sealed client registrations, by issuer
//! <home>/vault/*.lock       one lock per grant, held while it is refreshed     (lock)
//! <home>/records/*.json     what was last observed, nothing secret      (record)
//! ```
//!
//! Everything is written beside its place, flushed and renamed into it ([`fault`] can stop the process in between), in
//! folders of 0700. Other processes' writes are noticed by watching the folders ([`Vault::changes`]).

mod blocking;
mod changes;
mod client_dto;
mod credential_store;
mod custody;
mod disk;
pub mod fault;
#[cfg(test)]
mod fixtures;
mod grant_dto;
mod home;
mod key;
mod key_cell;
mod keychain;
mod lock;
mod name;
#[cfg(test)]
mod processes;
mod record;
mod sealed;
mod sealed_file;
mod summary;
mod vault;
mod vault_error;

pub use blocking::Stopped;
pub use changes::Seen;
pub use credential_store::{CredentialStore, CredentialStoreError};
pub use custody::KeySource;
pub use disk::DiskError;
pub use home::{HOME_VARIABLE, Home, HomeError};
pub(crate) use keychain::foreign_secret;
pub use keychain::{KEYCHAIN_VARIABLE, Keychain, NoKeychain, credentials};
pub use lock::{GrantLock, Holder, LockError};
pub use name::{GrantName, RecordName};
pub use record::ServerRecord;
pub use summary::GrantSummary;
pub use vault::Vault;
pub use vault_error::VaultError;

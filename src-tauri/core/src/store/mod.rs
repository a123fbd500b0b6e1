//! Sealed grants, their key, and their locks.

mod credential_store;

pub use credential_store::{CredentialStore, CredentialStoreError};

//! The Secret Service of freedesktop.org: it may be locked, may be absent, and may come later.

use std::io;

use keyring::{Entry, Error, Result};
use keyring_core::api::CredentialStoreApi as _;
use secret_service::{EncryptionType, blocking::SecretService};
use zbus_secret_service_keyring_store::Store;

/// An entry over a connection of its own: the facade's first failure to connect would be its last word.
pub(super) fn entry(service: &str, account: &str) -> Result<Entry> {
    let inner = Store::new()?.build(service, account, None)?;
    Ok(Entry { inner })
}

/// Unlocks the collection new items go to. Locked, it hides its items instead of refusing to show them.
pub(super) fn unlock() -> Result<()> {
    let service = SecretService::connect(EncryptionType::Dh).map_err(wrapped)?;
    let collection = match service.get_default_collection() {
        Ok(collection) => collection,
        // No collection holds no items.
        Err(secret_service::Error::NoResult) => return Ok(()),
        Err(error) => return Err(wrapped(error)),
    };
    if !collection.is_locked().map_err(wrapped)? {
        return Ok(());
    }
    collection.unlock().map_err(wrapped)?;
    // A service without a prompter calls the unlocking done and leaves the collection as it was.
    if collection.is_locked().map_err(wrapped)? {
        return Err(wrapped(secret_service::Error::Locked));
    }
    Ok(())
}

/// Whether there is nothing to talk to; a service that answers anything at all is there, and refuses.
pub(super) fn is_absent(error: &Error) -> bool {
    let Error::PlatformFailure(cause) = error else {
        return false;
    };
    match cause.downcast_ref::<secret_service::Error>() {
        Some(secret_service::Error::Unavailable) => true,
        Some(secret_service::Error::Zbus(error)) => nobody_answers(error),
        _ => false,
    }
}

fn nobody_answers(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::Address(_) => true,
        zbus::Error::InputOutput(cause) | zbus::Error::Connection(cause, _) => matches!(
            cause.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        ),
        zbus::Error::MethodError(name, ..) => matches!(
            name.as_str(),
            "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner"
                | "org.freedesktop.DBus.Error.Spawn.ServiceNotFound"
        ),
        _ => false,
    }
}

fn wrapped(error: secret_service::Error) -> Error {
    Error::PlatformFailure(Box::new(error))
}

#[cfg(test)]
mod tests;

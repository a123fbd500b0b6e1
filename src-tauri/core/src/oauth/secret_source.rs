//! Reading a secret from where its owner keeps it, anew each time, because its owner replaces it.

use oauth2::ClientSecret;

use crate::{Action, Explain, config::SecretSource};

/// The largest key or token read from a file, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The config file lacks something, or the variable it names is not set.
    #[error("'{key}' of the auth block is missing, or what it names is empty")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A file cannot be read.
    #[error("{place} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        place: String,
        /// The operating system's words.
        cause: String,
    },
}

impl Explain for SecretError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "credential_missing",
            Self::Unreadable { .. } => "credential_unreadable",
        }
    }

    fn action(&self) -> Action {
        Action::EditConfig
    }
}

/// Reads a secret; `key` names the entry of the config file that was to say where it is.
pub(super) async fn read(
    source: Option<&SecretSource>,
    key: &'static str,
) -> Result<ClientSecret, SecretError> {
    let text = match source {
        None => return Err(SecretError::Missing { key }),
        Some(SecretSource::Variable(_, value)) => value.secret().replace("\\n", "\n"),
        Some(SecretSource::File(path)) => {
            let (path, place) = (path.clone(), path.display().to_string());
            let read = tokio::task::spawn_blocking(move || text_of(&path)).await;
            let read = read.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)));
            read.map_err(|error| SecretError::Unreadable {
                place,
                cause: error.to_string(),
            })?
        }
    };
    match text.trim() {
        "" => Err(SecretError::Missing { key }),
        text => Ok(ClientSecret::new(text.to_owned())),
    }
}

fn text_of(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_SECRET)
        .read_to_string(&mut text)?;
    Ok(text)
}

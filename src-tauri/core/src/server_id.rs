//! The name of a server entry: the key under `servers` in the config file.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest name accepted, in bytes; it becomes part of tool names and of file names.
const MAX_BYTES: usize = 128;

/// The name of one server entry, unique within a config file.
///
/// Any text is a name as far as oMLX is concerned, so only what could not be shown or stored is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(try_from = "String", into = "String")]
pub struct ServerId(String);

/// Why a text is no server name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerIdError {
    /// The name is empty or only white space.
    #[error("a server name must not be empty")]
    Empty,
    /// The name is longer than can be stored.
    #[error("a server name must be at most {MAX_BYTES} bytes long")]
    TooLong,
    /// The name holds a control character.
    #[error("a server name must not contain control characters")]
    Control,
}

impl ServerId {
    /// The name as written in the config file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerId {
    type Error = ServerIdError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.trim().is_empty() {
            Err(ServerIdError::Empty)
        } else if name.len() > MAX_BYTES {
            Err(ServerIdError::TooLong)
        } else if name.chars().any(char::is_control) {
            Err(ServerIdError::Control)
        } else {
            Ok(Self(name))
        }
    }
}

impl FromStr for ServerId {
    type Err = ServerIdError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.to_owned().try_into()
    }
}

impl From<ServerId> for String {
    fn from(id: ServerId) -> Self {
        id.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_exactly_as_written() {
        assert_eq!(
            "My Server/ü".parse::<ServerId>().map(String::from),
            Ok("My Server/ü".to_owned())
        );
    }

    #[test]
    fn what_could_not_be_shown_or_stored_is_refused() {
        assert_eq!(" ".parse::<ServerId>(), Err(ServerIdError::Empty));
        assert_eq!("a\nb".parse::<ServerId>(), Err(ServerIdError::Control));
        assert_eq!("x".repeat(129).parse::<ServerId>(), Err(ServerIdError::TooLong));
    }
}

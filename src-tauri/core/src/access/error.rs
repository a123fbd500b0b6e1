//! What can go wrong with clients and their keys, and why a client is refused something.

use std::{io, path::PathBuf};

use super::PatternError;
use crate::{Action, Explain, ServerId};

/// Why a client could not be added, changed or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is one of that name.
    #[error("there is a client '{0}' already; choose another name, or revoke that one first")]
    NameTaken(String),
    /// It is what stands for everybody who starts the bridge without a name.
    #[error(
        "'bridge' stands for every program that starts the bridge without saying who it is, so it has no key and no rules"
    )]
    Bridge,
    /// There is none of that name.
    #[error("there is no client '{name}'{}", hint(.similar.as_deref()))]
    NoSuchClient {
        /// What was asked for.
        name: String,
        /// The one that was probably meant.
        similar: Option<String>,
    },
    /// It was shut out, and asks again by the id it was given.
    #[error("this client was shut out, or its use was undone; `omlx mcp use CLIENT` lets it in again")]
    Revoked,
    /// Nobody could tell it in a list.
    #[error("a client's name must be 1 to 64 characters without control characters")]
    Name,
    /// A rule is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Nothing is held back there.
    #[error("nothing is held back from '{client}' at '{server}'{}", of(.tool.as_deref()))]
    NothingHeld {
        /// The client.
        client: String,
        /// The server.
        server: ServerId,
        /// The tool asked for; none for any.
        tool: Option<String>,
    },
    /// What is held back is not what was shown.
    #[error(
        "the tool '{tool}' of '{server}' has changed again since it was reviewed for '{client}', so nothing was approved; \
         review it as it is now"
    )]
    ToolChangedAgain {
        /// The client.
        client: String,
        /// The server.
        server: ServerId,
        /// The tool.
        tool: String,
    },
    /// A file of ours was written by someone else, or by a newer version.
    #[error("{} cannot be understood, so no client is let in", .0.display())]
    Damaged(PathBuf),
    /// The operating system failed.
    #[error("{} cannot be used: {kind}", .path.display())]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What kind of failure.
        kind: io::ErrorKind,
    },
    /// The operating system has no random bytes.
    #[error("no key can be made: the operating system gives no random numbers")]
    NoRandomness,
}

fn hint(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}

fn of(tool: Option<&str>) -> String {
    tool.map_or_else(String::new, |tool| format!(" under the name '{tool}'"))
}

impl Explain for AccessError {
    fn code(&self) -> &'static str {
        match self {
            Self::NameTaken(_) => "client_exists",
            Self::Bridge => "client_is_bridge",
            Self::NoSuchClient { .. } => "unknown_client",
            Self::Revoked => "client_revoked",
            Self::Name => "client_name",
            Self::Pattern(_) => "client_rule",
            Self::NothingHeld { .. } => "nothing_held",
            Self::ToolChangedAgain { .. } => "tool_changed_again",
            Self::Damaged(_) => "access_damaged",
            Self::Disk { .. } => "access_disk",
            Self::NoRandomness => "access_no_randomness",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Disk { .. } | Self::NoRandomness => Action::Retry,
            _ => Action::None,
        }
    }
}

impl From<getrandom::Error> for AccessError {
    fn from(_: getrandom::Error) -> Self {
        Self::NoRandomness
    }
}

/// Why a client that has a key does not get what it asked for; told to the client, and through it to a person, with what
/// changes that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its rules leave the server out.
    #[error("'{client}' may not use the server '{server}'")]
    Server {
        /// The client.
        client: String,
        /// The server.
        server: ServerId,
    },
    /// Its rules leave the tool out.
    #[error("'{client}' may not use the tool '{server}__{tool}'")]
    Tool {
        /// The client.
        client: String,
        /// The server.
        server: ServerId,
        /// The tool.
        tool: String,
    },
    /// The tool is not described as it was when it was approved.
    #[error(
        "the description of '{server}__{tool}' has changed since it was approved for '{client}', so it is held back"
    )]
    ToolChanged {
        /// The client.
        client: String,
        /// The server.
        server: ServerId,
        /// The tool.
        tool: String,
    },
    /// Nothing can be said about what was approved.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl Explain for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Server { .. } => "server_not_allowed",
            Self::Tool { .. } => "tool_not_allowed",
            Self::ToolChanged { .. } => "tool_changed",
            Self::Access(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Access(error) => error.action(),
            _ => Action::None,
        }
    }
}

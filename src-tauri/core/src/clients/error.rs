//! Why another client's configuration could not be read or written. It is as it was.

use std::{io, path::PathBuf};

use crate::{Action, Explain, access::AccessError, config::EditError};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No client is called that.
    #[error("there is no client '{name}' that we know{}", hint(*.similar))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The one that was probably meant.
        similar: Option<&'static str>,
    },
    /// It has no configuration, so there is nothing to take over.
    #[error("{} is not there", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("{} cannot be read: {cause}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// One plain phrase.
        cause: String,
    },
    /// The file is not what its own program could read.
    #[error("{} was left alone, because it cannot be understood: {cause}", .path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where, and what is wrong.
        cause: String,
    },
    /// The file is written in a way we cannot change without losing something.
    #[error("{} was left alone, because the change would touch more than our entry", .0.display())]
    Entangled(PathBuf),
    /// Its owner made it read-only.
    #[error("{} is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// Its own program saved it in the meantime.
    #[error("{} was changed by another program in the meantime", .0.display())]
    Changed(PathBuf),
    /// The operating system failed.
    #[error("{} cannot be written: {kind}", .path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What kind of failure.
        kind: io::ErrorKind,
    },
    /// There is nothing to hand over.
    #[error("there is no server that is switched on; add one first")]
    NoServers,
    /// The program's path leads nowhere at the next start.
    #[error(
        "{} is where macOS runs the app for this start only; move oMLX Connect into the Applications folder, open it \
         from there, and try again", .0.display()
    )]
    Translocated(PathBuf),
    /// oMLX would refuse the whole file because of our entries.
    #[error("oMLX would disable MCP because of this change: {0}")]
    DisablesOmlx(String),
    /// It does not take a URL with a header field.
    #[error("{0} takes programs only, not the address of a gateway")]
    NoGateway(&'static str),
    /// Nothing of ours was written, or it was undone already.
    #[error("there is nothing to undo in {0}")]
    NothingToUndo(&'static str),
    /// That use is not in our records any more.
    #[error("this use of {0} was undone already, or is too long ago")]
    UndoneAlready(&'static str),
    /// What it wrote is a later use's by now.
    #[error("a later use of {0} wrote the same entry anew; undo that one")]
    UsedSince(&'static str),
    /// No key could be made or taken back.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Our own config file cannot be changed.
    #[error(transparent)]
    Config(#[from] EditError),
}

fn hint(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |id| format!("; did you mean '{id}'?"))
}

impl Explain for ClientError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_client_app",
            Self::Missing(_) => "client_config_missing",
            Self::Unreadable { .. } => "client_config_unreadable",
            Self::Broken { .. } => "client_config_broken",
            Self::Entangled(_) => "client_config_entangled",
            Self::ReadOnly(_) => "client_config_read_only",
            Self::Changed(_) => "client_config_changed",
            Self::Unwritable { .. } => "client_config_unwritable",
            Self::NoServers => "no_servers",
            Self::Translocated(_) => "program_translocated",
            Self::DisablesOmlx(_) => "omlx_refuses",
            Self::NoGateway(_) => "client_takes_programs",
            Self::NothingToUndo(_) => "nothing_to_undo",
            Self::UndoneAlready(_) => "use_undone",
            Self::UsedSince(_) => "use_superseded",
            Self::Access(error) => error.code(),
            Self::Config(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Changed(_) | Self::Unwritable { .. } => Action::Retry,
            Self::Access(error) => error.action(),
            Self::Config(error) => error.action(),
            _ => Action::None,
        }
    }
}

//! What can be taken back for a while: entries removed, servers taken over, entries written into other clients' files.
//!
//! A token is redeemed once. What is not redeemed lapses, the oldest first; the process's end ends them all.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    Action, Explain,
    clients::{ClientError, UseIn, WriteId},
    config::{ConfigFile, Edit, EditError},
};

/// How many can be taken back at a time.
const MOST: usize = 32;

/// Redeemed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(transparent)]
pub struct UndoToken(String);

/// Something that can be taken back.
#[derive(Clone, Debug)]
pub enum Undoable {
    /// Edits of our own config file, in the order they were made.
    Config {
        /// The file.
        file: ConfigFile,
        /// The edits.
        edits: Vec<Edit>,
    },
    /// One write into a client's file.
    UseIn {
        /// Whose files.
        use_in: Box<UseIn>,
        /// The client's id.
        client: String,
        /// Which one.
        write: WriteId,
    },
}

/// Why something was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// It was taken back already, or too much has happened since.
    #[error("this can no longer be undone")]
    Gone,
    /// Our config file is not what it was.
    #[error(transparent)]
    Config(#[from] EditError),
    /// The client's file could not be changed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Explain for UndoError {
    fn code(&self) -> &'static str {
        match self {
            Self::Gone => "undo_gone",
            Self::Config(error) => error.code(),
            Self::Client(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Gone => Action::None,
            Self::Config(error) => error.action(),
            Self::Client(error) => error.action(),
        }
    }
}

/// Everything of this process that can be taken back; cheap to clone.
#[derive(Clone, Default)]
pub struct Undo(Arc<Mutex<Offers>>);

#[derive(Default)]
struct Offers {
    made: u64,
    open: VecDeque<(UndoToken, Undoable)>,
}

impl Undo {
    /// Lets something be taken back; the oldest offer lapses when there are too many.
    pub fn offer(&self, undoable: Undoable) -> UndoToken {
        let mut offers = self.offers();
        offers.made += 1;
        let token = UndoToken(format!("undo-{}", offers.made));
        offers.open.push_back((token.clone(), undoable));
        if offers.open.len() > MOST {
            offers.open.pop_front();
        }
        token
    }

    /// Takes it back. Blocking, briefly.
    pub fn redeem(&self, token: &UndoToken) -> Result<(), UndoError> {
        match self.take(token).ok_or(UndoError::Gone)? {
            Undoable::Config { file, edits } => {
                for edit in edits.iter().rev() {
                    file.undo(edit)?;
                }
                Ok(())
            }
            Undoable::UseIn {
                use_in,
                client,
                write,
            } => Ok(use_in.undo_write(&client, &write).map(drop)?),
        }
    }

    /// Ends an offer; false when it was redeemed or has lapsed before. For what is only kept until then, such as the grant
    /// of a removed entry.
    pub fn withdraw(&self, token: &UndoToken) -> bool {
        self.take(token).is_some()
    }

    fn take(&self, token: &UndoToken) -> Option<Undoable> {
        let mut offers = self.offers();
        let at = offers.open.iter().position(|(open, _)| open == token)?;
        offers.open.remove(at).map(|(_, undoable)| undoable)
    }

    fn offers(&self) -> MutexGuard<'_, Offers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undo")
            .field("open", &self.offers().open.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_removed_entry_comes_back_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mcp.json");
        let text = r#"{"servers": {"a": {"command": "x"}, "b": {"command": "y"}}} "#;
        fs::write(&path, text).expect("written");
        let file = ConfigFile::at(&path, &Environment::of([]));
        let edit = file.remove(&"a".parse().expect("a name")).expect("removed");
        let undo = Undo::default();
        let token = undo.offer(Undoable::Config {
            file,
            edits: vec![edit],
        });
        undo.redeem(&token).expect("taken back");
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
        assert_eq!(undo.redeem(&token).expect_err("only once").code(), "undo_gone");
        assert!(!undo.withdraw(&token));
    }
}

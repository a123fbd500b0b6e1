//! Changing the file: one entry at a time, everything else kept, and never half-written.
//!
//! An edit is read → change the text → compare → rename, and begins again when someone saved in between. What it wrote
//! over is handed back, which is all an undo needs.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{
    atomic::{self, ReplaceError},
    entry::ServerChanges,
    flaw::{Flaw, closest, shown},
    locate::{ConfigFile, Readers},
    model::Config,
    new_server::{AuthBlock, NewServer},
    omlx_rules,
    read::{ConfigError, MAX_BYTES, read_bounded, text_of},
    syntax::{Format, without_bom},
};
use crate::{Action, Explain, Problem, ServerId};

mod by_hand;
mod json;

pub use by_hand::ByHand;
pub(crate) use json::input as cst_value;

/// How often an edit begins again because someone else saved in between.
const TRIES: usize = 8;

/// One change to the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new entry.
    Add(ServerId, Box<NewServer>),
    /// An entry, and its `auth` wherever it stands, taken out.
    Remove(ServerId),
    /// `enabled: true`
    Enable(ServerId),
    /// `enabled: false`
    Disable(ServerId),
    /// Keys of the `auth` block set, or taken out with `null`; the other ones stay.
    SetAuth(ServerId, AuthBlock),
    /// What a person changed in an editor; another name is the entry's from then on.
    Amend(ServerId, Box<ServerChanges>),
}

/// What an edit did, or would do.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// What stood in the file before; none when there was no file.
    pub previous: Option<Vec<u8>>,
    /// What is worth knowing: warnings about the entry, and what oMLX thinks of the file.
    pub notes: Vec<Problem>,
    written: Vec<u8>,
}

/// Why the file was not changed. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It could not be read.
    #[error(transparent)]
    Read(ConfigError),
    /// It makes no sense as it is, so nothing can be said about what a change would do.
    #[error("{} must be mended first: {cause}", .path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// There is one of that name already.
    #[error("there is a server '{0}' already; choose another name")]
    Exists(ServerId),
    /// There is none of that name.
    #[error("there is no server '{server}' in the config file{hint}")]
    NoSuchServer {
        /// The name asked for.
        server: ServerId,
        /// A name that is there and looks alike.
        hint: String,
    },
    /// The name, or a key around it, stands there twice, and a change to one would not be seen.
    #[error("'{0}' stands in the config file twice; take one out first")]
    Ambiguous(String),
    /// The entry would not be usable.
    #[error("{0}")]
    Invalid(String),
    /// oMLX reads this file, and would disable MCP because of the change.
    #[error("oMLX would disable MCP because of this change: {0}")]
    DisablesOmlx(String),
    /// The format cannot be changed without losing what the user wrote.
    #[error("{}", .0)]
    ByHand(Box<ByHand>),
    /// Its owner made it read-only.
    #[error("{} is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// Somebody keeps saving it, or it is not what it was when the edit to undo was made.
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
}

impl Explain for EditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Broken { .. } => "config_broken",
            Self::Exists(_) => "server_exists",
            Self::NoSuchServer { .. } => "unknown_server",
            Self::Ambiguous(_) => "config_duplicate",
            Self::Invalid(_) => "server_config",
            Self::DisablesOmlx(_) => "omlx_refuses",
            Self::ByHand(_) => "config_by_hand",
            Self::ReadOnly(_) => "config_read_only",
            Self::Changed(_) => "config_changed",
            Self::Unwritable { .. } => "config_unwritable",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Read(error) => error.action(),
            Self::Changed(_) | Self::Unwritable { .. } => Action::Retry,
            Self::Exists(_) | Self::NoSuchServer { .. } | Self::Invalid(_) => Action::None,
            _ => Action::EditConfig,
        }
    }
}

impl Change {
    /// The entry it is about.
    pub fn server(&self) -> &ServerId {
        match self {
            Self::Add(id, _)
            | Self::Remove(id)
            | Self::Enable(id)
            | Self::Disable(id)
            | Self::SetAuth(id, _)
            | Self::Amend(id, _) => id,
        }
    }
}

impl Edit {
    /// Whether the file is any different.
    pub fn is_change(&self) -> bool {
        self.previous.as_deref() != Some(self.written.as_slice())
    }

    /// The text of the file with the change. It may hold secrets.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }
}

/// The texts may hold secrets, so only the notes are shown.
impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit")
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Whether oMLX may lose its MCP servers over a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Regard {
    ForOmlx,
    ForUsAlone,
}

impl ConfigFile {
    /// Adds an entry. Makes the file, for its owner alone, and its folder when there are none.
    pub fn add(&self, id: &ServerId, server: NewServer) -> Result<Edit, EditError> {
        self.edit(&Change::Add(id.clone(), Box::new(server)))
    }

    /// Takes an entry out, and its `auth` with it.
    pub fn remove(&self, id: &ServerId) -> Result<Edit, EditError> {
        self.edit(&Change::Remove(id.clone()))
    }

    /// Lets an entry be used.
    pub fn enable(&self, id: &ServerId) -> Result<Edit, EditError> {
        self.edit(&Change::Enable(id.clone()))
    }

    /// Keeps an entry without using it.
    pub fn disable(&self, id: &ServerId) -> Result<Edit, EditError> {
        self.edit(&Change::Disable(id.clone()))
    }

    /// Sets keys of an entry's `auth`, where oMLX does not mind them.
    pub fn set_auth(&self, id: &ServerId, keys: AuthBlock) -> Result<Edit, EditError> {
        self.edit(&Change::SetAuth(id.clone(), keys))
    }

    /// What a change would do, without doing it.
    pub fn preview(&self, change: &Change) -> Result<Edit, EditError> {
        let previous = bytes(&atomic::followed(&self.path))?;
        self.changed(previous, change, Regard::ForUsAlone)
    }

    /// Makes a change; refused when oMLX reads the file and would disable MCP because of it.
    pub fn edit(&self, change: &Change) -> Result<Edit, EditError> {
        self.write(|previous| self.changed(previous, change, Regard::ForOmlx))
    }

    /// Makes a change whatever oMLX says, for a user who was told.
    pub fn edit_despite_omlx(&self, change: &Change) -> Result<Edit, EditError> {
        self.write(|previous| self.changed(previous, change, Regard::ForUsAlone))
    }

    /// Puts back what an edit wrote over, provided that nobody changed the file since.
    pub fn undo(&self, edit: &Edit) -> Result<(), EditError> {
        let path = atomic::followed(&self.path);
        let _lock = self.lock(&path)?;
        let Some(previous) = &edit.previous else {
            return self.unmake(&path, edit);
        };
        atomic::replace(&path, Some(&edit.written), previous).map_err(|error| self.failed(error))
    }

    fn unmake(&self, path: &Path, edit: &Edit) -> Result<(), EditError> {
        if bytes(path)?.as_deref() != Some(edit.written.as_slice()) {
            return Err(EditError::Changed(self.path.clone()));
        }
        fs::remove_file(path).map_err(|error| self.failed(error.into()))
    }

    /// Reads, applies and replaces, and again from the start when someone else saved in between.
    fn write(
        &self,
        mut apply: impl FnMut(Option<Vec<u8>>) -> Result<Edit, EditError>,
    ) -> Result<Edit, EditError> {
        let path = atomic::followed(&self.path);
        let _lock = self.lock(&path)?;
        for _ in 0..TRIES {
            let edit = apply(bytes(&path)?)?;
            if !edit.is_change() {
                return Ok(edit);
            }
            match atomic::replace(&path, edit.previous.as_deref(), &edit.written) {
                Ok(()) => return Ok(edit),
                Err(ReplaceError::Changed) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Err(EditError::Changed(self.path.clone()))
    }

    fn lock(&self, path: &Path) -> Result<atomic::FolderLock, EditError> {
        let folder = atomic::folder_of(path);
        let locked = atomic::make_folder(folder).and_then(|()| atomic::lock(folder));
        locked.map_err(|error| self.failed(error.into()))
    }

    fn failed(&self, error: ReplaceError) -> EditError {
        let path = self.path.clone();
        match error {
            ReplaceError::Changed => EditError::Changed(path),
            ReplaceError::ReadOnly => EditError::ReadOnly(path),
            ReplaceError::Io(error) => EditError::Unwritable {
                path,
                kind: error.kind(),
            },
        }
    }

    /// The file's text with the change in it, and what is to be said about it.
    fn changed(&self, previous: Option<Vec<u8>>, change: &Change, regard: Regard) -> Result<Edit, EditError> {
        let before = text_of(previous.clone().unwrap_or_default(), &self.path).map_err(EditError::Read)?;
        check_keys(change)?;
        let (after, mut notes) = self.changed_text(&before, change)?;
        notes.extend(self.notes_about(change, &before, &after)?);
        notes.extend(self.omlx_notes(&before, &after, regard)?);
        Ok(Edit {
            previous,
            notes,
            written: after.into_bytes(),
        })
    }

    fn changed_text(&self, before: &str, change: &Change) -> Result<(String, Vec<Problem>), EditError> {
        match self.format {
            Format::Json if is_blank(before) => json::apply("{}\n", change, self),
            Format::Json => json::apply(before, change, self),
            Format::Yaml if is_blank(before) => by_hand::first(change),
            Format::Yaml => Err(by_hand::instruct(before, change, self)),
        }
    }

    /// What reading the new text says about the entry; a reason not to use it is a reason not to write it, unless it
    /// was one before or only a variable is missing so far.
    fn notes_about(&self, change: &Change, before: &str, after: &str) -> Result<Vec<Problem>, EditError> {
        let id = match change {
            Change::Amend(id, changes) => changes.id.as_ref().unwrap_or(id),
            change => change.server(),
        };
        let config = Config::parse(after, self.format, &self.env);
        if let Some(problem) = config.fatal() {
            return Err(self.broken(problem.message.clone()));
        }
        let known = Config::parse(before, self.format, &self.env).notes;
        let about = config
            .notes
            .into_iter()
            .filter(|note| note.server.as_deref() == Some(id.as_str()));
        let mut notes = Vec::new();
        for note in about {
            if note.fatal && note.problem.code != "server_variable" && !known.contains(&note) {
                return Err(EditError::Invalid(note.problem.message));
            }
            notes.push(note.problem);
        }
        Ok(notes)
    }

    fn omlx_notes(&self, before: &str, after: &str, regard: Regard) -> Result<Vec<Problem>, EditError> {
        if self.readers != Readers::OmlxToo {
            return Ok(Vec::new());
        }
        let was_fine = is_blank(before) || omlx_rules::refusals(before, self.format).is_empty();
        let refusals = omlx_rules::refusals(after, self.format);
        match (refusals.first(), regard) {
            (Some(refusal), Regard::ForOmlx) if was_fine => Err(EditError::DisablesOmlx(refusal.clone())),
            _ => Ok(refusals
                .into_iter()
                .map(|refusal| Flaw::OmlxRefuses(refusal).problem())
                .collect()),
        }
    }

    fn broken(&self, cause: String) -> EditError {
        EditError::Broken {
            path: self.path.clone(),
            cause,
        }
    }
}

/// The bytes of the file, or none when it is yet to be made.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, EditError> {
    match read_bounded(path, MAX_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ConfigError::Missing(_)) => Ok(None),
        Err(error) => Err(EditError::Read(error)),
    }
}

fn check_keys(change: &Change) -> Result<(), EditError> {
    let unknown = match change {
        Change::Add(_, server) => server.auth.unknown_key(),
        Change::SetAuth(_, keys) => keys.unknown_key(),
        Change::Remove(_) | Change::Enable(_) | Change::Disable(_) | Change::Amend(..) => None,
    };
    let complain = |key| {
        EditError::Invalid(format!(
            "server '{}': unknown key 'auth.{}'",
            change.server(),
            shown(key)
        ))
    };
    unknown.map_or(Ok(()), |key| Err(complain(key)))
}

fn is_blank(text: &str) -> bool {
    without_bom(text).trim().is_empty()
}

/// The complaint about a name that is not there.
fn no_such_server<'a>(id: &ServerId, known: impl Iterator<Item = &'a str>) -> EditError {
    let hint = closest(id.as_str(), known)
        .map_or_else(String::new, |name| format!("; did you mean '{}'?", shown(name)));
    EditError::NoSuchServer {
        server: id.clone(),
        hint,
    }
}

#[cfg(test)]
mod tests;

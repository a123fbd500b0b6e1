//! What was written into other clients' files, so that it can be taken back by a later process: `use-in.json`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ClientError;
use crate::{
    access::{AccessError, ClientId, file as own_file},
    store::Home,
};

/// How many writes can be taken back, one after the other.
const MOST: usize = 50;

/// Tells a write into a client's file from every other one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteId(String);

impl WriteId {
    pub(super) fn generate() -> Result<Self, AccessError> {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|_| AccessError::NoRandomness)?;
        Ok(Self(format!("{:08x}", u32::from_be_bytes(bytes))))
    }
}

impl From<String> for WriteId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    /// None where an earlier version wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<WriteId>,
    /// The client's id.
    pub(super) app: String,
    /// Its file.
    pub(super) path: PathBuf,
    /// What stood there before; none when there was no file.
    pub(super) backup: Option<PathBuf>,
    /// The uppermost of the folders that were made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made_folder: Option<PathBuf>,
    /// SHA-256 of what stood there after.
    pub(super) after: String,
    /// The entries that were written.
    pub(super) entries: Vec<String>,
    /// The clients whose keys were made for it.
    #[serde(default)]
    pub(super) clients: Vec<ClientId>,
    /// The same by their names, as earlier versions wrote it down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<String>,
}

/// The list of them, the last one last.
#[derive(Clone, Debug)]
pub(super) struct Records(PathBuf);

impl Records {
    pub(super) fn of(home: &Home) -> Self {
        Self(home.data().join("use-in.json"))
    }

    pub(super) fn push(&self, written: Written) -> Result<(), ClientError> {
        self.change(|list| {
            list.push(written);
            if list.len() > MOST {
                list.remove(0);
            }
        })
    }

    /// The last write into a client's file.
    pub(super) fn last(&self, app: &str) -> Result<Option<Written>, ClientError> {
        Ok(self.all()?.into_iter().rev().find(|written| written.app == app))
    }

    /// Every write, the last one last.
    pub(super) fn all(&self) -> Result<Vec<Written>, ClientError> {
        let read = own_file::read(&self.0).and_then(|bytes| self.parse(bytes.as_deref()));
        read.map_err(told)
    }

    /// Takes note that we have changed a file since. Where only one write stands in it, and nobody else has written,
    /// undoing it restores what was there before; otherwise no copy is what should be there, and entries are taken out.
    pub(super) fn rewritten(&self, path: &Path, (before, after): (&str, String)) -> Result<(), ClientError> {
        self.change(|list| {
            let mut writes: Vec<&mut Written> =
                list.iter_mut().filter(|written| written.path == path).collect();
            match writes.as_mut_slice() {
                [only] if only.after == before => only.after = after,
                writes => writes.iter_mut().for_each(|written| written.after.clear()),
            }
        })
    }

    /// Forgets a write that was taken back. Of later ones into the same file no copy is what should be there once they
    /// are undone, too. Whoever one of them lets in goes to it, to be shut out when it is undone.
    pub(super) fn remove(
        &self,
        written: &Written,
        heirs: &[(ClientId, &Written)],
    ) -> Result<(), ClientError> {
        self.change(|list| {
            let Some(at) = list.iter().rposition(|known| known == written) else {
                return;
            };
            list.remove(at);
            let later = list[at..].iter_mut();
            for later in later.filter(|later| later.path == written.path) {
                let theirs = heirs.iter().filter(|(_, heir)| **heir == *later);
                let theirs: Vec<ClientId> = theirs.map(|(client, _)| client.clone()).collect();
                later.clients.extend(theirs);
                later.after.clear();
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Written>)) -> Result<(), ClientError> {
        let changed = own_file::update(&self.0, |before| {
            let mut list = self.parse(before)?;
            change(&mut list);
            let text = serde_json::to_vec_pretty(&list).map_err(|_| self.damaged())?;
            Ok((text, ()))
        });
        changed.map_err(told)
    }

    fn parse(&self, bytes: Option<&[u8]>) -> Result<Vec<Written>, AccessError> {
        bytes.map_or(Ok(Vec::new()), |bytes| {
            serde_json::from_slice(bytes).map_err(|_| self.damaged())
        })
    }

    fn damaged(&self) -> AccessError {
        AccessError::Damaged(self.0.clone())
    }
}

fn told(error: AccessError) -> ClientError {
    match error {
        AccessError::Damaged(path) => ClientError::Broken {
            path,
            cause: "it is not what was written there".to_owned(),
        },
        error => error.into(),
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut digits = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Where what stood in a file is kept: beside it, under the first name that is free.
pub(super) fn backup_path(file: &Path) -> PathBuf {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let numbered = |number: usize| match number {
        1 => format!("{name}.omlx-backup"),
        number => format!("{name}.omlx-backup-{number}"),
    };
    let candidates = (1..=MOST).map(|number| file.with_file_name(numbered(number)));
    let mut free = candidates.filter(|path| !path.exists());
    free.next().unwrap_or_else(|| file.with_file_name(numbered(1)))
}

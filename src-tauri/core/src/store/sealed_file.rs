//! Sealed files on disk, found by name. Blocking.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    GrantName, GrantSummary, VaultError,
    disk::{self, DiskError},
    key::Key,
    sealed::{self, Kind, Label, MAX_BYTES, MAX_HEADER_BYTES, Sealed, SealedError},
    summary::AboutGrant,
};
use crate::{ServerId, oauth::issuer::Issuer};

/// One sealed file: which folder, whose, of what kind.
#[derive(Clone, Debug)]
pub(super) struct SealedFile {
    pub(super) folder: PathBuf,
    pub(super) name: GrantName,
    pub(super) kind: Kind,
}

impl SealedFile {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(self.name.file(self.kind.extension()))
    }

    pub(super) fn label(&self) -> Label<'_> {
        Label {
            kind: self.kind,
            name: self.name.stem(),
        }
    }

    pub(super) fn error(&self, error: SealedError) -> VaultError {
        VaultError::sealed(error, self.name.server(), self.path())
    }

    /// The file, checked but not opened; none when there is none.
    pub(super) fn read(&self) -> Result<Option<Sealed>, VaultError> {
        let Some(bytes) = disk::read(&self.path(), MAX_BYTES)? else {
            return Ok(None);
        };
        let sealed = Sealed::parse(bytes, self.label()).map_err(|error| self.error(error))?;
        Ok(Some(sealed))
    }

    /// Puts `bytes` in its place. What stood there and cannot be opened is kept aside: it may yet be mended.
    pub(super) fn write(&self, bytes: &[u8], key: &Key) -> Result<(), VaultError> {
        disk::make_private(&self.folder)?;
        let path = self.path();
        if path.exists() && !self.opens(key) {
            disk::keep_aside(&path, self.kind.extension())?;
        }
        Ok(disk::replace(&path, bytes, self.kind.extension())?)
    }

    /// Removes it, and what was kept aside under its name; false when there was nothing.
    pub(super) fn remove(&self) -> Result<bool, VaultError> {
        let path = self.path();
        let aside = disk::remove(&disk::aside(&path), self.kind.extension())?;
        Ok(disk::remove(&path, self.kind.extension())? || aside)
    }

    fn opens(&self, key: &Key) -> bool {
        matches!(self.read(), Ok(Some(sealed)) if sealed.open(key).is_ok())
    }
}

impl Kind {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Client => "client",
        }
    }
}

/// The readable line of a grant's file; none when there is no file.
pub(super) fn summary(file: &SealedFile) -> Result<Option<GrantSummary>, VaultError> {
    let path = file.path();
    let Some((line, size)) = first_line(&path)? else {
        return Ok(None);
    };
    let about: AboutGrant<'_> = sealed::peek(&line, size, file.label()).map_err(|error| file.error(error))?;
    Ok(Some(about.into_summary(file.name.stem())))
}

/// The readable lines of all grants in a folder, by server name; files that have none are left out.
pub(super) fn summaries(folder: &Path) -> Vec<GrantSummary> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| summary_at(&entry.path()))
        .collect();
    found.sort_by(|one, other| (one.server(), one.name.stem()).cmp(&(other.server(), other.name.stem())));
    found
}

fn summary_at(path: &Path) -> Option<GrantSummary> {
    if path.extension()? != Kind::Grant.extension() {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    let (line, size) = first_line(path).ok()??;
    let label = Label {
        kind: Kind::Grant,
        name: stem,
    };
    let about: AboutGrant<'_> = sealed::peek(&line, size, label).ok()?;
    Some(about.into_summary(stem))
}

/// The issuers at which `server` is registered, by the readable lines of the registrations.
pub(super) fn registered_at(folder: &Path, server: &ServerId) -> Vec<Issuer> {
    let mut issuers: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| issuer_at(&entry.path(), server))
        .collect();
    issuers.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    issuers
}

fn issuer_at(path: &Path, server: &ServerId) -> Option<Issuer> {
    if path.extension()? != Kind::Client.extension() {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    let (line, size) = first_line(path).ok()??;
    let label = Label {
        kind: Kind::Client,
        name: stem,
    };
    let about: FoundClient = sealed::peek(&line, size, label).ok()?;
    let issuer = Issuer::parse(&about.issuer).ok()?;
    let is_ours = about.server == *server && GrantName::of_client(server, &issuer).stem() == stem;
    is_ours.then_some(issuer)
}

/// The readable line of a registration.
#[derive(Deserialize)]
struct FoundClient {
    server: ServerId,
    issuer: String,
}

/// Removes every sealed file of a folder, those kept aside included.
pub(super) fn wipe(folder: &Path) -> Result<(), DiskError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DiskError::new(folder, error)),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if let Some(kind) = kind_of(&path) {
            disk::remove(&path, kind.extension())?;
        }
    }
    Ok(())
}

fn kind_of(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(disk::ASIDE).unwrap_or(name);
    [Kind::Grant, Kind::Client].into_iter().find(|kind| {
        Path::new(name)
            .extension()
            .is_some_and(|own| own == kind.extension())
    })
}

fn first_line(path: &Path) -> Result<Option<(Vec<u8>, u64)>, DiskError> {
    let read = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut line = Vec::new();
        BufReader::new(file.take(MAX_HEADER_BYTES as u64)).read_until(b'\n', &mut line)?;
        Ok((line, size))
    };
    match read() {
        Ok(found) => Ok(Some(found)),
        Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::new(path, error)),
    }
}

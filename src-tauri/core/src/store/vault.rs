//! The vault: sealed grants and registrations in one folder, and what was observed in another.
//!
//! Opening it costs nothing. The key is asked for when something is first opened or sealed; summaries and records
//! never ask for it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{
    CredentialStore, GrantLock, GrantName, GrantSummary, Home, KeySource, LockError, RecordName, Seen,
    ServerRecord, VaultError, blocking,
    changes::Changes,
    client_dto::ClientDto,
    disk,
    grant_dto::GrantDto,
    key_cell::KeyCell,
    sealed::{self, Kind, SealedError},
    sealed_file::{self, SealedFile},
    summary::AboutGrant,
};
use crate::{
    ServerId,
    connection::Introduction,
    oauth::{client::ClientInformation, grant::Grant, issuer::Issuer, timeline::Step},
};

/// The most one record, or one list of tools, may take on disk, in bytes.
const MAX_RECORD_BYTES: u64 = 16 * 1024 * 1024;

/// Grants, registrations and records of one [`Home`]; cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault {
    home: Home,
    folder: PathBuf,
    key: Arc<KeyCell>,
    changes: Arc<Changes>,
}

impl Vault {
    /// The vault in `home`, with its key kept by `credentials`. Does no I/O.
    pub fn open(home: &Home, credentials: Arc<dyn CredentialStore>) -> Self {
        Self {
            home: home.clone(),
            folder: home.vault(),
            key: Arc::new(KeyCell::new(home.clone(), credentials)),
            changes: Arc::default(),
        }
    }

    /// The same key and records with the sealed files and locks in another folder (`auth.token_store`).
    #[must_use]
    pub fn in_folder(&self, folder: PathBuf) -> Self {
        Self {
            folder,
            changes: Arc::default(),
            ..self.clone()
        }
    }

    /// What keeps the key, as far as known without asking it; none before the first grant. Blocking, briefly.
    pub fn key_source(&self) -> Option<KeySource> {
        self.key.source()
    }

    /// Opens a grant; none when there is none, which alone means signed out.
    pub async fn load(&self, grant: impl Into<GrantName>) -> Result<Option<Grant>, VaultError> {
        let file = self.file(grant.into(), Kind::Grant);
        let Some(secret) = self.open_file(&file).await? else {
            return Ok(None);
        };
        let dto: GrantDto<'_> = understood(&file, &secret)?;
        let grant = Grant::try_from(dto).map_err(|_| file.error(SealedError::Corrupt))?;
        if GrantName::from(&grant.key).stem() == file.name.stem() {
            Ok(Some(grant))
        } else {
            Err(file.error(SealedError::Misplaced))
        }
    }

    /// Seals a grant; once this returns, it survives a power cut.
    pub async fn save(&self, grant: &Grant) -> Result<(), VaultError> {
        let file = self.file((&grant.key).into(), Kind::Grant);
        let secret = secret_of(&file, &GrantDto::from(grant))?;
        self.seal_file(file, &AboutGrant::from(grant), &secret).await
    }

    /// Removes a grant and whatever is left of it; false when there was none. Needs no key.
    pub async fn remove(&self, grant: impl Into<GrantName>) -> Result<bool, VaultError> {
        let file = self.file(grant.into(), Kind::Grant);
        blocking::brief(move || file.remove()).await?
    }

    /// Removes every sealed file of the folder, damaged ones and registrations included. Needs no key.
    pub async fn wipe(&self) -> Result<(), VaultError> {
        let folder = self.folder.clone();
        Ok(blocking::brief(move || sealed_file::wipe(&folder)).await??)
    }

    /// Takes the one lock of a grant, against other tasks and other processes, waiting for at most `wait`.
    pub async fn lock(&self, grant: impl Into<GrantName>, wait: Duration) -> Result<GrantLock, LockError> {
        let path = self.folder.join(grant.into().file("lock"));
        GrantLock::acquire(path, wait).await
    }

    /// What is known about a grant without its key; none when there is none. Blocking, briefly.
    pub fn summary(&self, grant: impl Into<GrantName>) -> Result<Option<GrantSummary>, VaultError> {
        sealed_file::summary(&self.file(grant.into(), Kind::Grant))
    }

    /// The same for every readable grant of the folder, by server name. Blocking, briefly.
    pub fn summaries(&self) -> Vec<GrantSummary> {
        sealed_file::summaries(&self.folder)
    }

    /// The registration that `server` uses at `issuer`; none when there is none.
    pub async fn load_client(
        &self,
        server: &ServerId,
        issuer: &Issuer,
    ) -> Result<Option<ClientInformation>, VaultError> {
        let file = self.file(GrantName::of_client(server, issuer), Kind::Client);
        let Some(secret) = self.open_file(&file).await? else {
            return Ok(None);
        };
        let dto: ClientDto<'_> = understood(&file, &secret)?;
        match ClientInformation::try_from(dto) {
            Ok(client) if client.issuer == *issuer => Ok(Some(client)),
            Ok(_) => Err(file.error(SealedError::Misplaced)),
            Err(_) => Err(file.error(SealedError::Corrupt)),
        }
    }

    /// Seals a registration, under the issuer that knows it.
    pub async fn save_client(&self, server: &ServerId, client: &ClientInformation) -> Result<(), VaultError> {
        let file = self.file(GrantName::of_client(server, &client.issuer), Kind::Client);
        let secret = secret_of(&file, &ClientDto::from(client))?;
        let about = AboutClient {
            server,
            issuer: &client.issuer,
        };
        self.seal_file(file, &about, &secret).await
    }

    /// The issuers at which `server` is registered. Needs no key. Blocking, briefly.
    pub fn registered_at(&self, server: &ServerId) -> Vec<Issuer> {
        sealed_file::registered_at(&self.folder, server)
    }

    /// Removes a registration; false when there was none. Needs no key.
    pub async fn remove_client(&self, server: &ServerId, issuer: &Issuer) -> Result<bool, VaultError> {
        let file = self.file(GrantName::of_client(server, issuer), Kind::Client);
        blocking::brief(move || file.remove()).await?
    }

    /// What was last observed of a server; none when nothing readable was. Blocking, briefly.
    pub fn load_record(&self, server: impl Into<RecordName>) -> Option<ServerRecord> {
        self.read_record(&server.into(), "json")
    }

    /// Remembers an observation.
    pub async fn save_record(
        &self,
        server: impl Into<RecordName>,
        record: &ServerRecord,
    ) -> Result<(), VaultError> {
        self.write_record(&server.into(), "json", record).await
    }

    /// The tools as the server last listed them, verbatim. Apart from the record, which is read for every status.
    pub fn load_tools(&self, server: impl Into<RecordName>) -> Option<Vec<Value>> {
        self.read_record(&server.into(), "tools.json")
    }

    /// The same, without taking them apart.
    pub(crate) fn load_tools_as_written(&self, server: impl Into<RecordName>) -> Option<Box<RawValue>> {
        self.read_record(&server.into(), "tools.json")
    }

    /// Remembers the tools, as the server listed them.
    pub async fn save_tools(&self, server: impl Into<RecordName>, tools: &[Value]) -> Result<(), VaultError> {
        self.write_record(&server.into(), "tools.json", tools).await
    }

    /// What the server last said about itself. Blocking, briefly.
    pub fn load_introduction(&self, server: impl Into<RecordName>) -> Option<Introduction> {
        self.read_record(&server.into(), "server.json")
    }

    /// Remembers what the server said about itself.
    pub async fn save_introduction(
        &self,
        server: impl Into<RecordName>,
        said: &Introduction,
    ) -> Result<(), VaultError> {
        self.write_record(&server.into(), "server.json", said).await
    }

    /// The evidence of the last sign-in or failure. Blocking, briefly.
    pub fn load_timeline(&self, server: impl Into<RecordName>) -> Option<Vec<Step>> {
        self.read_record(&server.into(), "timeline.json")
    }

    /// Remembers the evidence.
    pub async fn save_timeline(
        &self,
        server: impl Into<RecordName>,
        steps: &[Step],
    ) -> Result<(), VaultError> {
        self.write_record(&server.into(), "timeline.json", steps).await
    }

    /// When a client last called the server while a person was needed, in whichever process. Blocking, briefly.
    pub fn load_wanted(&self, server: impl Into<RecordName>) -> Option<Timestamp> {
        self.read_record(&server.into(), "wanted.json")
    }

    /// Marks that a client called the server while a person was needed.
    pub async fn save_wanted(&self, server: impl Into<RecordName>, at: Timestamp) -> Result<(), VaultError> {
        self.write_record(&server.into(), "wanted.json", &at).await
    }

    /// Forgets what was observed of a server.
    pub async fn remove_record(&self, server: impl Into<RecordName>) -> Result<(), VaultError> {
        let (folder, name) = (self.home.records(), server.into());
        let remove = move || {
            for extension in [
                "json",
                "tools.json",
                "server.json",
                "timeline.json",
                "wanted.json",
            ] {
                disk::remove(&folder.join(name.file(extension)), "record")?;
            }
            Ok(())
        };
        blocking::brief(remove).await?
    }

    /// Counts up when this or another process saves or removes something; creates the folders it watches.
    pub fn changes(&self) -> watch::Receiver<Seen> {
        self.changes
            .subscribe(&[self.folder.clone(), self.home.records()])
    }

    fn file(&self, name: GrantName, kind: Kind) -> SealedFile {
        SealedFile {
            folder: self.folder.clone(),
            name,
            kind,
        }
    }

    async fn open_file(&self, file: &SealedFile) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let read = file.clone();
        let Some(sealed) = blocking::brief(move || read.read()).await?? else {
            return Ok(None);
        };
        let Some(held) = self.key.to_open(sealed.key()).await? else {
            return Err(file.error(SealedError::OtherKey));
        };
        sealed
            .open(&held.key)
            .map(Some)
            .map_err(|error| file.error(error))
    }

    async fn seal_file<T: Serialize>(
        &self,
        file: SealedFile,
        about: &T,
        secret: &[u8],
    ) -> Result<(), VaultError> {
        let held = self.key.to_seal().await?;
        let bytes =
            sealed::seal(&held.key, file.label(), about, secret).map_err(|error| file.error(error))?;
        blocking::brief(move || file.write(&bytes, &held.key)).await?
    }

    fn read_record<T: DeserializeOwned>(&self, name: &RecordName, extension: &str) -> Option<T> {
        let path = self.home.records().join(name.file(extension));
        let bytes = disk::read(&path, MAX_RECORD_BYTES).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    async fn write_record<T: Serialize + ?Sized>(
        &self,
        name: &RecordName,
        extension: &str,
        record: &T,
    ) -> Result<(), VaultError> {
        let folder = self.home.records();
        let path = folder.join(name.file(extension));
        let bytes = serde_json::to_vec(record).map_err(|error| disk::DiskError::new(&path, error.into()))?;
        let write = move || {
            disk::make_private(&folder)?;
            disk::note(&path, &bytes, "record")
        };
        Ok(blocking::brief(write).await??)
    }
}

/// The readable line of a registration.
#[derive(Serialize)]
struct AboutClient<'a> {
    server: &'a ServerId,
    issuer: &'a Issuer,
}

fn secret_of<T: Serialize>(file: &SealedFile, dto: &T) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    serde_json::to_vec(dto)
        .map(Zeroizing::new)
        .map_err(|_| file.error(SealedError::TooLarge))
}

/// Parses what the key has vouched for; the parser's error is dropped, since it repeats what it read.
fn understood<'a, T: serde::Deserialize<'a>>(
    file: &SealedFile,
    secret: &'a Zeroizing<Vec<u8>>,
) -> Result<T, VaultError> {
    serde_json::from_slice(secret).map_err(|_| file.error(SealedError::Corrupt))
}

#[cfg(test)]
mod tests;

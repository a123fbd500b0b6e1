//! An entry changed, and where it gets another name, all that is kept under its name: the sign-in, the registrations,
//! what was observed of it, what clients of the gateway may have of it, and our entries in other clients' files.
//!
//! The sign-in is there under the new name before the config file says so, and under the old one until the new
//! connection has it; no process can refresh it in between, because its lock is held. Another URL or account is another
//! sign-in (decision 0004), and takes none along.

use std::time::Duration;

use crate::{
    Explain, Problem, ServerId,
    access::Access,
    clients::{self, NotRenamed},
    clock::Clock,
    config::{Change, Config, ConfigFile, ServerChanges, ServerConfig},
    connection::record_name,
    handle::Handle,
    oauth::grant::GrantKey,
    store::{GrantLock, Home, RecordName, Vault, VaultError},
};

/// How long a refresh under way is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Changes an entry. Where its sign-in cannot be taken along to a new name, nothing is changed. What is left to be done
/// in other clients is given back, to be told.
pub async fn amend(
    handle: &Handle,
    (file, home): (&ConfigFile, &Home),
    id: &ServerId,
    changes: ServerChanges,
) -> Result<Vec<NotRenamed>, Problem> {
    let luggage = luggage(handle, file, id, &changes);
    let change = Change::Amend(id.clone(), Box::new(changes));
    let edit = || {
        let outcome = file.edit(&change);
        outcome.map(|_| Vec::new()).map_err(|error| error.problem())
    };
    let Some(luggage) = luggage else { return edit() };
    let access = Access::open(home, Clock::system());
    let lock = match luggage.carry().await {
        Ok(lock) => lock,
        Err(problem) => {
            luggage.forget(&luggage.new).await;
            return Err(problem);
        }
    };
    if let Err(problem) = rename(&access, &luggage).and_then(|()| edit().map(drop)) {
        luggage.take_back(&access).await;
        return Err(problem);
    }
    let config = std::path::absolute(file.path()).unwrap_or_else(|_| file.path().to_owned());
    let left = clients::rename_server((home, &config), &luggage.old.id, &luggage.new.id);
    for NotRenamed { client, cause } in &left {
        tracing::warn!(client, code = %cause.code, "may still ask for the old name: {}", cause.message);
    }
    handle.appeared(&luggage.new.id).await;
    luggage.leave_nothing().await;
    drop(lock);
    Ok(left)
}

fn rename(access: &Access, luggage: &Luggage) -> Result<(), Problem> {
    let renamed = access.rename_server(&luggage.old.id, &luggage.new.id);
    renamed.map_err(|error| error.problem())
}

/// What has to move; none where the name stays, or the edit will be refused because the new one is taken.
fn luggage(handle: &Handle, file: &ConfigFile, id: &ServerId, changes: &ServerChanges) -> Option<Luggage> {
    let name = changes.id.as_ref().filter(|name| *name != id)?;
    let config = file.read().ok()?;
    let old = config
        .servers
        .get(id)
        .filter(|_| !is_taken(&config, name))?
        .clone();
    let same = |changed: Option<&str>, now: Option<&str>| changed.is_none_or(|changed| Some(changed) == now);
    let url = old.transport.url().map(url::Url::as_str);
    let is_same_grant =
        same(changes.url.as_deref(), url) && same(changes.account.as_deref(), old.auth.account.as_deref());
    let new = ServerConfig {
        id: name.clone(),
        ..old.clone()
    };
    Some(Luggage {
        vault: handle.vault(old.auth.token_store.clone()),
        is_same_grant,
        old,
        new,
    })
}

fn is_taken(config: &Config, name: &ServerId) -> bool {
    let mut noted = config.notes.iter().filter_map(|note| note.server.as_deref());
    config.servers.contains_key(name) || noted.any(|noted| noted == name.as_str())
}

/// What is kept under an entry's name.
struct Luggage {
    vault: Vault,
    /// Whether the sign-in is one for the changed entry, too.
    is_same_grant: bool,
    old: ServerConfig,
    new: ServerConfig,
}

impl Luggage {
    /// Puts a copy under the new name. Until the lock is dropped nobody else refreshes the one under the old name.
    async fn carry(&self) -> Result<Option<GrantLock>, Problem> {
        if !self.is_same_grant {
            return Ok(None);
        }
        let lock = self.carry_grant().await?;
        let carried = self.carry_clients().await;
        carried.map_err(|error| error.problem())?;
        self.carry_records().await.map_err(|error| error.problem())?;
        Ok(lock)
    }

    async fn carry_grant(&self) -> Result<Option<GrantLock>, Problem> {
        let (Some(old), Some(new)) = (GrantKey::of(&self.old), GrantKey::of(&self.new)) else {
            return Ok(None);
        };
        if matches!(self.vault.summary(&old), Ok(None)) {
            return Ok(None);
        }
        let lock = self.vault.lock(&old, PATIENCE).await;
        let lock = lock.map_err(|error| error.problem())?;
        let stored = self.vault.load(&old).await.map_err(|error| error.problem())?;
        if let Some(mut grant) = stored {
            grant.key = new;
            let saved = self.vault.save(&grant).await;
            saved.map_err(|error| error.problem())?;
        }
        Ok(Some(lock))
    }

    async fn carry_clients(&self) -> Result<(), VaultError> {
        for issuer in self.vault.registered_at(&self.old.id) {
            if let Some(client) = self.vault.load_client(&self.old.id, &issuer).await? {
                self.vault.save_client(&self.new.id, &client).await?;
            }
        }
        Ok(())
    }

    async fn carry_records(&self) -> Result<(), VaultError> {
        let (vault, old, new) = (&self.vault, record_name(&self.old), record_name(&self.new));
        if let Some(record) = vault.load_record(&old) {
            vault.save_record(&new, &record).await?;
        }
        if let Some(tools) = vault.load_tools(&old) {
            vault.save_tools(&new, &tools).await?;
        }
        if let Some(said) = vault.load_introduction(&old) {
            vault.save_introduction(&new, &said).await?;
        }
        if let Some(steps) = vault.load_timeline(&old) {
            vault.save_timeline(&new, &steps).await?;
        }
        Ok(())
    }

    /// The file was not changed: what was put under the new name goes again.
    async fn take_back(&self, access: &Access) {
        if let Err(error) = access.rename_server(&self.new.id, &self.old.id) {
            tracing::warn!("{error}");
        }
        if self.is_same_grant {
            self.forget(&self.new).await;
        }
    }

    /// Nothing is left under the old name, unless it is a sign-in of its own.
    async fn leave_nothing(&self) {
        if self.is_same_grant {
            self.forget(&self.old).await;
        }
    }

    async fn forget(&self, server: &ServerConfig) {
        let forgotten = async {
            if let Some(key) = GrantKey::of(server) {
                self.vault.remove(&key).await?;
            }
            for issuer in self.vault.registered_at(&server.id) {
                self.vault.remove_client(&server.id, &issuer).await?;
            }
            let name: RecordName = record_name(server);
            self.vault.remove_record(&name).await
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(server = %server.id, "{error}");
        }
    }
}

//! Signing out: always wipe locally, revoke at the server, delete the registration where possible, and say what worked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AuthStatus, Explain, Problem, ServerId,
    config::AuthConfig,
    oauth::{
        client::{ClientInformation, ClientRegistration},
        grant::Grant,
        http::Http,
        registration::{self, Unregistered},
        revocation::{self, Revocation},
        scope::Scopes,
    },
    store::{GrantName, ServerRecord, Vault, VaultError},
};

/// What a sign-out did, for the user to see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SignOutReport {
    /// Which server.
    pub server: ServerId,
    /// The refresh token at the authorization server (RFC 7009).
    pub refresh_token: SignOutStep,
    /// The access token at the authorization server (RFC 7009).
    pub access_token: SignOutStep,
    /// Our registration there (RFC 7592).
    pub registration: SignOutStep,
    /// Whether this machine held anything; whatever it held is gone.
    pub wiped: bool,
}

/// How one step of a sign-out ended. Only what the server confirmed counts as done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum SignOutStep {
    /// The server confirmed it.
    Done,
    /// There was nothing to do.
    Nothing,
    /// The server has no way to do it.
    Unsupported,
    /// It could not be done; it ends at the server in its own time.
    Failed {
        /// Why.
        problem: Problem,
    },
}

/// How long another process's refresh is waited for before the grant is removed all the same.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Signs out a grant that no connection of this process owns, such as one whose entry has left the config file.
///
/// `auth` is what the entry says of the client's own secret or key, without which a client that signs cannot revoke.
pub async fn sign_out(
    vault: &Vault,
    http: &Http,
    auth: &AuthConfig,
    name: GrantName,
) -> Result<SignOutReport, VaultError> {
    let leaving = Leaving {
        vault,
        http,
        auth,
        name: name.clone(),
    };
    let report = leaving
        .run(async {
            // Whoever holds the lock finds nothing to save over, and gives its tokens back itself.
            let _lock = vault.lock(&name, LOCK_WAIT).await;
            vault.remove(&name).await
        })
        .await?;
    if report.wiped {
        observe(vault, &name).await;
    }
    Ok(report)
}

/// A server whose grant is gone asks for a sign-in; what else was observed of it stays true.
async fn observe(vault: &Vault, name: &GrantName) {
    let Some(record) = vault.load_record(name) else {
        return;
    };
    let record = ServerRecord {
        auth: Some(AuthStatus::NotAuthenticated),
        problem: None,
        missing_scopes: Scopes::default(),
        ..record
    };
    // A record that cannot be written costs the next process a look at the server, and nothing else.
    if let Err(error) = vault.save_record(name, &record).await {
        tracing::debug!("not recorded: {error}");
    }
}

/// One grant about to be signed out.
pub(crate) struct Leaving<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) http: &'a Http,
    pub(crate) auth: &'a AuthConfig,
    pub(crate) name: GrantName,
}

impl Leaving<'_> {
    /// Wipes it and gives everything back; only what keeps this machine from forgetting is an error.
    pub(crate) async fn run(
        self,
        wipe: impl Future<Output = Result<bool, VaultError>>,
    ) -> Result<SignOutReport, VaultError> {
        let mut report = SignOutReport {
            server: self.name.server().clone(),
            refresh_token: SignOutStep::Nothing,
            access_token: SignOutStep::Nothing,
            registration: SignOutStep::Nothing,
            wiped: false,
        };
        let stored = self.vault.load(&self.name).await;
        // Before anyone is asked for anything: whatever happens then, this machine has forgotten.
        report.wiped = wipe.await?;
        match stored {
            Ok(Some(mut grant)) => {
                grant.client = grant.client.configured(self.auth);
                self.give_back(&grant, &mut report).await?;
            }
            Ok(None) => {}
            // Tokens that cannot be read cannot be revoked; their file is gone all the same.
            Err(error) => {
                let failed = SignOutStep::Failed {
                    problem: error.problem(),
                };
                (report.refresh_token, report.access_token) = (failed.clone(), failed);
            }
        }
        self.give_up_leftovers(&mut report).await?;
        Ok(report)
    }

    /// Registrations of sign-ins that came to nothing, or of an authorization server the server has left; what another
    /// account of the same server still uses stays.
    async fn give_up_leftovers(&self, report: &mut SignOutReport) -> Result<(), VaultError> {
        let server = self.name.server();
        if self
            .vault
            .summaries()
            .iter()
            .any(|other| other.server() == server)
        {
            return Ok(());
        }
        for issuer in self.vault.registered_at(server) {
            let client = self.vault.load_client(server, &issuer).await;
            report.wiped |= self.vault.remove_client(server, &issuer).await?;
            // One that cannot be read is gone from here; the server forgets it in its own time.
            if let Ok(Some(client)) = client {
                let step = unregister(self.http, &client).await;
                if report.registration == SignOutStep::Nothing {
                    report.registration = step;
                }
            }
        }
        Ok(())
    }

    async fn give_back(&self, grant: &Grant, report: &mut SignOutReport) -> Result<(), VaultError> {
        self.vault
            .remove_client(self.name.server(), &grant.issuer)
            .await?;
        let revoked = revocation::revoke(self.http, grant).await;
        report.refresh_token = revoked.refresh_token.into();
        report.access_token = revoked.access_token.into();
        report.registration = unregister(self.http, &grant.client).await;
        Ok(())
    }
}

async fn unregister(http: &Http, client: &ClientInformation) -> SignOutStep {
    if client.registration != ClientRegistration::Dynamic {
        return SignOutStep::Nothing;
    }
    match registration::unregister(http, client).await {
        Ok(Unregistered::Deleted | Unregistered::AlreadyGone) => SignOutStep::Done,
        Ok(Unregistered::Refused { .. } | Unregistered::NotOffered) => SignOutStep::Unsupported,
        Err(error) => SignOutStep::Failed {
            problem: error.problem(),
        },
    }
}

impl From<Revocation> for SignOutStep {
    fn from(revocation: Revocation) -> Self {
        match revocation {
            Revocation::Revoked => Self::Done,
            Revocation::Absent => Self::Nothing,
            Revocation::Unsupported => Self::Unsupported,
            Revocation::Failed(problem) => Self::Failed { problem },
        }
    }
}

//! Signing out: revoke at the server, delete the registration where possible, always wipe locally, and say what worked.

use serde::{Deserialize, Serialize};

use crate::{
    Explain, Problem, ServerId,
    oauth::{
        client::{ClientInformation, ClientRegistration},
        http::Http,
        registration::{self, Unregistered},
        revocation::{self, Revocation},
    },
    store::{GrantName, Vault, VaultError},
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

/// Signs one grant out. Only what keeps this machine from forgetting is an error; the rest is in the report.
pub async fn sign_out(vault: &Vault, http: &Http, name: GrantName) -> Result<SignOutReport, VaultError> {
    let mut report = SignOutReport {
        server: name.server().clone(),
        refresh_token: SignOutStep::Nothing,
        access_token: SignOutStep::Nothing,
        registration: SignOutStep::Nothing,
        wiped: false,
    };
    match vault.load(&name).await {
        Ok(Some(grant)) => {
            let revoked = revocation::revoke(http, &grant).await;
            report.refresh_token = revoked.refresh_token.into();
            report.access_token = revoked.access_token.into();
            report.registration = unregister(http, &grant.client).await;
            vault.remove_client(name.server(), &grant.issuer).await?;
        }
        Ok(None) => {}
        // Tokens that cannot be read cannot be revoked; the file goes all the same.
        Err(error) => {
            let problem = error.problem();
            report.refresh_token = SignOutStep::Failed {
                problem: problem.clone(),
            };
            report.access_token = SignOutStep::Failed { problem };
        }
    }
    report.wiped = vault.remove(&name).await?;
    Ok(report)
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

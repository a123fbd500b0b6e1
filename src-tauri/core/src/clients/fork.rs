//! Sign-ins of the oMLX fork that had OAuth first: a keychain item per server, else one file in plain text.
//!
//! A token is taken over only where discovery says what it is for: the authorization server must be the one that the
//! token came from, and it must be known as which client. What was there stays where it is; once either program
//! refreshes, a provider that rotates refresh tokens ends the other one's.

use std::path::PathBuf;

use jiff::Timestamp;
use oauth2::{AccessToken, ClientId, RefreshToken};
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Machine, file};
use crate::{
    Action, Explain,
    clock::Clock,
    config::ServerConfig,
    network::{AddressGuard, Network, NetworkError},
    oauth::{
        client::{ClientAuthMethod, ClientInformation, ClientRegistration},
        discovery::{self, Discovery, DiscoveryError},
        grant::{Grant, GrantEndpoints, GrantKey, Standing, TokenSet, TokenType},
        identity,
        scope::Scopes,
        timeline::Timeline,
    },
    store::{KEYCHAIN_VARIABLE, Vault, VaultError, foreign_secret},
};

/// The fork's keychain service; the account is the server's name.
const SERVICE: &str = "omlx-mcp";

/// What it takes to take a sign-in over.
#[derive(Clone, Debug)]
pub struct SignIns {
    /// Where the fork's tokens are.
    pub machine: Machine,
    /// Where they go.
    pub vault: Vault,
    /// How authorization servers are asked.
    pub network: Network,
    /// The clock.
    pub clock: Clock,
}

/// Why a sign-in was not taken over; signing in anew always helps.
#[derive(Debug, thiserror::Error)]
pub enum SignInsError {
    /// The fork's record is not as it writes them.
    #[error("what oMLX keeps for '{0}' cannot be understood")]
    Unreadable(String),
    /// The token came from somewhere else than the server points to now.
    #[error("the sign-in that oMLX keeps for '{0}' is from another authorization server")]
    Elsewhere(String),
    /// Nothing says whom the token was issued to.
    #[error("nothing says to which client the sign-in that oMLX keeps for '{0}' was given")]
    NoClient(String),
    /// The authorization server was not found.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// It could not be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The network cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl Explain for SignInsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "sign_in_unreadable",
            Self::Elsewhere(_) => "sign_in_elsewhere",
            Self::NoClient(_) => "sign_in_without_client",
            Self::Discovery(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Network(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Discovery(error) => error.action(),
            Self::Vault(error) => error.action(),
            Self::Network(error) => error.action(),
            _ => Action::Connect,
        }
    }
}

/// What the fork writes. Never shown.
#[derive(Deserialize)]
struct Kept {
    access_token: String,
    refresh_token: Option<String>,
    expires_at: Option<Value>,
    scope: Option<String>,
    registered_client_id: Option<String>,
    token_url: Option<String>,
}

impl SignIns {
    /// Takes the sign-in over that the fork keeps under `name`; false when there is none, or we have one already.
    pub async fn take_over(&self, name: &str, server: &ServerConfig) -> Result<bool, SignInsError> {
        let Some(key) = GrantKey::of(server) else {
            return Ok(false);
        };
        let folder = server.auth.token_store.clone();
        let vault = folder.map_or_else(|| self.vault.clone(), |folder| self.vault.in_folder(folder));
        if vault.summary(&key)?.is_some() {
            return Ok(false);
        }
        let Some(kept) = self.kept(name).await? else {
            return Ok(false);
        };
        let guard = AddressGuard::of(&key.url, &server.auth);
        let http = self
            .network
            .http(guard, self.clock.clone(), Timeline::default())?;
        let discovery = discovery::discover(&http, &key.url, &server.auth, None).await?;
        let mut grant = self.grant(name, (kept, discovery), (key, server))?;
        grant.identity = identity::identify(&http, &grant).await;
        vault.save(&grant).await?;
        Ok(true)
    }

    fn grant(
        &self,
        name: &str,
        (kept, discovery): (Kept, Discovery),
        (key, server): (GrantKey, &ServerConfig),
    ) -> Result<Grant, SignInsError> {
        let elsewhere = || SignInsError::Elsewhere(name.to_owned());
        let endpoints = GrantEndpoints::of(&discovery.server).ok_or_else(elsewhere)?;
        let came_from = kept.token_url.as_deref();
        if came_from.is_some_and(|url| url != endpoints.token.as_url().as_str()) {
            return Err(elsewhere());
        }
        let scope = Scopes::parse(kept.scope.as_deref().unwrap_or_default());
        let now = self.clock.now();
        Ok(Grant {
            client: client(name, &kept, (&discovery, server))?,
            key,
            issuer: discovery.server.issuer,
            resource: discovery.resource,
            requested_scope: scope.clone(),
            tokens: TokenSet {
                access_token: AccessToken::new(kept.access_token),
                token_type: TokenType::Bearer,
                refresh_token: kept.refresh_token.map(RefreshToken::new),
                id_token: None,
                received_at: now,
                expires_at: kept.expires_at.as_ref().and_then(instant),
                scope,
            },
            endpoints,
            identity: identity::Identity::default(),
            standing: Standing::Good,
            authenticated_at: now,
            refreshed_at: None,
            dpop: None,
        })
    }

    /// From the keychain, else from the file.
    async fn kept(&self, name: &str) -> Result<Option<Kept>, SignInsError> {
        let unreadable = || SignInsError::Unreadable(name.to_owned());
        let is_off = self.machine.env().get(KEYCHAIN_VARIABLE).as_deref() == Some("off");
        let account = name.to_owned();
        let found = if is_off {
            None
        } else {
            let asked = tokio::task::spawn_blocking(move || foreign_secret(SERVICE, &account)).await;
            asked.unwrap_or_default()
        };
        if let Some(secret) = found {
            return serde_json::from_slice(&secret)
                .map(Some)
                .map_err(|_| unreadable());
        }
        let Some(entry) = in_file(&self.machine).and_then(|mut all| all.remove(name)) else {
            return Ok(None);
        };
        serde_json::from_value(entry).map(Some).map_err(|_| unreadable())
    }
}

/// Whether the fork's file has a sign-in of that name; the keychain is not asked, since it might ask the user.
pub(super) fn has_sign_in(machine: &Machine, name: &str) -> bool {
    in_file(machine).is_some_and(|all| all.contains_key(name))
}

fn in_file(machine: &Machine) -> Option<Map<String, Value>> {
    let text = file::text(&path(machine)).ok().flatten().map(Zeroizing::new)?;
    serde_json::from_str(&text).ok()
}

fn path(machine: &Machine) -> PathBuf {
    machine.home(".config/omlx/mcp_tokens.json")
}

/// Whom the tokens were given to: the client that was registered, else the one of the config file.
fn client(
    name: &str,
    kept: &Kept,
    (discovery, server): (&Discovery, &ServerConfig),
) -> Result<ClientInformation, SignInsError> {
    let (id, registration) = match (&kept.registered_client_id, &server.auth.client_id) {
        (Some(id), configured) if configured.as_ref() != Some(id) => (id, ClientRegistration::Dynamic),
        (_, Some(id)) => (id, ClientRegistration::Preregistered),
        (_, None) => return Err(SignInsError::NoClient(name.to_owned())),
    };
    let secret = server
        .auth
        .client_secret
        .as_ref()
        .map(|named| named.secret.clone());
    let secret = secret.filter(|_| registration == ClientRegistration::Preregistered);
    Ok(ClientInformation {
        issuer: discovery.server.issuer.clone(),
        registration,
        client_id: ClientId::new(id.clone()),
        auth_method: match secret {
            Some(_) => ClientAuthMethod::ClientSecretBasic,
            None => ClientAuthMethod::None,
        },
        client_secret: secret,
        client_secret_expires_at: None,
        key: None,
        redirect_uris: Vec::new(),
        scope: None,
        management: None,
    })
}

/// Seconds since 1970, or a date.
fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => {
            let seconds = value.as_f64().filter(|seconds| seconds.is_finite())?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a fraction of a second does not matter"
            )]
            Timestamp::from_second(seconds as i64).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_end_is_understood_in_either_form() {
        let expected = "2026-11-23T20:00:00Z".parse::<Timestamp>().ok();
        assert_eq!(instant(&json!(1_795_464_000.75)), expected);
        assert_eq!(instant(&json!("2026-11-23T20:00:00Z")), expected);
        assert_eq!(instant(&json!(null)), None);
        assert_eq!(instant(&json!("soon")), None);
    }
}

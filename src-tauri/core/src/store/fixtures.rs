//! A keychain to play with, and a grant full of secrets to look for.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use oauth2::{AccessToken, ClientId, ClientSecret, RefreshToken};

use super::{CredentialStore, CredentialStoreError};
use crate::oauth::{
    client::{ClientAuthMethod, ClientInformation, ClientRegistration, RegistrationManagement},
    endpoint::Endpoint,
    grant::{Grant, GrantEndpoints, GrantKey, IdToken, Standing, TokenSet, TokenType},
    identity::Identity,
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
};

/// Every secret in [`grant`] holds this.
pub(super) const PLANTED: &str = "planted-secret";

/// A keychain in memory that can be locked, taken away and counted.
#[derive(Debug, Default)]
pub(super) struct FakeKeychain {
    item: Mutex<Option<Vec<u8>>>,
    mood: Mutex<Option<CredentialStoreError>>,
    calls: AtomicUsize,
    prompt: Mutex<Option<mpsc::Receiver<()>>>,
}

impl FakeKeychain {
    pub(super) fn refuse_with(&self, mood: Option<CredentialStoreError>) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Shows a prompt at the next call, answered when what this returns is dropped.
    pub(super) fn prompt(&self) -> mpsc::Sender<()> {
        let (answer, answered) = mpsc::channel();
        *self.prompt.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
        answer
    }

    pub(super) fn put(&self, item: Option<&[u8]>) {
        *self.item.lock().unwrap_or_else(PoisonError::into_inner) = item.map(<[u8]>::to_vec);
    }

    pub(super) fn item(&self) -> Option<Vec<u8>> {
        self.item.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn answer(&self) -> Result<(), CredentialStoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let prompt = self.prompt.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(answered) = prompt {
            let _ = answered.recv();
        }
        match *self.mood.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(mood) => Err(mood),
            None => Ok(()),
        }
    }
}

impl CredentialStore for FakeKeychain {
    fn read(&self) -> Result<Option<Vec<u8>>, CredentialStoreError> {
        self.answer().map(|()| self.item())
    }

    fn write(&self, secret: &[u8]) -> Result<(), CredentialStoreError> {
        self.answer().map(|()| self.put(Some(secret)))
    }

    fn delete(&self) -> Result<(), CredentialStoreError> {
        self.answer().map(|()| self.put(None))
    }
}

fn endpoint(path: &str) -> Endpoint {
    Endpoint::parse(&format!("https://as.example/{path}")).expect("valid")
}

pub(super) fn issuer() -> Issuer {
    Issuer::parse("https://as.example").expect("valid")
}

pub(super) fn key(server: &str) -> GrantKey {
    GrantKey {
        server: server.parse().expect("valid"),
        url: "https://mcp.example/mcp?token=planted-secret-url"
            .parse()
            .expect("valid"),
        account: Some("work".to_owned()),
    }
}

pub(super) fn client() -> ClientInformation {
    ClientInformation {
        issuer: issuer(),
        registration: ClientRegistration::Dynamic,
        client_id: ClientId::new("client-1".to_owned()),
        client_secret: Some(ClientSecret::new(format!("{PLANTED}-client"))),
        client_secret_expires_at: None,
        auth_method: ClientAuthMethod::ClientSecretBasic,
        key: None,
        redirect_uris: vec!["http://127.0.0.1:1/oauth/callback".to_owned()],
        scope: Some(Scopes::parse("read write")),
        management: Some(RegistrationManagement {
            uri: endpoint("register/1"),
            token: AccessToken::new(format!("{PLANTED}-management")),
        }),
    }
}

pub(super) fn grant(server: &str) -> Grant {
    Grant {
        key: key(server),
        issuer: issuer(),
        resource: Some(ResourceUri::parse("https://mcp.example/mcp").expect("valid")),
        requested_scope: Scopes::parse("read write"),
        tokens: TokenSet {
            access_token: AccessToken::new(format!("{PLANTED}-access")),
            token_type: TokenType::Bearer,
            refresh_token: Some(RefreshToken::new(format!("{PLANTED}-refresh"))),
            id_token: Some(IdToken::new(format!("{PLANTED}-id"))),
            received_at: "2026-01-02T03:04:05Z".parse().expect("valid"),
            expires_at: Some("2026-01-02T04:04:05.5Z".parse().expect("valid")),
            scope: Scopes::parse("read"),
        },
        client: client(),
        endpoints: GrantEndpoints {
            token: endpoint("token"),
            revocation: Some(endpoint("revoke")),
            userinfo: Some(endpoint("me")),
            introspection: Some(endpoint("introspect")),
            registration: Some(endpoint("register")),
        },
        identity: Identity {
            account: Some("Ada".to_owned()),
            workspace: Some("Analytical Engines".to_owned()),
            provider: None,
            subject: Some("42".to_owned()),
        },
        standing: Standing::Rejected {
            code: "invalid_grant".to_owned(),
            at: "2026-01-02T05:00:00Z".parse().expect("valid"),
        },
        authenticated_at: "2026-01-01T00:00:00Z".parse().expect("valid"),
        dpop: None,
        refreshed_at: Some("2026-01-02T03:04:05Z".parse().expect("valid")),
    }
}

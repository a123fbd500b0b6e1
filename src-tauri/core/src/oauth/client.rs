//! What we are to one authorization server: the client information (RFC 7591 §3.2.1).

use jiff::Timestamp;
use oauth2::{AccessToken, ClientId, ClientSecret};
use serde::{Deserialize, Serialize};

use super::{endpoint::Endpoint, issuer::Issuer, scope::Scopes};
use crate::config::{AuthConfig, SecretSource, SigningAlgorithm};

/// A client identifier with everything needed to use it again after a restart, bound to the issuer that knows it.
///
/// Credentials of one issuer are never shown to another (MCP "Authorization Server Binding"); whoever holds a
/// `ClientInformation` compares [`Self::issuer`] first.
#[derive(Clone, Debug)]
pub struct ClientInformation {
    /// The issuer at which this client is known.
    pub issuer: Issuer,
    /// How we came by it.
    pub registration: ClientRegistration,
    /// The client identifier.
    pub client_id: ClientId,
    /// The secret, for confidential clients.
    pub client_secret: Option<ClientSecret>,
    /// When the secret ends; none for never (`client_secret_expires_at` 0).
    pub client_secret_expires_at: Option<Timestamp>,
    /// How this client authenticates at the token endpoint: exactly one way.
    pub auth_method: ClientAuthMethod,
    /// The key of a client that signs; never stored, since it is the config file's to name.
    pub key: Option<ClientKey>,
    /// The redirect URIs known to the authorization server, verbatim; empty when it is for the user to know.
    pub redirect_uris: Vec<String>,
    /// The scopes registered, when the registration named any.
    pub scope: Option<Scopes>,
    /// Where and with what the registration is managed (RFC 7592 §3).
    pub management: Option<RegistrationManagement>,
}

/// Where the key of a `private_key_jwt` client is kept, and how it signs (RFC 7523 §2.2).
#[derive(Clone, Debug, PartialEq)]
pub struct ClientKey {
    /// Where it is read from at each use.
    pub source: SecretSource,
    /// How it signs; none leaves it to the key.
    pub algorithm: Option<SigningAlgorithm>,
}

impl ClientInformation {
    /// The same client with the secret or key that the config file has for it now; its user may have replaced them.
    #[must_use]
    pub fn configured(&self, auth: &AuthConfig) -> Self {
        let mut client = self.clone();
        if self.registration != ClientRegistration::Preregistered
            || auth.client_id.as_ref() != Some(&*self.client_id)
        {
            return client;
        }
        client.key = ClientKey::of(auth);
        let uses_secret = matches!(
            self.auth_method,
            ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost
        );
        if let (Some(named), true) = (&auth.client_secret, uses_secret) {
            client.client_secret = Some(named.secret.clone());
        }
        client
    }
}

impl ClientKey {
    /// The key the config file names, if it names one.
    pub fn of(auth: &AuthConfig) -> Option<Self> {
        let config = &auth.unattended;
        config.private_key.clone().map(|source| Self {
            source,
            algorithm: config.signing_alg,
        })
    }
}

/// How a client identifier was obtained, in the order of preference the MCP specification gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientRegistration {
    /// Entered by the user or in the config file.
    Preregistered,
    /// The client identifier is the URL of our metadata document.
    MetadataDocument,
    /// Registered by us (RFC 7591).
    Dynamic,
}

/// How a client authenticates at the token endpoint (RFC 7591 §2 `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// A public client: `client_id` in the body.
    None,
    /// `Authorization: Basic` (RFC 6749 §2.3.1), both parts form-encoded first.
    ClientSecretBasic,
    /// `client_id` and `client_secret` in the body.
    ClientSecretPost,
    /// A signed assertion (RFC 7523 §2.2).
    PrivateKeyJwt,
}

/// The client configuration endpoint and its token (RFC 7592 §3).
#[derive(Clone, Debug)]
pub struct RegistrationManagement {
    /// `registration_client_uri`
    pub uri: Endpoint,
    /// `registration_access_token`
    pub token: AccessToken,
}

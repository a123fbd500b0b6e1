//! A grant: everything a later process needs to go on where this one stopped.

use std::fmt;

use jiff::Timestamp;
use oauth2::{AccessToken, RefreshToken};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    client::ClientInformation,
    dpop::DpopKey,
    endpoint::{Endpoint, redacted},
    identity::Identity,
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
    server_metadata::AuthorizationServerMetadata,
};
use crate::{ServerId, config::ServerConfig};

/// Names one server entry's grant: found by what the config file says, before any request is made.
///
/// Issuer and resource are bound *inside* the [`Grant`]: they are learned by discovery, and a grant whose issuer or
/// resource no longer fits is unusable, not reusable (decision 0004).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct GrantKey {
    /// The entry's name.
    pub server: ServerId,
    /// The URL in the config file; another URL under the same name is another grant.
    pub url: Url,
    /// The `account` label, for several accounts at one URL.
    pub account: Option<String>,
}

impl GrantKey {
    /// The key of a server entry; none for one without a URL.
    pub fn of(server: &ServerConfig) -> Option<Self> {
        let url = server.transport.url()?.clone();
        Some(Self {
            server: server.id.clone(),
            url,
            account: server.auth.account.clone(),
        })
    }
}

/// Some servers carry their credential in the URL's query.
impl fmt::Debug for GrantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantKey")
            .field("server", &self.server)
            .field("url", &redacted(&self.url))
            .field("account", &self.account)
            .finish()
    }
}

/// Tokens, and the context that makes them usable: issuer, resource, client, endpoints.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose grant this is.
    pub key: GrantKey,
    /// The authorization server that issued it.
    pub issuer: Issuer,
    /// The exact `resource` sent; none when the provider rejects the parameter.
    pub resource: Option<ResourceUri>,
    /// The scope requested; some providers need it again on refresh.
    pub requested_scope: Scopes,
    /// The tokens.
    pub tokens: TokenSet,
    /// The client they were issued to.
    pub client: ClientInformation,
    /// The endpoints a later process needs, from the validated metadata.
    pub endpoints: GrantEndpoints,
    /// Who is signed in.
    pub identity: Identity,
    /// Whether the refresh token still stands.
    pub standing: Standing,
    /// When a person last agreed.
    pub authenticated_at: Timestamp,
    /// When the tokens were last replaced by a refresh.
    pub refreshed_at: Option<Timestamp>,
    /// The key its tokens are bound to (RFC 9449); none for bearer tokens.
    pub dpop: Option<DpopKey>,
}

/// Whether a grant can go on by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "standing")]
pub enum Standing {
    /// As far as anyone knows.
    Good,
    /// The authorization server rejected the refresh: only a person can mend it.
    Rejected {
        /// The OAuth error code (RFC 6749 §5.2), or ours when there was no refresh token.
        code: String,
        /// When.
        at: Timestamp,
    },
}

impl Standing {
    /// The code that ended the grant, if one did.
    pub fn rejection(&self) -> Option<&str> {
        match self {
            Self::Good => None,
            Self::Rejected { code, .. } => Some(code),
        }
    }
}

/// The endpoints a grant needs after its sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantEndpoints {
    /// Where tokens are refreshed.
    pub token: Endpoint,
    /// Where they are revoked (RFC 7009).
    pub revocation: Option<Endpoint>,
    /// Who am I (OpenID Connect Core §5.3).
    pub userinfo: Option<Endpoint>,
    /// What is this token (RFC 7662).
    pub introspection: Option<Endpoint>,
    /// Where clients register (RFC 7591), for a client the server forgot.
    pub registration: Option<Endpoint>,
}

impl GrantEndpoints {
    /// Those in the metadata; none without a token endpoint.
    pub fn of(server: &AuthorizationServerMetadata) -> Option<Self> {
        Some(Self {
            token: server.token_endpoint.clone()?,
            revocation: server.revocation_endpoint.clone(),
            userinfo: server.userinfo_endpoint.clone(),
            introspection: server.introspection_endpoint.clone(),
            registration: server.registration_endpoint.clone(),
        })
    }
}

/// A successful token response (RFC 6749 §5.1) with absolute times.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The access token.
    pub access_token: AccessToken,
    /// How it is presented.
    pub token_type: TokenType,
    /// The refresh token, when one was issued or carried forward.
    pub refresh_token: Option<RefreshToken>,
    /// The ID token (OpenID Connect Core §2), kept as an opaque secret.
    pub id_token: Option<IdToken>,
    /// When the response arrived.
    pub received_at: Timestamp,
    /// When the access token ends; none means valid until the resource says 401.
    pub expires_at: Option<Timestamp>,
    /// The scope granted, as told or as requested (RFC 6749 §5.1: omitted when identical).
    pub scope: Scopes,
}

/// How an access token is presented (RFC 6749 §7.1); compared without case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// RFC 6750
    Bearer,
    /// RFC 9449
    Dpop,
}

/// An ID token; a secret like any other, since it names a person and some servers accept it as a credential.
#[derive(Clone)]
pub struct IdToken(String);

impl IdToken {
    /// Takes the token in.
    pub fn new(token: String) -> Self {
        Self(token)
    }

    /// The token itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken([redacted])")
    }
}

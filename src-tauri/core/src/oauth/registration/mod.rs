//! Becoming a client of an authorization server, in the order MCP gives ("Client Registration Approaches"):
//! pre-registered, client id metadata document, dynamic registration (RFC 7591), else the user is asked.
//!
//! A client belongs to the issuer it was obtained from and is never shown to another; only the metadata document's URL
//! is the same everywhere.

mod dynamic;
mod error;
mod management;
mod redirect;

use std::time::Duration;

use jiff::Timestamp;
use oauth2::ClientId;

pub use error::RegistrationError;
pub use management::{Unregistered, unregister};
pub use redirect::registered_form;

use super::{
    client::{ClientAuthMethod, ClientInformation, ClientKey, ClientRegistration},
    client_metadata_document,
    discovery::Discovery,
    http::Http,
    server_metadata::{AuthorizationServerMetadata, MetadataOrigin},
    timeline::Stage,
};
use crate::{
    clock::later,
    config::{AuthConfig, ClientCredentials, GrantType},
};

/// A secret that ends within this time is as good as over: a sign-in takes a while.
const LEAD: Duration = Duration::from_mins(5);

/// The rule behind every choice made here.
const ORDER: &str = "MCP: Client Registration Approaches";

/// What the caller brings to [`obtain`].
#[derive(Clone, Debug, Default)]
pub struct RegistrationRequest {
    /// The redirect URIs that could be used now, verbatim, the preferred one first.
    pub redirect_uris: Vec<String>,
    /// The client of an earlier sign-in at this server entry, whatever its issuer.
    pub stored: Option<ClientInformation>,
    /// The way that just failed at the authorization server, not to be taken again.
    pub failed: Option<ClientRegistration>,
}

/// Obtains a client for `discovery`'s authorization server: from the config file, from what is stored, by our metadata
/// document, or by registering.
///
/// What comes from a registration is to be saved by the caller before it is used.
pub async fn obtain(
    http: &Http,
    discovery: &Discovery,
    auth: &AuthConfig,
    request: RegistrationRequest,
) -> Result<ClientInformation, RegistrationError> {
    let search = Search {
        http,
        discovery,
        auth,
        request: &request,
    };
    if let Some(client) = search.preregistered()? {
        return Ok(client);
    }
    if let Some(client) = search.stored() {
        return Ok(client);
    }
    if let Some(client) = search.metadata_document() {
        return Ok(client);
    }
    search.register().await
}

/// Whether we could become a client of this authorization server by ourselves; nothing is asked of it.
pub fn is_possible(http: &Http, server: &AuthorizationServerMetadata) -> bool {
    let by_document = server.client_id_metadata_document_supported
        && client_metadata_document::client_id(http, None).is_some();
    by_document || server.registration_endpoint.is_some()
}

/// The client that a person entered for `server`.
pub(crate) fn entered(server: &AuthorizationServerMetadata, entered: ClientCredentials) -> ClientInformation {
    let secret = entered.client_secret.filter(|secret| !secret.secret().is_empty());
    ClientInformation {
        issuer: server.issuer.clone(),
        registration: ClientRegistration::Preregistered,
        client_id: ClientId::new(entered.client_id),
        auth_method: secret
            .as_ref()
            .map_or(ClientAuthMethod::None, |_| secret_method(server)),
        client_secret: secret,
        client_secret_expires_at: None,
        redirect_uris: Vec::new(),
        scope: None,
        management: None,
        key: None,
    }
}

struct Search<'a> {
    http: &'a Http,
    discovery: &'a Discovery,
    auth: &'a AuthConfig,
    request: &'a RegistrationRequest,
}

impl Search<'_> {
    fn server(&self) -> &AuthorizationServerMetadata {
        &self.discovery.server
    }

    fn note(&self, decision: impl Into<String>, rule: &str) {
        self.http.note(Stage::Registration, decision, rule);
    }

    /// A client the user entered: in the config file, else in the panel.
    fn preregistered(&self) -> Result<Option<ClientInformation>, RegistrationError> {
        let known = self.request.stored.as_ref().filter(|client| {
            let configured = self.auth.client_id.as_deref();
            client.registration == ClientRegistration::Preregistered
                && configured.is_none_or(|id| id == client.client_id.as_str())
        });
        let pinned = self.auth.issuer.as_ref() == Some(&self.server().issuer);
        if let Some(known) = known.filter(|known| known.issuer != self.server().issuer && !pinned) {
            return Err(RegistrationError::IssuerChanged {
                issuer: self.server().issuer.clone(),
                known: known.issuer.clone(),
            });
        }
        let client = match (&self.auth.client_id, known) {
            (Some(id), _) => Some(self.configured(id)),
            (None, Some(known)) if known.issuer == self.server().issuer => Some(known.clone()),
            (None, _) => None,
        };
        if client.is_some() {
            self.note("the client is the one that was entered for this server", ORDER);
        }
        Ok(client)
    }

    fn configured(&self, id: &str) -> ClientInformation {
        let secret = self.auth.client_secret.as_ref().map(|named| named.secret.clone());
        let auth_method = match (&self.auth.unattended.private_key, &secret) {
            (Some(_), _) => ClientAuthMethod::PrivateKeyJwt,
            (None, Some(_)) => secret_method(self.server()),
            (None, None) => ClientAuthMethod::None,
        };
        ClientInformation {
            client_secret: secret,
            auth_method,
            key: ClientKey::of(self.auth),
            ..self.public(id, ClientRegistration::Preregistered)
        }
    }

    fn public(&self, id: &str, registration: ClientRegistration) -> ClientInformation {
        ClientInformation {
            issuer: self.server().issuer.clone(),
            registration,
            client_id: ClientId::new(id.to_owned()),
            client_secret: None,
            client_secret_expires_at: None,
            auth_method: ClientAuthMethod::None,
            key: None,
            redirect_uris: Vec::new(),
            scope: None,
            management: None,
        }
    }

    /// An earlier dynamic registration, as long as it still fits; better than a new one at every sign-in.
    fn stored(&self) -> Option<ClientInformation> {
        let client = self.request.stored.as_ref()?;
        if client.registration != ClientRegistration::Dynamic || self.has_failed(ClientRegistration::Dynamic)
        {
            return None;
        }
        match self.misfit(client) {
            None => {
                self.note("the earlier registration is used again", "RFC 7591 §3.2.1");
                Some(client.clone())
            }
            Some((reason, rule)) => {
                self.note(format!("the earlier registration is not used: {reason}"), rule);
                None
            }
        }
    }

    /// Why a stored client cannot be used, and the rule that says so.
    fn misfit(&self, client: &ClientInformation) -> Option<(&'static str, &'static str)> {
        let wanted = &self.request.redirect_uris;
        if client.issuer != self.server().issuer {
            Some(("it is for another issuer", "MCP: Authorization Server Binding"))
        } else if is_over(client.client_secret_expires_at, self.http.clock().now()) {
            Some(("its secret has ended", "RFC 7591 §3.2.1"))
        } else if self.needs_redirect() && !wanted.iter().any(|uri| client.redirect_uris.contains(uri)) {
            Some(("it has another redirect URI", "RFC 6749 §3.1.2.3"))
        } else if !self.needs_redirect() && !client.redirect_uris.is_empty() {
            Some(("it is for sign-ins in the browser", "RFC 7591 §2"))
        } else if self.asks_beyond(client) {
            Some(("it was for fewer scopes", "RFC 7591 §2"))
        } else {
            None
        }
    }

    /// Whether the scope asked for goes beyond what the server registered this client for, if it said so.
    fn asks_beyond(&self, client: &ClientInformation) -> bool {
        let registered = client.scope.as_ref();
        registered.is_some_and(|scopes| !self.discovery.scope.difference(scopes).is_empty())
    }

    fn needs_redirect(&self) -> bool {
        self.auth.grant == GrantType::AuthorizationCode
    }

    fn has_failed(&self, way: ClientRegistration) -> bool {
        self.request.failed == Some(way)
    }

    /// Our metadata document, where the authorization server takes such and the document has a redirect URI for us.
    fn metadata_document(&self) -> Option<ClientInformation> {
        let supported = self.server().client_id_metadata_document_supported;
        if !supported || self.has_failed(ClientRegistration::MetadataDocument) {
            return None;
        }
        let configured = self.auth.client_metadata_url.as_ref();
        let Some(id) = client_metadata_document::client_id(self.http, configured) else {
            self.note("no metadata document of ours is published: it is not used", ORDER);
            return None;
        };
        let wanted = &self.request.redirect_uris;
        let covered = wanted.iter().any(|uri| client_metadata_document::covers(uri));
        if configured.is_none() && self.needs_redirect() && !covered {
            self.note(
                "the metadata document lacks this redirect URI: it is not used",
                ORDER,
            );
            return None;
        }
        self.note("the client id is the URL of the metadata document", ORDER);
        let redirect_uris = match configured {
            Some(_) => Vec::new(),
            None => client_metadata_document::REDIRECT_URIS
                .map(str::to_owned)
                .to_vec(),
        };
        Some(ClientInformation {
            redirect_uris,
            ..self.public(&id, ClientRegistration::MetadataDocument)
        })
    }

    /// RFC 7591, only for grants in which a person takes part: a machine's client is known beforehand.
    async fn register(&self) -> Result<ClientInformation, RegistrationError> {
        let interactive = matches!(
            self.auth.grant,
            GrantType::AuthorizationCode | GrantType::DeviceCode
        );
        let endpoint = self.server().registration_endpoint.as_ref();
        let Some(endpoint) = endpoint.filter(|_| interactive) else {
            self.note("there is no way to become a client by ourselves", ORDER);
            return Err(RegistrationError::Unsupported {
                issuer: self.server().issuer.clone(),
            });
        };
        let registered = dynamic::register(self, endpoint).await;
        match registered {
            // Guessed endpoints that are not there are no registration that is closed.
            Err(RegistrationError::Unsupported { issuer })
                if self.server().origin == MetadataOrigin::Legacy =>
            {
                Err(RegistrationError::NoSignIn { issuer })
            }
            registered => registered,
        }
    }
}

/// Which of the two ways to send a secret: basic unless the metadata lists post alone (RFC 8414 §2).
fn secret_method(server: &AuthorizationServerMetadata) -> ClientAuthMethod {
    let methods = server.token_endpoint_auth_methods_supported.as_deref();
    let lists = |wanted: &str| methods.is_some_and(|all| all.iter().any(|method| method == wanted));
    if lists("client_secret_post") && !lists("client_secret_basic") {
        ClientAuthMethod::ClientSecretPost
    } else {
        ClientAuthMethod::ClientSecretBasic
    }
}

fn is_over(ends_at: Option<Timestamp>, now: Timestamp) -> bool {
    ends_at.is_some_and(|ends_at| ends_at <= later(now, LEAD))
}

#[cfg(test)]
mod tests;

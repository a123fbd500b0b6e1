//! OAuth 2.0 Dynamic Client Registration (RFC 7591), as a native app (OpenID Connect Registration §2).

use http::StatusCode;
use jiff::Timestamp;
use oauth2::{AccessToken, ClientId, ClientSecret};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{RegistrationError, Search, redirect, secret_method};
use crate::{
    BUNDLE_ID, PRODUCT,
    config::GrantType,
    oauth::{
        client::{ClientAuthMethod, ClientInformation, ClientRegistration, RegistrationManagement},
        endpoint::Endpoint,
        http::{HttpRequest, HttpResponse},
        scope::Scopes,
        server_text,
        timeline::Stage,
        well_known,
        wire::{self, List, Seconds, Text},
    },
};

/// The longest client identifier or secret accepted, in bytes.
const MAX_CREDENTIAL: usize = 4 * 1024;

/// Registers, and once more without the private-use scheme when that is what the server objects to (MCP "Application
/// Type and Redirect URI Constraints").
pub(super) async fn register(
    search: &Search<'_>,
    endpoint: &Endpoint,
) -> Result<ClientInformation, RegistrationError> {
    let wanted = &search.request.redirect_uris;
    let first = attempt(search, endpoint, wanted).await;
    let loopback: Vec<_> = wanted
        .iter()
        .filter(|uri| redirect::is_http(uri))
        .cloned()
        .collect();
    let narrower = !loopback.is_empty() && loopback.len() < wanted.len();
    match first {
        Err(RegistrationError::RedirectRejected { .. }) if narrower => {
            search.note(
                "registering again with loopback redirect URIs only",
                "RFC 8252 §7.3",
            );
            attempt(search, endpoint, &loopback).await
        }
        first => first,
    }
}

async fn attempt(
    search: &Search<'_>,
    endpoint: &Endpoint,
    redirect_uris: &[String],
) -> Result<ClientInformation, RegistrationError> {
    let method = wanted_method(search);
    let document = request(search, redirect_uris, method);
    let request = HttpRequest::json(endpoint.clone(), Stage::Registration, &document);
    let response = search.http.send(request).await?;
    let wire = read(search, &response)?;
    wire.admit(search, redirect_uris, method)
}

/// RFC 7591 §2. The scope is the one that will be asked for: some servers hold a client to what it registered.
fn request(search: &Search<'_>, redirect_uris: &[String], method: ClientAuthMethod) -> Value {
    let mut document = json!({
        "client_name": PRODUCT,
        "application_type": "native",
        "token_endpoint_auth_method": name_of(method),
        "software_id": BUNDLE_ID,
        "software_version": env!("CARGO_PKG_VERSION"),
    });
    let grants = match search.auth.grant {
        GrantType::DeviceCode => json!(["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]),
        _ => json!(["authorization_code", "refresh_token"]),
    };
    document["grant_types"] = grants;
    if search.needs_redirect() {
        document["response_types"] = json!(["code"]);
        document["redirect_uris"] = json!(redirect_uris);
    }
    if !search.discovery.scope.is_empty() {
        document["scope"] = json!(search.discovery.scope.to_string());
    }
    document
}

/// A public client where that is possible, else with a secret the way the metadata lists.
fn wanted_method(search: &Search<'_>) -> ClientAuthMethod {
    let server = search.server();
    let methods = server.token_endpoint_auth_methods_supported.as_deref();
    let lists = |wanted: &str| methods.is_some_and(|all| all.iter().any(|method| method == wanted));
    let secret = lists("client_secret_basic") || lists("client_secret_post");
    if secret && !lists("none") {
        secret_method(server)
    } else {
        ClientAuthMethod::None
    }
}

fn read(search: &Search<'_>, response: &HttpResponse) -> Result<Wire, RegistrationError> {
    let issuer = search.server().issuer.clone();
    let status = response.status;
    if well_known::is_trouble(status) {
        return Err(RegistrationError::Unavailable {
            issuer,
            status: status.as_u16(),
        });
    }
    let document: Option<Map<String, Value>> = serde_json::from_slice(&response.body).ok();
    if status.is_success() && document.is_none() {
        // A page: whatever answers here does not register clients.
        return Err(RegistrationError::Unsupported { issuer });
    }
    let wire: Wire = document.map(wire::read).unwrap_or_default();
    if status.is_success() && wire.error.0.is_none() {
        return Ok(wire);
    }
    Err(wire.rejection(search, status))
}

/// RFC 7591 §3.2.1 and §3.2.2, RFC 7592 §3
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    client_id: Text,
    client_secret: Text,
    client_secret_expires_at: Seconds,
    token_endpoint_auth_method: Text,
    redirect_uris: List,
    scope: Text,
    registration_client_uri: Text,
    registration_access_token: Text,
    error: Text,
    error_description: Text,
}

impl Wire {
    fn rejection(&self, search: &Search<'_>, status: StatusCode) -> RegistrationError {
        let issuer = search.server().issuer.clone();
        let description = self.error_description.as_deref().and_then(server_text::sentence);
        match (self.error.as_deref(), status) {
            (Some("invalid_redirect_uri"), _) => RegistrationError::RedirectRejected { issuer, description },
            // An allow-list answers so, with or without words (RFC 7591 §3: open registration is the server's choice).
            (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            | (Some("unapproved_software_statement" | "access_denied" | "unauthorized_client"), _) => {
                RegistrationError::NotApproved { issuer }
            }
            (Some(code), _) => RegistrationError::Rejected {
                issuer,
                code: server_text::name(code).unwrap_or_default(),
                description,
            },
            (None, status) if is_absent(status) => RegistrationError::Unsupported { issuer },
            (None, status) => RegistrationError::Rejected {
                issuer,
                code: format!("HTTP {}", status.as_u16()),
                description,
            },
        }
    }

    fn admit(
        self,
        search: &Search<'_>,
        asked_uris: &[String],
        asked_method: ClientAuthMethod,
    ) -> Result<ClientInformation, RegistrationError> {
        let issuer = search.server().issuer.clone();
        let fits = |text: &&str| text.len() <= MAX_CREDENTIAL;
        let Some(client_id) = self.client_id.as_deref().filter(fits) else {
            return Err(RegistrationError::Unreadable { issuer });
        };
        let client_id = ClientId::new(client_id.to_owned());
        let secret = self.client_secret.as_deref().filter(fits);
        let auth_method = self.method(search, asked_method)?;
        let redirect_uris = self
            .redirect_uris
            .0
            .clone()
            .unwrap_or_else(|| asked_uris.to_vec());
        if search.needs_redirect() {
            redirect::check(search, asked_uris, &redirect_uris)?;
        }
        search.note("registered", "RFC 7591 §3.2.1");
        Ok(ClientInformation {
            issuer,
            registration: ClientRegistration::Dynamic,
            client_id,
            client_secret: secret.map(|secret| ClientSecret::new(secret.to_owned())),
            client_secret_expires_at: self.expiry(),
            auth_method,
            key: None,
            redirect_uris,
            // What was asked counts as registered too: a server that leaves some out would otherwise be asked for
            // a new registration at every sign-in.
            scope: self
                .scope
                .as_deref()
                .map(|scope| Scopes::parse(scope).union(&search.discovery.scope)),
            management: self.management(),
        })
    }

    /// What the response says, else what the metadata lists for a client with a secret, else what was asked for.
    fn method(
        &self,
        search: &Search<'_>,
        asked: ClientAuthMethod,
    ) -> Result<ClientAuthMethod, RegistrationError> {
        let secret = self.client_secret.0.is_some();
        let method = match self.token_endpoint_auth_method.as_deref() {
            Some("none") => ClientAuthMethod::None,
            Some("client_secret_basic") => ClientAuthMethod::ClientSecretBasic,
            Some("client_secret_post") => ClientAuthMethod::ClientSecretPost,
            Some(other) => {
                return Err(RegistrationError::UnsupportedAuthMethod {
                    issuer: search.server().issuer.clone(),
                    method: server_text::name(other).unwrap_or_default(),
                });
            }
            None if !secret => ClientAuthMethod::None,
            None if asked == ClientAuthMethod::None => secret_method(search.server()),
            None => asked,
        };
        let (method, decision) = match (method, secret) {
            (ClientAuthMethod::None, true) => {
                (method, "a secret came along and is not sent: the method is none")
            }
            (ClientAuthMethod::None, false) => (method, "the client is public"),
            (_, false) => (
                ClientAuthMethod::None,
                "no secret came: the client counts as public",
            ),
            (_, true) => (method, "the client has a secret"),
        };
        search.note(decision, "RFC 7591 §2");
        Ok(method)
    }

    /// 0 means never (RFC 7591 §3.2.1).
    fn expiry(&self) -> Option<Timestamp> {
        let seconds = self.client_secret_expires_at.0.filter(|seconds| *seconds > 0)?;
        Timestamp::from_second(seconds).ok()
    }

    fn management(&self) -> Option<RegistrationManagement> {
        let uri = Endpoint::parse(self.registration_client_uri.as_deref()?).ok()?;
        let token = self.registration_access_token.0.clone()?;
        Some(RegistrationManagement {
            uri,
            token: AccessToken::new(token),
        })
    }
}

/// Whether a status says that there is no registration, rather than that this one was refused.
fn is_absent(status: StatusCode) -> bool {
    status.is_redirection()
        || matches!(
            status,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE
        )
}

fn name_of(method: ClientAuthMethod) -> &'static str {
    match method {
        ClientAuthMethod::None => "none",
        ClientAuthMethod::ClientSecretBasic => "client_secret_basic",
        ClientAuthMethod::ClientSecretPost => "client_secret_post",
        ClientAuthMethod::PrivateKeyJwt => "private_key_jwt",
    }
}

mod dynamic;
mod management;
mod order;

use jiff::Timestamp;
use oauth2::{AccessToken, ClientSecret};
use serde_json::{Value, json};

use super::*;
use crate::{
    Action, Explain,
    clock::Clock,
    config::NamedSecret,
    oauth::{
        client::RegistrationManagement,
        dpop::Binding,
        endpoint::Endpoint,
        fake::{Fake, http, http_at, noted},
        issuer::Issuer,
        scope::Scopes,
    },
};

const DEEP_LINK: &str = "ai.omlx.connect:/oauth/callback";
const LOOPBACK: &str = "http://127.0.0.1:49152/oauth/callback";

/// What was discovered about a server that registers clients.
fn discovery(fake: &Fake) -> Discovery {
    let mut server = AuthorizationServerMetadata::bare(fake.issuer(""), MetadataOrigin::Discovered);
    server.registration_endpoint = Endpoint::try_from(fake.url("/register")).ok();
    Discovery {
        server,
        resource: None,
        scope: Scopes::parse("read write"),
        provider: None,
        dpop: Binding::default(),
    }
}

fn listing(fake: &Fake, methods: &[&str]) -> Discovery {
    let mut discovery = discovery(fake);
    let methods = methods.iter().map(|&method| method.to_owned()).collect();
    discovery.server.token_endpoint_auth_methods_supported = Some(methods);
    discovery
}

fn redirects(uris: &[&str]) -> RegistrationRequest {
    RegistrationRequest {
        redirect_uris: uris.iter().map(|&uri| uri.to_owned()).collect(),
        ..RegistrationRequest::default()
    }
}

fn with_stored(stored: ClientInformation) -> RegistrationRequest {
    RegistrationRequest {
        stored: Some(stored),
        ..redirects(&[LOOPBACK])
    }
}

fn stored(issuer: &Issuer, registration: ClientRegistration) -> ClientInformation {
    ClientInformation {
        issuer: issuer.clone(),
        registration,
        client_id: ClientId::new("known".to_owned()),
        client_secret: Some(ClientSecret::new("s3cret".to_owned())),
        client_secret_expires_at: None,
        auth_method: ClientAuthMethod::ClientSecretBasic,
        key: None,
        redirect_uris: vec![LOOPBACK.to_owned()],
        scope: None,
        management: None,
    }
}

async fn obtained(
    discovery: &Discovery,
    request: RegistrationRequest,
) -> Result<ClientInformation, RegistrationError> {
    obtained_by(&http(), discovery, request).await
}

async fn obtained_by(
    http: &Http,
    discovery: &Discovery,
    request: RegistrationRequest,
) -> Result<ClientInformation, RegistrationError> {
    obtain(http, discovery, &AuthConfig::default(), request).await
}

/// Registers at a server that answers with `status` and `body`.
async fn answered(status: u16, body: &str) -> Result<ClientInformation, RegistrationError> {
    let fake = Fake::start().await;
    fake.at("/register", status, body);
    obtained(&discovery(&fake), redirects(&[LOOPBACK])).await
}

/// How a client authenticates after the server answered `body`.
async fn settled(methods: &[&str], body: &Value) -> ClientAuthMethod {
    let fake = Fake::start().await;
    fake.json("/register", body);
    let client = obtained(&listing(&fake, methods), redirects(&[LOOPBACK])).await;
    client.unwrap().auth_method
}

//! A token in the client's own name, by secret and by signature.

use serde_json::json as value;

use super::*;
use crate::{
    clock::Clock,
    config::{AuthConfig, GrantType, SecretSource, UnattendedConfig},
    oauth::{
        client::{ClientAuthMethod, ClientKey, ClientRegistration},
        client_assertion::ASSERTION_TYPE,
        signing_key::tests::{p256, verified},
        testing::{Server, client, discovery, http, json, start},
        unattended::UnattendedError,
    },
};

fn config(unattended: UnattendedConfig) -> AuthConfig {
    AuthConfig {
        grant: GrantType::ClientCredentials,
        unattended,
        ..AuthConfig::default()
    }
}

fn known(auth_method: ClientAuthMethod, auth: &AuthConfig) -> ClientInformation {
    ClientInformation {
        registration: ClientRegistration::Preregistered,
        auth_method,
        key: ClientKey::of(auth),
        ..client()
    }
}

async fn ask(
    server: &Server,
    auth_method: ClientAuthMethod,
    auth: &AuthConfig,
) -> Result<TokenResponse, UnattendedError> {
    let discovery = discovery(&server.url);
    let target = Target::of(&discovery, discovery.scope.clone()).expect("a token endpoint");
    let (clock, _hand) = Clock::manual(start());
    unattended::request(&http(&clock), &target, &known(auth_method, auth), auth).await
}

async fn generous() -> Server {
    Server::start(|_| json(200, &value!({"access_token": "t", "refresh_token": "unwanted"}))).await
}

#[tokio::test]
async fn a_secret_gets_a_token_for_the_resource_and_nothing_to_refresh_it_with() {
    let server = generous().await;
    let auth = config(UnattendedConfig::default());
    let response = ask(&server, ClientAuthMethod::ClientSecretBasic, &auth)
        .await
        .expect("a token");
    assert!(response.refresh_token.is_none(), "RFC 6749 §4.4.3");
    let [seen] = &server.seen()[..] else {
        panic!("one request")
    };
    assert_eq!(seen.value("grant_type"), Some("client_credentials"));
    assert_eq!(seen.value("resource"), Some("https://mcp.example"));
    assert_eq!(seen.value("scope"), Some("read write"));
    assert_eq!(
        (seen.value("client_id"), seen.value("client_secret")),
        (None, None)
    );
    assert!(
        seen.headers["authorization"]
            .to_str()
            .expect("ascii")
            .starts_with("Basic ")
    );
}

#[tokio::test]
async fn a_key_signs_an_assertion_for_this_authorization_server_and_a_new_one_each_time() {
    let (pem, public) = p256();
    let server = generous().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.pem");
    std::fs::write(&file, pem).expect("written");
    let auth = config(UnattendedConfig {
        private_key: Some(SecretSource::File(file)),
        ..UnattendedConfig::default()
    });
    for _ in 0..2 {
        ask(&server, ClientAuthMethod::PrivateKeyJwt, &auth)
            .await
            .expect("a token");
    }
    let claims: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| {
            assert_eq!(seen.value("client_assertion_type"), Some(ASSERTION_TYPE));
            assert!(!seen.headers.contains_key("authorization"));
            verified(seen.value("client_assertion").expect("an assertion"), &public)
        })
        .collect();
    assert_eq!(
        (&claims[0]["iss"], &claims[0]["sub"]),
        (&value!("client-1"), &value!("client-1"))
    );
    assert_eq!(claims[0]["aud"], "https://as.example");
    assert_eq!(claims[0]["exp"], start().as_second() + 300);
    assert_ne!(claims[0]["jti"], claims[1]["jti"]);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_named_and_nothing_is_sent() {
    let server = generous().await;
    let auth = config(UnattendedConfig {
        private_key: Some(SecretSource::File("/nowhere/key.pem".into())),
        ..UnattendedConfig::default()
    });
    let error = ask(&server, ClientAuthMethod::PrivateKeyJwt, &auth)
        .await
        .expect_err("no key");
    assert!(
        error.to_string().starts_with("/nowhere/key.pem cannot be read"),
        "{error}"
    );
    assert!(server.seen().is_empty());
}

//! An identity provider and an authorization server, and what each of them is told.

use oauth2::ClientSecret;
use serde_json::{Value, json as value};

use super::*;
use crate::{
    Explain as _,
    clock::Clock,
    config::{AuthConfig, GrantType, NamedSecret, SecretSource},
    oauth::{
        testing::{Server, client, discovery, endpoint, http, json, start},
        token::TokenResponse,
    },
};

fn variable(value: &str) -> SecretSource {
    SecretSource::Variable("X".to_owned(), ClientSecret::new(value.to_owned()))
}

async fn ask(server: &Server, auth: &AuthConfig) -> Result<TokenResponse, UnattendedError> {
    let discovery = discovery(&server.url);
    let target = Target::of(&discovery, discovery.scope.clone()).expect("a token endpoint");
    let (clock, _hand) = Clock::manual(start());
    unattended::request(&http(&clock), &target, &client(), auth).await
}

fn config(server: &Server) -> AuthConfig {
    AuthConfig {
        grant: GrantType::Enterprise,
        unattended: UnattendedConfig {
            idp_token_endpoint: Some(endpoint(&format!("{}/idp/token", server.url))),
            idp_client_id: Some("us-at-the-idp".to_owned()),
            idp_client_secret: Some(NamedSecret {
                source: "IDP_SECRET".to_owned(),
                secret: ClientSecret::new("planted-idp-secret".to_owned()),
            }),
            id_token: Some(variable("planted-id-token")),
            ..UnattendedConfig::default()
        },
        ..AuthConfig::default()
    }
}

async fn provider(exchange: Value) -> Server {
    Server::start(move |seen| match seen.path.as_str() {
        "/idp/token" => json(200, &exchange),
        _ => json(200, &value!({"access_token": "t", "token_type": "Bearer"})),
    })
    .await
}

#[tokio::test]
async fn the_identity_provider_vouches_and_the_authorization_server_gives_the_token() {
    let jag = value!({"access_token": "planted-jag", "issued_token_type": ID_JAG, "token_type": "N_A"});
    let server = provider(jag).await;
    let response = ask(&server, &config(&server)).await.expect("a token");
    assert_eq!(response.access_token.secret(), "t");
    let [exchange, bearer] = &server.seen()[..] else {
        panic!("two requests")
    };
    assert_eq!(exchange.value("grant_type"), Some(TOKEN_EXCHANGE));
    assert_eq!(exchange.value("requested_token_type"), Some(ID_JAG));
    assert_eq!(exchange.value("audience"), Some("https://as.example"));
    assert_eq!(exchange.value("resource"), Some("https://mcp.example"));
    assert_eq!(exchange.value("subject_token"), Some("planted-id-token"));
    assert_eq!(exchange.value("subject_token_type"), Some(ID_TOKEN));
    assert_eq!(bearer.path, "/token");
    assert_eq!(bearer.value("assertion"), Some("planted-jag"));
    assert_eq!(
        bearer.value("subject_token"),
        None,
        "the ID token stays with the identity provider"
    );
    assert_eq!(
        bearer.value("client_id"),
        Some("client-1"),
        "each knows us by its own name"
    );
}

#[tokio::test]
async fn another_kind_of_token_is_not_passed_on() {
    let server = provider(value!({"access_token": "planted", "issued_token_type": ID_TOKEN})).await;
    let error = ask(&server, &config(&server)).await.expect_err("refused");
    assert_eq!(error.code(), "token_response_unreadable");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_assertion_of_the_platform_is_presented_once_and_a_rejection_is_the_answer() {
    let server = Server::start(|_| json(400, &value!({"error": "invalid_grant"}))).await;
    let auth = AuthConfig {
        grant: GrantType::JwtBearer,
        unattended: UnattendedConfig {
            assertion: Some(variable("planted-jwt")),
            ..UnattendedConfig::default()
        },
        ..AuthConfig::default()
    };
    let error = ask(&server, &auth).await.expect_err("rejected");
    assert_eq!(error.code(), "token_refused");
    let [seen] = &server.seen()[..] else {
        panic!("one request")
    };
    assert_eq!(seen.value("assertion"), Some("planted-jwt"));
    assert_eq!(seen.value("resource"), Some("https://mcp.example"));
}

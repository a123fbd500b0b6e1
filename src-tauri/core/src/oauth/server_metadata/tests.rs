use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::oauth::fake::{Fake, http, noted};

const OAUTH_ROOT: &str = "/.well-known/oauth-authorization-server";
const OPENID_ROOT: &str = "/.well-known/openid-configuration";

fn minimal() -> &'static str {
    r#"{"issuer": "{origin}", "authorization_endpoint": "{origin}/a", "token_endpoint": "{origin}/t"}"#
}

async fn at_root(document: &str) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let fake = Fake::start().await;
    fake.at(OAUTH_ROOT, 200, document);
    discover(&http(), &fake.issuer("")).await
}

#[test]
fn the_example_of_rfc_8414_is_read() {
    // RFC 8414 §3.2
    let document = json!({
        "issuer": "https://server.example.com",
        "authorization_endpoint": "https://server.example.com/authorize",
        "token_endpoint": "https://server.example.com/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_endpoint": "https://server.example.com/userinfo",
        "jwks_uri": "https://server.example.com/jwks.json",
        "registration_endpoint": "https://server.example.com/register",
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code", "code token"],
        "service_documentation": "http://server.example.com/service_documentation.html",
        "ui_locales_supported": ["en-US", "en-GB", "en-CA", "fr-FR", "fr-CA"]
    });
    let Value::Object(document) = document else {
        panic!("an object")
    };
    let issuer = Issuer::parse("https://server.example.com").unwrap();
    let wire: Wire = wire::read(document);
    let metadata = wire.admit(&http(), &Expected::exactly(&issuer)).unwrap();
    let url = |path| Endpoint::parse(&format!("https://server.example.com/{path}")).ok();
    assert_eq!(metadata.authorization_endpoint, url("authorize"));
    assert_eq!(metadata.token_endpoint, url("token"));
    assert_eq!(metadata.registration_endpoint, url("register"));
    assert_eq!(metadata.userinfo_endpoint, url("userinfo"));
    assert_eq!(metadata.jwks_uri, url("jwks.json"));
    assert_eq!(metadata.code_challenge_methods_supported, None);
    assert!(!metadata.iss_parameter_supported);
    assert!(metadata.scopes_supported.unwrap().contains("offline_access"));
    assert_eq!(metadata.origin, MetadataOrigin::Discovered);
}

#[tokio::test]
async fn an_issuer_without_a_path_has_two_places_in_order() {
    let fake = Fake::start().await;
    fake.at(OPENID_ROOT, 200, minimal());
    let metadata = discover(&http(), &fake.issuer("")).await.unwrap();
    assert_eq!(metadata.issuer, fake.issuer(""));
    assert_eq!(
        fake.lines(),
        [format!("GET {OAUTH_ROOT}"), format!("GET {OPENID_ROOT}")]
    );
}

#[tokio::test]
async fn an_issuer_with_a_path_has_three_places_in_order_and_the_root_is_not_one() {
    for issuer in ["/t1", "/t1/"] {
        let fake = Fake::start().await;
        let missing = discover(&http(), &fake.issuer(issuer)).await;
        assert_eq!(
            missing,
            Err(DiscoveryError::MetadataMissing {
                issuer: fake.issuer(issuer)
            })
        );
        assert_eq!(
            fake.lines(),
            [
                format!("GET {OAUTH_ROOT}/t1"),
                format!("GET {OPENID_ROOT}/t1"),
                "GET /t1/.well-known/openid-configuration".to_owned(),
            ]
        );
    }
}

#[tokio::test]
async fn the_first_document_found_is_the_last_one_asked_for() {
    let fake = Fake::start().await;
    fake.at(OAUTH_ROOT, 200, minimal());
    discover(&http(), &fake.issuer("")).await.unwrap();
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn a_document_of_another_issuer_is_refused_to_the_letter() {
    for found in [
        "https://attacker.example.com",
        "{origin}/",
        "{origin}/T1",
        "HTTP://127.0.0.1",
    ] {
        let document = json!({"issuer": found, "token_endpoint": "{origin}/t"}).to_string();
        let error = at_root(&document).await.unwrap_err();
        assert!(
            matches!(error, DiscoveryError::IssuerMismatch { .. }),
            "{found}: {error}"
        );
    }
    let nobody = at_root(r#"{"token_endpoint": "{origin}/t"}"#).await.unwrap_err();
    assert!(
        nobody.to_string().ends_with("says it belongs to nobody"),
        "{nobody}"
    );
}

#[tokio::test]
async fn an_endpoint_that_must_not_be_used_is_an_error_where_it_is_needed() {
    for member in [
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
        "device_authorization_endpoint",
    ] {
        for url in [
            "http://as.example/x",
            "javascript:alert(1)",
            "file:///x",
            "data:,x",
            "/relative",
        ] {
            let document = json!({"issuer": "{origin}", member: url}).to_string();
            let error = at_root(&document).await.unwrap_err();
            let told =
                matches!(error, DiscoveryError::InvalidEndpoint { member: told, .. } if told == member);
            assert!(told, "{member} {url}: {error}");
            assert!(!error.to_string().contains("alert"));
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_only_adds_to_a_sign_in_is_left_out_and_noted() {
    let fake = Fake::start().await;
    fake.at(
        OAUTH_ROOT,
        200,
        r#"{"issuer": "{origin}", "revocation_endpoint": "http://as.example/r", "userinfo_endpoint": 7}"#,
    );
    let http = http();
    let metadata = discover(&http, &fake.issuer("")).await.unwrap();
    assert_eq!(
        (metadata.revocation_endpoint, metadata.userinfo_endpoint),
        (None, None)
    );
    assert!(noted(&http, "OAuth 2.1 §1.5"));
}

#[tokio::test]
async fn pages_and_odd_documents_are_none_and_trouble_is_an_error() {
    for body in ["<html>", "null", "{}", r#"{"message": "ok"}"#, "{\"issuer\": "] {
        let error = at_root(body).await.unwrap_err();
        assert!(
            matches!(error, DiscoveryError::MetadataMissing { .. }),
            "{body}: {error}"
        );
    }
    let fake = Fake::start().await;
    fake.at(OAUTH_ROOT, 503, "").at(OPENID_ROOT, 200, minimal());
    let error = discover(&http(), &fake.issuer("")).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn members_of_odd_types_are_read_as_far_as_they_make_sense() {
    let metadata = at_root(
        r#"{"issuer": "{origin}", "code_challenge_methods_supported": "S256", "scopes_supported": "a b",
            "grant_types_supported": {"x": 1}, "client_id_metadata_document_supported": "true",
            "token_endpoint_auth_methods_supported": ["none", 7, null],
            "authorization_response_iss_parameter_supported": 1}"#,
    )
    .await
    .unwrap();
    assert_eq!(
        metadata.code_challenge_methods_supported,
        Some(vec!["S256".to_owned()])
    );
    assert_eq!(metadata.scopes_supported, Some(Scopes::parse("a b")));
    assert_eq!(metadata.grant_types_supported, None);
    assert!(metadata.client_id_metadata_document_supported);
    assert_eq!(
        metadata.token_endpoint_auth_methods_supported,
        Some(vec!["none".to_owned()])
    );
    assert!(!metadata.iss_parameter_supported);
}

proptest! {
    #[test]
    fn no_document_can_break_the_reader(body in "(?s).{0,200}", value in "(?s).{0,60}") {
        let issuer = Issuer::parse("https://as.example").unwrap();
        let mut documents: Vec<Map<String, Value>> = serde_json::from_str(&body).into_iter().collect();
        for member in ["authorization_endpoint", "token_endpoint", "jwks_uri", "scopes_supported"] {
            documents.push(json!({"issuer": "https://as.example", member: &value}).as_object().unwrap().clone());
        }
        for document in documents {
            let wire: Wire = wire::read(document);
            let silent = http();
            if let Ok(metadata) = wire.admit(&silent, &Expected::exactly(&issuer)) {
                let scheme = metadata.token_endpoint.map(|endpoint| endpoint.as_url().scheme().to_owned());
                prop_assert!(scheme.is_none_or(|scheme| scheme == "https" || scheme == "http"));
            }
        }
    }
}

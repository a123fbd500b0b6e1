use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::oauth::fake::{Fake, http, noted};

const AT_PATH: &str = "/.well-known/oauth-protected-resource/mcp";
const AT_ROOT: &str = "/.well-known/oauth-protected-resource";

fn named(url: &str) -> BearerChallenge {
    BearerChallenge {
        resource_metadata: Some(url.to_owned()),
        ..BearerChallenge::default()
    }
}

async fn found(
    fake: &Fake,
    challenge: Option<&BearerChallenge>,
) -> Result<Option<ProtectedResourceMetadata>, DiscoveryError> {
    discover(&http(), &fake.url("/mcp?key=s3cret"), challenge).await
}

fn minimal() -> &'static str {
    r#"{"resource": "{origin}/mcp", "authorization_servers": ["https://as.example"]}"#
}

#[tokio::test]
async fn the_example_of_rfc_9728_is_read_verbatim() {
    // RFC 9728 §3.2, moved to loopback
    let fake = Fake::start().await;
    fake.at(
        AT_PATH,
        200,
        r#"{"resource": "{origin}/mcp",
            "authorization_servers": ["https://as1.example.com", "https://as2.example.net"],
            "bearer_methods_supported": ["header", "body"],
            "scopes_supported": ["profile", "email", "phone"],
            "resource_name": "Example\u0007 Resource",
            "resource_documentation": "https://resource.example.com/resource_documentation.html"}"#,
    );
    let metadata = found(&fake, None).await.unwrap().unwrap();
    assert_eq!(
        metadata.resource.unwrap().as_str(),
        format!("{}/mcp", fake.origin())
    );
    let servers: Vec<_> = metadata
        .authorization_servers
        .iter()
        .map(Issuer::as_str)
        .collect();
    assert_eq!(servers, ["https://as1.example.com", "https://as2.example.net"]);
    assert_eq!(
        metadata.scopes_supported,
        Some(Scopes::parse("profile email phone"))
    );
    assert_eq!(metadata.resource_name.as_deref(), Some("Example Resource"));
}

#[tokio::test]
async fn the_place_in_the_challenge_is_the_only_one_asked() {
    let fake = Fake::start().await;
    fake.at("/custom/metadata.json", 200, minimal());
    let challenge = named(fake.url("/custom/metadata.json").as_str());
    assert!(found(&fake, Some(&challenge)).await.unwrap().is_some());
    assert_eq!(fake.lines(), ["GET /custom/metadata.json"]);
    assert_eq!(fake.seen()[0].headers["accept"], "application/json");
}

#[tokio::test]
async fn without_a_challenge_the_path_is_asked_before_the_root_and_never_with_the_query() {
    let fake = Fake::start().await;
    fake.at(
        AT_ROOT,
        200,
        r#"{"resource": "{origin}", "authorization_servers": []}"#,
    );
    let metadata = found(&fake, None).await.unwrap().unwrap();
    assert_eq!(metadata.resource.unwrap().as_str(), fake.origin());
    assert_eq!(fake.lines(), [format!("GET {AT_PATH}"), format!("GET {AT_ROOT}")]);
}

#[tokio::test]
async fn a_server_at_the_root_has_one_well_known_place() {
    let fake = Fake::start().await;
    assert_eq!(discover(&http(), &fake.url("/"), None).await, Ok(None));
    assert_eq!(fake.lines(), [format!("GET {AT_ROOT}")]);
}

#[tokio::test]
async fn sentry_mcp_939_a_named_place_without_a_document_leads_to_the_well_known_ones() {
    let fake = Fake::start().await;
    fake.at(AT_PATH, 200, minimal());
    let challenge = named(fake.url(AT_ROOT).as_str());
    assert!(found(&fake, Some(&challenge)).await.unwrap().is_some());
    assert_eq!(fake.lines(), [format!("GET {AT_ROOT}"), format!("GET {AT_PATH}")]);
}

#[tokio::test]
async fn a_metadata_url_that_must_not_be_asked_is_passed_over() {
    for url in [
        "http://as.example/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "/relative",
    ] {
        let fake = Fake::start().await;
        fake.at(AT_PATH, 200, minimal());
        let http = http();
        let metadata = discover(&http, &fake.url("/mcp"), Some(&named(url))).await;
        assert!(metadata.unwrap().is_some(), "{url}");
        assert_eq!(fake.lines(), [format!("GET {AT_PATH}")]);
        assert!(noted(&http, "RFC 9728 §7.7"), "{url}");
    }
}

#[tokio::test]
async fn pages_redirects_and_refusals_mean_that_there_is_none() {
    for (status, body) in [
        (200, "<!doctype html><div id=app></div>"),
        (200, "[]"),
        (200, r#"{"error": "not_found"}"#),
        (200, ""),
        (204, ""),
        (302, ""),
        (308, ""),
        (400, "{}"),
        (401, ""),
        (403, "Forbidden"),
        (404, "<html>"),
        (405, ""),
        (410, ""),
    ] {
        let fake = Fake::start().await;
        fake.at(AT_PATH, status, body).at(AT_ROOT, status, body);
        assert_eq!(found(&fake, None).await, Ok(None), "{status} {body}");
        assert_eq!(fake.lines().len(), 2, "{status} {body}");
    }
}

#[tokio::test]
async fn trouble_ends_the_search_instead_of_leading_on() {
    for status in [408, 429, 500, 502, 503, 504] {
        let fake = Fake::start().await;
        fake.at(AT_PATH, status, "").at(AT_ROOT, 200, minimal());
        let error = found(&fake, None).await.unwrap_err();
        assert!(matches!(error, DiscoveryError::Unavailable { status: told, .. } if told == status));
        assert!(error.is_transient());
        assert_eq!(fake.lines(), [format!("GET {AT_PATH}")], "{status}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_and_no_absence() {
    let nobody = Url::parse("http://127.0.0.1:1/mcp").unwrap();
    let error = discover(&http(), &nobody, None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_plain_http_server_on_a_network_is_not_asked() {
    let server = Url::parse("http://192.0.2.1/mcp").unwrap();
    let error = discover(&http(), &server, None).await.unwrap_err();
    assert_eq!(
        error,
        DiscoveryError::InsecureServer {
            server: "http://192.0.2.1/mcp".to_owned()
        }
    );
}

#[tokio::test]
async fn the_metadata_of_another_resource_is_refused_wherever_it_was_found() {
    for resource in [
        "https://evil.example.com/mcp",
        "{origin}/mcp2",
        "{origin}/mcp/deeper",
        "not a url",
        "http://127.0.0.1:1/mcp",
    ] {
        let fake = Fake::start().await;
        fake.at(
            AT_PATH,
            200,
            &json!({"resource": resource, "authorization_servers": ["https://as.example"]}).to_string(),
        );
        let error = found(&fake, None).await.unwrap_err();
        assert!(
            matches!(error, DiscoveryError::ForeignResource { .. }),
            "{resource}: {error}"
        );
        assert!(!error.to_string().contains("s3cret"));
        assert_eq!(fake.lines().len(), 1, "no other place is asked");
    }
}

#[tokio::test]
async fn copilot_cli_4439_of_several_resources_the_most_specific_own_one_counts() {
    let fake = Fake::start().await;
    fake.at(
        AT_PATH,
        200,
        r#"{"resource": ["{origin}", "https://other.example/mcp", "{origin}/mcp"]}"#,
    );
    let metadata = found(&fake, None).await.unwrap().unwrap();
    assert_eq!(
        metadata.resource.unwrap().as_str(),
        format!("{}/mcp", fake.origin())
    );
}

#[tokio::test]
async fn an_unusable_authorization_server_is_passed_over_unless_it_is_the_only_one() {
    let fake = Fake::start().await;
    fake.at(
        AT_PATH,
        200,
        r#"{"resource": "{origin}", "authorization_servers": ["http://as.example", "https://as.example", "https://as.example"]}"#,
    );
    let metadata = found(&fake, None).await.unwrap().unwrap();
    assert_eq!(
        metadata.authorization_servers,
        [Issuer::parse("https://as.example").unwrap()]
    );
    let fake = Fake::start().await;
    fake.at(
        AT_PATH,
        200,
        r#"{"resource": "{origin}", "authorization_servers": "javascript:alert(1)"}"#,
    );
    let error = found(&fake, None).await.unwrap_err();
    assert!(matches!(
        error,
        DiscoveryError::InvalidIssuer {
            cause: EndpointError::Insecure,
            ..
        }
    ));
}

#[tokio::test]
async fn an_endless_document_is_an_error() {
    let fake = Fake::start().await;
    fake.at(AT_PATH, 200, &format!("\"{}\"", "x".repeat(2 << 20)));
    let error = found(&fake, None).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Http(_)), "{error}");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        "(?s).{0,30}".prop_map(|value| json!(value)),
        Just(json!("https://h.example/mcp")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|values| json!(values)),
            prop::collection::hash_map("[a-z]{1,6}", inner, 0..4).prop_map(|values| json!(values)),
        ]
    })
}

proptest! {
    #[test]
    fn no_document_can_break_the_reader(members in prop::collection::vec(any_json(), 4)) {
        let names = ["resource", "authorization_servers", "scopes_supported", "resource_name"];
        let document = names.into_iter().map(str::to_owned).zip(members).collect();
        let wire: Wire = wire::read(document);
        let server = Url::parse("https://h.example/mcp").unwrap();
        if let Ok(metadata) = wire.admit(&server) {
            prop_assert!(metadata.resource.is_none_or(|resource| resource.covers(&server)));
            prop_assert!(metadata.authorization_servers.len() <= MAX_SERVERS);
        }
    }
}

use serde_json::{Value, json};

use super::*;
use crate::{
    Action, Explain,
    network::AddressGuard,
    oauth::{
        endpoint::Endpoint,
        fake::{Fake, http, noted},
    },
};

const PRM: &str = "/.well-known/oauth-protected-resource/mcp";
const PRM_ROOT: &str = "/.well-known/oauth-protected-resource";
const ASM: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// The documents of an ordinary server that is its own authorization server.
fn resource() -> Value {
    json!({"resource": "{origin}/mcp", "authorization_servers": ["{origin}"], "resource_name": "Acme"})
}

fn metadata() -> Value {
    json!({
        "issuer": "{origin}",
        "authorization_endpoint": "{origin}/authorize",
        "token_endpoint": "{origin}/token",
        "registration_endpoint": "{origin}/register",
        "code_challenge_methods_supported": ["S256"],
    })
}

/// A document with one more member.
fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

async fn serving(resource: &Value, metadata: &Value) -> Fake {
    let fake = Fake::start().await;
    fake.json(PRM, resource).json(ASM, metadata);
    fake
}

async fn find(fake: &Fake, auth: &AuthConfig) -> Result<Discovery, DiscoveryError> {
    discover(&http(), &fake.url("/mcp"), auth, None).await
}

async fn find_default(fake: &Fake) -> Result<Discovery, DiscoveryError> {
    find(fake, &AuthConfig::default()).await
}

fn challenge(fake: &Fake, scope: Option<&str>) -> BearerChallenge {
    BearerChallenge {
        resource_metadata: Some(format!("{}{PRM}", fake.origin())),
        scope: scope.map(Scopes::parse),
        ..BearerChallenge::default()
    }
}

fn endpoint(fake: &Fake, path: &str) -> Option<Endpoint> {
    Endpoint::try_from(fake.url(path)).ok()
}

fn gets(places: &[&str]) -> Vec<String> {
    places.iter().map(|place| format!("GET {place}")).collect()
}

#[tokio::test]
async fn a_first_sign_in_takes_two_requests() {
    let fake = serving(&resource(), &metadata()).await;
    let found = discover(
        &http(),
        &fake.url("/mcp"),
        &AuthConfig::default(),
        Some(&challenge(&fake, None)),
    )
    .await
    .unwrap();
    assert_eq!(fake.lines(), gets(&[PRM, ASM]));
    assert_eq!(found.server.issuer, fake.issuer(""));
    assert_eq!(found.server.token_endpoint, endpoint(&fake, "/token"));
    assert_eq!(found.provider.as_deref(), Some("Acme"));
    assert_eq!(found.resource.unwrap().as_str(), format!("{}/mcp", fake.origin()));
    assert!(found.scope.is_empty());
}

#[tokio::test]
async fn the_resource_is_sent_as_the_server_writes_it_or_as_the_user_says() {
    let fake = serving(&with(resource(), "resource", json!("{origin}")), &metadata()).await;
    let sent = async |resource| {
        let auth = AuthConfig {
            resource,
            ..AuthConfig::default()
        };
        let found = find(&fake, &auth).await.unwrap();
        found.resource.map(|resource| resource.as_str().to_owned())
    };
    assert_eq!(
        sent(ResourceChoice::Discovered).await.as_deref(),
        Some(fake.origin())
    );
    assert_eq!(sent(ResourceChoice::Omitted).await, None);
    let exact = ResourceUri::parse("https://H.example:443").unwrap();
    assert_eq!(
        sent(ResourceChoice::Exact(exact)).await.as_deref(),
        Some("https://H.example:443")
    );
}

#[tokio::test]
async fn the_challenge_decides_the_scope_before_the_metadata_does() {
    let fake = serving(
        &with(resource(), "scopes_supported", json!(["a", "b"])),
        &metadata(),
    )
    .await;
    let asked = async |auth: AuthConfig, scope| {
        let challenge = challenge(&fake, scope);
        let found = discover(&http(), &fake.url("/mcp"), &auth, Some(&challenge)).await;
        found.unwrap().scope.to_string()
    };
    let pinned = AuthConfig {
        scopes: Some(Scopes::parse("mine")),
        ..AuthConfig::default()
    };
    assert_eq!(asked(AuthConfig::default(), Some("z a")).await, "z a");
    assert_eq!(asked(AuthConfig::default(), None).await, "a b");
    assert_eq!(asked(pinned, Some("z")).await, "mine");
}

#[tokio::test]
async fn offline_access_is_asked_for_only_where_it_is_listed_and_not_alone() {
    let listed = with(
        metadata(),
        "scopes_supported",
        json!(["openid", "offline_access"]),
    );
    let scoped = with(resource(), "scopes_supported", json!(["a"]));
    let cases = [
        (&scoped, &listed, "a offline_access"),
        (&scoped, &metadata(), "a"),
        (&resource(), &listed, ""),
    ];
    for (resource, metadata, expected) in cases {
        let fake = serving(resource, metadata).await;
        assert_eq!(find_default(&fake).await.unwrap().scope.to_string(), expected);
    }
    let fake = serving(&scoped, &listed).await;
    let auth = AuthConfig {
        grant: GrantType::ClientCredentials,
        ..AuthConfig::default()
    };
    assert_eq!(find(&fake, &auth).await.unwrap().scope.to_string(), "a");
}

#[tokio::test]
async fn without_s256_in_the_metadata_nobody_signs_in_unless_the_user_vouches() {
    for methods in [json!(null), json!(["plain"]), json!([]), json!(7)] {
        let fake = serving(
            &resource(),
            &with(metadata(), "code_challenge_methods_supported", methods),
        )
        .await;
        let error = find_default(&fake).await.unwrap_err();
        assert_eq!(
            error,
            DiscoveryError::PkceUnsupported {
                issuer: fake.issuer("")
            }
        );
        assert_eq!(
            (error.code(), error.action()),
            ("pkce_unsupported", Action::EditConfig)
        );
        let vouched = AuthConfig {
            assume_pkce: true,
            ..AuthConfig::default()
        };
        assert!(find(&fake, &vouched).await.is_ok());
        let device = AuthConfig {
            grant: GrantType::DeviceCode,
            ..AuthConfig::default()
        };
        assert!(find(&fake, &device).await.is_ok(), "no code, no proof key");
    }
}

#[tokio::test]
async fn of_several_authorization_servers_the_first_with_metadata_is_taken() {
    let (empty, good) = (Fake::start().await, Fake::start().await);
    let servers = json!([empty.origin(), good.origin()]);
    good.json(PRM, &with(resource(), "authorization_servers", servers))
        .json(ASM, &metadata());
    let found = find_default(&good).await.unwrap();
    assert_eq!(found.server.issuer, good.issuer(""));
    assert_eq!(empty.lines(), gets(&[ASM, OPENID]));
}

#[tokio::test]
async fn a_named_authorization_server_in_trouble_is_waited_for_and_not_replaced() {
    let (down, good) = (Fake::start().await, Fake::start().await);
    down.at(ASM, 503, "");
    let servers = json!([down.origin(), good.origin()]);
    good.json(PRM, &with(resource(), "authorization_servers", servers))
        .json(ASM, &metadata());
    assert!(find_default(&good).await.unwrap_err().is_transient());
    assert_eq!(good.lines(), gets(&[PRM]));
}

#[tokio::test]
async fn a_named_authorization_server_without_metadata_is_an_error_and_nothing_is_guessed() {
    let fake = Fake::start().await;
    fake.json(PRM, &resource());
    let error = find_default(&fake).await.unwrap_err();
    assert_eq!(
        error,
        DiscoveryError::MetadataMissing {
            issuer: fake.issuer("")
        }
    );
    assert_eq!(fake.lines(), gets(&[PRM, ASM, OPENID]));
}

#[tokio::test]
async fn no_endpoint_of_a_mismatched_issuer_is_touched() {
    let fake = serving(
        &resource(),
        &with(metadata(), "issuer", json!("https://attacker.example.com")),
    )
    .await;
    let error = find_default(&fake).await.unwrap_err();
    assert_eq!(
        (error.code(), error.action()),
        ("issuer_mismatch", Action::EditConfig)
    );
    assert_eq!(fake.lines(), gets(&[PRM, ASM]));
}

#[tokio::test]
async fn copilot_cli_4606_a_pinned_issuer_mends_a_slash_too_many() {
    let slash = with(resource(), "authorization_servers", json!(["{origin}/"]));
    let fake = serving(&slash, &metadata()).await;
    let error = find_default(&fake).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::IssuerMismatch { .. }), "{error}");
    let auth = AuthConfig {
        issuer: Some(fake.issuer("")),
        ..AuthConfig::default()
    };
    assert_eq!(find(&fake, &auth).await.unwrap().server.issuer, fake.issuer(""));
}

#[tokio::test]
async fn a_pinned_issuer_is_accepted_from_the_place_the_server_names() {
    let fake = serving(&resource(), &with(metadata(), "issuer", json!("{origin}/brand"))).await;
    let auth = AuthConfig {
        issuer: Some(fake.issuer("/brand")),
        ..AuthConfig::default()
    };
    let found = find(&fake, &auth).await.unwrap();
    assert_eq!(found.server.issuer, fake.issuer("/brand"));
    assert_eq!(fake.lines().last().unwrap(), &format!("GET {ASM}"));
}

#[tokio::test]
async fn a_server_of_2025_03_26_has_its_metadata_at_the_origin() {
    let fake = Fake::start().await;
    fake.json(ASM, &with(metadata(), "issuer", json!("{origin}/")));
    let found = find_default(&fake).await.unwrap();
    assert_eq!(
        found.server.issuer,
        fake.issuer("/"),
        "verbatim, for the iss comparison"
    );
    assert_eq!(found.server.origin, MetadataOrigin::Discovered);
    assert_eq!(found.resource.unwrap().as_str(), format!("{}/mcp", fake.origin()));
    assert_eq!(fake.lines(), gets(&[PRM, PRM_ROOT, ASM]));
    let seen = fake.seen();
    assert_eq!(seen[2].headers["mcp-protocol-version"], "2025-03-26");
    assert!(!seen[0].headers.contains_key("mcp-protocol-version"));
}

#[tokio::test]
async fn metadata_at_the_origin_is_held_to_its_issuer_and_to_pkce_too() {
    let fake = Fake::start().await;
    fake.json(ASM, &with(metadata(), "issuer", json!("https://other.example")));
    assert!(matches!(
        find_default(&fake).await,
        Err(DiscoveryError::IssuerMismatch { .. })
    ));
    let fake = Fake::start().await;
    fake.json(
        ASM,
        &with(metadata(), "code_challenge_methods_supported", json!(null)),
    );
    assert!(matches!(
        find_default(&fake).await,
        Err(DiscoveryError::PkceUnsupported { .. })
    ));
}

#[tokio::test]
async fn a_server_of_2025_03_26_without_any_metadata_has_default_endpoints() {
    let fake = Fake::start().await;
    let http = http();
    let found = discover(
        &http,
        &fake.url("/v1/mcp?key=s3cret"),
        &AuthConfig::default(),
        None,
    )
    .await;
    let found = found.unwrap();
    assert_eq!(found.server.origin, MetadataOrigin::Legacy);
    assert_eq!(found.server.issuer, fake.issuer(""));
    assert_eq!(found.server.authorization_endpoint, endpoint(&fake, "/authorize"));
    assert_eq!(found.server.token_endpoint, endpoint(&fake, "/token"));
    assert_eq!(found.server.registration_endpoint, endpoint(&fake, "/register"));
    assert_eq!(fake.lines().len(), 3);
    assert!(noted(&http, "MCP 2025-03-26 §2.3.3"));
    let steps = serde_json::to_string(&http.timeline().steps()).unwrap();
    assert!(!steps.contains("s3cret"));
}

#[tokio::test]
async fn nothing_is_guessed_after_trouble_anywhere() {
    for place in [PRM, PRM_ROOT, ASM] {
        for status in [408, 429, 500, 503] {
            let fake = Fake::start().await;
            fake.at(place, status, "");
            let error = find_default(&fake).await.unwrap_err();
            assert!(error.is_transient(), "{place} {status}: {error}");
            assert_eq!(fake.lines().last().unwrap(), &format!("GET {place}"));
        }
    }
}

#[tokio::test]
async fn metadata_that_names_no_authorization_server_leads_to_the_origin() {
    let fake = serving(&json!({"resource": "{origin}/mcp"}), &metadata()).await;
    assert_eq!(find_default(&fake).await.unwrap().server.issuer, fake.issuer(""));
    assert_eq!(fake.lines(), gets(&[PRM, ASM]));
}

/// A config file that names endpoints and client.
fn pinned(fake: &Fake) -> AuthConfig {
    AuthConfig {
        client_id: Some("id".to_owned()),
        authorization_endpoint: endpoint(fake, "/my/authorize"),
        token_endpoint: endpoint(fake, "/my/token"),
        ..AuthConfig::default()
    }
}

#[tokio::test]
async fn pinned_endpoints_need_no_metadata_of_the_authorization_server() {
    let fake = serving(&with(resource(), "scopes_supported", json!(["a"])), &metadata()).await;
    let found = find(&fake, &pinned(&fake)).await.unwrap();
    assert_eq!(found.server.origin, MetadataOrigin::Configured);
    assert_eq!(found.server.token_endpoint, endpoint(&fake, "/my/token"));
    assert_eq!(found.scope.to_string(), "a");
    assert_eq!(fake.lines(), gets(&[PRM]));
}

#[tokio::test]
async fn a_config_file_that_says_everything_makes_discovery_silent() {
    let fake = Fake::start().await;
    let auth = AuthConfig {
        scopes: Some(Scopes::default()),
        resource: ResourceChoice::Omitted,
        ..pinned(&fake)
    };
    let found = find(&fake, &auth).await.unwrap();
    assert_eq!(found.server.issuer, fake.issuer(""));
    assert_eq!((found.resource, found.scope), (None, Scopes::default()));
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn pinned_endpoints_without_a_client_are_completed_by_what_is_discovered() {
    let fake = serving(&resource(), &metadata()).await;
    let auth = AuthConfig {
        client_id: None,
        ..pinned(&fake)
    };
    let found = find(&fake, &auth).await.unwrap();
    assert_eq!(found.server.token_endpoint, endpoint(&fake, "/my/token"));
    assert_eq!(found.server.registration_endpoint, endpoint(&fake, "/register"));
}

#[tokio::test]
async fn pinned_endpoints_of_a_server_without_metadata_are_not_mixed_with_guesses() {
    let fake = Fake::start().await;
    let auth = AuthConfig {
        client_id: None,
        ..pinned(&fake)
    };
    let found = find(&fake, &auth).await.unwrap();
    assert_eq!(found.server.origin, MetadataOrigin::Configured);
    assert_eq!(found.server.registration_endpoint, None);
}

#[tokio::test]
async fn foreign_metadata_has_no_say_when_the_user_decided_server_and_resource() {
    let fake = serving(
        &with(resource(), "resource", json!("https://evil.example")),
        &metadata(),
    )
    .await;
    assert!(matches!(
        find_default(&fake).await,
        Err(DiscoveryError::ForeignResource { .. })
    ));
    let auth = AuthConfig {
        issuer: Some(fake.issuer("")),
        resource: ResourceChoice::Omitted,
        ..AuthConfig::default()
    };
    let found = find(&fake, &auth).await.unwrap();
    assert_eq!(found.provider, None);
}

#[tokio::test]
async fn a_public_server_cannot_have_a_page_on_this_machine_opened() {
    let fake = Fake::start().await;
    fake.json(
        ASM,
        &with(
            metadata(),
            "authorization_endpoint",
            json!("http://localhost:1/authorize"),
        ),
    );
    let auth = AuthConfig {
        issuer: Some(fake.issuer("")),
        scopes: Some(Scopes::default()),
        resource: ResourceChoice::Omitted,
        ..AuthConfig::default()
    };
    let server = Url::parse("https://8.8.8.8/mcp").unwrap();
    let guarded = http().guarded(AddressGuard::of(&server, &auth));
    let error = discover(&guarded, &server, &auth, None).await.unwrap_err();
    assert_eq!(
        (error.code(), error.action()),
        ("private_address", Action::AskProvider)
    );
}

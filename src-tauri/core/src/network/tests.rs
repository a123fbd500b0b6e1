use std::net::SocketAddr;

use axum::{Router, http::HeaderMap, response::Redirect, routing::get};
use http::header;

use super::*;
use crate::{
    config::AuthConfig,
    oauth::{
        endpoint::Endpoint,
        http::{HttpError, HttpRequest},
        timeline::Stage,
    },
};

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn settings() -> NetworkSettings {
    NetworkSettings {
        proxy: ProxyChoice::Direct,
        ..NetworkSettings::default()
    }
}

fn http_for(server: &str) -> Http {
    let network = Network::new(&settings()).unwrap();
    let server = url::Url::parse(server).unwrap();
    network
        .http(
            AddressGuard::of(&server, &AuthConfig::default()),
            Clock::system(),
            Timeline::default(),
        )
        .unwrap()
}

#[tokio::test]
async fn a_redirect_comes_back_as_it_is_and_the_product_names_itself() {
    let app = Router::new()
        .route("/away", get(|| async { Redirect::temporary("/agent") }))
        .route(
            "/agent",
            get(|headers: HeaderMap| async move { headers[header::USER_AGENT].to_str().unwrap().to_owned() }),
        );
    let address = serve(app).await;
    let client = client(&settings()).unwrap();
    let away = client.get(format!("http://{address}/away")).send().await.unwrap();
    assert_eq!(away.status(), 307);
    let agent = client
        .get(format!("http://{address}/agent"))
        .send()
        .await
        .unwrap();
    assert_eq!(agent.text().await.unwrap(), USER_AGENT);
}

#[tokio::test]
async fn a_loopback_server_may_name_loopback_endpoints_by_name_and_by_address() {
    let address = serve(Router::new().route("/", get(|| async { "{}" }))).await;
    let http = http_for(&format!("http://{address}/mcp"));
    for host in ["127.0.0.1", "localhost"] {
        let endpoint = Endpoint::parse(&format!("http://{host}:{}/", address.port())).unwrap();
        let answer = http.send(HttpRequest::get(endpoint, Stage::Token)).await.unwrap();
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_public_server_that_names_this_machine_is_refused_and_nothing_is_sent() {
    let address = serve(Router::new().route("/", get(|| async { "{}" }))).await;
    let http = http_for("https://8.8.8.8/mcp");
    for host in ["127.0.0.1", "localhost"] {
        let endpoint = Endpoint::parse(&format!("http://{host}:{}/", address.port())).unwrap();
        let refused = http.send(HttpRequest::get(endpoint, Stage::Token)).await;
        assert!(matches!(refused, Err(HttpError::Refused { .. })), "{host}");
    }
}

#[tokio::test]
async fn a_refusal_by_the_resolver_is_told_from_a_name_that_does_not_exist() {
    let server = url::Url::parse("https://8.8.8.8/mcp").unwrap();
    let guard = AddressGuard::of(&server, &AuthConfig::default());
    let resolver = GuardedResolver::new(guard, std::collections::BTreeSet::new());
    let client = built(
        Network::new(&settings())
            .unwrap()
            .builder()
            .dns_resolver(resolver),
    )
    .unwrap();
    let http = Http::new(client, Clock::system(), Timeline::default());
    let ask = async |url| {
        let endpoint = Endpoint::parse(url).unwrap();
        http.send(HttpRequest::get(endpoint, Stage::Token)).await.err()
    };
    let refused = ask("http://localhost:1/").await;
    assert!(matches!(refused, Some(HttpError::Refused { .. })), "{refused:?}");
    let unknown = ask("https://no-such-host.invalid/").await;
    assert!(
        matches!(unknown, Some(HttpError::Unreachable { .. })),
        "{unknown:?}"
    );
}

#[test]
fn files_that_cannot_be_used_are_named_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let cases = [
        (folder.path().join("absent"), "does not exist"),
        (file("empty", ""), "holds no certificate"),
        (file("broken", "-----BEGIN s3cret\n"), "is not a PEM file"),
        (
            file(
                "damaged",
                "-----BEGIN CERTIFICATE-----\nczNjcmV0\n-----END CERTIFICATE-----\n",
            ),
            "holds a damaged certificate",
        ),
    ];
    for (path, cause) in cases {
        let with = NetworkSettings {
            ca_file: Some(path.clone()),
            ..settings()
        };
        let error = Network::new(&with).unwrap_err();
        assert_eq!(error, NetworkError::CaFile { path, cause });
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[test]
fn settings_come_from_the_environment() {
    let env = |name: &str| match name {
        "OMLX_CONNECT_CA_FILE" => Some("/etc/ca.pem".to_owned()),
        "OMLX_CONNECT_CLIENT_CERTIFICATE" => Some(String::new()),
        "OMLX_CONNECT_PRIVATE_ADDRESSES" => Some("allow".to_owned()),
        _ => None,
    };
    let expected = NetworkSettings {
        ca_file: Some("/etc/ca.pem".into()),
        private_addresses: PrivateAddresses::Allowed,
        ..NetworkSettings::default()
    };
    assert_eq!(NetworkSettings::from_env(&env), expected);
}

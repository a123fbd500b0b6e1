use std::{net::SocketAddr, path::PathBuf};

use rustls::{ServerConfig, server::WebPkiClientVerifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::network::{ProxyChoice, client};

fn testdata(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/network/testdata");
    PathBuf::from(folder).join(name)
}

fn settings(ca_file: Option<&str>, client_certificate: Option<&str>) -> NetworkSettings {
    NetworkSettings {
        ca_file: ca_file.map(testdata),
        client_certificate: client_certificate.map(testdata),
        proxy: ProxyChoice::Direct,
        ..NetworkSettings::default()
    }
}

/// A server with a certificate of the test authority, which may want one of the same authority from its clients.
fn server_config(wants_certificate: Option<&str>) -> ServerConfig {
    install_provider();
    let builder = ServerConfig::builder();
    let builder = match wants_certificate {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(authorities(&testdata(ca)).unwrap());
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = CertificateDer::pem_file_iter(testdata("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(testdata("server.pem")).unwrap();
    builder
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap()
}

async fn serve(config: ServerConfig) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

async fn answer(settings: &NetworkSettings, address: SocketAddr) -> Result<String, reqwest::Error> {
    let answer = client(settings)
        .unwrap()
        .get(format!("https://{address}/"))
        .send();
    answer.await?.text().await
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_its_file_is_set() {
    let address = serve(server_config(None)).await;
    assert!(answer(&settings(None, None), address).await.is_err());
    assert_eq!(
        answer(&settings(Some("ca.pem"), None), address).await.unwrap(),
        "ok"
    );
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let address = serve(server_config(Some("ca.pem"))).await;
    assert!(answer(&settings(Some("ca.pem"), None), address).await.is_err());
    let with = settings(Some("ca.pem"), Some("client.pem"));
    assert_eq!(answer(&with, address).await.unwrap(), "ok");
}

#[test]
fn a_client_certificate_needs_its_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let (client, server) = (testdata("client.pem"), testdata("server.pem"));
    let read = |path| std::fs::read_to_string(path).unwrap();
    let key = read(server)
        .split_once("-----BEGIN PRIVATE")
        .unwrap()
        .1
        .to_owned();
    let certificate = read(client)
        .split_once("-----BEGIN PRIVATE")
        .unwrap()
        .0
        .to_owned();
    let cases = [
        (certificate.clone(), "holds no private key"),
        (
            format!("{certificate}-----BEGIN PRIVATE{key}"),
            "holds a certificate and a key that do not fit",
        ),
    ];
    for (text, cause) in cases {
        let path = folder.path().join("client.pem");
        std::fs::write(&path, text).unwrap();
        let with = NetworkSettings {
            client_certificate: Some(path.clone()),
            ..settings(None, None)
        };
        let error = configure(&with).unwrap_err();
        assert_eq!(error, NetworkError::ClientCertificate { path, cause });
    }
}

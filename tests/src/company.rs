//! A company's network: TLS with certificates of its own in front of a demo, and a proxy in front of everything.

use std::{
    error::Error,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use omlx_demo::{Demo, DemoOptions};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A file of the company's certificates (tests/testdata/tls).
pub fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/tls")
        .join(name)
}

/// How a server behind TLS presents itself, and what it wants.
#[derive(Clone, Copy, Debug)]
pub struct Behind {
    /// The host in its URLs; its port is added unless a proxy leads there.
    pub host: &'static str,
    /// Its certificate with its key.
    pub certificate: &'static str,
    /// Whether whoever comes must present a certificate of the company's.
    pub wants_certificate: bool,
}

impl Default for Behind {
    fn default() -> Self {
        Self {
            host: "127.0.0.1",
            certificate: "server.pem",
            wants_certificate: false,
        }
    }
}

/// Starts a demo whose every address is https, and what speaks TLS for it.
pub async fn behind_tls(behind: Behind) -> Result<(Demo, SocketAddr), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let origin = match behind.host {
        "127.0.0.1" | "localhost" => format!("https://{}:{}", behind.host, address.port()),
        public => format!("https://{public}"),
    };
    let demo = Demo::start(DemoOptions {
        origin: Some(origin),
        ..DemoOptions::headless()
    })
    .await?;
    let acceptor = TlsAcceptor::from(Arc::new(server_config(behind)?));
    let inner = demo.address();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // Whoever is not let in learns it from TLS; nobody else is told.
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await?;
                let mut inner = TcpStream::connect(inner).await?;
                copy_bidirectional(&mut outer, &mut inner).await
            });
        }
    });
    Ok((demo, address))
}

fn server_config(behind: Behind) -> Result<ServerConfig, Box<dyn Error>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = if behind.wants_certificate {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_file_iter(certificate("ca.pem"))? {
            roots.add(authority?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
        )
    } else {
        builder.with_no_client_auth()
    };
    let own = certificate(behind.certificate);
    let chain = CertificateDer::pem_file_iter(&own)?.collect::<Result<_, _>>()?;
    Ok(builder.with_single_cert(chain, PrivateKeyDer::from_pem_file(&own)?)?)
}

/// A proxy that takes every tunnel to one place, whatever it was asked for, and remembers what that was.
#[derive(Clone, Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one that leads to `there`.
    pub async fn to(there: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self {
            address: listener.local_addr()?,
            asked: Arc::default(),
        };
        let own = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(own.clone().serve(stream, there));
            }
        });
        Ok(proxy)
    }

    /// Its URL, for `HTTPS_PROXY`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every host and port that was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn serve(self, stream: TcpStream, there: SocketAddr) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(target);
        while stream.read_line(&mut line).await? > 2 {}
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
        let mut there = TcpStream::connect(there).await?;
        copy_bidirectional(&mut stream, &mut there).await?;
        Ok(())
    }
}

//! TLS by rustls with ring: the operating system's trust store, extra authorities, a client certificate.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::WantsClientCert,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use rustls_platform_verifier::Verifier;

use super::{NetworkError, NetworkSettings};

type Builder = rustls::ConfigBuilder<ClientConfig, WantsClientCert>;

/// Builds the one TLS configuration every client shares.
pub(super) fn configure(settings: &NetworkSettings) -> Result<ClientConfig, NetworkError> {
    install_provider();
    let extra = match &settings.ca_file {
        Some(path) => authorities(path)?,
        None => Vec::new(),
    };
    let builder = verifying(extra)?;
    let mut tls = match &settings.client_certificate {
        Some(path) => with_certificate(builder, path)?,
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// Makes ring the process's provider, for every other user of rustls as well; whoever was first wins.
pub(super) fn install_provider() {
    let _ = ring::default_provider().install_default();
}

fn verifying(extra: Vec<CertificateDer<'static>>) -> Result<Builder, NetworkError> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(&error))?;
    let bare = extra.is_empty();
    match Verifier::new_with_extra_roots(extra, provider) {
        // "Dangerous" is rustls' word for any verifier that is not its own.
        Ok(verifier) => Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))),
        // A machine without any authority (a bare container) must still reach servers on itself. Every https
        // connection will fail, and say why.
        Err(error) if bare => {
            tracing::warn!("no certificate authorities on this machine, https will not work: {error}");
            Ok(builder.with_root_certificates(RootCertStore::empty()))
        }
        Err(error) => Err(setup(&error)),
    }
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone)
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetworkError> {
    let unusable = |cause| NetworkError::CaFile {
        path: path.to_owned(),
        cause,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(phrase(&error)))?;
    // Checked one by one here, so that the error can name the file.
    let mut store = RootCertStore::empty();
    let (good, bad) = store.add_parsable_certificates(certificates.iter().cloned());
    match (good, bad) {
        (0, 0) => Err(unusable("holds no certificate")),
        (_, 0) => Ok(certificates),
        _ => Err(unusable("holds a damaged certificate")),
    }
}

fn with_certificate(builder: Builder, path: &Path) -> Result<ClientConfig, NetworkError> {
    let unusable = |cause| NetworkError::ClientCertificate {
        path: path.to_owned(),
        cause,
    };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(phrase(&error)))?;
    let key = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::NoItemsFound => unusable("holds no private key"),
        error => unusable(phrase(&error)),
    })?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|_| unusable("holds a certificate and a key that do not fit"))
}

/// pem's own text can repeat a line of the file, which may be a line of a key.
fn phrase(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist",
        pem::Error::Io(_) => "cannot be read",
        pem::Error::NoItemsFound => "holds no certificate",
        _ => "is not a PEM file",
    }
}

fn setup(error: &rustls::Error) -> NetworkError {
    NetworkError::Setup {
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests;

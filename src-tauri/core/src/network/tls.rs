//! TLS by rustls with ring: the operating system's trust store, extra authorities, a client certificate.

mod trust;

use std::{error::Error, io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::WantsClientCert,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use self::trust::SystemTrust;
use super::{NetworkError, NetworkSettings};
use crate::oauth::server_text::sentence;

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
    // "Dangerous" is rustls' word for any verifier that is not its own.
    let trust = SystemTrust::with(extra, provider);
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust)))
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

/// Why a connection failed, in one phrase that names what a person can set.
pub(crate) fn failure(error: &rustls::Error) -> String {
    use rustls::{AlertDescription, CertificateError as Certificate};
    let phrase = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "its certificate has expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "its certificate is not valid yet (is the clock right?)"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            Certificate::UnknownIssuer => {
                "its certificate is not trusted on this machine (OMLX_CONNECT_CA_FILE names a company's authority)"
            }
            Certificate::Revoked => "its certificate has been revoked",
            _ => "its certificate is not acceptable",
        },
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it wants a client certificate (OMLX_CONNECT_CLIENT_CERTIFICATE names one)"
        }
        rustls::Error::InvalidMessage(_) => "it does not speak TLS",
        _ => return sentence(&error.to_string()).unwrap_or_default(),
    };
    phrase.to_owned()
}

/// The same for an error that holds one of TLS somewhere.
pub(crate) fn failure_in(error: &(dyn Error + 'static)) -> Option<String> {
    found_in(error).map(failure)
}

/// Whether the server wants a client certificate: told after the handshake (RFC 8446 §4.4.2.4), before any request
/// is looked at.
pub(crate) fn wants_certificate(error: &(dyn Error + 'static)) -> bool {
    let wanted = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
    found_in(error) == Some(&wanted)
}

/// I/O errors hide theirs from `source()`.
fn found_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(tls) = current.downcast_ref() {
            return Some(tls);
        }
        let hidden = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match hidden {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    None
}

fn setup(error: &rustls::Error) -> NetworkError {
    NetworkError::Setup {
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests;

//! The operating system's trust store, read when a certificate is first to be judged: some milliseconds and half a
//! megabyte that a process which speaks to this machine alone does without.

use std::sync::{Arc, OnceLock};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

/// Judges a server's certificate by the system's authorities, and some more.
#[derive(Debug)]
pub(super) struct SystemTrust {
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    read: OnceLock<Verifier>,
}

impl SystemTrust {
    pub(super) fn with(extra: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Self {
        Self {
            extra,
            provider,
            read: OnceLock::new(),
        }
    }

    /// Blocks for some milliseconds the first time. That there are no authorities (a bare container) is not remembered:
    /// they may be installed while we run.
    fn verifier(&self) -> Result<&Verifier, Error> {
        if let Some(verifier) = self.read.get() {
            return Ok(verifier);
        }
        let read = Verifier::new_with_extra_roots(self.extra.clone(), Arc::clone(&self.provider));
        let read = read.map_err(|error| {
            tracing::warn!("no certificate authorities on this machine, https does not work: {error}");
            Error::InvalidCertificate(CertificateError::UnknownIssuer)
        })?;
        Ok(self.read.get_or_init(|| read))
    }
}

impl ServerCertVerifier for SystemTrust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

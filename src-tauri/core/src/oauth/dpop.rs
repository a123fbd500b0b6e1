//! Demonstrating proof of possession (RFC 9449): a token that is worth nothing without the key it was bound to.
//!
//! ```text
//! choose → DpopKey, one for each sign-in ─ sealed with the grant, never shown
//! Prover (key, clock, the server's last nonce) ─prove→ a proof for one request, for one attempt
//! ```
//!
//! A proof is made for each attempt, retries included, so that none is ever sent twice. Nonces are kept for the server
//! that gave them and for as long as the process runs; they live for minutes and are not worth storing.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use oauth2::{AccessToken, CsrfToken};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::{
    challenge,
    discovery::Discovery,
    http::{Http, HttpResponse},
    issuer::Issuer,
    server_text,
    signing_key::{SigningKey, SigningKeyError},
    timeline::Stage,
};
use crate::{Action, Explain, clock::Clock, config::DpopChoice};

/// The header field of a proof (§4.1).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The header field by which a server gives a nonce (§8.1).
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The error that asks for one (§8, §9).
const USE_NONCE: &str = "use_dpop_nonce";

/// The longest nonce repeated, in bytes; it travels in every proof.
const MAX_NONCE: usize = 512;

/// The one algorithm offered: every server that lists any lists this one.
pub(super) const ES256: &str = "ES256";

/// Why there is no proof, or none that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// Tokens are to be bound to a key, and the authorization server binds none to a key like ours.
    #[error("tokens of this server are to be bound to a key, and {issuer} does not bind any with {ES256}")]
    Unsupported {
        /// The authorization server.
        issuer: Issuer,
    },
    /// A token was issued without being bound, where one that is bound was needed; it is not used.
    #[error("{issuer} issued a token that is not bound to our key, as it is to be for this server")]
    Unbound {
        /// The authorization server.
        issuer: Issuer,
    },
    /// Our proof was not accepted.
    #[error(
        "the authorization server does not accept our proof of the key ({code}); it does so when the clock of \
         this machine is wrong"
    )]
    Refused {
        /// `error`
        code: String,
    },
    /// No key could be made, or it could not sign.
    #[error("the key of this sign-in cannot be used: {0}")]
    Key(#[from] SigningKeyError),
}

impl Explain for DpopError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "dpop_unsupported",
            Self::Unbound { .. } => "dpop_token_unbound",
            Self::Refused { .. } => "dpop_proof_refused",
            Self::Key(_) => "dpop_key_unusable",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unsupported { .. } | Self::Unbound { .. } => Action::AskProvider,
            Self::Refused { .. } => Action::Retry,
            Self::Key(_) => Action::Reauthenticate,
        }
    }
}

/// Whether a resource wants its tokens bound to a key; ordered, so that the stronger of two statements counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// It says nothing of it.
    #[default]
    Unmentioned,
    /// It takes both.
    Offered,
    /// It takes nothing else.
    Required,
}

/// The key of one sign-in; cheap to clone.
#[derive(Clone)]
pub struct DpopKey(Arc<Inner>);

struct Inner {
    key: SigningKey,
    pkcs8: Zeroizing<Vec<u8>>,
    jwk: Value,
    thumbprint: String,
}

impl DpopKey {
    /// A new P-256 key.
    pub fn generate() -> Result<Self, DpopError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| SigningKeyError::Unsigned)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// The key as it was sealed.
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, DpopError> {
        let (key, x, y) = SigningKey::p256(pkcs8)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Ok(Self(Arc::new(Inner {
            key,
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            thumbprint: thumbprint(&x, &y),
            jwk: json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}),
        })))
    }

    /// The key to be sealed; a secret.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.0.pkcs8
    }

    /// Its public thumbprint (RFC 7638), which is `dpop_jkt` (§10).
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }
}

/// RFC 7638 §3: the required members in their order, without a blank.
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopKey([redacted])")
    }
}

/// Makes proofs with one key for one server; clones share the server's nonce.
#[derive(Clone, Debug)]
pub struct Prover {
    key: DpopKey,
    clock: Clock,
    nonce: Arc<ArcSwapOption<String>>,
}

impl Prover {
    /// For a server that has given no nonce yet.
    pub fn new(key: DpopKey, clock: Clock) -> Self {
        Self {
            key,
            clock,
            nonce: Arc::default(),
        }
    }

    /// The key.
    pub fn key(&self) -> &DpopKey {
        &self.key
    }

    /// A proof for one attempt of one request (§4.2), with the hash of the token that goes along, if one does (§7).
    pub fn prove(
        &self,
        (method, url): (&Method, &Url),
        token: Option<&AccessToken>,
    ) -> Result<HeaderValue, DpopError> {
        let mut claims = json!({
            "jti": CsrfToken::new_random().secret(),
            "htm": method.as_str(),
            "htu": htu(url).as_str(),
            "iat": self.clock.now().as_second(),
        });
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token.secret())).into();
        }
        if let Some(nonce) = &*self.nonce.load() {
            claims["nonce"] = nonce.as_str().into();
        }
        let header = json!({"typ": "dpop+jwt", "alg": ES256, "jwk": self.key.0.jwk});
        let proof = self.key.0.key.compact(&header, &claims)?;
        let mut value = HeaderValue::try_from(proof).map_err(|_| SigningKeyError::Unsigned)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Takes the nonce of an answer for the proofs to come (§8.2); whether there was one that can be used.
    pub fn learn(&self, headers: &HeaderMap) -> bool {
        let nonce = headers.get(DPOP_NONCE).and_then(|value| value.to_str().ok());
        let Some(nonce) = nonce.filter(|nonce| is_nonce(nonce)) else {
            return false;
        };
        if self.nonce.load().as_deref().is_none_or(|known| known != nonce) {
            self.nonce.store(Some(Arc::new(nonce.to_owned())));
        }
        true
    }
}

/// §4.2: without query and fragment, and without what may stand before the host.
fn htu(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only URLs without a host refuse this, and none of those is asked for anything.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// §8.1: printable characters of ASCII, less what would need quoting.
fn is_nonce(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (1..=MAX_NONCE).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether an MCP server, or another resource, refused a request for want of a nonce (§9).
pub fn is_nonce_challenge(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED
        && challenge::parse(headers)
            .iter()
            .any(|challenge| challenge.is("DPoP") && challenge.parameter("error") == Some(USE_NONCE))
}

/// The error by which a token endpoint speaks of our proof and not of the grant (§5, §8).
pub(super) fn refusal(response: &HttpResponse) -> Option<DpopError> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    let code = body.get("error")?.as_str()?;
    let is_ours = !response.status.is_success() && [USE_NONCE, "invalid_dpop_proof"].contains(&code);
    is_ours.then(|| DpopError::Refused {
        code: server_text::code(code).unwrap_or_default(),
    })
}

/// Whether a token endpoint wants the request once more, with the nonce it gave (§8).
pub(super) fn is_nonce_refusal(error: Option<&DpopError>) -> bool {
    matches!(error, Some(DpopError::Refused { code }) if code == USE_NONCE)
}

/// Decides whether the tokens of a sign-in are to be bound to a key, and makes one.
///
/// By itself where the MCP server asks for it and the authorization server can do it: a server that says nothing of
/// DPoP may not know the scheme, and would refuse a token it could have had as a bearer.
pub fn choose(http: &Http, choice: DpopChoice, discovery: &Discovery) -> Result<Option<DpopKey>, DpopError> {
    let server = &discovery.server;
    let listed = server.dpop_signing_alg_values_supported.as_ref();
    let binds = listed.map(|listed| listed.iter().any(|algorithm| algorithm == ES256));
    let required = is_required(choice, discovery);
    let bound = match (choice, discovery.dpop) {
        (DpopChoice::Off, _) => false,
        (DpopChoice::Auto, Binding::Offered) => binds == Some(true),
        _ => required,
    };
    if bound && binds == Some(false) {
        return Err(DpopError::Unsupported {
            issuer: server.issuer.clone(),
        });
    }
    if !bound {
        return Ok(None);
    }
    let decision = match discovery.dpop {
        Binding::Required => "the server takes only tokens that are bound to a key",
        Binding::Offered => "the server offers to bind tokens to a key",
        Binding::Unmentioned => "the config file says to bind tokens to a key",
    };
    http.note(Stage::Token, decision, "RFC 9449 §5");
    DpopKey::generate().map(Some)
}

/// Whether a token that is not bound is of no use.
pub fn is_required(choice: DpopChoice, discovery: &Discovery) -> bool {
    match choice {
        DpopChoice::Off => false,
        DpopChoice::Auto => discovery.dpop == Binding::Required,
        DpopChoice::Require => true,
    }
}

#[cfg(test)]
mod tests;

//! Signing JSON Web Tokens (RFC 7515, RFC 7518 §3.1, RFC 8037 §3.1) with the user's own key.
//!
//! Signs, and nothing else: no token is ever verified here, and a key is never shown or kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};

use crate::{Action, Explain, config::SigningAlgorithm};

/// A private key that can sign tokens.
pub struct SigningKey(Pair);

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// The key cannot be used; nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// No `PRIVATE KEY` block (RFC 7468 §10).
    #[error("the private key is not in PKCS #8 PEM form, which begins with '-----BEGIN PRIVATE KEY-----'")]
    NotPem,
    /// Another kind of key than the algorithm needs, or none that is supported.
    #[error("the private key is none for {0}")]
    WrongKind(&'static str),
    /// The random generator or the signature failed.
    #[error("the private key could not sign")]
    Unsigned,
}

impl Explain for SigningKeyError {
    fn code(&self) -> &'static str {
        "private_key_unusable"
    }

    fn action(&self) -> Action {
        Action::EditConfig
    }
}

impl SigningKey {
    /// Reads a PKCS #8 key in PEM; without an algorithm, the kind of key decides.
    pub fn from_pem(pem: &str, algorithm: Option<SigningAlgorithm>) -> Result<Self, SigningKeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| SigningKeyError::NotPem)?;
        let der = der.secret_pkcs8_der();
        let es256 = || {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
            pair.ok().map(Pair::Es256)
        };
        let rs256 = || RsaKeyPair::from_pkcs8(der).ok().map(Pair::Rs256);
        let eddsa = || {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .ok()
                .map(Pair::EdDsa)
        };
        let (pair, named) = match algorithm {
            Some(SigningAlgorithm::Es256) => (es256(), "ES256"),
            Some(SigningAlgorithm::Rs256) => (rs256(), "RS256"),
            Some(SigningAlgorithm::EdDsa) => (eddsa(), "EdDSA"),
            None => (es256().or_else(eddsa).or_else(rs256), "ES256, RS256 or EdDSA"),
        };
        pair.map(Self).ok_or(SigningKeyError::WrongKind(named))
    }

    /// A P-256 key in PKCS #8, with both coordinates of its public point (RFC 7518 §6.2.1).
    pub(super) fn p256(der: &[u8]) -> Result<(Self, [u8; 32], [u8; 32]), SigningKeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
        let pair = pair.map_err(|_| SigningKeyError::WrongKind("ES256"))?;
        // SEC 1 §2.3.3: one byte that says "uncompressed", then both.
        let point: &[u8; 65] = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| SigningKeyError::WrongKind("ES256"))?;
        let (mut x, mut y) = ([0; 32], [0; 32]);
        x.copy_from_slice(&point[1..33]);
        y.copy_from_slice(&point[33..]);
        Ok((Self(Pair::Es256(pair)), x, y))
    }

    /// `alg`
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Pair::Es256(_) => "ES256",
            Pair::Rs256(_) => "RS256",
            Pair::EdDsa(_) => "EdDSA",
        }
    }

    /// A signed token in compact form (RFC 7515 §7.1).
    pub fn sign(&self, claims: &Value) -> Result<String, SigningKeyError> {
        self.compact(&json!({"alg": self.algorithm(), "typ": "JWT"}), claims)
    }

    /// The same under another header (RFC 7515 §4).
    pub(super) fn compact(&self, header: &Value, claims: &Value) -> Result<String, SigningKeyError> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.signature(input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, input: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let random = SystemRandom::new();
        match &self.0 {
            Pair::Es256(pair) => pair
                .sign(&random, input)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SigningKeyError::Unsigned),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)
                    .map_err(|_| SigningKeyError::Unsigned)?;
                Ok(signature)
            }
            Pair::EdDsa(pair) => Ok(pair.sign(input).as_ref().to_vec()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// A fresh P-256 key in PEM, and its public half.
    pub(crate) fn p256() -> (String, Vec<u8>) {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        let public = pair.expect("a key").public_key().as_ref().to_vec();
        (pem(document.as_ref()), public)
    }

    fn pem(der: &[u8]) -> String {
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    /// The claims of a token that this key has signed.
    pub(crate) fn verified(token: &str, public: &[u8]) -> Value {
        let (input, signature) = token.rsplit_once('.').expect("a signature");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
            .verify(input.as_bytes(), &signature)
            .expect("signed by this key");
        let claims = input.split_once('.').expect("claims").1;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
    }

    #[test]
    fn a_token_is_signed_with_the_key_and_says_how() {
        let (pem, public) = p256();
        let key = SigningKey::from_pem(&pem, None).expect("usable");
        assert_eq!(key.algorithm(), "ES256");
        let token = key.sign(&json!({"iss": "me"})).expect("signed");
        assert!(
            token.starts_with("eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9."),
            "{token}"
        );
        assert_eq!(verified(&token, &public), json!({"iss": "me"}));
    }

    #[test]
    fn an_ed25519_key_signs_as_eddsa_and_not_as_anything_else() {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pem = pem(document.as_ref());
        let key = SigningKey::from_pem(&pem, None).expect("usable");
        assert_eq!(key.algorithm(), "EdDSA");
        key.sign(&json!({})).expect("signed");
        let wrong = SigningKey::from_pem(&pem, Some(SigningAlgorithm::Es256)).err();
        assert_eq!(wrong, Some(SigningKeyError::WrongKind("ES256")));
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none_without_being_repeated() {
        let error = SigningKey::from_pem("planted-key", None).err().expect("refused");
        assert_eq!(error, SigningKeyError::NotPem);
        assert!(!error.to_string().contains("planted"));
    }
}

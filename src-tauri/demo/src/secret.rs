//! Secrets as this server keeps them: minted once, stored as digests, compared in constant time.

use std::{fmt, thread};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// What every secret this server mints starts with, so that a test can search a log for all of them at once.
pub const SECRET_MARK: &str = "dsecret-";

/// What a secret is for; part of its text, so that a person can tell them apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    AccessToken,
    RefreshToken,
    Code,
    ClientSecret,
    RegistrationToken,
    DeviceCode,
    Consent,
    Session,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::AccessToken => "at",
            Self::RefreshToken => "rt",
            Self::Code => "code",
            Self::ClientSecret => "cs",
            Self::RegistrationToken => "rat",
            Self::DeviceCode => "dc",
            Self::Consent => "csrf",
            Self::Session => "session",
        }
    }
}

/// A new secret with 256 bits of randomness.
pub(crate) fn mint(kind: Kind) -> String {
    format!(
        "{SECRET_MARK}{}-{}",
        kind.word(),
        URL_SAFE_NO_PAD.encode(random::<32>())
    )
}

/// Random bytes of the operating system; waits for it rather than ever hand out something guessable.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    while getrandom::fill(&mut bytes).is_err() {
        thread::yield_now();
    }
    bytes
}

/// A number below `bound`, with a bias nobody at a dice table would notice.
pub(crate) fn random_below(bound: u64) -> u64 {
    u64::from_le_bytes(random()) % bound.max(1)
}

/// The SHA-256 digest of a secret; all that is kept of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether `text` has this digest, in constant time.
    pub fn is_of(&self, text: &str) -> bool {
        self.0.ct_eq(&Self::of(text).0).into()
    }

    /// The S256 transformation of a code verifier (RFC 7636 §4.2).
    pub(crate) fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{:02x}{:02x}{:02x}…", self.0[0], self.0[1], self.0[2])
    }
}

/// Whether two texts are equal, in constant time for texts of one length.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_challenge_is_the_one_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            Digest::of(verifier).code_challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn two_secrets_are_never_alike_and_both_carry_the_mark() {
        let (one, two) = (mint(Kind::Code), mint(Kind::Code));
        assert_ne!(one, two);
        assert!(
            one.starts_with(SECRET_MARK) && Digest::of(&one).is_of(&one) && !Digest::of(&one).is_of(&two)
        );
    }
}

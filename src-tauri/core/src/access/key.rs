//! The key a client shows to the gateway, and the only thing that is kept of it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What every key begins with, so that secret scanners and people know one when they see it.
const PREFIX: &str = "omlx_";

/// 256 bits: nobody guesses one, and nobody finds one for a hash.
const BYTES: usize = 32;

/// Nothing longer is hashed; a key is 48 bytes long.
const MAX_BYTES: usize = 256;

/// A client's key. Shown once, when it is made; has neither `Debug` nor `Serialize`, and is wiped when dropped.
#[derive(Clone)]
pub struct ClientKey(Zeroizing<String>);

impl ClientKey {
    /// A new key.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(bytes.as_mut())?;
        let mut text = Zeroizing::new(PREFIX.to_owned());
        URL_SAFE_NO_PAD.encode_string(bytes.as_ref(), &mut text);
        Ok(Self(text))
    }

    /// One that was made before.
    pub(super) fn known(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text the client sends after `Bearer`.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> KeyHash {
        KeyHash::of_text(&self.0)
    }
}

/// SHA-256 of a key.
///
/// A slow, salted hash protects what people make up. A key is 256 bits from the operating system: there is no
/// dictionary to try and no table to prepare, so one round of SHA-256 is as far from being undone, and it costs less
/// than a microsecond where bcrypt would cost every request a tenth of a second.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct KeyHash([u8; BYTES]);

impl KeyHash {
    /// The hash of what a client sent; none when it cannot be a key of ours.
    pub(super) fn of_presented(text: &str) -> Option<Self> {
        let is_key = text.len() <= MAX_BYTES && text.starts_with(PREFIX);
        is_key.then(|| Self::of_text(text))
    }

    fn of_text(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Compares in a time that does not depend on where the first difference is.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        URL_SAFE_NO_PAD.encode(hash.0)
    }
}

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "no hash")?;
        bytes.try_into().map(Self).map_err(|_| "no hash")
    }
}

/// Not even the hash is of use in a log.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_begins_as_ours_and_is_never_the_same() {
        let (one, other) = (
            ClientKey::generate().expect("random"),
            ClientKey::generate().expect("random"),
        );
        assert!(one.reveal().starts_with("omlx_") && one.reveal().len() == 48);
        assert_ne!(one.reveal(), other.reveal());
        assert!(!one.hash().matches(&other.hash()));
    }

    #[test]
    fn what_was_presented_matches_the_stored_hash_of_the_same_key_only() {
        let key = ClientKey::generate().expect("random");
        let stored: KeyHash = String::from(key.hash()).try_into().expect("a hash");
        let presented = |text: &str| KeyHash::of_presented(text).is_some_and(|hash| hash.matches(&stored));
        assert!(presented(key.reveal()));
        assert!(!presented(&format!("{} ", key.reveal())));
        assert!(!presented(""));
        assert!(!presented(&format!("omlx_{}", "x".repeat(100_000))));
    }
}

//! The vault's key: 256 random bits, and the fingerprint by which a sealed file names the key it needs.

use std::fmt::{self, Write as _};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What stands before the key in the keychain and in the key file.
const PREFIX: &str = "omlx-connect-key-1.";

/// The key; wiped from memory when dropped.
pub(super) struct Key {
    bytes: Zeroizing<[u8; 32]>,
    fingerprint: Fingerprint,
}

/// Tells keys apart without telling anything about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Fingerprint(String);

impl Key {
    /// A new key from the operating system's generator.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self::new(bytes))
    }

    /// Reads what [`Self::to_text`] wrote; none when it is anything else.
    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        let encoded = text.trim_ascii().strip_prefix(PREFIX.as_bytes())?;
        let decoded = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?);
        let mut bytes = Zeroizing::new([0; 32]);
        if decoded.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self::new(bytes))
    }

    /// The key as it is stored.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        // Sized beforehand, so that no shorter copy is left behind by growing.
        let mut text = String::with_capacity(PREFIX.len() + 44);
        text.push_str(PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(self.bytes.as_slice(), &mut text);
        Zeroizing::new(text)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self {
            fingerprint: Fingerprint::of(&bytes),
            bytes,
        }
    }
}

impl Fingerprint {
    fn of(key: &[u8; 32]) -> Self {
        let hash = Sha256::new()
            .chain_update("oMLX Connect key fingerprint")
            .chain_update(key)
            .finalize();
        let mut text = String::new();
        for byte in hash.iter().take(8) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_survives_being_stored_and_is_told_apart_from_others() {
        let key = Key::generate().expect("random");
        let again = Key::from_text(key.to_text().as_bytes()).expect("its own text");
        assert_eq!(again.bytes(), key.bytes());
        assert_eq!(again.fingerprint(), key.fingerprint());
        assert_ne!(Key::generate().expect("random").fingerprint(), key.fingerprint());
    }

    #[test]
    fn a_keys_debug_output_says_nothing_about_it() {
        let key = Key::generate().expect("random");
        let shown = format!("{key:?}");
        assert!(!shown.contains(&key.to_text()[PREFIX.len()..]), "{shown}");
        assert_eq!(shown.len(), "Key()".len() + 16, "{shown}");
    }

    proptest! {
        #[test]
        fn what_is_no_key_is_refused(text in "(omlx-connect-key-1\\.)?[A-Za-z0-9_-]{0,42}") {
            prop_assert!(Key::from_text(text.as_bytes()).is_none());
        }
    }
}

//! The file format of everything secret: one readable line, then what it vouches for.
//!
//! ```text
//! {"format":"omlx-connect-sealed","version":1,"kind":"grant","name":…,"key":…,"sealed":812,…}\n
//! nonce (24 bytes) │ XChaCha20-Poly1305 ciphertext and tag ("sealed" counts both parts)
//! ```
//!
//! The line is the associated data, so a changed line makes the rest unreadable; it names the file it belongs to, so
//! that two files cannot be swapped. Keys this version does not know are ignored; a higher version is refused by name.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::key::{Fingerprint, Key};

const FORMAT: &str = "omlx-connect-sealed";
const VERSION: u32 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// The longest line read.
pub(super) const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The largest file read or written; tokens are a few kilobytes.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// What kind of secret it is; a registration is never taken for a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Grant,
    Client,
}

/// Why a sealed file gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealedError {
    Truncated,
    Corrupt,
    Misplaced,
    Newer { version: u32 },
    OtherKey,
    TooLarge,
    NoRandomness,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
}

/// The line's own fields, before those of the content.
#[derive(Serialize, Deserialize)]
struct Preamble<T> {
    format: String,
    version: u32,
    kind: Kind,
    name: String,
    key: Fingerprint,
    sealed: u64,
    #[serde(flatten)]
    about: T,
}

/// What every version, past and future, begins with.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Nothing {}

/// A sealed file that is whole and in its place; only its key can tell whether it is genuine.
#[derive(Debug)]
pub(super) struct Sealed {
    bytes: Vec<u8>,
    header: usize,
    key: Fingerprint,
}

/// Seals `secret` under a line that tells `about` it.
pub(super) fn seal<T: Serialize>(
    key: &Key,
    label: Label<'_>,
    about: &T,
    secret: &[u8],
) -> Result<Vec<u8>, SealedError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| SealedError::NoRandomness)?;
    let mut bytes = serde_json::to_vec(&Preamble {
        format: FORMAT.to_owned(),
        version: VERSION,
        kind: label.kind,
        name: label.name.to_owned(),
        key: key.fingerprint().clone(),
        sealed: (NONCE_BYTES + secret.len() + TAG_BYTES) as u64,
        about,
    })
    .map_err(|_| SealedError::TooLarge)?;
    bytes.push(b'\n');
    let payload = Payload {
        msg: secret,
        aad: &bytes,
    };
    let ciphertext = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SealedError::TooLarge)?;
    let header = bytes.len();
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&ciphertext);
    if header > MAX_HEADER_BYTES || bytes.len() as u64 > MAX_BYTES {
        return Err(SealedError::TooLarge);
    }
    Ok(bytes)
}

/// Reads the line alone: nothing in it is vouched for yet. `size` is the whole file's.
pub(super) fn peek<T: DeserializeOwned>(line: &[u8], size: u64, label: Label<'_>) -> Result<T, SealedError> {
    let header = header_of(line)?;
    let preamble: Preamble<T> = checked(&line[..header], label)?;
    match size.cmp(&(header as u64).saturating_add(preamble.sealed)) {
        std::cmp::Ordering::Less => Err(SealedError::Truncated),
        std::cmp::Ordering::Equal => Ok(preamble.about),
        std::cmp::Ordering::Greater => Err(SealedError::Corrupt),
    }
}

impl Sealed {
    /// Checks everything that can be checked without the key.
    pub(super) fn parse(bytes: Vec<u8>, label: Label<'_>) -> Result<Self, SealedError> {
        let _: Nothing = peek(&bytes, bytes.len() as u64, label)?;
        let header = header_of(&bytes)?;
        let preamble: Preamble<Nothing> = checked(&bytes[..header], label)?;
        if bytes.len() - header < NONCE_BYTES + TAG_BYTES {
            return Err(SealedError::Corrupt);
        }
        Ok(Self {
            key: preamble.key,
            bytes,
            header,
        })
    }

    /// The key it needs.
    pub(super) fn key(&self) -> &Fingerprint {
        &self.key
    }

    /// The secret, vouched for together with the line.
    pub(super) fn open(&self, key: &Key) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        if self.key != *key.fingerprint() {
            return Err(SealedError::OtherKey);
        }
        let (line, sealed) = self.bytes.split_at(self.header);
        let (nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealedError::Corrupt)?;
        let payload = Payload {
            msg: ciphertext,
            aad: line,
        };
        cipher(key)
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealedError::Corrupt)
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// Where the line ends, its line feed included.
fn header_of(bytes: &[u8]) -> Result<usize, SealedError> {
    let line = &bytes[..bytes.len().min(MAX_HEADER_BYTES)];
    match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => Ok(end + 1),
        None if bytes.len() < MAX_HEADER_BYTES && (bytes.is_empty() || bytes.starts_with(b"{")) => {
            Err(SealedError::Truncated)
        }
        None => Err(SealedError::Corrupt),
    }
}

fn checked<T: DeserializeOwned>(line: &[u8], label: Label<'_>) -> Result<Preamble<T>, SealedError> {
    let version: Version = serde_json::from_slice(line).map_err(|_| SealedError::Corrupt)?;
    if version.format != FORMAT {
        return Err(SealedError::Corrupt);
    }
    if version.version > VERSION {
        return Err(SealedError::Newer {
            version: version.version,
        });
    }
    let preamble: Preamble<T> = serde_json::from_slice(line).map_err(|_| SealedError::Corrupt)?;
    if preamble.kind != label.kind || preamble.name != label.name {
        return Err(SealedError::Misplaced);
    }
    Ok(preamble)
}

//! File names: a readable beginning, and a hash of everything that makes the thing another thing.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{
    ServerId,
    oauth::{grant::GrantKey, issuer::Issuer},
};

/// How much of a server's name stands in the file's name, in characters.
const READABLE: usize = 32;

/// Names the file of one grant, found from a [`GrantKey`] without opening anything.
///
/// A name also comes with every summary, so that a grant whose entry has left the config file can still be revoked and
/// removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrantName {
    server: ServerId,
    stem: String,
}

/// Names what was observed of one server entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordName(String);

impl GrantName {
    /// The entry's name.
    pub fn server(&self) -> &ServerId {
        &self.server
    }

    pub(super) fn of_client(server: &ServerId, issuer: &Issuer) -> Self {
        Self {
            server: server.clone(),
            stem: stem(server, &["client", issuer.as_str()]),
        }
    }

    /// A name found in a file's header; the caller has compared it with the file's own name.
    pub(super) fn found(server: ServerId, stem: String) -> Self {
        Self { server, stem }
    }

    pub(super) fn stem(&self) -> &str {
        &self.stem
    }

    pub(super) fn file(&self, extension: &str) -> String {
        format!("{}.{extension}", self.stem)
    }
}

impl From<&GrantKey> for GrantName {
    fn from(key: &GrantKey) -> Self {
        // The account comes last: its absence must differ from an empty one.
        let account = key.account.as_ref().map(|account| format!("account {account}"));
        let parts: Vec<_> = ["grant", key.url.as_str()]
            .into_iter()
            .chain(account.as_deref())
            .collect();
        Self {
            server: key.server.clone(),
            stem: stem(&key.server, &parts),
        }
    }
}

impl From<&GrantName> for GrantName {
    fn from(name: &GrantName) -> Self {
        name.clone()
    }
}

impl RecordName {
    pub(super) fn file(&self, extension: &str) -> String {
        format!("{}.{extension}", self.0)
    }
}

impl From<&GrantKey> for RecordName {
    fn from(key: &GrantKey) -> Self {
        Self(GrantName::from(key).stem)
    }
}

/// The record of the entry a grant was made for.
impl From<&GrantName> for RecordName {
    fn from(name: &GrantName) -> Self {
        Self(name.stem.clone())
    }
}

/// A server without a URL, such as a child process.
impl From<&ServerId> for RecordName {
    fn from(server: &ServerId) -> Self {
        Self(stem(server, &["server"]))
    }
}

impl From<&RecordName> for RecordName {
    fn from(name: &RecordName) -> Self {
        name.clone()
    }
}

/// 128 bits of SHA-256 over length-prefixed parts: no two lists of parts have the same bytes.
fn stem(server: &ServerId, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(&server.as_str()).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut name = readable(server.as_str());
    for byte in hash.finalize().iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The letters and digits every file system takes, then a hyphen; empty when there are none.
fn readable(server: &str) -> String {
    let plain: String = server
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(READABLE)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    if plain.is_empty() {
        plain
    } else {
        format!("{plain}-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(server: &str, url: &str, account: Option<&str>) -> GrantName {
        GrantName::from(&GrantKey {
            server: server.parse().expect("valid"),
            url: url.parse().expect("valid"),
            account: account.map(str::to_owned),
        })
    }

    #[test]
    fn another_server_url_or_account_is_another_file() {
        let names = [
            name("notion", "https://h.example/mcp", None),
            name("notion", "https://h.example/mcp", Some("")),
            name("notion", "https://h.example/mcp", Some("work")),
            name("notion", "https://h.example/mcp?k=1", None),
            name("Notion", "https://h.example/mcp", None),
        ];
        for (index, one) in names.iter().enumerate() {
            assert!(!names[index + 1..].contains(one), "{one:?}");
        }
    }

    #[test]
    fn any_server_name_makes_a_plain_file_name() {
        let file = name("../../ü /\\:", "https://h.example", None).file("grant");
        assert!(
            file.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '.'),
            "{file}"
        );
        assert!(
            name("My Notion", "https://h.example", None)
                .stem()
                .starts_with("mynotion-")
        );
    }
}

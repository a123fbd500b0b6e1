//! Entries that lead back to this program.

use std::path::Path;

use serde_json::Value;

use crate::{ServerId, access::ClientId};

/// Where an address may stand in an entry.
const URLS: [&str; 3] = ["url", "httpUrl", "serverUrl"];

/// What our keys begin with, behind the scheme.
const KEY: &str = "Bearer omlx_";

/// Whether an entry, in whatever words a client writes it, leads to our own bridge or gateway.
///
/// Such an entry may be replaced by us, is never imported, and never used by ourselves.
pub fn leads_back(entry: &Value) -> bool {
    starts_bridge(entry) || shows_key(entry)
}

fn starts_bridge(entry: &Value) -> bool {
    let args = entry.get("args").and_then(Value::as_array);
    let word = |at: usize| args.and_then(|args| args.get(at)).and_then(Value::as_str);
    word(0) == Some("mcp") && word(1) == Some("bridge")
}

fn shows_key(entry: &Value) -> bool {
    authorization(entry).is_some_and(|value| value.starts_with(KEY))
}

/// The header field with the key, wherever a client keeps it.
pub(super) fn authorization(entry: &Value) -> Option<&str> {
    let headers = ["headers", "http_headers"]
        .iter()
        .find_map(|key| entry.get(*key))?
        .as_object()?;
    let mut fields = headers.iter();
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    value.as_str()
}

/// The server an entry of ours leads to; none where it leads to all of them, or by another config file than `config`.
pub(super) fn server_of(entry: &Value, config: &Path) -> Option<String> {
    if !starts_bridge(entry) {
        let (_, name) = in_url(entry)?;
        let name = percent_encoding::percent_decode_str(name).decode_utf8().ok()?;
        return Some(name.into_owned());
    }
    let args = entry.get("args")?.as_array()?;
    let words: Vec<&str> = args.iter().filter_map(Value::as_str).collect();
    let named = words.iter().position(|word| *word == "--config");
    let named = named.and_then(|at| words.get(at + 1)).map(Path::new);
    let is_ours = named.is_none_or(|named| is_same_file(named, config));
    words.get(2).filter(|_| is_ours).map(|name| (*name).to_owned())
}

/// Whether an entry is ours and leads to this server of `config`, or to all of them where none is named.
pub(super) fn leads_to(entry: &Value, server: Option<&ServerId>, config: &Path) -> bool {
    let is_whole = server.is_some() || !starts_bridge(entry);
    leads_back(entry) && is_whole && server_of(entry, config).as_deref() == server.map(ServerId::as_str)
}

/// The id by which the program of an entry says who it is.
pub(super) fn client_of(entry: &Value) -> Option<ClientId> {
    if !starts_bridge(entry) {
        return None;
    }
    let args = entry.get("args")?.as_array()?;
    let at = args.iter().position(|word| word == "--client")?;
    let id = args.get(at + 1)?.as_str()?.to_owned();
    id.try_into().ok()
}

/// The same entry, leading to the server by its new name.
pub(super) fn renamed(entry: &Value, new: &ServerId) -> Value {
    let mut entry = entry.clone();
    if starts_bridge(&entry) {
        if let Some(word) = entry.get_mut("args").and_then(|args| args.get_mut(2)) {
            *word = new.as_str().into();
        }
        return entry;
    }
    let url = in_url(&entry).map(|(key, name)| {
        let old = format!("/servers/{name}/mcp");
        let url = entry[key].as_str().unwrap_or_default();
        (key, url.replace(&old, &format!("/servers/{}/mcp", in_path(new))))
    });
    if let Some((key, url)) = url {
        entry[key] = url.into();
    }
    entry
}

/// Under which key an address with a server's name in it stands, and that name, as a segment of a path.
fn in_url(entry: &Value) -> Option<(&'static str, &str)> {
    URLS.into_iter().find_map(|key| {
        let url = entry.get(key)?.as_str()?;
        let (_, rest) = url.split_once("/servers/")?;
        Some((key, rest.strip_suffix("/mcp")?))
    })
}

/// A name as a segment of a path (RFC 3986 §3.3).
pub(super) fn in_path(id: &ServerId) -> String {
    const SEGMENT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(id.as_str(), SEGMENT).to_string()
}

/// Whether two paths lead to one file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The key in such a field.
pub(super) fn key(entry: &Value) -> Option<&str> {
    authorization(entry)?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bridge_and_gateway_are_known_in_every_dialect_and_nothing_else_is() {
        for ours in [
            json!({"command": "/usr/bin/omlx", "args": ["mcp", "bridge", "notion"]}),
            json!({"httpUrl": "http://127.0.0.1:1/mcp", "headers": {"authorization": "Bearer omlx_x"}}),
            json!({"url": "http://127.0.0.1:1/mcp", "http_headers": {"Authorization": "Bearer omlx_x"}}),
        ] {
            assert!(leads_back(&ours), "{ours}");
        }
        for other in [
            json!({"command": "omlx", "args": ["mcp"]}),
            json!({"url": "http://127.0.0.1:8719/mcp"}),
            json!({"url": "https://a.example", "headers": {"Authorization": "Bearer sk"}}),
            json!("omlx"),
        ] {
            assert!(!leads_back(&other), "{other}");
        }
    }
}

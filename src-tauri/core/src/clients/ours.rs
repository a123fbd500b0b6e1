//! Entries that lead back to this program.

use serde_json::Value;

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

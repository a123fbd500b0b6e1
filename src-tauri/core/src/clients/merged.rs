//! An entry of ours written anew: the keys that lead to us change, and what its owner has added to it stays.

use std::path::Path;

use serde_json::{Map, Value};

use super::ours::is_same_file;

/// Keys that say how an entry leads somewhere, by a program or by an address; any other is its owner's.
const WAYS: [&str; 11] = [
    "type",
    "transport",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "httpUrl",
    "serverUrl",
    "headers",
    "http_headers",
];

/// Those of them of which an entry has one.
const URLS: [&str; 3] = ["url", "httpUrl", "serverUrl"];

/// `fresh` with what stands in the entry besides; `there` itself where it says the same.
pub(super) fn merged(there: Option<&Value>, fresh: Value) -> Value {
    let (Some(Value::Object(there)), Value::Object(fresh)) = (there, &fresh) else {
        return fresh;
    };
    let mut merged = there.clone();
    let is_same_way = there.contains_key("command") == fresh.contains_key("command");
    merged.retain(|key, _| {
        let is_stale = if is_same_way {
            URLS.contains(&key.as_str()) && !fresh.contains_key(key)
        } else {
            WAYS.contains(&key.as_str())
        };
        !is_stale
    });
    for (key, value) in fresh {
        match (merged.get_mut(key), value) {
            (Some(Value::Object(there)), Value::Object(ours)) => put(there, ours),
            (Some(Value::String(there)), Value::String(ours))
                if key == "command" && is_same_file(Path::new(there), Path::new(ours)) => {}
            _ => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(merged)
}

/// Header fields, whose names know no capitals, and variables.
fn put(there: &mut Map<String, Value>, ours: &Map<String, Value>) {
    for (name, value) in ours {
        let mut names = there.keys();
        let known = names.find(|known| known.eq_ignore_ascii_case(name)).cloned();
        there.insert(known.unwrap_or_else(|| name.clone()), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_its_owner_added_stays_and_what_leads_to_us_is_ours() {
        let there = json!({"url": "http://127.0.0.1:1/mcp", "timeout": 60, "enabled": false,
            "headers": {"authorization": "Bearer omlx_old", "X-Mine": "1"}});
        let fresh = json!({"url": "http://127.0.0.1:2/mcp", "headers": {"Authorization": "Bearer omlx_new"}});
        assert_eq!(
            merged(Some(&there), fresh),
            json!({"url": "http://127.0.0.1:2/mcp", "timeout": 60, "enabled": false,
                "headers": {"authorization": "Bearer omlx_new", "X-Mine": "1"}})
        );
    }

    #[test]
    fn another_way_takes_the_keys_of_the_first_one_out() {
        let there =
            json!({"command": "omlx", "args": ["mcp", "bridge", "a"], "env": {"A": "1"}, "timeout": 60});
        let fresh = json!({"url": "http://127.0.0.1:1/mcp", "headers": {"Authorization": "Bearer omlx_x"}});
        let mut expected = fresh.clone();
        expected["timeout"] = 60.into();
        assert_eq!(merged(Some(&there), fresh), expected);
    }

    #[test]
    fn variables_of_a_program_stay_and_an_entry_of_somebody_else_s_shape_is_replaced() {
        let there = json!({"command": "omlx", "args": ["mcp", "bridge", "a", "-v"], "env": {"A": "1"}});
        let fresh = json!({"command": "omlx", "args": ["mcp", "bridge", "a"], "env": {}});
        let expected = json!({"command": "omlx", "args": ["mcp", "bridge", "a"], "env": {"A": "1"}});
        assert_eq!(merged(Some(&there), fresh.clone()), expected);
        assert_eq!(merged(Some(&json!("omlx")), fresh.clone()), fresh);
    }
}

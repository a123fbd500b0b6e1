//! What oMLX itself would say to a file. One bad entry makes it refuse the whole file and disable MCP, so this is
//! asked before anything is written into a file it reads, and told whenever such a file is read.

use serde_json::{Map, Value};

use super::{
    flaw::{Flaw, shown},
    parse::{SERVERS_KEYS, servers},
    syntax::{self, Format, json_flaw, strict_json},
};

/// The keys of oMLX's `MCPServerConfig`; any other ends in a `TypeError`.
const KEYS: &[&str] = &[
    "name",
    "transport",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "headers",
    "enabled",
    "timeout",
];

/// A transport by oMLX's name, and the key it requires.
const TRANSPORTS: &[(&str, &str)] = &[("stdio", "command"), ("sse", "url"), ("streamable-http", "url")];

/// The sentences with which oMLX would refuse the file; none when it would load it.
pub(super) fn refusals(text: &str, format: Format) -> Vec<String> {
    if format == Format::Json {
        if text.starts_with('\u{feff}') {
            return vec!["Unexpected UTF-8 BOM (decode using utf-8-sig)".to_owned()];
        }
        let strict =
            jsonc_parser::parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &strict_json());
        if let Err(error) = strict {
            return vec![json_flaw(&error).to_string()];
        }
    }
    match syntax::parse(text, format) {
        Ok(document) => refusals_of(&document.root),
        Err(flaw) => vec![flaw.to_string()],
    }
}

fn refusals_of(root: &Value) -> Vec<String> {
    let Some(root) = root.as_object() else {
        return vec![Flaw::Root.to_string()];
    };
    let servers = match servers(root) {
        Ok(servers) => servers,
        Err(flaw) => return vec![flaw.to_string()],
    };
    let mut refusals: Vec<_> = servers
        .iter()
        .filter_map(|(name, entry)| entry_refusal(name, entry))
        .collect();
    if root
        .get("max_tool_calls")
        .is_some_and(|value| !is_positive_integer(value))
    {
        refusals.push(Flaw::PositiveInteger("max_tool_calls").to_string());
    }
    if root
        .get("default_timeout")
        .is_some_and(|value| !is_positive(value))
    {
        refusals.push(Flaw::PositiveNumber("default_timeout").to_string());
    }
    refusals
}

/// Python counts `true` as the number one.
fn is_positive_integer(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_u64().is_some_and(|calls| calls >= 1)
}

fn is_positive(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_f64().is_some_and(|seconds| seconds > 0.0)
}

fn entry_refusal(name: &str, entry: &Value) -> Option<String> {
    let name = shown(name);
    let Some(entry) = entry.as_object() else {
        return Some(Flaw::Entry(name).to_string());
    };
    if let Some(key) = entry.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let cause = format!("got an unexpected keyword argument '{}'", shown(key));
        return Some(format!("Invalid config for server '{name}': {cause}"));
    }
    let transport = match entry.get("transport") {
        None => "stdio",
        Some(transport) => transport.as_str().unwrap_or_default(),
    };
    match TRANSPORTS.iter().find(|(known, _)| *known == transport) {
        None => Some(format!(
            "Invalid config for server '{name}': not a valid MCPTransport"
        )),
        Some((_, key)) if says_something(entry, key) => None,
        Some((transport, key)) => Some(format!(
            "MCP server '{name}': {transport} transport requires '{key}'"
        )),
    }
}

fn says_something(entry: &Map<String, Value>, key: &str) -> bool {
    entry
        .get(key)
        .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
}

/// Whether taking the last entry out of the servers that count brings other ones to life.
pub(super) fn falls_through_when_emptied(root: &Map<String, Value>) -> bool {
    let [own, claude] = SERVERS_KEYS;
    let one = root
        .get(own)
        .and_then(Value::as_object)
        .is_some_and(|servers| servers.len() == 1);
    let others = root.get(claude).and_then(Value::as_object);
    one && others.is_some_and(|servers| !servers.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusals_of_entry(entry: &Value) -> Vec<String> {
        refusals(&json!({"servers": {"x": entry}}).to_string(), Format::Json)
    }

    #[test]
    fn what_omlx_accepts_is_accepted() {
        let entries = [
            json!({"command": "npx", "args": [], "env": {}, "cwd": "/", "enabled": false, "timeout": 1, "name": "x"}),
            json!({"transport": "sse", "url": "http://localhost:3001/sse", "headers": {}}),
            json!({"transport": "streamable-http", "url": "https://a.example", "headers": {"a": "b"}}),
        ];
        for entry in entries {
            assert_eq!(refusals_of_entry(&entry), Vec::<String>::new());
        }
        let root = r#"{"auth": {"x": {}}, "inputs": [], "max_tool_calls": 1, "default_timeout": 0.5}"#;
        assert_eq!(refusals(root, Format::Json), Vec::<String>::new());
    }

    #[test]
    fn every_refusal_has_its_sentence() {
        let entries = [
            json!({"command": "x", "auth": {}}),
            json!({"type": "http", "url": "https://a.example"}),
            json!({"url": "https://a.example"}),
            json!({"transport": "http", "url": "https://a.example"}),
            json!({"transport": "sse"}),
            json!({"transport": "streamable-http", "url": ""}),
            json!([]),
        ];
        let told: Vec<_> = entries.iter().flat_map(refusals_of_entry).collect();
        insta::assert_json_snapshot!(told, @r#"
        [
          "Invalid config for server 'x': got an unexpected keyword argument 'auth'",
          "Invalid config for server 'x': got an unexpected keyword argument 'type'",
          "MCP server 'x': stdio transport requires 'command'",
          "Invalid config for server 'x': not a valid MCPTransport",
          "MCP server 'x': sse transport requires 'url'",
          "MCP server 'x': streamable-http transport requires 'url'",
          "Server 'x' config must be a dictionary"
        ]
        "#);
    }

    #[test]
    fn the_root_is_refused_in_the_same_words() {
        let texts = [
            "[]",
            "",
            "{\"servers\": {},}",
            "{} // why",
            "\u{feff}{}",
            r#"{"servers": [1]}"#,
            r#"{"max_tool_calls": 0}"#,
            r#"{"default_timeout": -1}"#,
            r#"{"mcpServers": null}"#,
        ];
        let told: Vec<_> = texts
            .iter()
            .flat_map(|text| refusals(text, Format::Json))
            .collect();
        assert_eq!(told.len(), texts.len());
        insta::assert_json_snapshot!(told, @r#"
        [
          "MCP config must be a dictionary",
          "the config file is empty; write {\"servers\": {}} into it",
          "line 1, column 15: trailing commas are not allowed",
          "line 1, column 4: comments are not allowed",
          "Unexpected UTF-8 BOM (decode using utf-8-sig)",
          "'servers' must be a dictionary",
          "'max_tool_calls' must be a positive integer",
          "'default_timeout' must be a positive number",
          "'servers' must be a dictionary"
        ]
        "#);
    }

    #[test]
    fn one_bad_entry_disables_everything() {
        let both = json!({"servers": {"good": {"command": "x"}, "bad": {"command": "x", "auth": {}}}});
        assert_eq!(refusals(&both.to_string(), Format::Json).len(), 1);
    }
}

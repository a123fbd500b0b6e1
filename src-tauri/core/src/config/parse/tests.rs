use std::{path::PathBuf, time::Duration};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    ServerId,
    config::{AuthType, GrantType, RedirectChoice, RefreshScope, ResourceChoice, ServerConfig, Transport},
    event::TransportKind,
};

fn environment() -> Environment {
    Environment::of([("HOME", "/home/u"), ("TOKEN", "t0ken"), ("HOST", "mcp.example")])
}

fn json_text(text: &str) -> Config {
    Config::parse(text, Format::Json, &environment())
}

fn config(value: &Value) -> Config {
    json_text(&value.to_string())
}

/// Every note as `code: message`, fatal ones with an exclamation mark.
fn notes(config: &Config) -> Vec<String> {
    let line = |note: &ConfigNote| {
        let mark = if note.fatal { "!" } else { "" };
        format!("{mark}{}: {}", note.problem.code, note.problem.message)
    };
    config.notes.iter().map(line).collect()
}

/// The notes of a file whose only entry, `x`, is `entry`.
fn notes_of(entry: &Value) -> Vec<String> {
    notes(&config(&json!({"servers": {"x": entry}})))
}

fn server(entry: &Value) -> ServerConfig {
    let config = config(&json!({"servers": {"x": entry}}));
    assert_eq!(notes(&config), Vec::<String>::new());
    config.servers.into_values().next().expect("one server")
}

fn names(config: &Config) -> Vec<&str> {
    config.servers.keys().map(ServerId::as_str).collect()
}

fn notion(auth: &Value) -> Value {
    json!({"url": "https://mcp.notion.com/mcp", "auth": auth})
}

mod the_root;

mod one_entry;

mod headers_and_variables;

mod the_auth_block;

#[test]
fn the_config_of_vs_code_is_understood() {
    let config = json_text(
        r#"{
            // VS Code's mcp.json
            "inputs": [{"type": "promptString", "id": "key", "password": true}],
            "servers": {
                "github": {"type": "http", "url": "https://api.githubcopilot.com/mcp/"},
                "files": {"type": "stdio", "command": "npx", "args": ["-y", "x", "${workspaceFolder}"]},
            },
        }"#,
    );
    assert_eq!(names(&config), ["github", "files"]);
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "server_variable: server 'files': the environment variable workspaceFolder is not set, so 'args' is used as written"
    ]
    "#);
}

fn any_value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "servers",
        "mcpServers",
        "auth",
        "url",
        "command",
        "type",
        "transport",
        "headers",
        "env",
        "args",
        "timeout",
        "client_secret",
        "scopes",
        "redirect_host",
        "http",
        "sse",
        "stdio",
        "https://a.example/${TOKEN}",
        "${",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let key = prop_oneof![word.clone().prop_map(str::to_owned), ".{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in ".*") {
        Config::parse(&text, Format::Json, &environment());
        Config::parse(&text, Format::Yaml, &environment());
    }

    #[test]
    fn no_punctuation_breaks_the_parser(text in "[\\[\\]{}:,\"'a&*!|>#%@\\-?\\\\ \n\t0-9.]*") {
        Config::parse(&text, Format::Json, &environment());
        Config::parse(&text, Format::Yaml, &environment());
    }

    #[test]
    fn no_value_breaks_the_parser_and_every_entry_is_used_or_told(servers in any_value(), auth in any_value()) {
        let config = config(&json!({"servers": servers, "auth": auth}));
        if let Some(servers) = servers.as_object() {
            let told = config.notes.iter().filter(|note| note.fatal && note.server.is_some()).count();
            prop_assert_eq!(config.servers.len() + told, servers.len());
        }
    }
}

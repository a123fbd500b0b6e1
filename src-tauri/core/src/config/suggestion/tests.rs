use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Every server as it would be added, under its name, and every problem.
fn understood(text: &str) -> serde_json::Value {
    let suggestions = Suggestions::of(text).expect("understood");
    let told = |problem: &Problem| format!("{}: {}", problem.code, problem.message);
    let servers = suggestions.servers.iter().map(|one| {
        let mut entry = one.server.entry();
        if !one.server.auth.is_empty() {
            entry.insert("auth".to_owned(), json!(one.server.auth.0));
        }
        for note in &one.notes {
            entry.insert("note".to_owned(), told(note).into());
        }
        (one.name.to_string(), serde_json::Value::Object(entry))
    });
    let mut all: serde_json::Map<_, _> = servers.collect();
    for problem in &suggestions.problems {
        all.insert("problem".to_owned(), told(problem).into());
    }
    serde_json::Value::Object(all)
}

fn told(text: &str) -> String {
    let error = Suggestions::of(text).expect_err("not understood");
    format!("{}: {error}", error.code())
}

#[test]
fn a_url_is_all_it_takes() {
    for text in ["https://mcp.notion.com/mcp", "  mcp.notion.com/mcp\n"] {
        let notion = json!({"notion": {"transport": "streamable-http", "url": "https://mcp.notion.com/mcp"}});
        assert_eq!(understood(text), notion);
    }
    let linear = json!({"linear": {"transport": "sse", "url": "https://mcp.linear.app/sse"}});
    assert_eq!(understood("https://mcp.linear.app/sse"), linear);
}

#[test]
fn a_url_of_another_kind_is_refused() {
    for text in [
        "ftp://a.example/mcp",
        "https://",
        "file:///x",
        "javascript://x/%0aalert(1)",
    ] {
        assert_eq!(
            told(text),
            "add_not_a_url: this is not the URL of an MCP server, which begins with https:// or http://"
        );
    }
}

#[test]
fn a_command_line_is_read_as_a_shell_would_read_it() {
    insta::assert_json_snapshot!(understood("LEVEL=1 A='b c' npx -y @modelcontextprotocol/server-filesystem \"/my files\""), @r#"
    {
      "filesystem": {
        "transport": "stdio",
        "command": "npx",
        "args": [
          "-y",
          "@modelcontextprotocol/server-filesystem",
          "/my files"
        ],
        "env": {
          "LEVEL": "1",
          "A": "b c"
        }
      }
    }
    "#);
    assert_eq!(
        understood("./server.py --stdio")["server.py"]["command"],
        json!(null)
    );
    assert_eq!(
        told("npx 'x"),
        "add_quotes: a quotation mark in the command is not closed"
    );
    assert_eq!(told("A=1"), told(""));
}

#[test]
fn a_bridge_to_a_url_is_told_and_can_be_done_without() {
    let line = "TOKEN='Bearer t' npx -y mcp-remote@latest https://mcp.notion.com/sse --header 'Authorization: ${TOKEN}'";
    let bridge = Suggestion::of_command_line(line).expect("a command");
    let codes: Vec<_> = bridge.notes.iter().map(|note| note.code.as_ref()).collect();
    assert_eq!(
        (bridge.name.as_str(), codes.as_slice()),
        ("notion", ["server_bridge"].as_slice())
    );
    let direct = bridge.without_bridge().expect("direct");
    let entry = json!({
        "transport": "sse", "url": "https://mcp.notion.com/sse", "headers": {"Authorization": "Bearer t"},
    });
    assert_eq!(json!(direct.server.entry()), entry);
    assert_eq!(direct.without_bridge(), None);
}

#[test]
fn a_config_of_claude_desktop_is_understood() {
    insta::assert_json_snapshot!(understood(r#"{
      "mcpServers": {
        "files": {"command": "npx", "args": ["-y", "x"], "env": {"KEY": "${KEY}"}},
        "broken": {"command": 5}
      },
      "globalShortcut": ""
    }"#), @r#"
    {
      "files": {
        "transport": "stdio",
        "command": "npx",
        "args": [
          "-y",
          "x"
        ],
        "env": {
          "KEY": "${KEY}"
        }
      },
      "problem": "server_config: Invalid config for server 'broken': 'command' must be a string"
    }
    "#);
}

#[test]
fn configs_of_cursor_windsurf_and_claude_code_are_understood() {
    insta::assert_json_snapshot!(understood(r#"{"mcpServers": {
        "cursor": {"url": "https://a.example/mcp", "headers": {"X": "${env:X}"}, "auth": {"CLIENT_ID": "c", "scopes": ["r"]}},
        "windsurf": {"serverUrl": "https://b.example/sse", "disabled": true, "alwaysAllow": []},
        "claude": {"type": "http", "url": "https://c.example", "oauth": {"clientId": "d", "callbackPort": 8080, "zzz": 1}, "zzz": 1}
    }}"#), @r#"
    {
      "cursor": {
        "transport": "streamable-http",
        "url": "https://a.example/mcp",
        "headers": {
          "X": "${env:X}"
        },
        "auth": {
          "client_id": "c",
          "scopes": [
            "r"
          ]
        }
      },
      "windsurf": {
        "transport": "streamable-http",
        "url": "https://b.example/sse",
        "enabled": false
      },
      "claude": {
        "transport": "streamable-http",
        "url": "https://c.example",
        "auth": {
          "client_id": "d",
          "redirect_port": 8080
        },
        "note": "config_unknown_key: server 'claude': unknown key 'zzz'"
      }
    }
    "#);
}

#[test]
fn a_config_of_vs_code_is_understood_with_its_comments() {
    insta::assert_json_snapshot!(understood(r#"{
        // from settings.json
        "mcp": {"inputs": [], "servers": {"github": {"type": "http", "url": "https://api.githubcopilot.com/mcp/",}}},
    }"#), @r#"
    {
      "github": {
        "transport": "streamable-http",
        "url": "https://api.githubcopilot.com/mcp/"
      }
    }
    "#);
}

#[test]
fn configs_of_zed_and_opencode_are_understood() {
    insta::assert_json_snapshot!(understood(r#"{"context_servers": {
        "old": {"command": {"path": "npx", "args": ["x"], "env": {"A": "1"}}, "settings": {}},
        "new": {"source": "custom", "command": "npx", "args": ["y"]}
    }}"#), @r#"
    {
      "old": {
        "transport": "stdio",
        "command": "npx",
        "args": [
          "x"
        ],
        "env": {
          "A": "1"
        },
        "note": "config_unknown_key: server 'old': unknown key 'settings'"
      },
      "new": {
        "transport": "stdio",
        "command": "npx",
        "args": [
          "y"
        ]
      }
    }
    "#);
    insta::assert_json_snapshot!(understood(r#"{"mcp": {
        "here": {"type": "local", "command": ["bun", "x", "z"], "environment": {"A": "1"}, "enabled": false},
        "there": {"type": "remote", "url": "https://a.example"}
    }}"#), @r#"
    {
      "here": {
        "transport": "stdio",
        "command": "bun",
        "args": [
          "x",
          "z"
        ],
        "env": {
          "A": "1"
        },
        "enabled": false
      },
      "there": {
        "transport": "streamable-http",
        "url": "https://a.example"
      }
    }
    "#);
}

#[test]
fn a_config_of_codex_is_understood() {
    insta::assert_json_snapshot!(understood(r#"
[mcp_servers.figma]
url = "https://mcp.figma.com/mcp"
bearer_token_env_var = "FIGMA_TOKEN"
http_headers = { "X-Region" = "us-east-1" }

[mcp_servers.files]
command = "npx"
args = ["-y", "x"]
[mcp_servers.files.env]
LEVEL = "1"
"#.trim()), @r#"
    {
      "figma": {
        "transport": "streamable-http",
        "url": "https://mcp.figma.com/mcp",
        "headers": {
          "X-Region": "us-east-1",
          "Authorization": "Bearer ${env:FIGMA_TOKEN}"
        }
      },
      "files": {
        "transport": "stdio",
        "command": "npx",
        "args": [
          "-y",
          "x"
        ],
        "env": {
          "LEVEL": "1"
        }
      }
    }
    "#);
}

#[test]
fn half_a_config_is_enough() {
    let notion = json!({"notion": {"transport": "streamable-http", "url": "https://mcp.notion.com/mcp"}});
    for text in [
        r#""notion": {"url": "https://mcp.notion.com/mcp"},"#,
        r#"{"notion": {"url": "https://mcp.notion.com/mcp"}}"#,
        r#"{"url": "https://mcp.notion.com/mcp"}"#,
        "```json\n{\"mcpServers\": {\"notion\": {url: 'https://mcp.notion.com/mcp'}}}\n```",
    ] {
        assert_eq!(understood(text), notion, "{text}");
    }
}

#[test]
fn what_is_no_config_says_so_without_repeating_it() {
    insta::assert_json_snapshot!(["{\"a\": s3cret s3cret}", "{}", "[]", "[a\ns3cret", "{\"mcpServers\": {}}", "{\"command\": 5}", "`"].map(told), @r#"
    [
      "add_unreadable: the pasted config is not readable: line 1, column 7: unexpected word",
      "add_no_servers: no server is in the pasted config; expected 'mcpServers', 'servers', 'context_servers' or one entry",
      "add_unreadable: the pasted config is not readable: it is neither JSON nor TOML",
      "add_unreadable: the pasted config is not readable: it is neither JSON nor TOML",
      "add_no_servers: no server is in the pasted config; expected 'mcpServers', 'servers', 'context_servers' or one entry",
      "add_unreadable: the pasted config is not readable: Invalid config for server '': 'command' must be a string",
      "add_unreadable: the pasted config is not readable: it is neither JSON nor TOML"
    ]
    "#);
}

#[test]
fn a_name_no_server_can_have_is_made_into_one_that_it_can() {
    let suggestions =
        Suggestions::of("{\"mcpServers\": {\"a\\nb\": {\"command\": \"x\"}}}").expect("understood");
    assert_eq!(suggestions.servers[0].name.as_str(), "a-b");
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in ".*", config in "[\\[\\]{}:,\"'a=/ \n0]*") {
        let _ = Suggestions::of(&text);
        let _ = Suggestions::of(&config);
        let _ = Suggestions::of_config(&text);
    }
}

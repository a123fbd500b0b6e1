//! What the text looks like afterwards.

use super::*;

/// The text after a change; the change must succeed.
fn after(text: &str, change: &Change) -> String {
    let place = Place::json(text);
    place.file.edit(change).expect("possible");
    place.text()
}

fn after_for_omlx(text: &str, change: &Change) -> (String, Vec<String>) {
    let place = Place::json(text).read_by_omlx();
    let edit = place.file.edit(change).expect("possible");
    let notes = edit
        .notes
        .iter()
        .map(|note| format!("{}: {}", note.code, note.message));
    (place.text(), notes.collect())
}

fn add(name: &str, server: NewServer) -> Change {
    Change::Add(id(name), Box::new(server))
}

const COMMENTED: &str = r#"// my servers
{
    "$schema": "https://example.com/x.json",
    /* first */
    "servers": {
        // the good one
        "files": {"command": "npx", "args": ["-y", "x"]}, // keep
        "notion": {
            "url": "https://mcp.notion.com/mcp",
            "zzz": [1,2,   3]
        } // last
    },

    "max_tool_calls": 3
}
"#;

#[test]
fn an_added_server_stands_last_in_the_file_s_own_indentation() {
    insta::assert_snapshot!(after(COMMENTED, &add("linear", notion())), @r#"
    // my servers
    {
        "$schema": "https://example.com/x.json",
        /* first */
        "servers": {
            // the good one
            "files": {"command": "npx", "args": ["-y", "x"]}, // keep
            "notion": {
                "url": "https://mcp.notion.com/mcp",
                "zzz": [1,2,   3]
            }, // last
            "linear": {
                "transport": "streamable-http",
                "url": "https://mcp.notion.com/mcp"
            }
        },

        "max_tool_calls": 3
    }
    "#);
}

#[test]
fn every_key_of_a_new_server_is_written_in_omlx_s_words() {
    let mut server = files();
    server.start = Start::Disabled;
    if let NewTransport::Stdio { cwd, .. } = &mut server.transport {
        *cwd = Some("/work".to_owned());
    }
    insta::assert_snapshot!(after("{}", &add("files", server)), @r#"
    {
      "servers": {
        "files": {
          "transport": "stdio",
          "command": "npx",
          "args": ["-y", "server-files"],
          "env": {
            "LEVEL": "1"
          },
          "cwd": "/work",
          "enabled": false
        }
      }
    }
    "#);
    let server = NewServer::new(NewTransport::Sse(NewEndpoint {
        url: "https://a.example/sse".to_owned(),
        headers: vec![("X-Key".to_owned(), "a\"b\\cé".to_owned())],
    }));
    insta::assert_snapshot!(after("{}", &add("old \"one\"", server)), @r#"
    {
      "servers": {
        "old \"one\"": {
          "transport": "sse",
          "url": "https://a.example/sse",
          "headers": {
            "X-Key": "a\"b\\cé"
          }
        }
      }
    }
    "#);
}

#[test]
fn a_removed_server_takes_its_auth_along_and_nothing_else() {
    insta::assert_snapshot!(after(COMMENTED, &Change::Remove(id("notion"))), @r#"
    // my servers
    {
        "$schema": "https://example.com/x.json",
        /* first */
        "servers": {
            // the good one
            "files": {"command": "npx", "args": ["-y", "x"]} // keep
        },

        "max_tool_calls": 3
    }
    "#);
    insta::assert_snapshot!(after(COMMENTED, &Change::Remove(id("files"))), @r#"
    // my servers
    {
        "$schema": "https://example.com/x.json",
        /* first */
        "servers": {
            // the good one
            "notion": {
                "url": "https://mcp.notion.com/mcp",
                "zzz": [1,2,   3]
            } // last
        },

        "max_tool_calls": 3
    }
    "#);
    let text = "{\n  \"servers\": {\n    \"a\": {\"url\": \"https://a.example\"},\n    \"b\": {\"command\": \"x\"}\n  },\n  \"auth\": {\n    \"a\": {\"client_id\": \"c\"}\n  }\n}\n";
    insta::assert_snapshot!(after(text, &Change::Remove(id("a"))), @r#"
    {
      "servers": {
        "b": {"command": "x"}
      }
    }
    "#);
}

#[test]
fn an_entry_that_is_no_dictionary_can_be_removed() {
    assert_eq!(
        after(r#"{"servers": {"x": 1}}"#, &Change::Remove(id("x"))).replace([' ', '\n'], ""),
        r#"{"servers":{}}"#
    );
}

#[test]
fn a_server_is_disabled_and_enabled_in_whatever_words_the_entry_uses() {
    let disable = Change::Disable(id("x"));
    let enable = Change::Enable(id("x"));
    let entry = |entry: &str| format!("{{\"servers\": {{\"x\": {entry}}}}}");
    assert_eq!(
        after(&entry(r#"{"command": "x", "enabled": true}"#), &disable),
        entry(r#"{"command": "x", "enabled": false}"#)
    );
    assert_eq!(
        after(&entry(r#"{"disabled": true, "command": "x"}"#), &enable),
        entry(r#"{"disabled": false, "command": "x"}"#)
    );
    assert_eq!(
        after(&entry(r#"{"disabled": false, "command": "x"}"#), &disable),
        entry(r#"{"disabled": true, "command": "x"}"#)
    );
    insta::assert_snapshot!(after(COMMENTED, &Change::Disable(id("notion"))), @r#"
    // my servers
    {
        "$schema": "https://example.com/x.json",
        /* first */
        "servers": {
            // the good one
            "files": {"command": "npx", "args": ["-y", "x"]}, // keep
            "notion": {
                "url": "https://mcp.notion.com/mcp",
                "zzz": [1,2,   3],
                "enabled": false
            } // last
        },

        "max_tool_calls": 3
    }
    "#);
}

#[test]
fn auth_goes_into_the_entry_when_only_we_read_the_file() {
    insta::assert_snapshot!(after(COMMENTED, &Change::SetAuth(id("notion"), client("c"))), @r#"
    // my servers
    {
        "$schema": "https://example.com/x.json",
        /* first */
        "servers": {
            // the good one
            "files": {"command": "npx", "args": ["-y", "x"]}, // keep
            "notion": {
                "url": "https://mcp.notion.com/mcp",
                "zzz": [1,2,   3],
                "auth": {
                    "client_id": "c"
                }
            } // last
        },

        "max_tool_calls": 3
    }
    "#);
}

#[test]
fn auth_goes_into_the_root_map_when_omlx_reads_the_file() {
    let text = "{\n  \"servers\": {\n    \"notion\": {\n      \"transport\": \"streamable-http\",\n      \"url\": \"https://mcp.notion.com/mcp\"\n    }\n  }\n}\n";
    let (text, notes) = after_for_omlx(text, &Change::SetAuth(id("notion"), client("c")));
    insta::assert_snapshot!(text, @r#"
    {
      "servers": {
        "notion": {
          "transport": "streamable-http",
          "url": "https://mcp.notion.com/mcp"
        }
      },
      "auth": {
        "notion": {
          "client_id": "c"
        }
      }
    }
    "#);
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn where_omlx_only_might_read_a_new_block_goes_to_the_root_and_an_old_one_stays_where_it_is() {
    let place = |text: &str| {
        let mut place = Place::json(text);
        place.file.readers = Readers::PerhapsOmlx;
        place.file.set_auth(&id("x"), client("c")).expect("set");
        serde_json::from_str::<Value>(&place.text()).expect("JSON")
    };
    let new = place(r#"{"servers": {"x": {"url": "https://a.example"}}}"#);
    assert_eq!(new["auth"]["x"]["client_id"], "c");
    let old = place(r#"{"servers": {"x": {"url": "https://a.example", "auth": {"account": "a"}}}}"#);
    assert_eq!(
        (&old["servers"]["x"]["auth"]["client_id"], &old["auth"]),
        (&json!("c"), &Value::Null)
    );
}

#[test]
fn a_block_in_an_entry_moves_to_the_root_with_the_first_change_when_omlx_reads_the_file() {
    let text = r#"{
  "servers": {
    "notion": {
      "transport": "streamable-http",
      "url": "https://mcp.notion.com/mcp",
      "auth": {"client_id": "old", "account": "work"}
    }
  },
  "auth": {
    "notion": {"client_id": "older", "audience": "x"}
  }
}
"#;
    let (text, notes) = after_for_omlx(text, &Change::SetAuth(id("notion"), client("new")));
    insta::assert_snapshot!(text, @r#"
    {
      "servers": {
        "notion": {
          "transport": "streamable-http",
          "url": "https://mcp.notion.com/mcp"
        }
      },
      "auth": {
        "notion": {
          "client_id": "new",
          "audience": "x",
          "account": "work"
        }
      }
    }
    "#);
    insta::assert_json_snapshot!(notes, @r#"
    [
      "config_auth_moved: 'auth' of 'notion' moved from its entry to the root of the file, where oMLX does not mind it"
    ]
    "#);
}

#[test]
fn a_key_set_to_null_is_taken_out_of_both_places() {
    let text = r#"{"servers": {"x": {"url": "https://a.example", "auth": {"account": "a", "client_id": "c"}}}, "auth": {"x": {"account": "b"}}}"#;
    let change = Change::SetAuth(id("x"), AuthBlock::of([("account", Value::Null)]));
    let config = Config::parse(&after(text, &change), Format::Json, &Environment::of([]));
    let auth = &config.servers[0].auth;
    assert_eq!(
        (auth.account.as_deref(), auth.client_id.as_deref()),
        (None, Some("c"))
    );
}

#[test]
fn a_block_that_stands_in_the_root_map_is_changed_there() {
    let text = r#"{"servers": {"x": {"url": "https://a.example"}}, "auth": {"x": {"account": "b"}}}"#;
    let text = after(
        text,
        &Change::SetAuth(id("x"), AuthBlock::of([("account", json!("c"))])),
    );
    assert_eq!(
        text,
        r#"{"servers": {"x": {"url": "https://a.example"}}, "auth": {"x": {"account": "c"}}}"#
    );
}

#[test]
fn new_servers_go_where_the_servers_are_that_count() {
    let names = |text: &str| {
        let text = after(text, &add("new", files()));
        let root: Value = serde_json::from_str(&text).expect("JSON");
        ["servers", "mcpServers"].map(|key| root[key].as_object().map(serde_json::Map::len))
    };
    assert_eq!(names("{}"), [Some(1), None]);
    assert_eq!(names(r#"{"mcpServers": {}}"#), [None, Some(1)]);
    assert_eq!(
        names(r#"{"mcpServers": {"a": {"command": "x"}}}"#),
        [None, Some(2)]
    );
    assert_eq!(
        names(r#"{"servers": {}, "mcpServers": {"a": {"command": "x"}}}"#),
        [Some(0), Some(2)]
    );
    assert_eq!(
        names(r#"{"servers": {"b": {"command": "x"}}, "mcpServers": {"a": {"command": "x"}}}"#),
        [Some(2), Some(1)]
    );
    assert_eq!(names(r#"{"servers": null}"#), [Some(1), None]);
}

#[test]
fn emptying_the_servers_that_count_says_which_ones_count_now() {
    let text = r#"{"servers": {"a": {"command": "x"}}, "mcpServers": {"b": {"command": "x"}}}"#;
    let (_, notes) = after_for_omlx(text, &Change::Remove(id("a")));
    insta::assert_json_snapshot!(notes, @r#"
    [
      "config_fall_through: 'servers' is empty now, so the entries under 'mcpServers' count from now on"
    ]
    "#);
}

#[test]
fn a_change_that_would_disable_omlx_is_refused_until_it_is_asked_for_twice() {
    let text =
        r#"{"servers": {"a": {"command": "x"}}, "mcpServers": {"b": {"type": "stdio", "command": "x"}}}"#;
    let place = Place::json(text).read_by_omlx();
    let change = Change::Remove(id("a"));
    insta::assert_snapshot!(place.told(&place.file.edit(&change).expect_err("refused")), @"omlx_refuses: oMLX would disable MCP because of this change: Invalid config for server 'b': got an unexpected keyword argument 'type'");
    assert_eq!(place.text(), text);
    assert_eq!(
        codes(&place.file.preview(&change).expect("possible")),
        ["config_fall_through", "omlx_refuses"]
    );
    place.file.edit_despite_omlx(&change).expect("asked for");
}

#[test]
fn a_file_that_omlx_refuses_already_may_be_changed_and_says_so() {
    let (_, notes) = after_for_omlx(COMMENTED, &add("linear", notion()));
    insta::assert_json_snapshot!(notes, @r#"
    [
      "omlx_refuses: oMLX would disable MCP because of this file: line 1, column 1: comments are not allowed"
    ]
    "#);
}

#[test]
fn a_key_that_older_versions_of_omlx_refuse_is_told() {
    let mut server = files();
    if let NewTransport::Stdio { cwd, .. } = &mut server.transport {
        *cwd = Some("/work".to_owned());
    }
    let (_, notes) = after_for_omlx("{}", &add("files", server));
    insta::assert_json_snapshot!(notes, @r#"
    [
      "omlx_may_refuse: older versions of oMLX do not know 'cwd' and would disable MCP because of it"
    ]
    "#);
}

#[test]
fn what_is_added_to_omlx_s_file_is_accepted_by_omlx() {
    let mut server = notion();
    server.auth = client("c");
    let (text, notes) = after_for_omlx("{}", &add("notion", server));
    assert_eq!(omlx_rules::refusals(&text, Format::Json), Vec::<String>::new());
    assert_eq!(notes, Vec::<String>::new());
    let config = Config::parse(&text, Format::Json, &Environment::of([]));
    assert_eq!(config.servers[0].auth.kind, Some(AuthType::OAuth2));
    assert_eq!(config.servers[0].auth.client_id.as_deref(), Some("c"));
}

#[test]
fn a_block_that_waited_in_the_root_map_is_told() {
    let place = Place::json(r#"{"auth": {"notion": {"client_id": "c"}}}"#);
    let edit = place.file.add(&id("notion"), notion()).expect("added");
    assert_eq!(codes(&edit), ["config_auth_kept"]);
}

#[test]
fn windows_line_ends_tabs_trailing_commas_and_the_byte_order_mark_stay() {
    let text = "\u{feff}{\r\n\t\"servers\": {\r\n\t\t\"a\": {\"command\": \"x\"},\r\n\t},\r\n}\r\n";
    let text = after(text, &add("b", files()));
    assert!(text.starts_with('\u{feff}'));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    insta::assert_snapshot!(text.replace('\r', "").trim_start_matches('\u{feff}').replace('\t', "→"), @r#"
    {
    →"servers": {
    →→"a": {"command": "x"},
    →→"b": {
    →→→"transport": "stdio",
    →→→"command": "npx",
    →→→"args": ["-y", "server-files"],
    →→→"env": {
    →→→→"LEVEL": "1",
    →→→},
    →→},
    →},
    }
    "#);
}

#[test]
fn a_misspelt_name_gets_a_suggestion() {
    let place = Place::json(COMMENTED);
    let error = place.file.remove(&id("notoin")).expect_err("refused");
    assert_eq!(
        place.told(&error),
        "unknown_server: there is no server 'notoin' in the config file; did you mean 'notion'?"
    );
    let error = place.file.add(&id("notion"), notion()).expect_err("refused");
    assert_eq!(
        place.told(&error),
        "server_exists: there is a server 'notion' already; choose another name"
    );
}

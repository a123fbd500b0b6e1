use super::*;

#[test]
fn an_empty_object_is_a_config_without_servers_and_with_omlx_defaults() {
    let config = config(&json!({}));
    assert_eq!(config, Config::default());
    assert_eq!(
        (config.max_tool_calls, config.default_timeout),
        (10, Duration::from_secs(30))
    );
}

#[test]
fn servers_win_over_mcp_servers_and_are_not_merged_with_them() {
    let both = config(&json!({"servers": {"a": {"command": "a"}}, "mcpServers": {"b": {"command": "b"}}}));
    assert_eq!(names(&both), ["a"]);
}

#[test]
fn an_empty_servers_key_falls_through_to_mcp_servers() {
    for empty in [
        json!({}),
        json!(null),
        json!([]),
        json!(""),
        json!(false),
        json!(0),
    ] {
        let config = config(&json!({"servers": empty, "mcpServers": {"b": {"command": "b"}}}));
        assert_eq!(names(&config), ["b"], "{empty}");
    }
    assert_eq!(config(&json!({"servers": []})), Config::default());
}

#[test]
fn omlx_messages_are_the_ones_it_writes() {
    let fatal = |value: &Value| config(value).fatal().map(|problem| problem.message.clone());
    for root in [json!([]), json!("x"), json!(null), json!(1)] {
        assert_eq!(fatal(&root).as_deref(), Some("MCP config must be a dictionary"));
    }
    for servers in [
        json!({"servers": [1]}),
        json!({"servers": "x"}),
        json!({"mcpServers": null}),
    ] {
        assert_eq!(fatal(&servers).as_deref(), Some("'servers' must be a dictionary"));
    }
}

#[test]
fn wrong_defaults_are_told_and_the_servers_stay() {
    let config = config(&json!({
        "servers": {"a": {"command": "a"}}, "max_tool_calls": 0, "default_timeout": "soon",
    }));
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "config_value: 'max_tool_calls' must be a positive integer",
      "config_value: 'default_timeout' must be a positive number"
    ]
    "#);
    assert_eq!(names(&config), ["a"]);
    for bad in [json!(0), json!(-1), json!(1.5), json!("9"), json!(null)] {
        assert_eq!(
            super::config(&json!({"max_tool_calls": bad})).notes.len(),
            1,
            "{bad}"
        );
    }
    for bad in [json!(0), json!(-0.1), json!("1"), json!(1e300), json!([])] {
        assert_eq!(
            super::config(&json!({"default_timeout": bad})).notes.len(),
            1,
            "{bad}"
        );
    }
}

#[test]
fn the_file_s_defaults_hold_for_servers_that_say_nothing() {
    let config = config(&json!({
        "max_tool_calls": 3, "default_timeout": 1.5,
        "servers": {"a": {"command": "a"}, "b": {"command": "b", "timeout": 60}},
    }));
    let timeouts: Vec<_> = config.servers.values().map(|server| server.timeout).collect();
    assert_eq!(timeouts, [Duration::from_millis(1500), Duration::from_mins(1)]);
    assert_eq!(config.max_tool_calls, 3);
}

#[test]
fn other_root_keys_are_ignored_unless_they_look_like_a_slip() {
    let config = config(&json!({"$schema": "x", "//": "y", "logging": {}, "mcpservers": {}, "inputs": []}));
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "config_unknown_key: unknown key 'mcpservers'; did you mean 'mcpServers'?"
    ]
    "#);
}

#[test]
fn a_name_that_stands_twice_is_told() {
    let config = json_text(r#"{"servers": {"a": {"command": "1"}, "a": {"command": "2"}}}"#);
    assert_eq!(
        notes(&config),
        ["config_duplicate: 'a' stands in the file twice; the last one counts"]
    );
    assert_eq!(config.servers.len(), 1);
}

#[test]
fn what_is_not_readable_at_all_is_one_fatal_note() {
    insta::assert_json_snapshot!(notes(&json_text("")), @r#"
    [
      "!config_empty: the config file is empty; write {\"servers\": {}} into it"
    ]
    "#);
    insta::assert_json_snapshot!(notes(&json_text("{\n  \"servers\": {\n")), @r#"
    [
      "!config_syntax: line 2, column 14: unterminated object"
    ]
    "#);
}

#[test]
fn yaml_says_the_same_as_json() {
    let yaml =
        "mcpServers:\n  files:\n    command: npx\n    args: [-y, --port, 8080, true]\n    enabled: no\n";
    let config = Config::parse(yaml, Format::Yaml, &environment());
    let files = &config.servers[0];
    assert!(!files.enabled);
    let Transport::Stdio { args, .. } = &files.transport else {
        panic!("{files:?}");
    };
    assert_eq!(args, &["-y", "--port", "8080", "true"]);
}

#[test]
fn servers_keep_the_order_of_the_file() {
    let config =
        config(&json!({"servers": {"z": {"command": "1"}, "a": {"command": "1"}, "m": {"command": "1"}}}));
    assert_eq!(names(&config), ["z", "a", "m"]);
}

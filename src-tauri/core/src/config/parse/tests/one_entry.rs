use super::*;

#[test]
fn a_bad_entry_never_takes_the_others_down() {
    let config = config(&json!({"servers": {
        "list": [], "nothing": {}, "good": {"command": "x"}, "no-url": {"transport": "sse"},
        "typed": {"command": 1}, "": {"command": "x"}, "where": {"transport": "stdoi", "command": "x"},
        "file": {"url": "file:///etc/passwd"}, "words": {"url": "not a url"}, "flag": {"command": "x", "enabled": "maybe"},
        "streams": {"transport": "streamable-http"},
    }}));
    assert_eq!(names(&config), ["good"]);
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "!server_config: Server 'list' config must be a dictionary",
      "!server_config: MCP server 'nothing': stdio transport requires 'command'",
      "!server_config: MCP server 'no-url': sse transport requires 'url'",
      "!server_config: Invalid config for server 'typed': 'command' must be a string",
      "!server_name: Invalid config for server '': a server name must not be empty",
      "!server_config: Invalid config for server 'where': 'transport' must be stdio, sse or streamable-http; did you mean 'stdio'?",
      "!server_config: Invalid config for server 'file': 'url' must be an http or https URL",
      "!server_config: Invalid config for server 'words': 'url' must be a URL",
      "!server_config: Invalid config for server 'flag': 'enabled' must be true or false",
      "!server_config: MCP server 'streams': streamable-http transport requires 'url'"
    ]
    "#);
}

#[test]
fn a_note_about_an_entry_names_it() {
    let config = config(&json!({"servers": {"a": [], "b": {"command": "x", "foo": 1}}}));
    let named: Vec<_> = config
        .notes
        .iter()
        .map(|note| (note.server.as_deref(), note.fatal))
        .collect();
    assert_eq!(named, [(Some("a"), true), (Some("b"), false)]);
    assert!(config.fatal().is_none());
}

#[test]
fn stdio_is_the_default_and_takes_command_args_env_and_cwd() {
    let server = server(&json!({
        "command": "npx", "args": ["-y", "x"], "env": {"A": "1", "B": 2}, "cwd": "~/work", "url": null, "headers": {},
    }));
    let Transport::Stdio {
        command,
        args,
        env,
        cwd,
    } = &server.transport
    else {
        panic!("{server:?}");
    };
    assert_eq!(command, "npx");
    assert_eq!(args, &["-y", "x"]);
    assert_eq!(
        env,
        &[("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())]
    );
    assert_eq!(cwd.as_deref(), Some(PathBuf::from("/home/u/work").as_path()));
    assert!(server.enabled);
    assert_eq!(server.auth.kind, None);
}

#[test]
fn the_transport_is_named_inferred_or_stdio() {
    let kind = |entry: Value| server(&entry).transport.kind();
    let url = "https://mcp.example/mcp";
    for name in [
        "streamable-http",
        "http",
        "streamableHttp",
        "streamable_http",
        "STREAMABLE-HTTP",
    ] {
        assert_eq!(
            kind(json!({"transport": name, "url": url})),
            TransportKind::StreamableHttp,
            "{name}"
        );
        assert_eq!(
            kind(json!({"type": name, "url": url})),
            TransportKind::StreamableHttp,
            "{name}"
        );
    }
    assert_eq!(kind(json!({"type": "sse", "url": url})), TransportKind::Sse);
    assert_eq!(
        kind(json!({"type": "stdio", "command": "x"})),
        TransportKind::Stdio
    );
    for key in ["url", "serverUrl", "httpUrl"] {
        assert_eq!(kind(json!({key: url})), TransportKind::StreamableHttp);
    }
    assert_eq!(kind(json!({"command": "x"})), TransportKind::Stdio);
    assert_eq!(
        kind(json!({"transport": "sse", "type": "stdio", "url": url})),
        TransportKind::Sse
    );
}

#[test]
fn a_key_that_belongs_to_the_other_transport_is_told() {
    insta::assert_json_snapshot!(notes_of(&json!({"command": "x", "url": "https://a.example", "headers": {"a": "b"}})), @r#"
    [
      "server_key_without_effect: server 'x': 'url' has no effect on a stdio server",
      "server_key_without_effect: server 'x': 'headers' has no effect on a stdio server"
    ]
    "#);
    insta::assert_json_snapshot!(notes_of(&json!({"type": "http", "command": "x", "url": "https://a.example", "args": []})), @r#"
    [
      "server_key_without_effect: server 'x': 'command' has no effect on a streamable-http server"
    ]
    "#);
}

#[test]
fn an_unknown_key_is_a_warning_with_a_suggestion() {
    insta::assert_json_snapshot!(notes_of(&json!({
        "command": "x", "evn": {}, "alwaysAllow": [], "description": "y", "zzz": 1, "Timeout": 3,
    })), @r#"
    [
      "config_unknown_key: server 'x': unknown key 'evn'; did you mean 'env'?",
      "config_unknown_key: server 'x': unknown key 'zzz'",
      "config_unknown_key: server 'x': unknown key 'Timeout'; did you mean 'timeout'?"
    ]
    "#);
}

#[test]
fn disabled_entries_are_kept() {
    assert!(!server(&json!({"command": "x", "enabled": false})).enabled);
    assert!(!server(&json!({"command": "x", "disabled": true})).enabled);
    assert!(server(&json!({"command": "x", "disabled": true, "enabled": true})).enabled);
    let config = config(&json!({"servers": {"x": {
        "url": "https://a.example", "enabled": false, "headers": {"Authorization": "Bearer ${NONE}"},
    }}}));
    assert_eq!(names(&config), ["x"]);
    assert_eq!(config.notes.len(), 1);
}

#[test]
fn a_time_out_that_is_none_is_told_and_the_default_stands() {
    for bad in [json!(0), json!(-1), json!("30")] {
        let config =
            config(&json!({"servers": {"x": {"command": "x", "timeout": bad}}, "default_timeout": 7}));
        assert_eq!(
            notes(&config),
            ["server_config: Invalid config for server 'x': 'timeout' must be a positive number"]
        );
        assert_eq!(config.servers[0].timeout, Duration::from_secs(7));
    }
}

#[test]
fn a_name_that_hides_its_tools_is_told() {
    let config = config(&json!({"servers": {"my__server": {"command": "x"}}}));
    assert_eq!(config.notes[0].problem.code, "server_name");
    assert_eq!(names(&config), ["my__server"]);
}

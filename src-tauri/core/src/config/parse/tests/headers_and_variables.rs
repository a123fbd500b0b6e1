use super::*;

#[test]
fn headers_are_kept_for_both_http_transports_and_marked_sensitive() {
    for transport in ["streamable-http", "sse"] {
        let server = server(&json!({
            "transport": transport, "url": "https://a.example",
            "headers": {"Authorization": "Bearer ${env:TOKEN}", "X-Workspace": " 42 ", "X-Number": 7},
        }));
        let headers = server.transport.headers().expect("http");
        assert_eq!(headers["authorization"], "Bearer t0ken");
        assert_eq!(headers["x-workspace"], "42");
        assert_eq!(headers["x-number"], "7");
        assert!(headers.values().all(http::HeaderValue::is_sensitive));
        assert!(!format!("{server:?}").contains("t0ken"));
    }
}

#[test]
fn a_header_nobody_could_send_is_told_without_its_value() {
    insta::assert_json_snapshot!(notes_of(&json!({"url": "https://a.example", "headers": {"A": "Bearer s3\ncret"}})), @r#"
    [
      "!server_header: server 'x': 'headers.A' is not a usable header: its value has a line break or another control character"
    ]
    "#);
    insta::assert_json_snapshot!(notes_of(&json!({"url": "https://a.example", "headers": {"A B": "s3cret"}})), @r#"
    [
      "!server_header: server 'x': 'headers.A B' is not a usable header: its name has a character no header may have"
    ]
    "#);
    insta::assert_json_snapshot!(notes_of(&json!({"url": "https://a.example", "headers": ["s3cret"]})), @r#"
    [
      "!server_config: Invalid config for server 'x': 'headers' must be a dictionary of strings"
    ]
    "#);
}

#[test]
fn an_unset_variable_in_a_credential_takes_the_entry_out_and_is_named() {
    insta::assert_json_snapshot!(notes_of(&json!({"url": "https://a.example", "headers": {"Authorization": "Bearer ${NONE}"}})), @r#"
    [
      "!server_variable: server 'x': the environment variable NONE is not set, and 'headers.Authorization' needs it"
    ]
    "#);
    insta::assert_json_snapshot!(notes_of(&json!({"url": "https://${env:NONE}/mcp"})), @r#"
    [
      "!server_variable: server 'x': the environment variable NONE is not set, and 'url' needs it"
    ]
    "#);
    insta::assert_json_snapshot!(notes_of(&json!({"url": "https://a.example", "headers": {"Authorization": "Bearer ${input:key}"}})), @r#"
    [
      "!server_variable: server 'x': 'headers.Authorization' uses ${input:key}, which only VS Code can ask for; write ${env:NAME} instead"
    ]
    "#);
}

#[test]
fn variables_reach_the_url() {
    let server = server(&json!({"url": "https://${HOST}/mcp/${NONE:-x}"}));
    assert_eq!(
        server.transport.url().map(url::Url::as_str),
        Some("https://mcp.example/mcp/x")
    );
}

#[test]
fn shell_text_in_arguments_and_variables_survives() {
    let config = config(&json!({"servers": {"x": {
        "command": "sh", "args": ["-c", "for f in ${files}; do echo $f; done"], "env": {"A": "${TOKEN}", "B": "${NONE}"},
    }}}));
    let Transport::Stdio { args, env, .. } = &config.servers[0].transport else {
        panic!("{config:?}");
    };
    assert_eq!(args[1], "for f in ${files}; do echo $f; done");
    assert_eq!(env[0].1, "t0ken");
    assert_eq!(env[1].1, "${NONE}");
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "server_variable: server 'x': the environment variable files is not set, so 'args' is used as written",
      "server_variable: server 'x': the environment variable NONE is not set, so 'env.B' is used as written"
    ]
    "#);
}

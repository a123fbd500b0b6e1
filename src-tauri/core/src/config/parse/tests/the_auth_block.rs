use super::*;

#[test]
fn without_a_block_nothing_is_decided() {
    assert_eq!(
        server(&json!({"url": "https://a.example"})).auth,
        crate::config::AuthConfig::default()
    );
    assert_eq!(server(&notion(&json!(null))).auth.kind, None);
}

#[test]
fn an_empty_block_means_oauth() {
    assert_eq!(server(&notion(&json!({}))).auth.kind, Some(AuthType::OAuth2));
}

#[test]
fn every_key_is_read() {
    let auth = server(&notion(&json!({
        "type": "oauth2", "grant": "device_code", "client_id": "c", "client_secret_env": "TOKEN",
        "client_metadata_url": "https://me.example/client.json", "scopes": ["read", "write:x"], "audience": "aud",
        "auth_url": "https://as.example/a", "token_url": "https://as.example/t",
        "device_auth_url": "https://as.example/d", "revocation_url": "https://as.example/r",
        "issuer": "https://as.example/", "resource": false, "redirect": "http://localhost:8123/cb",
        "redirect_port": 8123, "redirect_host": "localhost", "authorize_params": {"access_type": "offline"},
        "refresh_scope": "send", "assume_pkce": true, "token_store": "~/tokens", "account": "work",
    }))).auth;
    assert_eq!(auth.kind, Some(AuthType::OAuth2));
    assert_eq!(auth.grant, GrantType::DeviceCode);
    assert_eq!(auth.client_id.as_deref(), Some("c"));
    let secret = auth.client_secret.expect("set");
    assert_eq!(
        (secret.source.as_str(), secret.secret.secret().as_str()),
        ("TOKEN", "t0ken")
    );
    assert_eq!(
        auth.scopes
            .map(|scopes| scopes.iter().map(str::to_owned).collect::<Vec<_>>()),
        Some(vec!["read".into(), "write:x".into()])
    );
    assert_eq!(
        auth.issuer.map(|issuer| issuer.to_string()).as_deref(),
        Some("https://as.example/")
    );
    assert_eq!(auth.resource, ResourceChoice::Omitted);
    assert_eq!(
        auth.redirect,
        RedirectChoice::Exact("http://localhost:8123/cb".to_owned())
    );
    assert_eq!(
        (auth.redirect_port, auth.redirect_host.as_deref()),
        (Some(8123), Some("localhost"))
    );
    assert_eq!(
        auth.authorize_params,
        [("access_type".to_owned(), "offline".to_owned())]
    );
    assert_eq!(auth.refresh_scope, RefreshScope::Send);
    assert!(auth.assume_pkce);
    assert_eq!(auth.token_store, Some(PathBuf::from("/home/u/tokens")));
    assert_eq!(auth.account.as_deref(), Some("work"));
    for endpoint in [
        auth.client_metadata_url,
        auth.authorization_endpoint,
        auth.token_endpoint,
        auth.device_authorization_endpoint,
        auth.revocation_endpoint,
    ] {
        assert!(endpoint.is_some());
    }
}

#[test]
fn a_block_written_for_the_omlx_fork_loads_unchanged() {
    let auth = server(&notion(&json!({
        "type": "oauth2", "client_id": "c", "auth_url": "https://as.example/a", "token_url": "https://as.example/t",
        "scopes": "read write", "audience": "https://mcp.notion.com", "device_auth_url": "https://as.example/d",
        "token_store": "/tmp/x",
    }))).auth;
    assert_eq!(auth.scopes.map(|scopes| scopes.iter().count()), Some(2));
}

#[test]
fn the_root_map_and_the_entry_merge_and_the_entry_wins() {
    let config = config(&json!({
        "servers": {"notion": {"url": "https://a.example", "auth": {"client_id": "own"}}},
        "auth": {"notion": {"client_id": "central", "account": "work"}},
    }));
    let auth = &config.servers[0].auth;
    assert_eq!(
        (auth.client_id.as_deref(), auth.account.as_deref()),
        (Some("own"), Some("work"))
    );
}

#[test]
fn the_root_map_alone_is_enough() {
    let config =
        config(&json!({"servers": {"a": {"url": "https://a.example"}}, "auth": {"a": {"type": "none"}}}));
    assert_eq!(config.servers[0].auth.kind, Some(AuthType::None));
}

#[test]
fn a_root_map_that_names_nobody_is_told() {
    let config =
        config(&json!({"servers": {"notion": {"url": "https://a.example"}}, "auth": {"notoin": {}}}));
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "config_unknown_server: 'auth' names a server that is not in the file: 'notoin'; did you mean 'notion'?"
    ]
    "#);
    insta::assert_json_snapshot!(notes(&super::config(&json!({"auth": "x"}))), @r#"
    [
      "config_shape: 'auth' must be a dictionary of server names"
    ]
    "#);
}

#[test]
fn an_unknown_key_warns_and_does_not_fail() {
    insta::assert_json_snapshot!(notes_of(&notion(&json!({"clientId": "s3cret", "scope": "x", "zzz": 1}))), @r#"
    [
      "config_unknown_key: server 'x': unknown key 'auth.clientId'; did you mean 'auth.client_id'?",
      "config_unknown_key: server 'x': unknown key 'auth.scope'; did you mean 'auth.scopes'?",
      "config_unknown_key: server 'x': unknown key 'auth.zzz'"
    ]
    "#);
}

#[test]
fn a_wrong_value_is_told_by_its_key_and_never_repeated() {
    let bad = [
        json!({"type": "basic"}),
        json!({"grant": "device-codes"}),
        json!({"client_id": 7}),
        json!({"scopes": 7}),
        json!({"auth_url": "http://as.example/"}),
        json!({"token_url": "javascript:alert(1)"}),
        json!({"issuer": "https://as.example/?x=1"}),
        json!({"resource": 1}),
        json!({"resource": "s3cret"}),
        json!({"redirect": "https://evil.example/"}),
        json!({"redirect_host": "evil.example"}),
        json!({"redirect_port": 70000}),
        json!({"redirect_port": 0}),
        json!({"authorize_params": ["s3cret"]}),
        json!({"refresh_scope": "s3cret"}),
        json!({"assume_pkce": "s3cret"}),
        json!("s3cret"),
    ];
    let told: Vec<_> = bad.iter().flat_map(|auth| notes_of(&notion(auth))).collect();
    assert_eq!(told.len(), bad.len());
    assert!(
        told.iter()
            .all(|note| note.starts_with('!') && !note.contains("s3cret"))
    );
    insta::assert_json_snapshot!(told, @r#"
    [
      "!server_config: Invalid config for server 'x': 'auth.type' must be one of oauth2, none",
      "!server_config: Invalid config for server 'x': 'auth.grant' must be one of authorization_code, device_code, client_credentials, jwt_bearer, enterprise; did you mean 'device_code'?",
      "!server_config: Invalid config for server 'x': 'auth.client_id' must be a string",
      "!server_config: Invalid config for server 'x': 'auth.scopes' must be a list of strings",
      "!server_config: Invalid config for server 'x': 'auth.auth_url' must be an https URL",
      "!server_config: Invalid config for server 'x': 'auth.token_url' must be an https URL",
      "!server_config: Invalid config for server 'x': 'auth.issuer' must be an https URL without query and fragment",
      "!server_config: Invalid config for server 'x': 'auth.resource' must be true, false or an https URL",
      "!server_config: Invalid config for server 'x': 'auth.resource' must be true, false or an https URL",
      "!server_config: Invalid config for server 'x': 'auth.redirect' must be auto, deep-link, loopback or a loopback URI such as http://127.0.0.1:8123/callback",
      "!server_config: Invalid config for server 'x': 'auth.redirect_host' must be localhost, 127.0.0.1 or [::1]",
      "!server_config: Invalid config for server 'x': 'auth.redirect_port' must be a port number",
      "!server_config: Invalid config for server 'x': 'auth.redirect_port' must be a port number",
      "!server_config: Invalid config for server 'x': 'auth.authorize_params' must be a dictionary of strings",
      "!server_config: Invalid config for server 'x': 'auth.refresh_scope' must be one of auto, send, omit",
      "!server_config: Invalid config for server 'x': 'auth.assume_pkce' must be true or false",
      "!server_config: Invalid config for server 'x': 'auth' must be a dictionary"
    ]
    "#);
}

#[test]
fn a_literal_secret_works_and_warns() {
    let config = config(&json!({"servers": {"x": notion(&json!({"client_secret": "s3cret"}))}}));
    assert!(config.servers[0].auth.client_secret.is_some());
    assert!(!format!("{config:?}").contains("s3cret"));
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "server_literal_secret: server 'x': 'auth.client_secret' stands in the file as plain text; name a variable in 'auth.client_secret_env' instead"
    ]
    "#);
}

#[test]
fn a_secret_by_reference_does_not_warn() {
    assert!(
        server(&notion(&json!({"client_secret": "${env:TOKEN}"})))
            .auth
            .client_secret
            .is_some()
    );
}

#[test]
fn a_secret_whose_variable_is_unset_is_told_and_the_entry_stays() {
    let config = config(&json!({"servers": {"x": notion(&json!({"client_secret_env": "NONE"}))}}));
    assert_eq!(config.servers[0].auth.client_secret, None);
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "server_variable: server 'x': the environment variable NONE is not set, and 'auth.client_secret_env' needs it"
    ]
    "#);
}

#[test]
fn plain_http_to_another_machine_warns_and_never_signs_in() {
    let config = config(&json!({"servers": {
        "lan": {"url": "http://192.168.1.5/mcp", "auth": {}}, "loop": {"url": "http://127.0.0.1:3/mcp", "auth": {}},
    }}));
    insta::assert_json_snapshot!(notes(&config), @r#"
    [
      "server_plain_http: server 'lan': its URL is plain http to another machine, so it is never sent an access token"
    ]
    "#);
    let [lan, here] = [&config.servers[0], &config.servers[1]];
    assert_eq!(
        (lan.auth.kind, lan.transport.may_carry_token()),
        (Some(AuthType::None), false)
    );
    assert_eq!(
        (here.auth.kind, here.transport.may_carry_token()),
        (Some(AuthType::OAuth2), true)
    );
}

#[test]
fn a_block_has_no_effect_on_stdio() {
    let config = config(&json!({"servers": {"x": {"command": "x", "auth": {"type": "oauth2"}}}}));
    assert_eq!(config.notes[0].problem.code, "server_key_without_effect");
    assert_eq!(config.servers[0].auth.kind, None);
}

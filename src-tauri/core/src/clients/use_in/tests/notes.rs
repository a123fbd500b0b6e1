use super::*;

fn codes(notes: &[UseInNote]) -> Vec<&str> {
    notes.iter().map(UseInNote::code).collect()
}

#[test]
fn what_is_worth_knowing_crosses_to_the_panel_by_its_code() {
    let client = || "Zed".to_owned();
    for note in [
        UseInNote::OmlxLooksElsewhere { path: client() },
        UseInNote::OmlxRefusesFile {
            path: client(),
            refusal: client(),
        },
        UseInNote::GatewayAway { address: client() },
        UseInNote::OthersCanRead { path: client() },
        UseInNote::LaterServers { client: client() },
        UseInNote::RestartClient { client: client() },
    ] {
        let crossed = serde_json::to_value(&note).expect("JSON");
        assert_eq!(crossed["code"], note.code());
    }
}

#[test]
fn a_file_that_omlx_does_not_read_by_itself_is_told_with_what_to_do() {
    let desk = Desk::full();
    let (omlx, use_in) = (app("omlx"), desk.use_in());
    let notes = use_in.preview(&wish(omlx, None)).expect("seen").notes;
    let path = desk.path(omlx);
    let told = UseInNote::OmlxLooksElsewhere {
        path: path.display().to_string(),
    };
    assert_eq!(notes[0], told);
    let settings = serde_json::json!({"mcp": {"config_path": path}});
    fs::create_dir_all(desk.folder.path().join(".omlx")).expect("made");
    fs::write(
        desk.folder.path().join(".omlx/settings.json"),
        settings.to_string(),
    )
    .expect("written");
    let done = use_in.apply(&wish(omlx, None)).expect("written");
    assert!(
        !codes(&done.notes).contains(&"omlx_looks_elsewhere"),
        "{:?}",
        done.notes
    );
}

#[test]
fn a_file_that_omlx_refuses_anyway_is_told_with_its_sentence() {
    let desk = Desk::full();
    let (omlx, use_in) = (app("omlx"), desk.use_in());
    desk.write(
        omlx,
        r#"{"servers": {"notion": {"url": "https://a.example", "auth": {}}}}"#,
    );
    let notes = use_in.preview(&wish(omlx, None)).expect("seen").notes;
    let file = desk.path(omlx).display().to_string();
    let is_told = |note: &UseInNote| {
        matches!(note, UseInNote::OmlxRefusesFile { path, refusal }
            if *path == file && refusal.contains("got an unexpected keyword argument 'auth'"))
    };
    assert!(notes.iter().any(is_told), "{notes:?}");
}

#[test]
fn an_address_at_which_nobody_listens_is_told_and_one_that_is_taken_is_not() {
    let desk = Desk::full();
    let mut use_in = desk.use_in();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    use_in.gateway = format!("http://{}", listener.local_addr().expect("an address"));
    let is_away = |use_in: &UseIn, server| {
        let notes = use_in.preview(&wish(app("cursor"), server)).expect("seen").notes;
        codes(&notes).contains(&"gateway_away")
    };
    assert!(!is_away(&use_in, None));
    drop(listener);
    assert!(is_away(&use_in, None));
    assert!(!is_away(&use_in, Some("notion")), "a program needs no gateway");
    let done = use_in.apply(&wish(app("cursor"), None)).expect("written");
    let address = use_in.gateway.clone();
    assert_eq!(done.notes[0], UseInNote::GatewayAway { address });
}

#[test]
fn whoever_is_to_restart_is_named_and_later_servers_are_told_of_where_programs_are_started() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    let said = |client: &str, server| {
        let mut notes = use_in.preview(&wish(app(client), server)).expect("seen").notes;
        notes.retain(|note| ["later_servers", "restart_client"].contains(&note.code()));
        notes
    };
    let restart = |client: &str| UseInNote::RestartClient {
        client: client.to_owned(),
    };
    let later = UseInNote::LaterServers {
        client: "Claude Desktop".to_owned(),
    };
    assert_eq!(said("cursor", None), [restart("Cursor")]);
    assert_eq!(
        said("claude-desktop", Some("notion")),
        [restart("Claude Desktop")]
    );
    assert_eq!(said("claude-desktop", None), [later, restart("Claude Desktop")]);
    use_in.apply(&wish(app("cursor"), None)).expect("written");
    assert_eq!(said("cursor", None), [], "it says so already");
}

#[cfg(unix)]
#[test]
fn a_key_that_other_users_could_read_is_told_and_one_that_they_cannot_reach_is_not() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::full();
    let (cursor, use_in) = (app("cursor"), desk.use_in());
    let allow = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    };
    let is_told = |file: u32, home: u32| {
        allow(&desk.path(cursor), file);
        allow(desk.path(cursor).parent().expect("a folder"), 0o755);
        allow(desk.folder.path(), home);
        let notes = use_in.preview(&wish(cursor, None)).expect("seen").notes;
        codes(&notes).contains(&"others_can_read")
    };
    assert!(is_told(0o644, 0o755));
    assert!(!is_told(0o600, 0o755));
    assert!(!is_told(0o644, 0o700));
    allow(desk.folder.path(), 0o755);
    allow(&desk.path(cursor), 0o644);
    let bridge = use_in.preview(&wish(cursor, Some("notion"))).expect("seen");
    assert!(
        !codes(&bridge.notes).contains(&"others_can_read"),
        "there is no key in it"
    );
}

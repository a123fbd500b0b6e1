use super::*;

fn codes(notes: &[crate::Problem]) -> Vec<&str> {
    notes.iter().map(|note| note.code.as_ref()).collect()
}

#[test]
fn a_file_that_omlx_does_not_read_by_itself_is_told_with_what_to_do() {
    let desk = Desk::full();
    let (omlx, use_in) = (app("omlx"), desk.use_in());
    let notes = use_in.preview(&wish(omlx, None)).expect("seen").notes;
    assert!(codes(&notes).contains(&"omlx_looks_elsewhere"), "{notes:?}");
    let path = desk.path(omlx);
    assert!(
        notes[0]
            .message
            .contains(&format!("`--mcp-config {}`", path.display())),
        "{notes:?}"
    );
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
    let refusal = notes.iter().find(|note| note.code == "omlx_refuses_file");
    assert!(
        refusal.is_some_and(|note| note.message.contains("got an unexpected keyword argument 'auth'")),
        "{notes:?}"
    );
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
    let said = format!(
        "nobody listens at {} now; start the app, or `omlx mcp serve`",
        use_in.gateway
    );
    assert_eq!(done.notes[0].message, said);
}

#[test]
fn whoever_is_to_restart_is_named_and_later_servers_are_told_of_where_programs_are_started() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    let said = |client: &str, server| {
        let notes = use_in.preview(&wish(app(client), server)).expect("seen").notes;
        let known = |code: &str| code == "later_servers" || code == "restart_client";
        let said = notes.iter().filter(|note| known(&note.code));
        said.map(|note| note.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(said("cursor", None), ["restart Cursor to see it"]);
    assert_eq!(
        said("claude-desktop", Some("notion")),
        ["restart Claude Desktop to see it"]
    );
    assert_eq!(
        said("claude-desktop", None),
        [
            "Claude Desktop starts programs only: a server that is added later is not there until this is done again",
            "restart Claude Desktop to see it"
        ]
    );
    use_in.apply(&wish(app("cursor"), None)).expect("written");
    assert_eq!(said("cursor", None), Vec::<String>::new(), "it says so already");
}

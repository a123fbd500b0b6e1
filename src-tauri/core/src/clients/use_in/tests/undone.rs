use super::*;

#[test]
fn undo_restores_every_byte_and_takes_the_key_back() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    for app in APPS {
        for server in [Some("notion"), None] {
            let done = use_in.apply(&wish(app, server)).expect("written");
            let backup = done.backup.expect("kept");
            assert_eq!(fs::read_to_string(&backup).expect("there"), fixture(app));
            let undone = use_in.undo(app.id).expect("undone");
            assert!(undone.exact);
            assert_eq!(desk.text(app), fixture(app), "{}", app.name);
            assert_eq!(desk.beside(app), Vec::<String>::new());
        }
        assert_eq!(
            use_in.undo(app.id).expect_err("nothing").code(),
            "nothing_to_undo"
        );
    }
    assert_eq!(use_in.access.clients().expect("listed"), []);
}

#[test]
fn undo_revokes_the_client_it_made_whatever_it_is_called_by_now_and_nobody_else() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    use_in.apply(&wish(app("cursor"), None)).expect("written");
    use_in.access.rename("Cursor", "Work").expect("renamed");
    let other = use_in.access.issue("Cursor", Rules::default()).expect("issued");
    use_in.undo("cursor").expect("undone");
    assert!(use_in.access.authenticate(other.reveal()).is_some());
    let left = use_in.access.clients().expect("listed");
    assert_eq!((left.len(), left[0].name.as_str()), (1, "Cursor"));
}

#[test]
fn a_write_that_an_earlier_version_wrote_down_is_taken_back() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    use_in.apply(&wish(app("cursor"), None)).expect("written");
    let record = desk.home().data().join("use-in.json");
    let text = fs::read_to_string(&record).expect("there");
    let mut list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let written = list[0].as_object_mut().expect("one");
    written.remove("clients");
    written.insert("keys".to_owned(), serde_json::json!(["Cursor"]));
    fs::write(&record, list.to_string()).expect("written");
    use_in.undo("cursor").expect("undone");
    assert_eq!(use_in.access.clients().expect("listed"), []);
}

#[test]
fn an_entry_that_codex_has_written_as_tables_of_its_own_is_taken_out() {
    let desk = Desk::full();
    let (codex, use_in) = (app("codex"), desk.use_in());
    use_in.apply(&wish(codex, None)).expect("written");
    let ours = desk.text(codex);
    let at = ours.rfind("http_headers").expect("ours");
    let key = ours[at..].split('"').nth(3).expect("a key");
    let table = format!("\n[mcp_servers.omlx-connect.http_headers]\nAuthorization = \"{key}\"\n");
    for between in ["", "\n[between]\nb = 1\n"] {
        let saved = format!("{}{between}{table}\n# the end\n[other]\na = 1\n", &ours[..at]);
        desk.write(codex, &saved);
        let again = use_in.apply(&wish(codex, None)).expect("seen");
        assert!(!again.changed, "it says the same");
        let document = Document::parse(codex, std::path::Path::new("x"), Some(saved)).expect("TOML");
        let text = document.without(&["omlx-connect"]).expect("taken out");
        assert!(
            !text.contains("omlx-connect") && text.contains("# the end"),
            "{text}"
        );
    }
    assert!(!use_in.undo("codex").expect("undone").exact);
    assert!(!desk.text(codex).contains("omlx"), "{}", desk.text(codex));
}

#[test]
fn a_key_is_taken_back_even_where_the_text_cannot_be_changed() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    use_in.apply(&wish(app("cursor"), None)).expect("written");
    let ours = desk.text(app("cursor"));
    desk.write(app("cursor"), "{");
    let error = use_in.undo("cursor").expect_err("refused");
    assert_eq!(error.code(), "client_config_broken");
    assert_eq!(use_in.access.clients().expect("listed"), []);
    desk.write(app("cursor"), &ours);
    use_in.undo("cursor").expect("undone, once it can be");
    assert_eq!(desk.text(app("cursor")), fixture(app("cursor")));
}

#[test]
fn a_folder_that_somebody_has_used_since_stays() {
    let desk = Desk::empty(Os::Linux);
    let cursor = app("cursor");
    desk.use_in()
        .apply(&wish(cursor, Some("notion")))
        .expect("written");
    let theirs = desk.folder.path().join(".cursor/theirs.json");
    fs::write(&theirs, "{}").expect("written");
    desk.use_in().undo("cursor").expect("undone");
    assert!(theirs.exists() && !desk.path(cursor).exists());
}

#[test]
fn several_writes_are_taken_back_one_after_the_other() {
    let desk = Desk::full();
    let (use_in, cursor) = (desk.use_in(), app("cursor"));
    use_in.apply(&wish(cursor, Some("a"))).expect("written");
    let between = desk.text(cursor);
    use_in.apply(&wish(cursor, None)).expect("written");
    use_in.undo("cursor").expect("undone");
    assert_eq!(desk.text(cursor), between);
    use_in.undo("cursor").expect("undone");
    assert_eq!(desk.text(cursor), fixture(cursor));
}

#[test]
fn a_file_its_program_has_saved_since_loses_our_entries_and_nothing_else() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    for app in APPS {
        use_in.apply(&wish(app, None)).expect("written");
        let ours = desk.text(app);
        let (old, new) = match app.syntax {
            Syntax::Toml => ("model = \"gpt-5-codex\"", "model = \"o9\""),
            Syntax::Json => ("{\n", "{\n  \"saved\": 1,\n"),
        };
        let saved = ours.replacen(old, new, 1);
        desk.write(app, &saved);
        let undone = use_in.undo(app.id).expect("undone");
        assert!(!undone.exact);
        let expected = fixture(app).replacen(old, new, 1);
        let app_text = desk.text(app);
        let said = |text: &str| match app.syntax {
            Syntax::Json => crate::config::read_json(text).expect("JSON"),
            Syntax::Toml => crate::config::toml_value(text).expect("TOML"),
        };
        assert_eq!(said(&app_text), said(&expected), "{}", app.name);
        assert!(!app_text.contains("omlx_"), "{app_text}");
    }
    assert_eq!(use_in.access.clients().expect("listed"), []);
}

fn written(use_in: &UseIn, app: &App, server: Option<&str>) -> WriteId {
    let done = use_in.apply(&wish(app, server)).expect("written");
    done.write.expect("something was")
}

#[test]
fn a_write_is_taken_back_from_under_a_later_one_which_still_works_and_is_undone_after_it() {
    let desk = Desk::full();
    let (use_in, cursor) = (desk.use_in(), app("cursor"));
    let said = |text: &str| crate::config::read_json(text).expect("JSON");
    let clients = || use_in.access.clients().expect("listed").len();
    let notion = written(&use_in, cursor, Some("notion"));
    written(&use_in, cursor, None);
    let linear = written(&use_in, cursor, Some("linear"));
    assert_eq!(clients(), 2, "both programs say who they are by one id");
    use_in.undo_write("cursor", &notion).expect("undone");
    let servers = said(&desk.text(cursor))["mcpServers"].clone();
    assert!(servers.get("notion").is_none() && servers.get("linear").is_some());
    assert!(servers.get("omlx-connect").is_some());
    assert_eq!(clients(), 2, "the id still lets linear in");
    let again = use_in.undo_write("cursor", &notion).expect_err("only once");
    assert_eq!(again.code(), "use_undone");
    use_in.undo_write("cursor", &linear).expect("undone");
    assert_eq!(clients(), 1, "nobody is let in by the id any more");
    use_in.undo("cursor").expect("undone");
    assert_eq!(said(&desk.text(cursor)), said(fixture(cursor)));
    assert_eq!(clients(), 0);
}

#[test]
fn a_write_whose_entry_was_written_anew_is_not_half_undone() {
    let desk = Desk::full();
    let (mut use_in, cursor) = (desk.use_in(), app("cursor"));
    let first = written(&use_in, cursor, None);
    let before = desk.text(cursor);
    "http://127.0.0.1:9000".clone_into(&mut use_in.gateway);
    let anew = written(&use_in, cursor, None);
    let after = desk.text(cursor);
    let refused = use_in.undo_write("cursor", &first).expect_err("written anew");
    assert_eq!(refused.code(), "use_superseded");
    assert_eq!(desk.text(cursor), after);
    assert_eq!(use_in.access.clients().expect("listed").len(), 1, "its key opens");
    assert!(use_in.undo_write("cursor", &anew).expect("undone").exact);
    assert_eq!(desk.text(cursor), before);
    assert!(use_in.undo_write("cursor", &first).expect("undone").exact);
    assert_eq!(desk.text(cursor), fixture(cursor));
    let nothing = use_in.apply(&wish(cursor, None)).expect("written");
    assert!(nothing.write.is_some());
    let same = use_in.apply(&wish(cursor, None)).expect("seen");
    assert_eq!(same.write, None, "there is nothing of its own to undo");
}

#[test]
fn without_the_copy_of_what_was_there_our_entries_are_taken_out() {
    let desk = Desk::full();
    let (use_in, cursor) = (desk.use_in(), app("cursor"));
    let done = use_in.apply(&wish(cursor, None)).expect("written");
    fs::remove_file(done.backup.expect("kept")).expect("removed");
    let undone = use_in.undo("cursor").expect("undone");
    assert!(!undone.exact);
    assert!(!desk.text(cursor).contains("omlx-connect"));
    assert_eq!(use_in.access.clients().expect("listed"), []);
    assert_eq!(
        use_in.undo("cursor").expect_err("nothing").code(),
        "nothing_to_undo"
    );
}

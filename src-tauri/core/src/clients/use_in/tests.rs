use std::{fmt::Write as _, fs};

use proptest::prelude::*;

use super::*;
use crate::{
    Explain,
    access::Rules,
    clients::{
        Os,
        app::Syntax,
        test_kit::{Desk, fixture, id, wish},
    },
    config::Environment,
    diff::DiffKind,
};

mod notes;
mod undone;

fn app(id: &str) -> &'static App {
    App::named(id).expect("known")
}

/// The text with every key and every id of ours as one word.
fn without_keys(text: &str) -> String {
    let text = with_word(text, ("Bearer omlx_", 43), "Bearer KEY");
    with_word(&text, ("\"--client\", \"", 16), "\"--client\", \"ID")
}

fn with_word(text: &str, (begin, length): (&str, usize), word: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(begin) {
        let end = at + begin.len() + length;
        shown.push_str(&rest[..at]);
        shown.push_str(word);
        rest = &rest[end..];
    }
    shown + rest
}

#[test]
fn each_client_is_given_one_server_in_its_own_words_and_nothing_else_changes() {
    let desk = Desk::full();
    let mut shown = String::new();
    for app in APPS {
        desk.use_in()
            .apply(&wish(app, Some("linear-work")))
            .expect("written");
        let lines = diff(fixture(app), &without_keys(&desk.text(app)));
        let _ = writeln!(shown, "== {}", app.name);
        for line in lines.iter().filter(|line| line.kind != DiffKind::Context) {
            let sign = if line.kind == DiffKind::Added { '+' } else { '-' };
            let _ = writeln!(shown, "{sign}{}", line.text);
        }
    }
    insta::assert_snapshot!("one_server", shown);
}

#[test]
fn each_client_is_given_all_servers_through_the_gateway_or_one_program_each() {
    let desk = Desk::full();
    let mut shown = String::new();
    for app in APPS {
        desk.use_in().apply(&wish(app, None)).expect("written");
        let text = without_keys(&desk.text(app));
        let _ = writeln!(shown, "== {}", app.name);
        for line in diff(fixture(app), &text)
            .iter()
            .filter(|line| line.kind == DiffKind::Added)
        {
            let _ = writeln!(shown, "{}", line.text);
        }
    }
    insta::assert_snapshot!("all_servers", shown);
}

#[test]
fn a_client_without_a_file_is_given_one() {
    let desk = Desk::empty(Os::Linux);
    let mut shown = String::new();
    for app in APPS {
        let done = desk.use_in().apply(&wish(app, Some("notion"))).expect("written");
        assert_eq!(done.backup, None);
        let path = desk
            .path(app)
            .strip_prefix(desk.folder.path())
            .expect("below")
            .to_owned();
        let text = without_keys(&desk.text(app));
        let _ = writeln!(shown, "== {}\n{text}", path.display());
        desk.use_in().undo(app.id).expect("undone");
        assert!(!desk.path(app).exists(), "{}", app.name);
        let left = fs::read_dir(desk.folder.path()).expect("there").flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["data"], "{}: no folder of ours stays", app.name);
    }
    insta::assert_snapshot!("new_files", shown);
}

#[test]
fn a_second_time_changes_nothing_and_makes_no_key() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    for app in APPS {
        for server in [Some("notion"), None] {
            use_in.apply(&wish(app, server)).expect("written");
            let text = desk.text(app);
            let preview = use_in.preview(&wish(app, server)).expect("seen");
            assert!(preview.present && preview.diff.is_empty(), "{}", app.name);
            assert!(!use_in.apply(&wish(app, server)).expect("nothing to do").changed);
            assert_eq!(desk.text(app), text);
        }
    }
    // Each has an id for its programs, and a key where it takes an address.
    let clients = use_in.access.clients().expect("listed");
    let keys = APPS.iter().filter(|app| app.remote.is_some()).count();
    assert_eq!(clients.len(), APPS.len() + keys);
}

#[test]
fn the_key_in_the_file_opens_the_gateway_for_that_client() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    let one = Wish {
        way: Some(Way::Gateway),
        ..wish(app("cursor"), Some("notion"))
    };
    use_in.apply(&one).expect("written");
    let text = desk.text(app("cursor"));
    let at = text.find("omlx_").expect("a key");
    let client = use_in.access.authenticate(&text[at..at + 48]).expect("known");
    assert_eq!(client.name(), "Cursor (notion)");
    assert!(client.may_use(&id("notion")) && !client.may_use(&id("linear")));
    use_in.access.revoke("Cursor (notion)").expect("revoked");
    assert!(
        !use_in.preview(&one).expect("seen").present,
        "a key that opens nothing is replaced"
    );
    use_in.apply(&one).expect("written");
    assert_ne!(desk.text(app("cursor")), text);
}

#[test]
fn a_key_that_was_given_out_by_hand_stays_good() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    let by_hand = use_in.access.issue("Cursor", Rules::default()).expect("issued");
    use_in.apply(&wish(app("cursor"), None)).expect("written");
    assert!(use_in.access.authenticate(by_hand.reveal()).is_some());
    let names = |clients: Vec<crate::access::ClientSummary>| {
        clients.into_iter().map(|client| client.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(use_in.access.clients().expect("listed")),
        ["Cursor", "Cursor 2"]
    );
    use_in.undo("cursor").expect("undone");
    assert_eq!(names(use_in.access.clients().expect("listed")), ["Cursor"]);
}

#[test]
fn a_gateway_that_moved_is_written_anew_with_the_key_there_was() {
    let desk = Desk::full();
    let mut use_in = desk.use_in();
    use_in.apply(&wish(app("zed"), None)).expect("written");
    let before = desk.text(app("zed"));
    use_in.gateway = "http://127.0.0.1:9000".to_owned();
    assert!(use_in.apply(&wish(app("zed"), None)).expect("written").changed);
    assert_eq!(desk.text(app("zed")), before.replace(":8719", ":9000"));
    assert_eq!(use_in.access.clients().expect("listed").len(), 1);
    assert_eq!(use_in.access.clients().expect("listed")[0].last_used_at, None);
}

#[test]
fn what_a_user_added_to_our_entry_stays_when_it_is_written_anew() {
    let desk = Desk::full();
    let mut use_in = desk.use_in();
    for (id, old, new) in [
        (
            "cursor",
            "\"url\": ",
            "// slow here\n\t\t\t\"timeout\": 60,\n\t\t\t\"url\": ",
        ),
        (
            "codex",
            "http_headers",
            "startup_timeout_sec = 30\nenabled = true\nhttp_headers",
        ),
    ] {
        use_in.gateway = "http://127.0.0.1:8719".to_owned();
        use_in.apply(&wish(app(id), None)).expect("written");
        let text = desk.text(app(id));
        let at = text.find("omlx-connect").expect("ours");
        let changed = format!("{}{}", &text[..at], text[at..].replacen(old, new, 1));
        desk.write(app(id), &changed);
        assert!(
            use_in.preview(&wish(app(id), None)).expect("seen").present,
            "{changed}"
        );
        use_in.gateway = "http://127.0.0.1:9000".to_owned();
        let preview = use_in.preview(&wish(app(id), None)).expect("seen");
        assert!(
            !preview.present && !preview.snippet.contains("timeout"),
            "{}",
            preview.snippet
        );
        assert!(use_in.apply(&wish(app(id), None)).expect("written").changed);
        assert_eq!(desk.text(app(id)), changed.replace(":8719", ":9000"));
    }
    assert_eq!(use_in.access.clients().expect("listed").len(), 2);
}

#[cfg(unix)]
#[test]
fn one_program_under_two_names_is_one_and_a_passing_place_of_macos_is_refused() {
    let desk = Desk::full();
    let (mut use_in, cursor) = (desk.use_in(), app("cursor"));
    let (program, link) = (
        desk.folder.path().join("omlx-connect"),
        desk.folder.path().join("omlx"),
    );
    fs::write(&program, "").expect("written");
    std::os::unix::fs::symlink(&program, &link).expect("linked");
    use_in.bridge.program = link;
    use_in.apply(&wish(cursor, Some("notion"))).expect("written");
    use_in.bridge.program = program;
    assert!(
        use_in
            .preview(&wish(cursor, Some("notion")))
            .expect("seen")
            .present
    );
    use_in.bridge.program =
        "/private/var/folders/x/AppTranslocation/1/d/oMLX Connect.app/Contents/MacOS/x".into();
    let error = use_in.apply(&wish(cursor, Some("linear"))).expect_err("refused");
    assert_eq!(error.code(), "program_translocated");
    assert!(
        use_in.preview(&wish(cursor, None)).is_ok(),
        "an address names no program"
    );
}

#[test]
fn a_preview_makes_no_key_writes_nothing_and_shows_nobody_s_values() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    for app in APPS {
        for server in [Some("linear"), None] {
            let preview = use_in.preview(&wish(app, server)).expect("seen");
            assert!(preview.exists && !preview.present && !preview.diff.is_empty());
            let shown = serde_json::to_string(&preview).expect("JSON");
            assert!(!shown.contains("planted"), "{shown}");
            assert!(preview.snippet.contains(app.servers[0]), "{}", preview.snippet);
            assert_eq!(desk.text(app), fixture(app));
        }
    }
    assert_eq!(use_in.access.clients().expect("listed"), []);
}

#[test]
fn all_programs_of_a_client_say_who_it_is_by_one_id_that_ends_with_a_revocation() {
    let desk = Desk::full();
    let (use_in, desktop) = (desk.use_in(), app("claude-desktop"));
    use_in.apply(&wish(desktop, None)).expect("written");
    use_in.apply(&wish(desktop, Some("sentry"))).expect("written");
    let ids = |text: &str| {
        let document =
            Document::parse(desktop, std::path::Path::new("x"), Some(text.to_owned())).expect("JSON");
        let ids = document
            .servers()
            .filter_map(|(_, entry)| crate::clients::ours::client_of(entry));
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    let before = ids(&desk.text(desktop));
    let listed = use_in.access.clients().expect("listed");
    assert_eq!((listed.len(), listed[0].name.as_str()), (1, "Claude Desktop"));
    assert_eq!(before.iter().collect::<Vec<_>>(), [&listed[0].id]);
    use_in.access.revoke("Claude Desktop").expect("revoked");
    assert!(
        !use_in.preview(&wish(desktop, None)).expect("seen").present,
        "it is shut out"
    );
    use_in.apply(&wish(desktop, None)).expect("written");
    assert!(
        ids(&desk.text(desktop)).len() == 2,
        "one of them only for the server that was not wished for"
    );
}

#[test]
fn somebody_else_s_entry_of_the_same_name_stays() {
    let desk = Desk::full();
    let desktop = app("claude-desktop");
    let done = desk
        .use_in()
        .apply(&wish(desktop, Some("notion")))
        .expect("written");
    assert_eq!(done.entries, ["notion-omlx"]);
    assert!(desk.text(desktop).contains("mcp-remote"));
}

#[test]
fn an_entry_that_leads_there_already_is_the_one_that_is_meant_whatever_it_is_called() {
    let desk = Desk::full();
    let (cursor, use_in) = (app("cursor"), desk.use_in());
    use_in.apply(&wish(cursor, Some("notes"))).expect("written");
    let renamed = desk
        .text(cursor)
        .replace("\"bridge\", \"notes\"", "\"bridge\", \"work\"");
    desk.write(cursor, &renamed);
    let preview = use_in.preview(&wish(cursor, Some("work"))).expect("seen");
    assert!(preview.present, "{}", desk.text(cursor));
    // Another server that is given the old name gets an entry of its own.
    let done = use_in.apply(&wish(cursor, Some("notes"))).expect("written");
    assert_eq!(done.entries, ["notes-omlx"]);
    assert!(use_in.preview(&wish(cursor, Some("work"))).expect("seen").present);
    let gone = use_in.remove(&wish(cursor, Some("work"))).expect("taken out");
    assert_eq!(gone.entries, ["notes"]);
}

#[test]
fn names_that_somebody_else_has_are_passed_over() {
    let desk = Desk::full();
    let cursor = app("cursor");
    desk.write(
        cursor,
        r#"{"mcpServers": {"omlx-connect": {"command": "a"}, "omlx-connect-omlx": {"command": "b"}}}"#,
    );
    let done = desk.use_in().apply(&wish(cursor, None)).expect("written");
    assert_eq!(done.entries, ["omlx-connect-omlx-2"]);
}

#[test]
fn a_file_of_comments_alone_is_an_empty_one_and_keeps_them() {
    let desk = Desk::full();
    let (zed, text) = (app("zed"), "// Zed settings\n//\n// see the documentation\n");
    desk.write(zed, text);
    let use_in = desk.use_in();
    use_in.apply(&wish(zed, Some("notion"))).expect("written");
    let written = desk.text(zed);
    assert!(
        written.starts_with(text) && written.contains("notion"),
        "{written}"
    );
    use_in.undo("zed").expect("undone");
    assert_eq!(desk.text(zed), text);
}

#[test]
fn a_file_that_cannot_be_parsed_is_left_alone_and_costs_no_key() {
    let desk = Desk::full();
    let use_in = desk.use_in();
    for (app, text, said) in [
        (app("cursor"), "{\"mcpServers\": {", "line 1, column"),
        (app("cursor"), "[]", "it is no object"),
        (
            app("cursor"),
            "{\"mcpServers\": []}",
            "'mcpServers' is not a map of servers",
        ),
        (app("codex"), "model = \n", "line 1 is not TOML"),
    ] {
        desk.write(app, text);
        for outcome in [
            use_in.preview(&wish(app, None)).map(drop),
            use_in.apply(&wish(app, None)).map(drop),
        ] {
            let error = outcome.expect_err("refused");
            assert_eq!(error.code(), "client_config_broken");
            assert!(error.to_string().contains(said), "{error}");
        }
        assert_eq!(desk.text(app), text);
        assert_eq!(desk.beside(app), Vec::<String>::new());
    }
    assert_eq!(use_in.access.clients().expect("listed"), []);
}

#[test]
fn toml_that_is_written_in_another_way_is_left_alone() {
    let desk = Desk::full();
    let codex = app("codex");
    desk.write(codex, "mcp_servers = { }\n");
    let error = desk
        .use_in()
        .apply(&wish(codex, Some("notion")))
        .expect_err("refused");
    assert_eq!(error.code(), "client_config_entangled");
    assert_eq!(desk.text(codex), "mcp_servers = { }\n");
}

#[cfg(unix)]
#[test]
fn a_copy_is_its_owner_s_alone_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let desk = Desk::full();
    let cursor = app("cursor");
    let real = desk.folder.path().join("dotfiles.json");
    fs::rename(desk.path(cursor), &real).expect("moved");
    symlink(&real, desk.path(cursor)).expect("linked");
    let done = desk
        .use_in()
        .apply(&wish(cursor, Some("notion")))
        .expect("written");
    assert!(desk.path(cursor).is_symlink());
    let mode = done
        .backup
        .expect("kept")
        .metadata()
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_omlx_is_given_omlx_accepts_and_we_ourselves_leave_out() {
    let desk = Desk::full();
    let omlx = app("omlx");
    desk.use_in().apply(&wish(omlx, None)).expect("written");
    desk.use_in().apply(&wish(omlx, Some("notion"))).expect("written");
    let text = desk.text(omlx);
    assert_eq!(crate::config::omlx_refusals(&text), Vec::<String>::new());
    let config = crate::config::Config::parse(&text, crate::config::Format::Json, &Environment::of([]));
    let names: Vec<_> = config.servers.keys().map(ServerId::as_str).collect();
    assert_eq!(names, ["notion", "weather"]);
}

#[test]
fn a_client_that_takes_programs_only_says_so() {
    let desk = Desk::full();
    let wish = Wish {
        way: Some(Way::Gateway),
        ..wish(app("claude-desktop"), None)
    };
    let error = desk.use_in().apply(&wish).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "Claude Desktop takes programs only, not the address of a gateway"
    );
}

#[test]
fn whether_a_client_is_there_is_told_by_its_files() {
    let none = Desk::empty(Os::Linux);
    // Our own config file is no sign of oMLX, though oMLX looks there as well.
    none.write(app("omlx"), "{}");
    let installed = |desk: &Desk| {
        desk.use_in()
            .apps()
            .into_iter()
            .filter(|app| app.installed)
            .count()
    };
    assert_eq!(installed(&none), 0);
    fs::create_dir(none.folder.path().join(".claude")).expect("made");
    fs::create_dir_all(none.folder.path().join(".config/zed")).expect("made");
    assert_eq!(installed(&none), 2);
    fs::create_dir(none.folder.path().join(".omlx")).expect("made");
    assert_eq!(installed(&none), 3);
    assert_eq!(installed(&Desk::full()), APPS.len() - 1, "all but oMLX");
    let error = App::named("cursr").map(drop).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "there is no client 'cursr' that we know; did you mean 'cursor'?"
    );
}

/// JSON as people and programs write it: indented by anything, with comments where they are allowed.
fn json() -> impl Strategy<Value = String> {
    let indent = prop_oneof![Just("  "), Just("    "), Just("\t"), Just("")];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    let names = proptest::collection::btree_set("[a-z]{1,6}", 0..4);
    let rest = prop_oneof![
        Just(""),
        Just("\"theme\": \"dark\""),
        Just("\"a\": [1, {\"b\": null}] /* why */"),
    ];
    (indent, end, names, rest, any::<bool>()).prop_map(|(indent, end, names, rest, comma)| {
        let entries: Vec<_> = names
            .iter()
            .map(|name| format!("{indent}{indent}\"{name}\": {{\"command\": \"{name}\"}}"))
            .collect();
        let comma = if comma && !entries.is_empty() { "," } else { "" };
        let servers = format!(
            "{indent}\"mcpServers\": {{{end}{}{comma}{end}{indent}}}",
            entries.join(&format!(",{end}"))
        );
        let rest = if rest.is_empty() {
            String::new()
        } else {
            format!(",{end}{indent}{rest}")
        };
        format!("{{{end}{servers}{rest}{end}}}{end}")
    })
}

fn toml() -> impl Strategy<Value = String> {
    let block = prop_oneof![
        Just("model = \"x\"\n".to_owned()),
        "[a-z]{1,6}".prop_map(|name| format!("[mcp_servers.{name}x]\ncommand = \"{name}\"\n\n")),
        Just("# a comment\n[tui]\nnotifications = true\n".to_owned()),
    ];
    (proptest::collection::vec(block, 0..4), any::<bool>()).prop_map(|(blocks, is_windows)| {
        let text = blocks.concat();
        if is_windows {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn written_and_undone_is_as_before_and_twice_is_once(json in json(), toml in toml(), all in any::<bool>()) {
        let desk = Desk::empty(Os::Linux);
        let use_in = desk.use_in();
        let server = (!all).then_some("notion");
        for (app, text) in [(app("cursor"), &json), (app("codex"), &toml)] {
            desk.write(app, text);
            // Two tables of one name are no TOML, and nothing is done about them.
            let Ok(done) = use_in.apply(&wish(app, server)) else {
                prop_assert_eq!(&desk.text(app), text);
                continue;
            };
            prop_assert!(done.changed);
            let once = desk.text(app);
            prop_assert!(!use_in.apply(&wish(app, server)).expect("nothing to do").changed);
            prop_assert_eq!(&desk.text(app), &once);
            prop_assert!(use_in.undo(app.id).expect("undone").exact);
            prop_assert_eq!(&desk.text(app), text);
        }
    }
}

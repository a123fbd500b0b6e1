use std::{fs, thread};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::{AuthType, Environment, NewEndpoint, NewTransport, Start};

mod json_text;
mod properties;
mod yaml_text;

/// A config file in a folder of its own.
struct Place {
    folder: TempDir,
    file: ConfigFile,
}

impl Place {
    fn of(name: &str, text: &str) -> Self {
        let place = Self::empty(name);
        fs::write(place.file.path(), text).expect("written");
        place
    }

    fn empty(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ConfigFile::at(folder.path().join(name), &Environment::of([]));
        Self { folder, file }
    }

    fn json(text: &str) -> Self {
        Self::of("mcp.json", text)
    }

    fn read_by_omlx(mut self) -> Self {
        self.file.readers = Readers::OmlxToo;
        self
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file.path()).expect("there")
    }

    /// The sentence an error says, without the name of the folder.
    fn told(&self, error: &EditError) -> String {
        let text = format!("{}: {error}", error.code());
        text.replace(&self.folder.path().display().to_string(), "…")
    }
}

fn id(name: &str) -> ServerId {
    name.parse().expect("a name")
}

fn notion() -> NewServer {
    NewServer::new(NewTransport::StreamableHttp(NewEndpoint {
        url: "https://mcp.notion.com/mcp".to_owned(),
        headers: Vec::new(),
    }))
}

fn files() -> NewServer {
    NewServer::new(NewTransport::Stdio {
        command: "npx".to_owned(),
        args: vec!["-y".to_owned(), "server-files".to_owned()],
        env: vec![("LEVEL".to_owned(), "1".to_owned())],
        cwd: None,
    })
}

fn client(client_id: &str) -> AuthBlock {
    AuthBlock::of([("client_id", json!(client_id))])
}

fn codes(edit: &Edit) -> Vec<&str> {
    edit.notes.iter().map(|note| note.code.as_ref()).collect()
}

#[test]
fn a_file_that_is_not_there_is_made_with_its_folder_for_its_owner_alone() {
    let place = Place::empty("a/b/mcp.json");
    let edit = place.file.add(&id("notion"), notion()).expect("added");
    assert_eq!(edit.previous, None);
    insta::assert_snapshot!(place.text(), @r#"
    {
      "servers": {
        "notion": {
          "transport": "streamable-http",
          "url": "https://mcp.notion.com/mcp"
        }
      }
    }
    "#);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(place.file.path()), 0o600);
        assert_eq!(mode(&place.folder.path().join("a")), 0o700);
    }
    assert!(place.text().ends_with("}\n"));
}

#[test]
fn an_empty_file_becomes_a_config() {
    for text in ["", "\n", "\u{feff}"] {
        let place = Place::json(text);
        place.file.add(&id("notion"), notion()).expect("added");
        assert_eq!(place.file.read().expect("read").servers.len(), 1);
    }
}

#[test]
fn a_preview_writes_nothing_and_makes_nothing() {
    let place = Place::empty("a/mcp.json");
    let edit = place
        .file
        .preview(&Change::Add(id("notion"), Box::new(notion())))
        .expect("possible");
    assert!(edit.is_change());
    assert!(edit.text().contains("mcp.notion.com"));
    assert!(!place.folder.path().join("a").exists());
}

#[test]
fn a_change_that_changes_nothing_does_not_touch_the_file() {
    let place = Place::json(r#"{"servers": {"a": {"command": "x"}}}"#);
    let before = place
        .file
        .path()
        .metadata()
        .expect("there")
        .modified()
        .expect("known");
    assert!(!place.file.enable(&id("a")).expect("fine").is_change());
    assert_eq!(
        place
            .file
            .path()
            .metadata()
            .expect("there")
            .modified()
            .expect("known"),
        before
    );
}

#[test]
fn undo_puts_back_every_byte() {
    let text = "{ \"servers\" : {\"a\":{\"command\":\"x\"}} }  \n\n";
    let place = Place::json(text);
    let edit = place.file.remove(&id("a")).expect("removed");
    place.file.undo(&edit).expect("undone");
    assert_eq!(place.text(), text);
}

#[test]
fn undoing_the_first_edit_takes_the_file_away_again() {
    let place = Place::empty("mcp.json");
    let edit = place.file.add(&id("a"), files()).expect("added");
    place.file.undo(&edit).expect("undone");
    assert!(!place.file.path().exists());
}

#[test]
fn undo_leaves_a_file_alone_that_changed_since() {
    let place = Place::json("{}");
    let edit = place.file.add(&id("a"), files()).expect("added");
    fs::write(place.file.path(), "{\"theirs\": 1}").expect("written");
    assert!(matches!(place.file.undo(&edit), Err(EditError::Changed(_))));
    assert_eq!(place.text(), "{\"theirs\": 1}");
}

#[test]
fn a_change_made_by_someone_else_in_between_is_kept() {
    let place = Place::json(r#"{"servers": {}}"#);
    let change = Change::Add(id("ours"), Box::new(files()));
    let mut theirs = Some(r#"{"servers": {"theirs": {"command": "x"}}}"#);
    let edit = place.file.write(|previous| {
        let edit = place.file.changed(previous, &change, Regard::ForOmlx);
        if let Some(text) = theirs.take() {
            fs::write(place.file.path(), text).expect("written");
        }
        edit
    });
    assert!(edit.is_ok(), "{edit:?}");
    let names: Vec<_> = place.file.read().expect("read").servers.into_keys().collect();
    assert_eq!(names, [id("theirs"), id("ours")]);
}

#[test]
fn someone_who_never_stops_saving_is_told() {
    let place = Place::json("{}");
    let change = Change::Add(id("ours"), Box::new(files()));
    let mut count = 0;
    let outcome = place.file.write(|previous| {
        count += 1;
        fs::write(place.file.path(), format!("{{\"{count}\": 1}}")).expect("written");
        place.file.changed(previous, &change, Regard::ForOmlx)
    });
    assert_eq!(
        place.told(&outcome.expect_err("given up")),
        "config_changed: …/mcp.json was changed by another program in the meantime"
    );
    assert_eq!(count, TRIES);
}

#[test]
fn edits_made_at_the_same_time_are_all_kept() {
    let place = Place::empty("mcp.json");
    thread::scope(|scope| {
        for worker in 0..8 {
            let file = &place.file;
            scope.spawn(move || {
                for number in 0..4 {
                    file.add(&id(&format!("s{worker}-{number}")), files())
                        .expect("added");
                }
            });
        }
    });
    assert_eq!(place.file.read().expect("read").servers.len(), 32);
}

#[cfg(unix)]
#[test]
fn a_linked_file_is_changed_where_it_really_is() {
    let place = Place::empty("mcp.json");
    let real = place.folder.path().join("dots/real.json");
    std::os::unix::fs::symlink("dots/real.json", place.file.path()).expect("linked");
    place.file.add(&id("a"), files()).expect("added");
    place.file.add(&id("b"), files()).expect("added");
    assert!(place.file.path().symlink_metadata().expect("there").is_symlink());
    assert!(fs::read_to_string(real).expect("there").contains("\"b\""));
}

#[test]
fn what_cannot_be_edited_says_why_and_stays_as_it_was() {
    let cases = [
        "{\"servers\": {",
        "[]",
        r#"{"servers": [1]}"#,
        r#"{"servers": {"x": {"command": "1"}, "x": {"command": "2"}}}"#,
        r#"{"servers": {}, "servers": {"x": {"command": "1"}}}"#,
        r#"{"servers": {"x": 1}}"#,
        r#"{"servers": {"xx": {}}}"#,
        r#"{"servers": {"x": {"url": "https://a.example"}}, "auth": 1}"#,
    ];
    let tell = |text: &str| {
        let place = Place::json(text);
        let error = place.file.set_auth(&id("x"), client("c")).expect_err("refused");
        assert_eq!(place.text(), text);
        place.told(&error)
    };
    insta::assert_json_snapshot!(cases.map(tell), @r#"
    [
      "config_broken: …/mcp.json must be mended first: line 1, column 13: unterminated object",
      "config_broken: …/mcp.json must be mended first: MCP config must be a dictionary",
      "config_broken: …/mcp.json must be mended first: 'servers' must be a dictionary",
      "config_duplicate: 'x' stands in the config file twice; take one out first",
      "config_duplicate: 'servers' stands in the config file twice; take one out first",
      "server_config: Server 'x' config must be a dictionary",
      "unknown_server: there is no server 'x' in the config file",
      "server_config: 'auth' must be a dictionary"
    ]
    "#);
}

#[test]
fn an_entry_nobody_could_use_is_not_written() {
    let place = Place::json("{}");
    let server = |url: &str| {
        NewServer::new(NewTransport::Sse(NewEndpoint {
            url: url.to_owned(),
            headers: vec![("A".to_owned(), "s3\ncret".to_owned())],
        }))
    };
    let mut wrong_auth = notion();
    wrong_auth.auth = AuthBlock::of([("issuer", json!("s3cret"))]);
    let mut unknown_key = notion();
    unknown_key.auth = AuthBlock::of([("clientId", json!("s3cret"))]);
    let cases = [
        server("ftp://s3cret"),
        server("https://a.example"),
        wrong_auth,
        unknown_key,
    ];
    let tell = |server: NewServer| {
        let error = place.file.add(&id("x"), server).expect_err("refused");
        assert!(!format!("{error:?}").contains("s3"));
        place.told(&error)
    };
    insta::assert_json_snapshot!(cases.map(tell), @r#"
    [
      "server_config: Invalid config for server 'x': 'url' must be an http or https URL",
      "server_config: server 'x': 'headers.A' is not a usable header: its value has a line break or another control character",
      "server_config: Invalid config for server 'x': 'auth.issuer' must be an https URL without query and fragment",
      "server_config: server 'x': unknown key 'auth.clientId'"
    ]
    "#);
    assert_eq!(place.text(), "{}");
}

#[test]
fn a_variable_that_is_not_set_yet_is_only_a_note() {
    let place = Place::json("{}");
    let server = NewServer::new(NewTransport::StreamableHttp(NewEndpoint {
        url: "https://a.example/mcp".to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer ${env:LATER}".to_owned())],
    }));
    let edit = place.file.add(&id("x"), server).expect("added");
    assert_eq!(codes(&edit), ["server_variable"]);
}

#[test]
fn a_file_for_which_this_user_may_not_speak_is_left_alone() {
    let place = Place::json("{}");
    let mut permissions = place.file.path().metadata().expect("there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(place.file.path(), permissions).expect("set");
    let error = place.file.add(&id("a"), files()).expect_err("refused");
    assert_eq!(place.told(&error), "config_read_only: …/mcp.json is read-only");
}

#[test]
fn nothing_that_could_be_a_secret_is_shown_by_debug() {
    let mut server = notion();
    server.auth = AuthBlock::of([("client_secret", json!("s3cret"))]);
    if let NewTransport::StreamableHttp(endpoint) = &mut server.transport {
        endpoint
            .headers
            .push(("Authorization".to_owned(), "s3cret".to_owned()));
        endpoint.url.push_str("?key=s3cret");
    }
    let change = Change::Add(id("x"), Box::new(server));
    for name in ["mcp.json", "mcp.yaml"] {
        let place = Place::of(name, "{\"servers\": {}}");
        let shown = format!("{change:?} {:?}", place.file.preview(&change));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

use std::{fs, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    Explain, ServerId,
    clock::{Clock, ManualClock},
    store::Home,
};

mod approving;

/// One data folder, and a clock moved by hand.
struct Place {
    folder: TempDir,
    clock: Clock,
    hand: ManualClock,
}

impl Place {
    fn new() -> Self {
        let (clock, hand) = Clock::manual("2026-06-01T12:00:00Z".parse().expect("an instant"));
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            clock,
            hand,
        }
    }

    /// A desk as another process would have it.
    fn desk(&self) -> Access {
        Access::open(&Home::at(self.folder.path()), self.clock.clone())
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("access").join(name)
    }

    fn client(&self) -> Client {
        let desk = self.desk();
        let key = desk.issue("Cursor", Rules::default()).expect("issued");
        desk.authenticate(key.reveal()).expect("known")
    }
}

fn notion() -> ServerId {
    "notion".parse().expect("a name")
}

fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

/// The client is told of one tool, in these words.
fn list(desk: &Access, client: &Client, text: &str) {
    let tools = ToolSet::of(&[tool("search", text)]);
    desk.sieve(client, &notion(), (&tools, Source::Server))
        .expect("sieved");
}

fn only(servers: &str, tools: &str) -> Rules {
    Rules {
        servers: Patterns::of([servers.parse().expect("a pattern")]),
        tools: Patterns::of([tools.parse().expect("a pattern")]),
    }
}

#[test]
fn a_key_opens_in_every_process_and_revoking_it_in_one_closes_it_in_all() {
    let place = Place::new();
    let (terminal, gateway) = (place.desk(), place.desk());
    assert!(gateway.authenticate("omlx_nobody").is_none());
    let key = terminal.issue("Cursor", Rules::default()).expect("issued");
    let other = terminal.issue("Zed", Rules::default()).expect("issued");
    assert_eq!(
        gateway.authenticate(key.reveal()).expect("known").name(),
        "Cursor"
    );
    let zed = gateway.authenticate(other.reveal()).expect("known");
    terminal.revoke("cursor").expect("revoked");
    assert!(gateway.authenticate(key.reveal()).is_none());
    assert_eq!(gateway.current(&zed), Some(zed.clone()));
    terminal.revoke("Zed").expect("revoked");
    assert_eq!(gateway.current(&zed), None);
}

#[test]
fn a_new_key_ends_the_old_one_and_keeps_the_rules() {
    let place = Place::new();
    let desk = place.desk();
    let old = desk.issue("Cursor", only("notion", "*")).expect("issued");
    let before = desk.authenticate(old.reveal()).expect("known");
    let new = desk.reissue("Cursor").expect("issued");
    assert!(desk.authenticate(old.reveal()).is_none());
    assert_eq!(desk.current(&before), None, "what it has opened ends");
    let after = desk.authenticate(new.reveal()).expect("known");
    assert_eq!(after.rules(), &only("notion", "*"));
    assert_eq!(desk.current(&after), Some(after.clone()));
    assert!(before.id() == after.id() && !before.is_same(&after));
}

#[test]
fn a_new_key_does_not_end_what_was_begun_without_one() {
    let place = Place::new();
    let desk = place.desk();
    let id = desk.introduce("Claude Desktop").expect("introduced");
    let client = desk.on_standard_streams(Some(&id)).expect("let in");
    desk.reissue("Claude Desktop").expect("issued");
    assert_eq!(desk.current(&client), Some(client.clone()));
}

#[test]
fn a_client_that_starts_the_bridge_has_rules_and_approvals_and_is_let_in_until_it_is_revoked() {
    let place = Place::new();
    let (desk, bridge) = (place.desk(), place.desk());
    let id = desk.introduce("Claude Desktop").expect("introduced");
    let client = bridge.on_standard_streams(Some(&id)).expect("let in");
    assert_eq!(client.name(), "Claude Desktop");
    let listed = desk.clients().expect("listed");
    assert_eq!(listed[0].last_used_at, Some(place.clock.now()));
    desk.set_rules("claude desktop", only("notion", "*__search"))
        .expect("set");
    let now = bridge.current(&client).expect("there");
    assert!(now.may_use(&notion()) && !now.rules().allows_tool(&notion(), "delete"));
    desk.rename("claude desktop", "Desk").expect("renamed");
    assert_eq!(
        bridge.on_standard_streams(Some(&id)).expect("let in").name(),
        "Desk"
    );
    desk.revoke("desk").expect("revoked");
    assert_eq!(bridge.current(&client), None);
    let error = bridge.on_standard_streams(Some(&id)).expect_err("refused");
    assert_eq!(error.code(), "client_revoked");
}

#[test]
fn a_client_without_a_key_is_opened_by_none_until_it_is_given_one() {
    let place = Place::new();
    let desk = place.desk();
    let id = desk.introduce("Claude Desktop").expect("introduced");
    for text in ["", "omlx_", id.as_str()] {
        assert!(desk.authenticate(text).is_none());
    }
    let key = desk.reissue("Claude Desktop").expect("issued");
    assert_eq!(desk.authenticate(key.reveal()).expect("known").id(), &id);
}

#[test]
fn programs_that_do_not_say_who_they_are_are_listed_once_they_have_seen_a_tool() {
    let place = Place::new();
    let desk = place.desk();
    assert_eq!(desk.nameless().expect("read"), None);
    let client = desk.on_standard_streams(None).expect("let in");
    for text in ["a", "b"] {
        list(&desk, &client, text);
    }
    let listed = desk.nameless().expect("read").expect("there");
    assert_eq!((listed.name.as_str(), listed.held_tools), ("bridge", 1));
    assert_eq!(listed.last_used_at, Some(place.clock.now()));
    assert_eq!(desk.clients().expect("listed"), []);
}

#[test]
fn the_key_is_in_no_file() {
    let place = Place::new();
    let key = place.desk().issue("Cursor", Rules::default()).expect("issued");
    place.desk().authenticate(key.reveal()).expect("known");
    let text = fs::read_to_string(place.file("clients.json")).expect("there");
    let secret = key.reveal().trim_start_matches("omlx_");
    assert!(!text.contains(secret) && text.contains("key_sha256"), "{text}");
}

#[cfg(unix)]
#[test]
fn every_file_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let client = place.client();
    place
        .desk()
        .sieve(
            &client,
            &notion(),
            (&ToolSet::of(&[tool("search", "a")]), Source::Server),
        )
        .expect("sieved");
    place.desk().log(&call(&client, None));
    let mut folders = vec![place.folder.path().join("access")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("there").flatten() {
            let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
            if entry.path().is_dir() {
                assert_eq!(mode, 0o700, "{}", entry.path().display());
                folders.push(entry.path());
            } else {
                assert_eq!(mode, 0o600, "{}", entry.path().display());
                files += 1;
            }
        }
    }
    assert_eq!(files, 4);
}

#[test]
fn a_file_that_cannot_be_understood_lets_nobody_in_and_is_left_alone() {
    let place = Place::new();
    let desk = place.desk();
    let key = desk.issue("Cursor", Rules::default()).expect("issued");
    for damage in ["{", r#"{"version": 2, "clients": []}"#] {
        fs::write(place.file("clients.json"), damage).expect("written");
        assert!(desk.authenticate(key.reveal()).is_none());
        let error = desk
            .issue("Zed", Rules::default())
            .map(drop)
            .expect_err("refused");
        assert_eq!(error.code(), "access_damaged");
        assert_eq!(
            fs::read_to_string(place.file("clients.json")).expect("there"),
            damage
        );
    }
}

#[test]
fn names_are_unique_whatever_their_capitals_and_a_wrong_one_is_guessed() {
    const BRIDGE: &str = "'bridge' stands for every program that starts the bridge without saying who it is, so it has no key and no rules";
    let place = Place::new();
    let desk = place.desk();
    desk.issue("Cursor", Rules::default()).expect("issued");
    let code = |outcome: Result<(), AccessError>| outcome.expect_err("refused").to_string();
    for (outcome, said) in [
        (
            desk.issue("cursor ", Rules::default()).map(drop),
            "there is a client 'cursor' already; choose another name, or revoke that one first",
        ),
        (desk.issue("bridge", Rules::default()).map(drop), BRIDGE),
        (desk.reissue("Bridge").map(drop), BRIDGE),
        (desk.rename("bridge", "x"), BRIDGE),
        (desk.set_rules("bridge", Rules::default()), BRIDGE),
        (desk.revoke("bridge"), BRIDGE),
        (
            desk.issue(" ", Rules::default()).map(drop),
            "a client's name must be 1 to 64 characters without control characters",
        ),
        (
            desk.revoke("curser"),
            "there is no client 'curser'; did you mean 'Cursor'?",
        ),
        (desk.rename("zed", "x"), "there is no client 'zed'"),
    ] {
        assert_eq!(code(outcome), said);
    }
    desk.rename("cursor", "CURSOR").expect("only its capitals");
    assert_eq!(desk.clients().expect("listed")[0].name, "CURSOR");
}

#[test]
fn the_last_use_is_known_to_the_minute_and_written_no_oftener() {
    let place = Place::new();
    let desk = place.desk();
    let key = desk.issue("Cursor", Rules::default()).expect("issued");
    let last = || place.desk().clients().expect("listed")[0].last_used_at;
    assert_eq!(last(), None);
    let first: Timestamp = place.clock.now();
    desk.authenticate(key.reveal()).expect("known");
    assert_eq!(last(), Some(first));
    place.hand.advance(Duration::from_secs(59));
    desk.authenticate(key.reveal()).expect("known");
    assert_eq!(last(), Some(first));
    place.hand.advance(Duration::from_secs(1));
    desk.authenticate(key.reveal()).expect("known");
    assert_eq!(last(), Some(place.clock.now()));
}

#[test]
fn rules_that_change_count_from_the_next_request() {
    let place = Place::new();
    let desk = place.desk();
    let key = desk.issue("Cursor", Rules::default()).expect("issued");
    let tools = ToolSet::of(&[tool("search", "a"), tool("delete", "b")]);
    let listed = || {
        let client = desk.authenticate(key.reveal()).expect("known");
        desk.sieve(&client, &notion(), (&tools, Source::Server))
            .expect("sieved")
    };
    let refused = |tool: &str| {
        let client = desk.authenticate(key.reveal()).expect("known");
        desk.permit(&client, (&notion(), tool), (&tools, Source::Server))
            .err()
            .map(|refusal| refusal.code())
    };
    assert_eq!((listed(), refused("delete")), (vec![0, 1], None));
    place
        .desk()
        .set_rules("Cursor", only("*", "*__search"))
        .expect("set");
    assert_eq!(
        (listed(), refused("delete"), refused("search")),
        (vec![0], Some("tool_not_allowed"), None)
    );
    place
        .desk()
        .set_rules("Cursor", only("linear", "*"))
        .expect("set");
    assert_eq!(
        (listed(), refused("search")),
        (vec![], Some("server_not_allowed"))
    );
}

#[test]
fn who_is_let_in_already_stays_while_the_file_of_clients_cannot_be_read() {
    let place = Place::new();
    let (client, desk) = (place.client(), place.desk());
    fs::write(place.file("clients.json"), "{").expect("written");
    assert_eq!(desk.current(&client), Some(client.clone()));
    assert_eq!(
        desk.trouble().map(|trouble| trouble.code()),
        Some("access_damaged")
    );
    fs::write(place.file("clients.json"), r#"{"version":1,"clients":[]}"#).expect("written");
    assert_eq!((desk.current(&client), desk.trouble()), (None, None));
}

#[test]
fn an_approval_that_was_tampered_with_lets_nothing_through() {
    let place = Place::new();
    let (client, desk) = (place.client(), place.desk());
    let tools = ToolSet::of(&[tool("search", "a")]);
    desk.sieve(&client, &notion(), (&tools, Source::Server))
        .expect("sieved");
    let folder = place.file("approvals");
    let file = fs::read_dir(folder)
        .expect("there")
        .flatten()
        .next()
        .expect("one")
        .path();
    fs::write(file, "{").expect("written");
    let refusal = desk
        .permit(&client, (&notion(), "search"), (&tools, Source::Server))
        .expect_err("refused");
    assert_eq!(refusal.code(), "access_damaged");
    assert!(desk.sieve(&client, &notion(), (&tools, Source::Server)).is_err());
}

fn call<'a>(client: &'a Client, arguments: Option<&'a rmcp::model::JsonObject>) -> Call<'a> {
    static SERVER: std::sync::OnceLock<ServerId> = std::sync::OnceLock::new();
    Call {
        client,
        server: SERVER.get_or_init(notion),
        tool: "search",
        duration: Duration::from_millis(42),
        outcome: "ok",
        arguments,
    }
}

#[test]
fn a_call_is_one_line_and_its_arguments_are_in_it_only_when_asked_for() {
    let place = Place::new();
    let (client, desk) = (place.client(), place.desk());
    let arguments = json!({"query": "my diary"})
        .as_object()
        .cloned()
        .unwrap_or_default();
    desk.log(&call(&client, Some(&arguments)));
    let text = fs::read_to_string(desk.log_path()).expect("there");
    assert_eq!(
        text,
        format!(
            "{{\"at\":\"2026-06-01T12:00:00Z\",\"client\":\"Cursor\",\"client_id\":\"{}\",\"server\":\"notion\",\
             \"tool\":\"search\",\"duration_ms\":42,\"outcome\":\"ok\"}}\n",
            client.id()
        )
    );
    place.desk().set_log_arguments(LogArguments::Yes).expect("set");
    desk.log(&call(&client, Some(&arguments)));
    let calls = desk.calls(10, |_| true).expect("read");
    assert_eq!(calls[1].arguments, Some(json!({"query": "my diary"})));
    let long = json!({"query": "x".repeat(10_000)})
        .as_object()
        .cloned()
        .unwrap_or_default();
    desk.log(&call(&client, Some(&long)));
    let calls = desk.calls(1, |_| true).expect("read");
    assert_eq!(calls[0].arguments, Some(json!("10012 bytes, left out")));
}

#[test]
fn a_client_that_is_renamed_takes_its_calls_along_and_one_that_is_revoked_leaves_them() {
    let place = Place::new();
    let (client, desk) = (place.client(), place.desk());
    desk.log(&call(&client, None));
    let old = fs::read_to_string(desk.log_path()).expect("there");
    let id = format!("\"client_id\":\"{}\",", client.id());
    assert!(old.contains(&id), "{old}");
    desk.rename("Cursor", "Work").expect("renamed");
    let by = |name: &str| desk.calls(10, |call| call.client == name).expect("read").len();
    assert_eq!((by("Cursor"), by("Work")), (0, 1));
    // As an earlier version wrote it, which knew no id.
    fs::write(desk.log_path(), old.replace(&id, "") + &old).expect("written");
    assert_eq!((by("Cursor"), by("Work")), (1, 1));
    desk.revoke("Work").expect("revoked");
    assert_eq!((by("Cursor"), by("Work")), (2, 0), "as it was called then");
}

#[test]
fn a_full_log_is_put_aside_once_and_both_are_read() {
    let place = Place::new();
    let client = place.client();
    let desks = [place.desk(), place.desk()];
    desks[0].log(&call(&client, None));
    let line = fs::read_to_string(desks[0].log_path()).expect("there");
    fs::write(desks[0].log_path(), line.repeat(40_000)).expect("written");
    for desk in &desks {
        desk.log(&call(&client, None));
    }
    assert_eq!(
        fs::read_to_string(desks[0].log_path())
            .expect("there")
            .lines()
            .count(),
        2
    );
    assert_eq!(desks[1].calls(usize::MAX, |_| true).expect("read").len(), 40_002);
    assert_eq!(desks[1].calls(3, |_| true).expect("read").len(), 3);
}

proptest! {
    #[test]
    fn no_text_that_was_not_issued_opens_anything(text in "(omlx_)?[ -~]{0,60}") {
        let place = Place::new();
        let desk = place.desk();
        desk.issue("Cursor", Rules::default()).expect("issued");
        prop_assert!(desk.authenticate(&text).is_none());
    }
}

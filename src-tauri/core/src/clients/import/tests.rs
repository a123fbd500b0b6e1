use std::{fmt::Write as _, fs};

use super::*;
use crate::clients::{
    Os,
    test_kit::{Desk, fixture, id, wish},
};

fn import(desk: &Desk) -> Import {
    Import {
        machine: desk.machine.clone(),
        config: desk.config(),
    }
}

fn ours(desk: &Desk) -> Config {
    desk.config().read().expect("read")
}

#[test]
fn every_client_s_servers_are_understood() {
    let desk = Desk::full();
    let mut shown = String::new();
    for app in APPS {
        let preview = import(&desk).preview(app.id).expect("seen");
        let _ = writeln!(shown, "== {}", app.name);
        for candidate in &preview.candidates {
            let secrets = if candidate.has_secrets { " (secrets)" } else { "" };
            let problem = candidate.problem.as_ref().map_or("", |problem| &problem.message);
            let _ = writeln!(
                shown,
                "{} → {} {:?} {:?} {}{secrets} {problem}",
                candidate.name, candidate.id, candidate.verdict, candidate.transport, candidate.address
            );
        }
        let all = serde_json::to_string(&preview).expect("JSON");
        assert!(!all.contains("planted"), "{all}");
    }
    insta::assert_snapshot!("candidates", shown);
}

#[test]
fn the_sources_say_what_there_is() {
    let desk = Desk::full();
    let sources = import(&desk).sources();
    let counts: Vec<_> = sources
        .iter()
        .map(|source| (source.id.as_str(), source.server_count))
        .collect();
    assert_eq!(
        counts,
        [
            ("omlx", 2),
            ("claude-desktop", 3),
            ("claude-code", 2),
            ("cursor", 2),
            ("vscode", 2),
            ("zed", 2),
            ("codex", 2),
            ("windsurf", 1),
            ("gemini", 2)
        ]
    );
    let none = import(&Desk::empty(Os::Linux)).sources();
    assert!(
        none.iter()
            .all(|source| !source.found && source.server_count == 0)
    );
}

#[test]
fn what_is_taken_over_works_here_with_its_secrets_and_undo_takes_it_back() {
    let desk = Desk::full();
    let before = r#"{"servers": {"internal": {"command": "other"}}}"#;
    fs::write(desk.config().path(), before).expect("written");
    let names = ["sentry".to_owned(), "internal".to_owned(), "nobody".to_owned()];
    let imported = import(&desk).apply("claude-code", &names).expect("taken over");
    let added: Vec<_> = imported.added.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(added, ["sentry", "internal-2"]);
    let config = ours(&desk);
    let headers = config.servers[&id("internal-2")]
        .transport
        .headers()
        .expect("headers");
    assert_eq!(headers["authorization"], "Bearer planted-in-claude-code");
    let debug = format!("{imported:?}");
    assert!(!debug.contains("planted"), "{debug}");

    let again = import(&desk).preview("claude-code").expect("seen");
    assert!(
        again
            .candidates
            .iter()
            .all(|candidate| candidate.verdict == ImportVerdict::Present)
    );
    assert_eq!(
        import(&desk).apply("claude-code", &names).expect("nothing").added,
        []
    );

    import(&desk).take_back(&imported.edits).expect("taken back");
    assert_eq!(fs::read_to_string(desk.config().path()).expect("there"), before);
}

#[test]
fn a_server_behind_mcp_remote_is_taken_over_by_its_own_address() {
    let desk = Desk::full();
    import(&desk)
        .apply("claude-desktop", &["notion".to_owned()])
        .expect("taken over");
    let url = ours(&desk).servers[&id("notion")].transport.url().cloned();
    assert_eq!(
        url.map(String::from).as_deref(),
        Some("https://mcp.notion.com/mcp")
    );
}

#[test]
fn our_own_entries_are_no_servers_to_take_over() {
    let desk = Desk::full();
    for app in APPS {
        desk.use_in().apply(&wish(app, None)).expect("written");
        let names = |preview: ImportPreview| {
            let candidates = preview.candidates.into_iter();
            candidates.map(|candidate| candidate.name).collect::<Vec<_>>()
        };
        let with = names(import(&desk).preview(app.id).expect("seen"));
        desk.write(app, fixture(app));
        assert_eq!(with, names(import(&desk).preview(app.id).expect("seen")));
    }
}

#[test]
fn what_makes_no_sense_says_why_and_the_others_are_taken_over() {
    let desk = Desk::full();
    let cursor = App::named("cursor").expect("known");
    desk.write(
        cursor,
        r#"{"mcpServers": {"weather": {}, "list": [], "good": {"url": "https://a.example/mcp"}, "GOOD ONE!": {"url": "https://b.example/mcp"}}}"#,
    );
    let preview = import(&desk).preview("cursor").expect("seen");
    let verdicts: Vec<_> = preview
        .candidates
        .iter()
        .map(|candidate| candidate.verdict)
        .collect();
    assert_eq!(
        verdicts,
        [
            ImportVerdict::Invalid,
            ImportVerdict::Invalid,
            ImportVerdict::New,
            ImportVerdict::New
        ]
    );
    assert!(preview.candidates[0].problem.is_some());
    let all: Vec<String> = preview
        .candidates
        .iter()
        .map(|candidate| candidate.name.clone())
        .collect();
    assert_eq!(
        import(&desk)
            .apply("cursor", &all)
            .expect("taken over")
            .added
            .len(),
        2
    );
}

#[test]
fn it_is_written_as_the_panel_reads_it() {
    let candidate = ImportCandidate {
        name: "a".to_owned(),
        id: id("a"),
        transport: TransportKind::StreamableHttp,
        address: "https://a.example/mcp".to_owned(),
        verdict: ImportVerdict::New,
        has_secrets: false,
        has_grant: false,
        problem: None,
    };
    assert_eq!(
        serde_json::to_string(&candidate).expect("JSON"),
        r#"{"name":"a","id":"a","transport":"streamable-http","address":"https://a.example/mcp","verdict":"new","has_secrets":false,"has_grant":false,"problem":null}"#
    );
}

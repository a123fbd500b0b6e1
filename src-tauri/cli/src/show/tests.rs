use insta::assert_snapshot;
use omlx_mcp::oauth::timeline::{Stage, Step};
use serde_json::json;

use super::{
    View,
    fixtures::{at, everyone, face, mend, notion, now},
    server, servers, steps,
    tools::{self, Tool},
};
use crate::output::{face::Face, json, text};

fn overview(face: &Face) -> String {
    let mend = mend();
    let view = View {
        now: now(),
        face,
        mend: &mend,
    };
    servers::lines(&everyone(), view).join("\n")
}

#[test]
fn every_state_is_told_in_the_products_words_with_its_mend() {
    assert_snapshot!(overview(&face(None)));
}

#[test]
fn a_narrow_terminal_gets_a_narrow_table() {
    let shown = overview(&face(Some(80)));
    let table: Vec<&str> = shown.lines().take_while(|line| !line.is_empty()).collect();
    assert!(table.iter().all(|line| text::width(line) <= 80), "{shown}");
    assert_snapshot!(table.join("\n"));
}

#[test]
fn a_terminal_without_unicode_gets_signs_in_ascii() {
    let face = Face {
        unicode: false,
        ..face(Some(100))
    };
    assert_snapshot!(overview(&face));
}

#[test]
fn colours_never_tell_what_the_words_do_not() {
    let face = Face {
        color: true,
        ..face(None)
    };
    let colored = overview(&face);
    assert!(
        colored.contains("\u{1b}[32m✓ Authenticated\u{1b}[0m"),
        "{colored:?}"
    );
    assert_eq!(text::block(&colored), overview(&super::fixtures::face(None)));
}

#[test]
fn one_server_is_told_in_full() {
    let (mend, face) = (mend(), face(Some(100)));
    let view = View {
        now: now(),
        face: &face,
        mend: &mend,
    };
    let everyone = everyone();
    let shown: Vec<String> = everyone
        .servers
        .iter()
        .map(|one| server::lines(one, view).join("\n"))
        .collect();
    assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn the_json_of_every_state_is_stable_and_safe_on_a_terminal() {
    let shown = json::pretty(&everyone()).expect("writes");
    assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()));
    assert_snapshot!(shown);
}

#[test]
fn nothing_servers_say_reaches_the_terminal_as_a_command() {
    for columns in [None, Some(40)] {
        let shown = overview(&face(columns));
        assert!(
            shown.chars().all(|letter| letter == '\n' || !letter.is_control()),
            "{shown:?}"
        );
        assert!(!shown.contains("pwned"), "{shown}");
    }
}

fn timeline() -> Vec<Step> {
    let step =
        |seconds, stage, request: Option<&str>, (status, decision, rule): (_, &str, Option<&str>)| Step {
            at: at(seconds),
            stage,
            request: request.map(str::to_owned),
            status,
            decision: decision.to_owned(),
            rule: rule.map(str::to_owned),
        };
    let well_known = "GET https://mcp.notion.example/.well-known/oauth-protected-resource/mcp";
    vec![
        step(
            0,
            Stage::Challenge,
            Some("POST https://mcp.notion.example/mcp"),
            (Some(401), "Unauthorized", None),
        ),
        step(
            0,
            Stage::ResourceMetadata,
            Some(well_known),
            (Some(200), "OK", None),
        ),
        step(
            1,
            Stage::ResourceMetadata,
            None,
            (None, "the resource is this server", Some("RFC 9728 §3.3")),
        ),
        step(
            2,
            Stage::Token,
            Some("POST https://mcp.notion.example/token"),
            (
                None,
                "https://mcp.notion.example/token cannot be reached: no route",
                None,
            ),
        ),
    ]
}

#[test]
fn the_evidence_says_which_address_answered_what_and_which_rule_decided() {
    assert_snapshot!(steps::lines(&timeline(), &face(Some(90))).join("\n"));
}

fn some_tools() -> Vec<Tool> {
    let tool = |name: &str, description: Option<&str>| Tool {
        name: format!("notion__{name}"),
        description: description.map(str::to_owned),
        server: notion().id,
        parameters: json!({"type": "object", "properties": {"query": {"type": "string"}}}),
    };
    let long =
        "Search pages, databases and people of the workspace by what they say.\n\nMore on a second line.";
    vec![
        tool("search", Some(long)),
        tool("fetch", None),
        tool("evil", Some("\u{1b}[2Jgone")),
    ]
}

#[test]
fn tools_are_listed_by_the_name_they_are_called_by() {
    assert_snapshot!(tools::table(&some_tools(), &face(Some(60))).join("\n"));
}

#[test]
fn tools_are_told_in_full_with_their_schema() {
    assert_snapshot!(
        tools::with_schemas(&some_tools(), &face(None))
            .expect("writes")
            .join("\n")
    );
}

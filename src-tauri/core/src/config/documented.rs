//! The example and the documentation say what the code does.

use super::{
    AuthType, Config, Environment, Format, auth, omlx_rules,
    server::{KEYS, URL_KEYS},
};
use crate::event::TransportKind;

const EXAMPLE: &str = include_str!("../../../../mcp.example.json");
const MANUAL: &str = include_str!("../../../../docs/config.md");

fn parsed(text: &str) -> Config {
    let env = Environment::of([("GITHUB_OAUTH_SECRET", "x"), ("SEARCH_API_KEY", "x")]);
    Config::parse(text, Format::Json, &env)
}

#[test]
fn the_example_has_one_entry_of_every_kind_and_nothing_to_complain_about() {
    let config = parsed(EXAMPLE);
    assert_eq!(config.notes, []);
    let kinds: Vec<_> = config
        .servers
        .values()
        .map(|server| server.transport.kind())
        .collect();
    for kind in [
        TransportKind::Stdio,
        TransportKind::Sse,
        TransportKind::StreamableHttp,
    ] {
        assert!(kinds.contains(&kind));
    }
    let notion = config
        .servers
        .values()
        .find(|server| server.id.as_str() == "notion");
    assert_eq!(notion.and_then(|notion| notion.auth.kind), Some(AuthType::OAuth2));
    assert!(config.servers.values().any(|server| {
        server
            .transport
            .headers()
            .is_some_and(|headers| !headers.is_empty())
    }));
}

#[test]
fn a_disabled_entry_of_the_example_needs_no_variable() {
    let config = Config::parse(EXAMPLE, Format::Json, &Environment::of([]));
    assert_eq!(config.servers.len(), 5);
    assert!(config.notes.iter().all(|note| !note.fatal));
}

#[test]
fn omlx_would_refuse_the_example_for_nothing_but_its_auth_blocks() {
    let refusals = omlx_rules::refusals(EXAMPLE, Format::Json);
    assert!(
        refusals
            .iter()
            .all(|refusal| refusal.ends_with("keyword argument 'auth'")),
        "{refusals:?}"
    );
}

#[test]
fn every_key_is_in_the_manual() {
    for key in KEYS.iter().chain(URL_KEYS).chain(auth::KEYS) {
        assert!(MANUAL.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn every_piece_of_json_in_the_manual_is_a_config_without_a_complaint() {
    let pieces: Vec<_> = MANUAL
        .split("```json\n")
        .skip(1)
        .filter_map(|piece| piece.split("```").next())
        .collect();
    assert!(pieces.len() > 4);
    for piece in pieces {
        let config = parsed(piece);
        assert_eq!(config.notes, [], "{piece}");
        assert!(!config.servers.is_empty());
    }
}

#[test]
fn every_code_the_code_can_say_is_in_the_manual() {
    let sources = [
        include_str!("flaw.rs"),
        include_str!("read.rs"),
        include_str!("edit.rs"),
        include_str!("edit/json.rs"),
        include_str!("suggestion.rs"),
    ];
    for word in sources.iter().flat_map(|source| source.split('"')) {
        let is_code = ["config_", "server_", "omlx_", "add_"]
            .iter()
            .any(|prefix| word.starts_with(prefix))
            && word.bytes().all(|c| c == b'_' || c.is_ascii_lowercase());
        assert!(!is_code || MANUAL.contains(&format!("`{word}`")), "{word}");
    }
}

use serde_json::{Value, json};

use omlx_mcp::settings::Language;

use super::*;
use crate::words;

fn server(id: &str, auth: &str, connection: &str) -> Value {
    json!({
        "id": id, "transport": "streamable-http", "url": null, "auth": auth, "connection": connection,
        "provider": null, "account": null, "workspace": null, "issuer": null, "scopes": [], "missing_scopes": [],
        "expires_at": null, "authenticated_at": null, "refreshed_at": null, "retry_at": null, "tool_count": null,
        "prompt": null, "problem": null,
    })
}

fn snapshot(servers: &[Value]) -> Snapshot {
    serde_json::from_value(json!({"servers": servers, "config_problems": [], "config_advice": []}))
        .expect("a snapshot")
}

fn face(servers: &[Value]) -> Face {
    told(&snapshot(servers), Settings::default())
}

fn told(snapshot: &Snapshot, settings: Settings) -> Face {
    Face::of(snapshot, settings, words::of(Language::English))
}

fn texts(face: &Face) -> Vec<&str> {
    face.rows.iter().map(|row| row.text.as_str()).collect()
}

#[test]
fn every_server_has_a_line_with_its_state_in_the_product_s_words() {
    let mut notion = server("notion", "authenticated", "connected");
    notion["tool_count"] = json!(14);
    let mut slack = server("slack", "authenticating", "connected");
    slack["prompt"] = json!({
        "kind": "device_code", "user_code": "ABCD-EFGH", "verification_uri": "https://x.example",
        "verification_uri_complete": null, "expires_at": "2030-01-01T00:00:00Z",
    });
    let face = face(&[
        notion,
        slack,
        server("files", "not_required", "connected"),
        server("away", "authenticated", "waiting"),
        server("wrong", "not_required", "failed"),
        server("off", "not_authenticated", "disabled"),
    ]);
    assert_eq!(
        texts(&face),
        [
            "notion — Authenticated · 14 tools",
            "slack — Enter code ABCD-EFGH",
            "files — No sign-in needed",
            "away — Waiting",
            "wrong — Failed",
            "off — Disabled",
        ]
    );
}

#[test]
fn what_is_due_stands_below_its_server() {
    let face = face(&[
        server("a", "not_authenticated", "connected"),
        server("b", "refresh_failed", "connected"),
        server("c", "insufficient_scope", "connected"),
        server("d", "locked", "failed"),
    ]);
    assert_eq!(
        texts(&face),
        [
            "a — Not authenticated",
            "Connect a…",
            "b — Token expired, refresh failed",
            "Re-authenticate b…",
            "c — More permission needed",
            "Allow more for c…",
            "d — Keychain locked",
            "Unlock the keychain and try again",
        ]
    );
    assert_eq!(
        (face.glyph, face.tooltip.as_str()),
        (Glyph::Attention, "oMLX Connect: 4 servers need you")
    );
}

#[test]
fn the_glyph_tells_the_worst_of_all() {
    let glyph = |servers: &[Value]| face(servers).glyph;
    assert_eq!(glyph(&[]), Glyph::Calm);
    let calm = server("a", "authenticated", "connected");
    let working = server("b", "unknown", "connecting");
    let needy = server("c", "not_authenticated", "connected");
    assert_eq!(glyph(std::slice::from_ref(&calm)), Glyph::Calm);
    assert_eq!(glyph(&[calm.clone(), working.clone()]), Glyph::Working);
    assert_eq!(glyph(&[calm, working, needy]), Glyph::Attention);
    assert_eq!(glyph(&[server("a", "authenticated", "waiting")]), Glyph::Calm);
    assert_eq!(
        glyph(&[server("a", "not_authenticated", "disabled")]),
        Glyph::Calm
    );
}

#[test]
fn a_broken_config_file_is_told_first() {
    let mut broken = snapshot(&[server("a", "authenticated", "connected")]);
    broken.config_problems = vec![omlx_mcp::Problem {
        code: "config_syntax".into(),
        message: "it is broken".to_owned(),
        action: Action::EditConfig,
    }];
    let face = told(&broken, Settings::default());
    assert_eq!((face.glyph, &face.rows[0].key), (Glyph::Attention, &Key::Trouble));
}

#[test]
fn advice_on_the_config_file_is_no_need() {
    let mut odd = snapshot(&[server("a", "authenticated", "connected")]);
    odd.config_advice = vec![omlx_mcp::Problem {
        code: "omlx_refuses".into(),
        message: "oMLX would disable MCP because of this file".to_owned(),
        action: Action::EditConfig,
    }];
    let face = told(&odd, Settings::default());
    assert_eq!(
        (face.glyph, texts(&face)),
        (Glyph::Calm, vec!["a — Authenticated"])
    );
}

#[test]
fn of_two_hundred_servers_those_that_need_someone_are_shown_first() {
    let servers: Vec<_> = (0..200)
        .map(|at| {
            let auth = if at == 150 {
                "not_authenticated"
            } else {
                "authenticated"
            };
            server(&format!("s{at}"), auth, "connected")
        })
        .collect();
    let face = face(&servers);
    assert_eq!(face.rows.len(), MOST + 2);
    let texts = texts(&face);
    assert!(texts.contains(&"s0 — Authenticated") && texts.contains(&"Connect s150…"));
    assert_eq!(texts.last(), Some(&"180 more…"));
}

#[test]
fn while_paused_nobody_is_asked_for_anything() {
    let paused = Settings {
        paused: true,
        ..Settings::default()
    };
    let face = told(&snapshot(&[server("a", "not_authenticated", "disabled")]), paused);
    assert_eq!(texts(&face), ["a — Paused"]);
    assert_eq!((face.glyph, face.paused), (Glyph::Calm, true));
}

#[test]
fn long_names_are_cut() {
    let long = "n".repeat(60);
    let face = face(&[server(&long, "not_required", "connected")]);
    assert_eq!(
        face.rows[0].text,
        format!("{}… — No sign-in needed", "n".repeat(NAME))
    );
}

#[test]
fn with_no_server_the_menu_says_where_to_begin() {
    assert_eq!(texts(&face(&[])), ["Add a server…"]);
}

#[test]
fn english_says_of_a_sign_in_what_the_core_says() {
    for auth in [
        "unknown",
        "not_required",
        "not_authenticated",
        "authenticating",
        "authenticated",
        "refresh_failed",
        "insufficient_scope",
        "locked",
    ] {
        let snapshot = snapshot(&[server("a", auth, "idle")]);
        let words = snapshot.servers[0].auth_words().into_owned();
        let face = told(&snapshot, Settings::default());
        assert_eq!(face.rows[0].text, format!("a — {words}"));
    }
}

#[test]
fn every_language_says_all_of_it() {
    let mut found = server("b", "authenticated", "connected");
    found["tool_count"] = json!(3);
    let snapshot = snapshot(&[server("a", "not_authenticated", "connected"), found]);
    let said = |language| {
        let face = Face::of(&snapshot, Settings::default(), words::of(language));
        let rows: Vec<_> = face.rows.into_iter().map(|row| row.text).collect();
        (rows.join(" | "), face.tooltip)
    };
    let (rows, tooltip) = said(Language::Japanese);
    assert_eq!(rows, "a — 未認証 | a に接続… | b — 認証済み · ツール 3 個");
    assert_eq!(tooltip, "oMLX Connect: 1 台が操作を待っています");
    for language in [
        Language::Korean,
        Language::SimplifiedChinese,
        Language::TraditionalChinese,
    ] {
        let (rows, tooltip) = said(language);
        assert!(
            !rows.contains(['{', '}']) && !tooltip.contains(['{', '}']),
            "{rows} {tooltip}"
        );
    }
}

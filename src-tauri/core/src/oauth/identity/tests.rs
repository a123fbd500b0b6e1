//! Names wherever providers put them, and the checks that keep wrong ones out.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::ClientSecret;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Clock,
    oauth::{
        client::ClientAuthMethod,
        grant::IdToken,
        scope::Scopes,
        testing::{Server, grant, http, json as answer, start},
    },
};

fn in_response(body: Value) -> Identity {
    let Value::Object(fields) = body else {
        panic!("an object")
    };
    Identity::from_token_response(&fields)
}

fn id_token(claims: &Value) -> IdToken {
    IdToken::new(format!(
        "eyJhbGciOiJub25lIn0.{}.sig",
        URL_SAFE_NO_PAD.encode(claims.to_string())
    ))
}

fn claims() -> Value {
    json!({
        "iss": "https://as.example", "aud": "client-1", "sub": "u1", "email": "ada@example.com",
        "exp": start().as_second() + 60, "hd": "example.com",
    })
}

#[test]
fn a_token_response_names_account_and_workspace() {
    let notion = in_response(json!({
        "workspace_name": "Ada's HQ",
        "owner": {"type": "user", "user": {"id": "n1", "name": "Ada", "person": {"email": "ada@example.com"}}},
    }));
    assert_eq!(notion.account.as_deref(), Some("ada@example.com"));
    assert_eq!(notion.workspace.as_deref(), Some("Ada's HQ"));
    assert_eq!(notion.subject.as_deref(), Some("n1"));
    let slack = in_response(json!({"team": {"name": "T"}, "authed_user": {"id": "U7"}}));
    assert_eq!(
        (slack.workspace.as_deref(), slack.subject.as_deref()),
        (Some("T"), Some("U7"))
    );
    assert_eq!(
        in_response(json!({"user": {"id": 7}, "email": ["x"]}))
            .subject
            .as_deref(),
        Some("7")
    );
}

#[test]
fn a_name_is_bounded_and_cannot_steer_a_terminal() {
    let name = in_response(json!({"workspace_name": format!("\u{1b}[31m{}", "x".repeat(9000))}))
        .workspace
        .expect("a name");
    assert!(name.chars().count() <= 121 && !name.contains('\u{1b}'));
}

#[test]
fn an_id_token_counts_only_for_us_from_our_issuer_and_before_its_end() {
    let mut grant = grant("https://as.example");
    let mut account = |claims: Value| {
        grant.tokens.id_token = Some(id_token(&claims));
        Identity::from_id_token(&grant, start()).account
    };
    assert_eq!(account(claims()).as_deref(), Some("ada@example.com"));
    let mut listed = claims();
    listed["aud"] = json!(["other", "client-1"]);
    assert_eq!(account(listed).as_deref(), Some("ada@example.com"));
    for (name, wrong) in [
        ("iss", json!("https://as.example/")),
        ("aud", json!("someone-else")),
        ("exp", json!(start().as_second())),
        ("exp", json!("tomorrow")),
        ("aud", json!(null)),
    ] {
        let mut changed = claims();
        changed[name] = wrong;
        assert_eq!(account(changed), None, "{name}");
    }
    grant.tokens.id_token = Some(IdToken::new("not.base64!.x".to_owned()));
    assert_eq!(Identity::from_id_token(&grant, start()), Identity::default());
}

#[tokio::test]
async fn nobody_is_asked_when_the_account_is_known_or_may_not_be_asked_for() {
    let server = Server::start(|_| answer(200, &json!({"name": "Ada"}))).await;
    let (clock, _hand) = Clock::manual(start());
    let mut grant = grant(&server.url);
    assert_eq!(identify(&http(&clock), &grant).await, Identity::default());
    grant.tokens.scope = Scopes::parse("openid");
    grant.tokens.id_token = Some(id_token(&claims()));
    assert_eq!(
        identify(&http(&clock), &grant).await.account.as_deref(),
        Some("ada@example.com")
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn userinfo_is_asked_with_the_token_when_openid_was_granted() {
    let server = Server::start(|_| answer(200, &json!({"sub": "u1", "name": "Ada"}))).await;
    let mut grant = grant(&server.url);
    grant.tokens.scope = Scopes::parse("openid");
    let identity = identify(&http(&Clock::system()), &grant).await;
    assert_eq!(identity.account.as_deref(), Some("Ada"));
    let seen = server.seen();
    assert_eq!(seen[0].path, "/userinfo");
    assert_eq!(seen[0].headers["authorization"], "Bearer planted-access-1");
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_not_used() {
    let server = Server::start(|_| answer(200, &json!({"sub": "u2", "name": "Eve"}))).await;
    let mut grant = grant(&server.url);
    grant.tokens.scope = Scopes::parse("openid");
    grant.identity.subject = Some("u1".to_owned());
    assert_eq!(identify(&http(&Clock::system()), &grant).await.account, None);
}

#[tokio::test]
async fn a_confidential_client_may_introspect_and_a_failure_is_only_silence() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/introspect" => answer(200, &json!({"active": true, "username": "ada", "sub": "u1"})),
        _ => answer(500, &json!({})),
    })
    .await;
    let mut grant = grant(&server.url);
    grant.client.auth_method = ClientAuthMethod::ClientSecretBasic;
    grant.client.client_secret = Some(ClientSecret::new("s".to_owned()));
    let (clock, hand) = Clock::manual(start());
    assert_eq!(
        identify(&http(&clock), &grant).await.account.as_deref(),
        Some("ada")
    );
    assert_eq!(server.seen()[0].value("token"), Some("planted-access-1"));
    hand.advance(Duration::from_secs(1));
    grant.tokens.scope = Scopes::parse("openid");
    assert_eq!(identify(&http(&clock), &grant).await, Identity::default());
}

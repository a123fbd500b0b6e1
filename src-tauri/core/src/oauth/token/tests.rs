//! What token endpoints were seen to send.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::oauth::{http::HttpResponse, testing::start};

fn response(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status: http::StatusCode::from_u16(status).expect("a status"),
        headers: http::HeaderMap::new(),
        body: body.to_owned().into(),
    }
}

fn read(status: u16, body: &str) -> Result<TokenResponse, TokenError> {
    response::read(&response(status, body), start())
}

fn good(body: &str) -> TokenResponse {
    read(200, body).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[test]
fn a_response_as_the_rfc_writes_it_is_read_whole() {
    let response = good(
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600,
            "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","scope":"a b","id_token":"x.y.z"}"#,
    );
    assert_eq!(response.access_token.secret(), "2YotnFZFEjr1zCsicMWpAA");
    assert_eq!(response.token_type, TokenType::Bearer);
    assert_eq!(response.expires_in, Some(Duration::from_hours(1)));
    assert_eq!(
        response.refresh_token.expect("one").secret(),
        "tGzv3JOkF0XG5Qx2TlKWIA"
    );
    assert_eq!(response.scope, Some(Scopes::parse("a b")));
    assert_eq!(response.id_token.expect("one").secret(), "x.y.z");
}

#[test]
fn a_form_and_a_mislabelled_json_are_read_as_well() {
    let form = good("access_token=gho_1&scope=repo%2Cgist&token_type=bearer&expires_in=28800");
    assert_eq!(form.access_token.secret(), "gho_1");
    assert_eq!(form.scope, Some(Scopes::parse("repo gist")));
    assert_eq!(form.expires_in, Some(Duration::from_hours(8)));
    assert_eq!(
        good("\u{feff}\n {\"access_token\":\"t\"} \n")
            .access_token
            .secret(),
        "t"
    );
    let slack = good(
        r#"{"ok":true,"authed_user":{"id":"U1","access_token":"xoxp","token_type":"user","scope":"a,b"}}"#,
    );
    assert_eq!(slack.access_token.secret(), "xoxp");
    assert_eq!(slack.scope, Some(Scopes::parse("a b")));
}

#[test]
fn a_lifetime_is_believed_only_when_it_makes_sense() {
    let lifetime = |value: &str| good(&format!(r#"{{"access_token":"t","expires_in":{value}}}"#)).expires_in;
    assert_eq!(lifetime("3600"), Some(Duration::from_hours(1)));
    assert_eq!(lifetime("\"3599\""), Some(Duration::from_secs(3599)));
    assert_eq!(lifetime("3600.5"), Some(Duration::from_millis(3_600_500)));
    for senseless in [
        "0",
        "-1",
        "\"-300\"",
        "1e300",
        "\"NaN\"",
        "\"soon\"",
        "null",
        "[]",
        "99999999999999999999",
    ] {
        assert_eq!(lifetime(senseless), None, "{senseless}");
    }
}

#[test]
fn what_is_missing_null_or_empty_counts_as_not_said() {
    let response =
        good(r#"{"access_token":"t","refresh_token":"","scope":null,"token_type":null,"id_token":7}"#);
    assert_eq!(response.token_type, TokenType::Bearer);
    assert!(response.refresh_token.is_none() && response.scope.is_none() && response.id_token.is_none());
    assert_eq!(
        good(r#"{"access_token":"t","scope":["a","b",3]}"#).scope,
        Some(Scopes::parse("a b"))
    );
}

#[test]
fn a_token_type_that_needs_a_proof_is_told_apart() {
    let of = |kind: &str| {
        read(200, &format!(r#"{{"access_token":"t","token_type":"{kind}"}}"#)).map(|r| r.token_type)
    };
    assert_eq!(of("DPoP"), Ok(TokenType::Dpop));
    assert_eq!(of("BEARER"), Ok(TokenType::Bearer));
    assert_eq!(of("bot"), Ok(TokenType::Bearer));
    assert!(matches!(of("mac"), Err(TokenError::Unreadable { .. })));
}

#[test]
fn an_error_is_found_wherever_providers_put_it() {
    let rejected = |status, body: &str| match read(status, body) {
        Err(TokenError::Rejected { code, description }) => (code, description.unwrap_or_default()),
        other => panic!("{body}: {other:?}"),
    };
    let pair = |code: &str, text: &str| (code.to_owned(), text.to_owned());
    assert_eq!(
        rejected(
            400,
            r#"{"error":"invalid_grant","error_description":"gone\u001b[0m\nfor good"}"#
        ),
        pair("invalid_grant", "gone [0m for good")
    );
    assert_eq!(
        rejected(200, r#"{"error":"bad_refresh_token"}"#),
        pair("bad_refresh_token", "")
    );
    assert_eq!(
        rejected(200, "error=bad_verification_code&error_description=no"),
        pair("bad_verification_code", "no")
    );
    assert_eq!(
        rejected(200, r#"{"ok":false,"error":"invalid_refresh_token"}"#),
        pair("invalid_refresh_token", "")
    );
    assert_eq!(
        rejected(401, r#"{"error":{"code":"token_revoked","message":"revoked"}}"#),
        pair("token_revoked", "revoked")
    );
    assert_eq!(rejected(400, r#"{"errorCode":"E0000011"}"#), pair("E0000011", ""));
    let (code, _) = rejected(
        400,
        &json!({"error": format!("<b>{}", "x".repeat(500))}).to_string(),
    );
    assert_eq!(code.len(), 64);
    assert!(!code.contains('<'));
}

#[test]
fn a_refused_client_a_busy_server_and_a_page_are_three_different_things() {
    for (status, body) in [
        (401, r#"{"error":"invalid_client"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (200, r#"{"error":"incorrect_client_credentials"}"#),
    ] {
        assert!(
            matches!(read(status, body), Err(TokenError::InvalidClient { .. })),
            "{body}"
        );
    }
    for (status, body) in [
        (500, r#"{"error":"invalid_grant"}"#),
        (503, "<html>"),
        (429, ""),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (200, r#"{"ok":false,"error":"ratelimited"}"#),
    ] {
        assert!(
            matches!(read(status, body), Err(TokenError::Unavailable { .. })),
            "{body}"
        );
    }
    for (status, body) in [
        (200, "<!doctype html><title>Sign in</title>"),
        (404, "not found"),
        (401, ""),
        (302, ""),
        (200, "{}"),
        (200, "[]"),
        (200, r#"{"access_token":""}"#),
        (200, r#"{"access_token":"a b"}"#),
        (200, "{\"access_token\":\"a\\r\\nX: y\"}"),
        (200, "\u{0}\u{1}"),
        (422, r#"{"message":"client gone"}"#),
    ] {
        assert!(
            matches!(read(status, body), Err(TokenError::Unreadable { .. })),
            "{status} {body}"
        );
    }
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date_and_bounded() {
    let wait = |value: &str| {
        let mut response = response(429, "");
        response
            .headers
            .insert("retry-after", value.parse().expect("a value"));
        match response::read(&response, start()) {
            Err(TokenError::Unavailable { retry_after, .. }) => retry_after,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait("120"), Some(Duration::from_mins(2)));
    assert_eq!(
        wait("Fri, 20 Nov 2026 12:05:00 GMT"),
        Some(Duration::from_mins(5))
    );
    assert_eq!(wait("999999999"), Some(Duration::from_hours(24)));
    assert_eq!(wait("Thu, 20 Nov 2025 12:05:00 GMT"), None);
    assert_eq!(wait("soon"), None);
}

#[test]
fn no_token_shows_in_debug_or_in_an_error() {
    let body = r#"{"access_token":"planted-a","refresh_token":"planted-r","id_token":"planted-i","token_type":"mac"}"#;
    let error = read(200, body).expect_err("refused");
    let response = good(&body.replace("mac", "bearer"));
    let shown = format!("{error} {error:?} {response:?}");
    assert!(!shown.contains("planted"), "{shown}");
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(status in 200_u16..600, body in prop::collection::vec(any::<u8>(), 0..400)) {
        let response = HttpResponse {
            status: http::StatusCode::from_u16(status).expect("a status"),
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        let _ = response::read(&response, Timestamp::UNIX_EPOCH);
    }
}

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(fields: &[&str]) -> HeaderMap {
    let values = fields
        .iter()
        .map(|field| HeaderValue::from_bytes(field.as_bytes()).unwrap());
    values.map(|value| (header::WWW_AUTHENTICATE, value)).collect()
}

fn shape(fields: &[&str]) -> Vec<String> {
    let shown = |challenge: Challenge| {
        let parameters: Vec<_> = challenge
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let blob = challenge.token68.unwrap_or_default();
        format!("{} {blob}{}", challenge.scheme, parameters.join(" | "))
    };
    parse(&headers(fields)).into_iter().map(shown).collect()
}

fn bearer(field: &str) -> BearerChallenge {
    BearerChallenge::from_headers(&headers(&[field])).expect("a challenge")
}

#[test]
fn the_example_of_rfc_9110_has_two_challenges() {
    // RFC 9110 §11.6.1
    assert_eq!(
        shape(&[r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#]),
        [
            "Basic realm=simple",
            r#"Newauth realm=apps | type=1 | title=Login to "apps""#
        ]
    );
}

#[test]
fn the_examples_of_rfc_6750_and_rfc_9728_are_read() {
    // RFC 6750 §3, RFC 9728 §5.1
    let expired = bearer(
        "Bearer realm=\"example\",\n  error=\"invalid_token\", error_description=\"The access token expired\""
            .replace('\n', "")
            .as_str(),
    );
    assert_eq!(expired.error.as_deref(), Some("invalid_token"));
    assert_eq!(
        expired.error_description.as_deref(),
        Some("The access token expired")
    );
    let metadata = bearer(
        r#"Bearer resource_metadata="https://resource.example.com/.well-known/oauth-protected-resource""#,
    );
    assert_eq!(
        metadata.resource_metadata.as_deref(),
        Some("https://resource.example.com/.well-known/oauth-protected-resource")
    );
}

#[test]
fn the_example_of_rfc_9449_asks_for_dpop() {
    // RFC 9449 §7.1
    let challenge = bearer(r#"DPoP algs="ES256 PS256""#);
    assert_eq!(challenge.dpop, Binding::Required);
    let both = bearer(r#"DPoP algs="ES256", Bearer scope="read""#);
    assert_eq!(both.dpop, Binding::Offered, "a bearer token will do");
}

#[test]
fn a_token68_is_told_from_a_parameter() {
    assert_eq!(shape(&["Negotiate YWJj=="]), ["Negotiate YWJj=="]);
    assert_eq!(
        shape(&["Negotiate YWJj==, Bearer"]),
        ["Negotiate YWJj==", "Bearer "]
    );
    assert_eq!(shape(&["Basic realm=x"]), ["Basic realm=x"]);
    assert_eq!(shape(&["Basic realm="]), ["Basic realm="]);
}

#[test]
fn the_bearer_challenge_is_found_among_others_in_any_order_and_case() {
    for fields in [
        &["Basic realm=\"x\"", "bEaReR Scope=\"a b\""][..],
        &["Negotiate YWJj==, Basic realm=\"x, Bearer scope=\\\"no\\\"\", BEARER scope=\"a b\""],
        &[",, ,Bearer , scope = \"a b\""],
        &["Bearer scope=a b"],
        &["Digest realm=\"x\" Bearer realm=\"y\" scope=\"a b\""],
    ] {
        let found = BearerChallenge::from_headers(&headers(fields)).expect("a challenge");
        assert_eq!(found.scope, Some(Scopes::parse("a b")), "{fields:?}");
    }
    assert_eq!(
        BearerChallenge::from_headers(&headers(&["Basic realm=\"x\""])),
        None
    );
    assert_eq!(BearerChallenge::from_headers(&HeaderMap::new()), None);
}

#[test]
fn an_url_without_quotes_is_read_to_the_next_comma_or_space() {
    let url = "https://h.example:8/.well-known/oauth-protected-resource/mcp?a=b";
    for field in [
        format!("Bearer resource_metadata={url}, error=invalid_token"),
        format!("Bearer resource_metadata={url} error=invalid_token"),
        format!("Bearer error=invalid_token,resource_metadata={url}"),
    ] {
        let challenge = bearer(&field);
        assert_eq!(challenge.resource_metadata.as_deref(), Some(url), "{field}");
        assert_eq!(challenge.error.as_deref(), Some("invalid_token"), "{field}");
    }
}

#[test]
fn sentry_mcp_939_the_first_of_two_resource_metadata_counts() {
    let challenge = bearer(
        r#"Bearer realm="OAuth", resource_metadata="https://h/a", error="invalid_token", resource_metadata="https://h/b""#,
    );
    assert_eq!(challenge.resource_metadata.as_deref(), Some("https://h/a"));
}

#[test]
fn two_bearer_fields_complete_each_other() {
    let challenge = BearerChallenge::from_headers(&headers(&[
        r#"Bearer error="invalid_token""#,
        r#"Bearer error="other", resource_metadata="https://h/a""#,
    ]))
    .expect("a challenge");
    assert_eq!(challenge.error.as_deref(), Some("invalid_token"));
    assert_eq!(challenge.resource_metadata.as_deref(), Some("https://h/a"));
}

#[test]
fn an_empty_scope_is_no_scope_and_a_shown_text_is_cleaned() {
    let challenge = bearer("Bearer scope=\"\", error_description=\"a\tb \u{202e}c\"");
    assert_eq!(challenge.scope, None);
    assert_eq!(challenge.error_description.as_deref(), Some("a b c"));
}

#[test]
fn an_open_quote_and_a_parameter_without_a_scheme_do_no_harm() {
    assert_eq!(shape(&["Bearer realm=\"x, scope=a"]), ["Bearer realm=x, scope=a"]);
    assert!(shape(&["realm=\"x\", scope=a"]).is_empty());
    assert!(shape(&["@@ \"quoted, Bearer\" ="]).is_empty());
}

#[test]
fn debug_shows_no_values() {
    let challenge = parse(&headers(&["Negotiate c2VjcmV0, Digest nonce=\"s3cret\""]));
    assert_eq!(
        format!("{challenge:?}"),
        "[Challenge(Negotiate []), Challenge(Digest [\"nonce\"])]"
    );
}

proptest! {
    #[test]
    fn no_field_can_break_the_parser_or_make_it_keep_much(field in "(?s).{0,600}") {
        let challenges = parser::parse(&field);
        let kept: usize = challenges.iter().map(|challenge| {
            let parameters = challenge.parameters.iter().map(|(name, value)| name.len() + value.len());
            challenge.scheme.len() + parameters.sum::<usize>()
        }).sum();
        prop_assert!(kept <= field.len());
    }

    #[test]
    fn any_bytes_in_any_number_of_fields_are_bounded(
        fields in prop::collection::vec(prop::collection::vec(32_u8..=255, 0..40), 0..40)
    ) {
        let values = fields.iter().filter_map(|field| HeaderValue::from_bytes(field).ok());
        let headers: HeaderMap = values.map(|value| (header::WWW_AUTHENTICATE, value)).collect();
        prop_assert!(parse(&headers).len() <= MAX_CHALLENGES);
    }

    #[test]
    fn what_was_quoted_is_read_back(value in "[ -~]{0,40}", scheme in "[A-Za-z]{1,8}", name in "[a-z_]{1,8}") {
        let quoted = value.replace('\\', r"\\").replace('"', r#"\""#);
        let challenges = parser::parse(&format!("{scheme} {name}=\"{quoted}\""));
        prop_assert_eq!(challenges.len(), 1);
        prop_assert_eq!(challenges[0].parameter(&name), Some(value.as_str()));
    }
}

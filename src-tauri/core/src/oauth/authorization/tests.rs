//! The request row by row, and every way a response can be wrong.

use std::collections::HashMap;

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::{
    config::AuthConfig,
    oauth::{
        discovery::Discovery,
        issuer::Issuer,
        scope::Scopes,
        testing::{client, discovery, endpoint, issuer, pending},
    },
};

const REDIRECT: &str = "http://127.0.0.1:4711/oauth/callback";

fn begin(discovery: &Discovery, auth: &AuthConfig) -> Result<Url, AuthorizationError> {
    let request = AuthorizationRequest {
        discovery,
        client: &client(),
        auth,
        dpop: None,
        redirect_uri: REDIRECT.to_owned(),
        scope: discovery.scope.clone(),
    };
    request.begin().map(|(url, _)| url)
}

fn query(url: &Url) -> HashMap<String, String> {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let map: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a parameter appears twice in {url}");
    map
}

#[test]
fn the_request_carries_state_pkce_resource_and_scope_once_each() {
    let discovery = discovery("https://as.example");
    let url = begin(&discovery, &AuthConfig::default()).expect("begins");
    let query = query(&url);
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "client-1");
    assert_eq!(query["redirect_uri"], REDIRECT);
    assert_eq!(query["resource"], "https://mcp.example");
    assert_eq!(query["scope"], "read write");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["code_challenge"].len(), 43);
    assert!(query["state"].len() >= 40);
    assert!(!query.contains_key("audience"));
}

#[test]
fn nothing_to_ask_for_means_no_scope_and_no_resource_parameter() {
    let mut discovery = discovery("https://as.example");
    discovery.scope = Scopes::default();
    discovery.resource = None;
    let query = query(&begin(&discovery, &AuthConfig::default()).expect("begins"));
    assert!(!query.contains_key("scope") && !query.contains_key("resource"));
}

#[test]
fn two_requests_share_neither_state_nor_challenge() {
    let discovery = discovery("https://as.example");
    let one = query(&begin(&discovery, &AuthConfig::default()).expect("begins"));
    let two = query(&begin(&discovery, &AuthConfig::default()).expect("begins"));
    assert_ne!(one["state"], two["state"]);
    assert_ne!(one["code_challenge"], two["code_challenge"]);
}

#[test]
fn extra_parameters_are_sent_and_the_protocols_own_cannot_be_replaced() {
    let discovery = discovery("https://as.example");
    let mut auth = AuthConfig {
        audience: Some("api".to_owned()),
        authorize_params: vec![("access_type".to_owned(), "offline".to_owned())],
        ..AuthConfig::default()
    };
    let query = query(&begin(&discovery, &auth).expect("begins"));
    assert_eq!(query["audience"], "api");
    assert_eq!(query["access_type"], "offline");
    for name in [
        "state",
        "redirect_uri",
        "request_uri",
        "code_challenge_method",
        "response_mode",
    ] {
        auth.authorize_params = vec![(name.to_owned(), "x".to_owned())];
        let refused = AuthorizationError::ReservedParameter {
            name: name.to_owned(),
        };
        assert_eq!(begin(&discovery, &auth), Err(refused));
    }
}

#[test]
fn an_endpoints_own_query_is_kept_except_what_would_double_ours() {
    let mut discovery = discovery("https://as.example");
    discovery.server.authorization_endpoint = Some(endpoint("https://as.example/a?tenant=7&state=fixed#top"));
    let url = begin(&discovery, &AuthConfig::default()).expect("begins");
    let query = query(&url);
    assert_eq!(query["tenant"], "7");
    assert_ne!(query["state"], "fixed");
    assert_eq!(url.fragment(), None);
}

#[test]
fn what_cannot_work_is_refused_before_a_browser_opens() {
    let whole = discovery("https://as.example");
    let mut without_page = whole.clone();
    without_page.server.authorization_endpoint = None;
    let missing = AuthorizationError::NoAuthorizationEndpoint { issuer: issuer() };
    assert_eq!(begin(&without_page, &AuthConfig::default()), Err(missing));
    let mut without_token = whole.clone();
    without_token.server.token_endpoint = None;
    let missing = AuthorizationError::NoTokenEndpoint { issuer: issuer() };
    assert_eq!(begin(&without_token, &AuthConfig::default()), Err(missing));
    let mut elsewhere = whole;
    elsewhere.server.issuer = Issuer::parse("https://other.example").expect("valid");
    let foreign = begin(&elsewhere, &AuthConfig::default());
    assert!(matches!(foreign, Err(AuthorizationError::ForeignClient { .. })));
}

#[test]
fn a_redirect_uri_is_loopback_https_or_our_own_scheme() {
    let discovery = discovery("https://as.example");
    let begin = |uri: &str| {
        let request = AuthorizationRequest {
            discovery: &discovery,
            client: &client(),
            auth: &AuthConfig::default(),
            dpop: None,
            redirect_uri: uri.to_owned(),
            scope: Scopes::default(),
        };
        request.begin().map(drop)
    };
    for good in [
        "ai.omlx.connect:/oauth/callback",
        "http://localhost:1/x",
        "https://app.example/cb",
    ] {
        assert_eq!(begin(good), Ok(()), "{good}");
    }
    for bad in [
        "http://app.example/cb",
        "ai.omlx.connected:/x",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        assert!(
            matches!(begin(bad), Err(AuthorizationError::RedirectUri(_))),
            "{bad}"
        );
    }
}

/// An issuer that announces `iss`.
fn promising() -> Discovery {
    let mut discovery = silent();
    discovery.server.iss_parameter_supported = true;
    discovery
}

/// An issuer that does not.
fn silent() -> Discovery {
    discovery("https://as.example")
}

/// Accepts `parameters`, `{state}` standing for the right one.
fn accept(discovery: &Discovery, parameters: &str) -> Result<RedeemableCode, AuthorizationError> {
    let (pending, state) = pending(discovery);
    let response = AuthorizationResponse::parse(&parameters.replace("{state}", &state))?;
    let verdict = pending.verdict(&response);
    let outcome = pending.accept(response);
    let expected = match outcome {
        Ok(_) => Verdict::Granted,
        Err(AuthorizationError::StateMismatch) => Verdict::Foreign,
        Err(_) => Verdict::Refused,
    };
    assert_eq!(verdict, expected, "the browser is shown what really happens");
    outcome
}

#[test]
fn the_issuer_table_is_applied_to_codes_and_to_errors() {
    let right = "iss=https%3A%2F%2Fas.example";
    for reply in ["code=c", "error=access_denied&error_description=evil"] {
        let with = |promised: &Discovery, iss: &str| {
            accept(promised, &format!("?state={{state}}&{reply}&{iss}")).err()
        };
        let said = |error: Option<AuthorizationError>| match error {
            None => "accepted",
            Some(AuthorizationError::Denied) => "denied",
            Some(AuthorizationError::IssuerMissing { .. }) => "missing",
            Some(AuthorizationError::IssuerMismatch { .. }) => "mismatch",
            Some(_) => "other",
        };
        let fine = if reply.starts_with("code") {
            "accepted"
        } else {
            "denied"
        };
        assert_eq!(said(with(&promising(), right)), fine);
        assert_eq!(said(with(&promising(), "")), "missing");
        assert_eq!(said(with(&silent(), right)), fine);
        assert_eq!(said(with(&silent(), "")), fine);
        for promised in [&promising(), &silent()] {
            for wrong in [
                "iss=https%3A%2F%2Fevil.example",
                "iss=https%3A%2F%2Fas.example%2F",
                "iss=https%3A%2F%2FAS.example",
                "iss=https%3A%2F%2Fas.example%3A443",
                "iss=https%3A%2F%2Fas%252Eexample",
                "iss=",
            ] {
                assert_eq!(said(with(promised, wrong)), "mismatch", "{wrong}");
            }
        }
    }
}

#[test]
fn an_error_text_from_the_wrong_issuer_is_never_shown() {
    let planted = "?state={state}&error=planted_code&error_description=planted+text&error_uri=https://evil.example&iss=https://evil.example";
    let error = accept(&promising(), planted).expect_err("refused");
    let shown = format!("{error} {error:?} {:?}", error.problem());
    assert!(!shown.contains("planted") && !shown.contains("evil"), "{shown}");
    let response =
        AuthorizationResponse::parse("error=planted&error_description=planted&state=s").expect("parses");
    assert!(!format!("{response:?}").contains("planted"));
}

#[test]
fn a_refusal_is_told_bounded_and_clean() {
    let long = format!(
        "?state={{state}}&error=invalid_scope&error_description=no%1b%5b2J%0A{}",
        "x".repeat(900)
    );
    let error = accept(&silent(), &long).expect_err("refused");
    assert_eq!(error.code(), "authorization_refused");
    let shown = error.to_string();
    assert!(
        shown.starts_with("the authorization server answered invalid_scope (no [2J xxx"),
        "{shown}"
    );
    assert!(shown.chars().count() < 450 && !shown.contains('\u{1b}'));
}

#[test]
fn a_state_that_is_absent_wrong_or_doubled_is_not_ours() {
    for foreign in [
        "code=c",
        "code=c&state=",
        "code=c&state=wrong",
        "code=c&state={state}x",
    ] {
        assert_eq!(
            accept(&silent(), foreign).err(),
            Some(AuthorizationError::StateMismatch),
            "{foreign}"
        );
    }
    for unreadable in [
        "code=c&state={state}&state={state}",
        "code=c&code=d&state={state}",
        "code=c&error=e&state={state}",
        "state={state}",
        "code=&state={state}",
        "",
        "https://mcp.example/",
    ] {
        assert_eq!(
            accept(&silent(), unreadable).err(),
            Some(AuthorizationError::Unreadable),
            "{unreadable}"
        );
    }
}

#[test]
fn a_pasted_address_is_read_however_it_was_copied() {
    for pasted in [
        "http://127.0.0.1:4711/oauth/callback?code=c&state={state}",
        "  \"http://localhost/oauth/callback?state={state}&code=c#_=_\"\n",
        "<ai.omlx.connect:/oauth/callback?code=c&state={state}>",
        "/oauth/callback?code=c&state={state}",
        "?code=c&state={state}",
        "code=c&state={state}",
        "http://127.0.0.1:4711/oauth/callback?co\n  de=c&state={state}",
    ] {
        let code = accept(&silent(), pasted).expect(pasted);
        assert_eq!(code.code.secret(), "c");
    }
    assert_eq!(
        AuthorizationResponse::parse(&format!("code={}&state=s", "x".repeat(20_000))).err(),
        Some(AuthorizationError::Unreadable)
    );
}

#[test]
fn nothing_secret_shows_in_debug() {
    let (pending, state) = pending(&discovery("https://as.example"));
    let response = AuthorizationResponse::parse(&format!("code=planted-code&state={state}")).expect("parses");
    let before = format!("{pending:?} {response:?}");
    let verifier = pending.verifier.secret().clone();
    let code = pending.accept(response).expect("accepted");
    let shown = format!("{before} {code:?}");
    for secret in ["planted-code", state.as_str(), verifier.as_str()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_never_accepted_without_our_state(text in ".{0,300}") {
        if let Ok(response) = AuthorizationResponse::parse(&text) {
            let (pending, _) = pending(&discovery("https://as.example"));
            prop_assert!(!pending.matches(&response));
        }
    }
}

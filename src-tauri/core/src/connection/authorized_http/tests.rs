use http::{HeaderValue, header};

use super::*;
use crate::{
    Problem,
    connection::{
        fault::NetworkCause,
        test_kit::{ScriptedTokens, Server, bearer, client, reply},
        token_source::AnonymousTokens,
    },
};

fn post(body: &'static str) -> Outgoing {
    Outgoing {
        body: Bytes::from_static(body.as_bytes()),
        operation: Some("tools/call echo".into()),
        ..Outgoing::new(Method::POST)
    }
}

fn refused(outcome: Result<reqwest::Response, HttpFault>) -> Arc<Refusal> {
    match outcome {
        Err(HttpFault::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rejected_token_is_named_and_the_request_sent_once_more_with_the_new_one() {
    let server = Server::start(|seen| match seen.header("authorization") {
        "Bearer new" => reply(200, &[], "ok"),
        _ => reply(401, &[], ""),
    })
    .await;
    let tokens = ScriptedTokens::new("old", vec![Verdict::Retry(bearer("new"))]);
    let response = server
        .http_with(tokens.clone())
        .send(post("{\"a\":1}"))
        .await
        .expect("admitted");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(tokens.rejections(), ["old"]);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body, "the body is replayed");
}

#[tokio::test]
async fn a_second_401_is_a_refusal_and_not_a_third_request() {
    let server = Server::start(|_| reply(401, &[], "")).await;
    let tokens = ScriptedTokens::new("old", vec![Verdict::Retry(bearer("new"))]);
    let refusal = refused(server.http_with(tokens).send(post("{}")).await);
    assert_eq!(refusal.presented, Presented::Token);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn every_challenge_field_and_the_operation_are_kept_for_the_owner() {
    let challenges = [
        ("www-authenticate", "Basic"),
        ("www-authenticate", "Bearer scope=\"a\""),
    ];
    let server =
        Server::start(move |_| reply(401, &challenges, "{\"error_description\":\"sign\\nin\"}")).await;
    let http = server.http();
    let mut watched = http.refusals();
    let refusal = refused(http.send(post("{}")).await);
    assert_eq!(refusal.challenges.get_all(WWW_AUTHENTICATE).iter().count(), 2);
    assert_eq!(refusal.operation.as_deref(), Some("tools/call echo"));
    assert_eq!(refusal.presented, Presented::Nothing);
    assert_eq!(refusal.detail.as_deref(), Some("sign in"));
    assert_eq!(refusal.action(), Action::Connect);
    assert_eq!(watched.borrow_and_update().as_ref(), Some(&refusal));
}

#[tokio::test]
async fn a_403_never_refreshes() {
    let server = Server::start(|_| reply(403, &[], "")).await;
    let tokens = ScriptedTokens::new("old", vec![Verdict::Retry(bearer("new"))]);
    let refusal = refused(server.http_with(tokens.clone()).send(post("{}")).await);
    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
    assert!(tokens.rejections().is_empty());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_401_while_the_authorization_server_is_away_is_not_a_refusal() {
    let server = Server::start(|_| reply(401, &[], "")).await;
    let problem = Problem {
        code: "unreachable".into(),
        message: "the authorization server is away".into(),
        action: Action::Retry,
    };
    let http = server.http_with(ScriptedTokens::new("old", vec![Verdict::Unavailable(problem)]));
    let fault = http.send(post("{}")).await.expect_err("no answer");
    assert!(matches!(&fault, HttpFault::TokenUnavailable(_)));
    assert!(fault.is_transient());
    assert!(http.refusals().borrow().is_none());
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_once_with_body_and_token() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/mcp" => reply(307, &[("location", "/moved")], ""),
        _ => reply(200, &[], "ok"),
    })
    .await;
    let http = server.http_with(ScriptedTokens::new("t", vec![]));
    assert_eq!(
        http.send(post("{}")).await.expect("followed").status(),
        StatusCode::OK
    );
    let seen = server.seen();
    assert_eq!(seen[1].header("authorization"), "Bearer t");
    assert_eq!(seen[1].method, Method::POST);
}

#[tokio::test]
async fn a_redirect_elsewhere_is_an_error_that_names_the_host_and_takes_no_token_along() {
    let other = Server::start(|_| reply(200, &[], "")).await;
    let elsewhere = other.url().to_string();
    for (status, location) in [
        (308, elsewhere.clone()),
        (302, "/mcp2".to_owned()),
        (303, elsewhere),
    ] {
        let server = Server::start(move |_| reply(status, &[("location", &location)], "")).await;
        let http = server.http_with(ScriptedTokens::new("t", vec![]));
        let fault = http.send(post("{}")).await.expect_err("not followed");
        assert!(matches!(fault, HttpFault::Redirected { .. }), "{fault}");
        assert_eq!(server.seen().len(), 1);
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_second_redirect_is_not_followed() {
    let server = Server::start(|_| reply(308, &[("location", "/again")], "")).await;
    let fault = server.http().send(post("{}")).await.expect_err("a loop");
    assert!(matches!(fault, HttpFault::Redirected { .. }));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn no_token_travels_over_plain_http_to_another_machine() {
    let url = Url::parse("http://mcp.example/mcp").expect("a URL");
    let http = AuthorizedHttp::new(client(), url, HeaderMap::new(), ScriptedTokens::new("t", vec![]));
    let fault = http.send(post("{}")).await.expect_err("refused before sending");
    assert!(matches!(&fault, HttpFault::Insecure { host } if host == "mcp.example"));
}

#[tokio::test]
async fn no_request_leaves_the_configured_origin() {
    let server = Server::start(|_| reply(200, &[], "")).await;
    let mut request = post("{}");
    request.url = Some(Url::parse("https://evil.example/mcp").expect("a URL"));
    let fault = server.http().send(request).await.expect_err("foreign");
    assert!(matches!(fault, HttpFault::ForeignEndpoint { .. }));
}

#[tokio::test]
async fn static_headers_are_sent_and_a_401_to_them_says_so() {
    let server = Server::start(|_| reply(401, &[], "")).await;
    let mut secret = HeaderValue::from_static("Bearer from-the-file");
    secret.set_sensitive(true);
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, secret)]);
    let http = AuthorizedHttp::new(client(), server.url(), headers, Arc::new(AnonymousTokens));
    let refusal = refused(http.send(post("{}")).await);
    assert_eq!(refusal.presented, Presented::StaticHeader);
    assert_eq!(refusal.code(), "credential_rejected");
    assert_eq!(server.seen()[0].header("authorization"), "Bearer from-the-file");
    assert!(!format!("{http:?} {refusal:?} {refusal}").contains("from-the-file"));
}

#[tokio::test]
async fn nothing_listening_and_a_name_nobody_knows_are_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    for (url, expected) in [
        (closed.as_str(), NetworkCause::ConnectionRefused),
        ("http://no-such-host.invalid/", NetworkCause::NameNotFound),
    ] {
        let url = Url::parse(url).expect("a URL");
        let http = AuthorizedHttp::new(client(), url, HeaderMap::new(), Arc::new(AnonymousTokens));
        match http.send(post("{}")).await {
            Err(HttpFault::Unreachable { cause, .. }) => assert_eq!(cause, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn plain_http_behind_an_https_url_is_a_tls_failure() {
    let server = Server::start(|_| reply(200, &[], "")).await;
    let url = Url::parse(&format!("https://{}/mcp", server.address)).expect("a URL");
    let http = AuthorizedHttp::new(client(), url, HeaderMap::new(), Arc::new(AnonymousTokens));
    let fault = http.send(post("{}")).await.expect_err("no TLS there");
    assert_eq!(fault.code(), "tls_failed", "{fault}");
}

#[test]
fn the_servers_own_words_are_found_in_the_usual_places() {
    for (body, words) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"not you"}}"#,
            Some("not you"),
        ),
        (
            r#"{"error":"invalid_token","error_description":"too old"}"#,
            Some("too old"),
        ),
        (r#"{"error":"invalid_token"}"#, Some("invalid_token")),
        ("Forbidden\n", Some("Forbidden")),
        ("<html>no</html>", None),
        ("", None),
    ] {
        assert_eq!(detail_of(body.as_bytes()).as_deref(), words, "{body}");
    }
}

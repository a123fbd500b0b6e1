use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use ::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

use super::*;
use crate::{
    Explain,
    connection::{
        authorized_http::Presented,
        fault::{Answer, HttpFault},
        test_kit::{
            ScriptedTokens, Seen, Server, bearer, client, context, discovered, entry, initialized,
            json_reply, legacy, open_ended, remembering, reply, result, rpc_error, session, stateless,
            streamable,
        },
    },
};

const LIMIT: Duration = Duration::from_secs(10);

async fn tools(server: &Server, context: &OpenContext) -> Opened {
    let opened = open(&streamable(server.url()), context).await.expect("opened");
    let tools = opened.tools(LIMIT).await.expect("listed");
    assert_eq!(tools.len(), 1);
    opened
}

/// The POST requests seen so far; the GET stream of a session comes in its own time.
fn posts(server: &Server) -> Vec<String> {
    server
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("POST"))
        .collect()
}

async fn refused_with(
    script: impl Fn(&Seen) -> Response + Send + Sync + 'static,
) -> (OpenError, Vec<String>) {
    let server = Server::start(script).await;
    let error = open(&streamable(server.url()), &context())
        .await
        .expect_err("no connection");
    (error, server.lines())
}

#[tokio::test]
async fn a_stateless_server_takes_two_requests_from_start_to_tools() {
    for context in [context(), remembering(Era::Stateless)] {
        let server = Server::start(stateless).await;
        let opened = tools(&server, &context).await;
        assert_eq!(opened.era, Era::Stateless);
        assert_eq!(opened.server.display_name(), Some("A Fake"));
        assert_eq!(server.lines(), ["POST server/discover", "POST tools/list"]);
    }
}

#[tokio::test]
async fn a_session_server_takes_one_request_more_than_its_handshake_when_unknown() {
    let server = Server::start(session).await;
    let opened = tools(&server, &context()).await;
    assert_eq!(opened.era, Era::Session);
    let expected = [
        "POST server/discover",
        "POST initialize",
        "POST notifications/initialized",
        "POST tools/list",
    ];
    assert_eq!(posts(&server), expected);
}

#[tokio::test]
async fn a_later_start_of_a_session_takes_three_requests_to_the_tools_and_the_stream_waits() {
    let server = Server::start(|seen| {
        assert!(seen.method != "GET" || seen.header("mcp-session-id") == "s-1");
        session(seen)
    })
    .await;
    let opened = open(&streamable(server.url()), &remembering(Era::Session))
        .await
        .expect("opened");
    assert_eq!(
        server.lines(),
        ["POST initialize", "POST notifications/initialized"]
    );
    opened.tools(LIMIT).await.expect("listed");
    let lines = server.lines();
    assert_eq!(lines[2], "POST tools/list", "{lines:?}");
    opened.close().await;
    let last = server.seen().pop().expect("requests");
    assert_eq!(
        (last.method.as_str(), last.header("mcp-session-id")),
        ("DELETE", "s-1")
    );
}

#[tokio::test]
async fn the_headers_of_the_stateless_era_mirror_the_message() {
    let server = Server::start(stateless).await;
    let opened = tools(&server, &context()).await;
    let arguments = json!({"region": "Zürich"});
    let call =
        CallToolRequestParams::new("echo").with_arguments(arguments.as_object().expect("an object").clone());
    opened.call(call, LIMIT).await.expect("called");
    let seen = server.seen();
    for request in &seen {
        let meta = &request.body["params"]["_meta"];
        assert_eq!(request.header("mcp-protocol-version"), "2026-07-28");
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "omlx-connect");
        assert_eq!(request.header("mcp-method"), request.body["method"]);
        assert_eq!(request.header("accept"), "application/json, text/event-stream");
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.headers.get("mcp-session-id").is_none());
    }
    assert_eq!(seen[2].header("mcp-name"), "echo");
    assert_eq!(seen[2].header("mcp-param-region"), "=?base64?WsO8cmljaA==?=");
}

#[tokio::test]
async fn a_server_that_speaks_only_older_versions_is_initialized_with_the_newest_of_them() {
    let server = Server::start(|seen| match seen.body["method"].as_str() {
        Some("server/discover") => {
            let data = json!({"supported": ["2024-11-05", "2025-06-18"], "requested": "2026-07-28"});
            let error = json!({"code": -32022, "message": "no", "data": data});
            json_reply(
                400,
                &json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error}),
            )
        }
        Some("initialize") => {
            assert_eq!(seen.body["params"]["protocolVersion"], "2025-06-18");
            result(seen, &initialized("2025-06-18"))
        }
        Some("tools/list") => {
            assert_eq!(seen.header("mcp-protocol-version"), "2025-06-18");
            result(
                seen,
                &json!({"tools": [{"name": "a", "inputSchema": {"type": "object"}}]}),
            )
        }
        _ => reply(202, &[], ""),
    })
    .await;
    assert_eq!(tools(&server, &context()).await.era, Era::Session);
}

#[tokio::test]
async fn a_server_that_answers_discover_with_older_versions_only_is_initialized() {
    let server = Server::start(|seen| match seen.body["method"].as_str() {
        Some("server/discover") => result(seen, &discovered(&["2025-11-25"])),
        _ => session(seen),
    })
    .await;
    assert_eq!(tools(&server, &context()).await.era, Era::Session);
    assert_eq!(posts(&server).len(), 4);
}

#[tokio::test]
async fn a_server_that_moved_on_is_found_although_a_session_is_remembered() {
    let server = Server::start(stateless).await;
    assert_eq!(
        tools(&server, &remembering(Era::Session)).await.era,
        Era::Stateless
    );
    assert_eq!(
        server.lines(),
        ["POST initialize", "POST server/discover", "POST tools/list"]
    );
}

#[tokio::test]
async fn a_server_with_nothing_to_post_to_is_reached_by_its_event_stream() {
    let server = Server::start(legacy()).await;
    assert_eq!(tools(&server, &context()).await.era, Era::LegacySse);
    let expected = [
        "POST server/discover",
        "POST initialize",
        "GET",
        "POST initialize",
        "POST notifications/initialized",
        "POST tools/list",
    ];
    assert_eq!(server.lines(), expected);
}

#[tokio::test]
async fn a_legacy_server_is_asked_for_its_event_stream_at_once_when_that_is_known() {
    let server = Server::start(legacy()).await;
    tools(&server, &remembering(Era::LegacySse)).await;
    assert_eq!(server.lines()[..2], ["GET", "POST initialize"]);
    let server = Server::start(legacy()).await;
    let configured = entry(Transport::Sse {
        url: server.url(),
        headers: HeaderMap::new(),
    });
    let opened = open(&configured, &context()).await.expect("opened");
    assert_eq!(server.lines().len(), 3);
    assert_eq!(opened.tools(LIMIT).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn a_401_comes_before_all_guessing() {
    let (error, lines) = refused_with(|_| reply(401, &[("www-authenticate", "Bearer")], "")).await;
    let OpenError::Unauthorized(refusal) = &error else {
        panic!("{error}")
    };
    assert_eq!(refusal.presented, Presented::Nothing);
    assert_eq!(refusal.operation.as_deref(), Some("server/discover"));
    assert_eq!(lines, ["POST server/discover"]);
}

#[tokio::test]
async fn a_401_without_a_challenge_is_a_401_too() {
    let (error, _) = refused_with(|_| reply(401, &[], "{}")).await;
    assert_eq!(error.code(), "unauthorized");
}

#[tokio::test]
async fn a_401_in_the_middle_of_the_handshake_is_not_lost() {
    let (error, _) = refused_with(|seen| match seen.body["method"].as_str() {
        Some("notifications/initialized") => reply(401, &[], ""),
        _ => session(seen),
    })
    .await;
    assert!(matches!(error, OpenError::Unauthorized(_)), "{error}");
}

#[tokio::test]
async fn a_403_ends_it_with_the_challenge() {
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"mcp:write\"";
    let (error, lines) = refused_with(move |_| reply(403, &[("www-authenticate", challenge)], "")).await;
    let OpenError::Forbidden(refusal) = &error else {
        panic!("{error}")
    };
    assert_eq!(refusal.challenges["www-authenticate"], challenge);
    assert_eq!(lines.len(), 1);
}

#[tokio::test]
async fn a_server_having_a_bad_day_is_neither_guessed_at_nor_signed_out_of() {
    for status in [429, 500, 503] {
        let (error, lines) = refused_with(move |_| reply(status, &[("retry-after", "7")], "busy")).await;
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.code(), "server_error");
        assert_eq!(lines.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_web_page_is_recognized_and_nothing_more_is_tried() {
    let html = [("content-type", "text/html; charset=utf-8")];
    let (error, lines) = refused_with(move |_| reply(200, &html, "<!doctype html><p>Welcome")).await;
    let is_page = matches!(
        &error,
        OpenError::Http(HttpFault::NotMcp {
            answer: Answer::WebPage,
            ..
        })
    );
    assert!(is_page, "{error}");
    assert_eq!((error.code(), lines.len()), ("not_mcp", 1));
}

#[tokio::test]
async fn a_wrong_path_is_told_by_what_initialize_answered() {
    let (error, lines) =
        refused_with(|_| reply(404, &[("content-type", "text/html")], "<h1>Not Found")).await;
    assert_eq!(
        error.to_string().split(' ').skip(1).collect::<Vec<_>>().join(" "),
        "answered 404 Not Found"
    );
    assert_eq!(lines, ["POST server/discover", "POST initialize", "GET"]);
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_server_that_refuses_the_handshake_is_quoted() {
    let (error, _) = refused_with(|seen| rpc_error(StatusCode::OK, &seen.body["id"], -32603)).await;
    assert_eq!(
        error.to_string(),
        "the server refuses the connection: no (-32603)"
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_runs_out_of_time() {
    let server =
        Server::start(|_| reply(200, &[("content-type", "application/json")], open_ended(vec![]))).await;
    let mut config = streamable(server.url());
    config.timeout = Duration::from_millis(50);
    let error = open(&config, &context()).await.expect_err("silence");
    assert!(matches!(error, OpenError::TimedOut { .. }));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_lost_session_is_replaced_and_the_request_sent_again() {
    for (status, code) in [(StatusCode::NOT_FOUND, -32001), (StatusCode::BAD_REQUEST, -32000)] {
        let calls = AtomicUsize::new(0);
        let server = Server::start(move |seen| match seen.body["method"].as_str() {
            Some("tools/call") if calls.fetch_add(1, Ordering::SeqCst) == 0 => {
                rpc_error(status, &Value::Null, code)
            }
            _ => session(seen),
        })
        .await;
        let opened = tools(&server, &remembering(Era::Session)).await;
        opened
            .call(CallToolRequestParams::new("echo"), LIMIT)
            .await
            .expect("called in a new session");
        let expected = [
            "POST initialize",
            "POST notifications/initialized",
            "POST tools/list",
            "POST tools/call",
            "POST initialize",
            "POST notifications/initialized",
            "POST tools/call",
        ];
        assert_eq!(posts(&server), expected);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_resumed_after_the_wait_the_server_asked_for() {
    let server = Server::start(|seen| {
        let events = [("content-type", "text/event-stream")];
        match (seen.method.as_str(), seen.body["method"].as_str()) {
            ("POST", Some("tools/call")) => reply(200, &events, "id: e-7\nretry: 20\ndata:\n\n"),
            ("GET", _) if seen.header("last-event-id") == "e-7" => {
                let answer = json!({"jsonrpc": "2.0", "id": 2, "result": {"content": []}});
                reply(200, &events, format!("id: e-8\ndata: {answer}\n\n"))
            }
            _ => session(seen),
        }
    })
    .await;
    let opened = tools(&server, &remembering(Era::Session)).await;
    opened
        .call(CallToolRequestParams::new("echo"), LIMIT)
        .await
        .expect("resumed");
    let resumed = server
        .seen()
        .into_iter()
        .find(|seen| seen.header("last-event-id") == "e-7");
    assert_eq!(resumed.expect("a GET").header("mcp-session-id"), "s-1");
}

#[tokio::test]
async fn the_newest_token_travels_with_every_request_of_an_open_connection() {
    let server = Server::start(|seen| match seen.header("authorization") {
        "Bearer good" | "Bearer renewed" => stateless(seen),
        _ => reply(401, &[], ""),
    })
    .await;
    let tokens = ScriptedTokens::new("good", vec![]);
    let context = OpenContext {
        client: client().into(),
        tokens: tokens.clone(),
        ..context()
    };
    let opened = tools(&server, &context).await;
    tokens.current.store(Some(bearer("renewed")));
    opened
        .call(CallToolRequestParams::new("echo"), LIMIT)
        .await
        .expect("called");
    let last = server.seen().pop().expect("requests");
    assert_eq!(last.header("authorization"), "Bearer renewed");
    assert!(opened.http.expect("over HTTP").refusals().borrow().is_none());
}

use rmcp::model::{
    ClientNotification, ClientRequest, InitializedNotification, ListToolsRequest, RequestId,
    ServerJsonRpcMessage,
};
use serde_json::{Value, json};

use super::*;
use crate::connection::{
    fault::Answer,
    test_kit::{Seen, Server, json_reply, open_ended, reply, rpc_error},
};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const HTML: [(&str, &str); 1] = [("content-type", "text/html")];
const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];

fn list() -> ClientJsonRpcMessage {
    let request = ClientRequest::ListToolsRequest(ListToolsRequest::default());
    ClientJsonRpcMessage::request(request, RequestId::Number(7))
}

fn notification() -> ClientJsonRpcMessage {
    let notification = InitializedNotification::default();
    ClientJsonRpcMessage::notification(ClientNotification::InitializedNotification(notification))
}

fn limits(bytes: usize) -> StreamableHttpResponseLimits {
    let mut limits = StreamableHttpResponseLimits::default();
    limits.max_json_response_size = bytes;
    limits.max_sse_event_size = bytes;
    limits
}

fn client(server: &Server) -> StreamableHttp {
    StreamableHttp {
        http: server.http(),
        listening: Arc::new(Listening::new()),
        faults: Faults::default(),
    }
}

async fn post(
    message: ClientJsonRpcMessage,
    session: Option<&str>,
    script: impl Fn(&Seen) -> axum::response::Response + Send + Sync + 'static,
) -> Result<StreamableHttpPostResponse, Fault> {
    let server = Server::start(script).await;
    let request = outgoing(Method::POST, session.map(Arc::from), Fields::new());
    client(&server).post(message, request, limits(1000)).await
}

fn fault(outcome: Result<StreamableHttpPostResponse, Fault>) -> HttpFault {
    match outcome {
        Err(StreamableHttpError::Client(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

async fn first_event(outcome: Result<StreamableHttpPostResponse, Fault>) -> Value {
    let Ok(StreamableHttpPostResponse::Sse(mut events, _)) = outcome else {
        panic!("{outcome:?}")
    };
    let event = events.next().await.expect("an event").expect("readable");
    serde_json::from_str(&event.data.expect("data")).expect("JSON")
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_whether_its_length_is_announced_or_not() {
    let announced = post(list(), None, |_| reply(200, &JSON, "x".repeat(1001))).await;
    let endless = post(list(), None, |_| {
        reply(200, &JSON, open_ended(vec!["x".repeat(400); 4]))
    })
    .await;
    for outcome in [announced, endless] {
        assert!(matches!(fault(outcome), HttpFault::TooLarge { limit: 1000, .. }));
    }
}

#[tokio::test]
async fn an_event_above_the_limit_becomes_the_answer_so_that_nobody_waits() {
    let huge = vec![format!("data: {}", "x".repeat(2000))];
    let answer = first_event(
        post(list(), None, move |_| {
            reply(200, &EVENTS, open_ended(huge.clone()))
        })
        .await,
    )
    .await;
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["error"]["message"], "an event is larger than 1000 bytes");
}

#[tokio::test]
async fn an_error_gets_the_id_of_its_request_even_when_middleware_answered() {
    for id in [Value::Null, json!("server-error"), json!(99)] {
        let outcome = post(list(), None, move |_| {
            rpc_error(StatusCode::BAD_REQUEST, &id, -32600)
        })
        .await;
        let Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(error), _)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(error.id, Some(RequestId::Number(7)));
    }
}

#[tokio::test]
async fn an_error_of_the_server_that_is_json_rpc_is_an_answer() {
    let outcome = post(list(), None, |seen| {
        rpc_error(StatusCode::INTERNAL_SERVER_ERROR, &seen.body["id"], -32603)
    })
    .await;
    assert!(
        matches!(outcome, Ok(StreamableHttpPostResponse::Json(..))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_is_no_mcp_is_told_apart() {
    for (headers, body, expected) in [
        (&HTML[..], "<p>", Answer::WebPage),
        (&[], "<!doctype html>", Answer::WebPage),
        (&JSON[..], "{\"hello\":1}", Answer::OtherJson),
        (&JSON[..], " ", Answer::Nothing),
        (&[], "hello", Answer::OtherMedia),
    ] {
        match fault(post(list(), None, move |_| reply(200, headers, body)).await) {
            HttpFault::NotMcp { answer, .. } => assert_eq!(answer, expected, "{body}"),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn json_without_its_media_type_is_json() {
    let body = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
    let outcome = post(list(), None, move |_| {
        reply(200, &[("content-type", "text/plain")], body)
    })
    .await;
    assert!(
        matches!(outcome, Ok(StreamableHttpPostResponse::Json(..))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn nothing_in_the_answer_to_a_notification_matters() {
    for (status, body) in [(200, ""), (200, "OK"), (200, "{}"), (202, ""), (204, "")] {
        let outcome = post(notification(), None, move |_| reply(status, &[], body)).await;
        assert!(
            matches!(outcome, Ok(StreamableHttpPostResponse::Accepted)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_session_that_is_gone_is_told_apart_from_a_server_that_is_not_there() {
    let lost = post(list(), Some("s"), |_| reply(404, &[], "")).await;
    assert!(
        matches!(lost, Err(StreamableHttpError::SessionExpired)),
        "{lost:?}"
    );
    let absent = post(list(), None, |_| reply(404, &[], "no such page")).await;
    let HttpFault::Status { status, detail, .. } = fault(absent) else {
        panic!("a status")
    };
    assert_eq!(
        (status, detail.as_deref()),
        (StatusCode::NOT_FOUND, Some("no such page"))
    );
}

#[tokio::test]
async fn a_server_without_an_event_stream_is_left_in_peace() {
    for status in [400, 404, 405, 200] {
        let server = Server::start(move |_| reply(status, &JSON, "{}")).await;
        let client = client(&server);
        client.listening.note_answer();
        let request = outgoing(Method::GET, Some("s".into()), Fields::new());
        let outcome = client.listen(request, None, 1000).await.map(drop);
        assert!(
            matches!(outcome, Err(StreamableHttpError::ServerDoesNotSupportSse)),
            "{status}"
        );
    }
}

#[tokio::test]
async fn refusals_end_the_event_streams_retries_and_reach_the_owner() {
    let server = Server::start(|_| reply(401, &[], "")).await;
    let client = client(&server);
    client.listening.note_answer();
    let request = outgoing(Method::GET, Some("s".into()), Fields::new());
    let outcome = client.listen(request, None, 1000).await.map(drop);
    assert!(matches!(outcome, Err(StreamableHttpError::AuthRequired(_))));
    assert!(client.http.refusals().borrow().is_some());
}

#[tokio::test]
async fn an_event_stream_with_an_event_too_large_is_not_opened_again() {
    let huge = vec![format!("data: {}", "x".repeat(2000))];
    let server = Server::start(move |_| reply(200, &EVENTS, open_ended(huge.clone()))).await;
    let client = client(&server);
    client.listening.note_answer();
    let request = outgoing(Method::GET, Some("s".into()), Fields::new());
    let mut events = client.listen(request.clone(), None, 1000).await.expect("open");
    assert!(events.next().await.expect("an item").is_err());
    assert!(events.next().await.is_none());
    let again = client.listen(request, Some("1".into()), 1000).await.map(drop);
    assert!(matches!(again, Err(StreamableHttpError::ServerDoesNotSupportSse)));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_stateless_era_has_no_event_stream_to_open() {
    let server = Server::start(|_| json_reply(200, &json!({}))).await;
    let version = HeaderValue::from_static("2026-07-28");
    let request = outgoing(Method::GET, None, Fields::from([(PROTOCOL_VERSION, version)]));
    let outcome = client(&server)
        .listen(request, Some("e-1".into()), 1000)
        .await
        .map(drop);
    assert!(matches!(
        outcome,
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    ));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_server_that_cannot_delete_a_session_is_no_failure() {
    let server = Server::start(|_| reply(405, &[], "")).await;
    let deleted = client(&server)
        .delete_session("".into(), "s".into(), None, Fields::new())
        .await;
    assert!(deleted.is_ok());
    assert_eq!(server.seen()[0].header("mcp-session-id"), "s");
}

use rmcp::model::{ClientNotification, InitializedNotification};

use super::*;
use crate::{
    Explain,
    connection::test_kit::{Server, legacy, open_ended, reply},
};

const EVENTS: [(&str, &str); 1] = [("content-type", "text/event-stream")];

async fn fault(body: &'static str) -> HttpFault {
    let server = Server::start(move |_| reply(200, &EVENTS, body)).await;
    LegacySse::connect(&server.http())
        .await
        .map(drop)
        .expect_err("no connection")
}

fn initialized() -> ClientJsonRpcMessage {
    let notification = InitializedNotification::default();
    ClientJsonRpcMessage::notification(ClientNotification::InitializedNotification(notification))
}

#[test]
fn an_endpoint_is_read_against_the_streams_own_url() {
    let stream = Url::parse("https://mcp.example/v1/sse?key=1").expect("a URL");
    for (reference, path) in [
        ("/messages?s=1", "https://mcp.example/messages?s=1"),
        ("messages", "https://mcp.example/v1/messages"),
        (" https://mcp.example:443/m ", "https://mcp.example/m"),
    ] {
        assert_eq!(endpoint(&stream, reference).expect("same origin").as_str(), path);
    }
    for foreign in [
        "https://evil.example/m",
        "//evil.example/m",
        "http://mcp.example/m",
        "javascript:alert(1)",
    ] {
        let fault = endpoint(&stream, foreign).expect_err("another origin");
        assert_eq!(fault.code(), "foreign_endpoint", "{foreign}");
    }
}

#[tokio::test]
async fn a_foreign_endpoint_is_refused_and_gets_nothing() {
    let other = Server::start(|_| reply(202, &[], "")).await;
    let event = format!("event: endpoint\ndata: {}\n\n", other.url());
    let server = Server::start(move |_| reply(200, &EVENTS, event.clone())).await;
    let fault = LegacySse::connect(&server.http())
        .await
        .map(drop)
        .expect_err("refused");
    assert!(matches!(fault, HttpFault::ForeignEndpoint { .. }));
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_stream_without_an_endpoint_is_not_mcp() {
    for body in ["", "data: hello\n\n", "event: endpoint\n\n"] {
        let fault = fault(body).await;
        let answer = Answer::NoEndpoint;
        assert!(
            matches!(&fault, HttpFault::NotMcp { answer: a, .. } if *a == answer),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_page_for_people_is_not_mcp() {
    let server = Server::start(|_| reply(200, &[("content-type", "text/html")], "<p>hi")).await;
    let fault = LegacySse::connect(&server.http())
        .await
        .map(drop)
        .expect_err("a page");
    assert!(matches!(
        fault,
        HttpFault::NotMcp {
            answer: Answer::WebPage,
            ..
        }
    ));
}

#[tokio::test]
async fn messages_go_to_the_endpoint_and_a_refused_one_is_an_error() {
    let server = Server::start(legacy()).await;
    let mut transport = LegacySse::connect(&server.http()).await.expect("connected");
    transport.send(initialized()).await.expect("sent");
    assert_eq!(server.seen()[1].path, "/messages?session=1");
    transport.endpoint.set_path("/gone");
    let fault = transport.send(initialized()).await.expect_err("405");
    assert!(matches!(fault, HttpFault::Status { .. }));
}

#[tokio::test]
async fn what_is_no_message_is_skipped_and_the_end_of_the_stream_is_the_end() {
    let message = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let body = format!(
        "event: endpoint\ndata: /m\n\nevent: ping\ndata: {message}\n\ndata: hm\n\ndata: {message}\n\n"
    );
    let server = Server::start(move |_| reply(200, &EVENTS, body.clone())).await;
    let mut transport = LegacySse::connect(&server.http()).await.expect("connected");
    assert!(matches!(
        transport.receive().await,
        Some(ServerJsonRpcMessage::Notification(_))
    ));
    assert!(transport.receive().await.is_none());
}

#[tokio::test]
async fn closing_ends_the_stream() {
    let body = "event: endpoint\ndata: /m\n\n";
    let server = Server::start(move |_| reply(200, &EVENTS, open_ended(vec![body.to_owned()]))).await;
    let mut transport = LegacySse::connect(&server.http()).await.expect("connected");
    transport.close().await.expect("closed");
    assert!(transport.receive().await.is_none());
}

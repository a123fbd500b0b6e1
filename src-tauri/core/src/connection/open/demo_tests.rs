//! Both eras against the strict demo server, and the ways it can go wrong.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use omlx_demo::{Demo, DemoOptions, Era as Spoken, Fault, Protection, Reply};
use rmcp::model::{CallToolRequestParams, CallToolResult};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::{
    Explain,
    clock::Clock,
    connection::{
        call::CallError,
        fault::{HttpFault, NetworkCause},
        test_kit::{context, entry, remembering, streamable},
    },
};

const LIMIT: Duration = Duration::from_secs(10);

async fn demo(change: impl FnOnce(&mut DemoOptions)) -> Demo {
    let mut options = DemoOptions::headless();
    options.protection = Protection::Open;
    change(&mut options);
    Demo::start(options).await.expect("a port")
}

fn config(demo: &Demo) -> ServerConfig {
    streamable(Url::parse(&demo.mcp_url()).expect("a URL"))
}

async fn failing(fault: Fault) -> (OpenError, usize) {
    let demo = demo(|_| {}).await;
    demo.set(fault);
    let mut config = config(&demo);
    config.timeout = Duration::from_millis(300);
    let error = open(&config, &context()).await.expect_err("no connection");
    (error, demo.count("/mcp"))
}

async fn call(opened: &Opened, tool: &'static str, arguments: Value) -> Result<CallToolResult, CallError> {
    let Value::Object(arguments) = arguments else {
        panic!("an object")
    };
    opened
        .call(CallToolRequestParams::new(tool).with_arguments(arguments), LIMIT)
        .await
}

#[tokio::test]
async fn both_eras_list_all_pages_and_call_whatever_form_the_answers_take() {
    for (spoken, era) in [
        (Spoken::Both, Era::Stateless),
        (Spoken::Stateless, Era::Stateless),
        (Spoken::Session, Era::Session),
    ] {
        for reply in [Reply::AsNeeded, Reply::Json, Reply::Stream] {
            let demo = demo(|options| {
                options.era = spoken;
                options.tools.reply = reply;
                options.tools.page_size = Some(5);
            })
            .await;
            let opened = open(&config(&demo), &context()).await.expect("opened");
            assert_eq!(opened.era, era);
            assert!(opened.tools(LIMIT).await.expect("listed").len() > 10);
            let sum = call(&opened, "add", json!({"a": 2, "b": 3}))
                .await
                .expect("called");
            assert_ne!(sum.is_error, Some(true), "{sum:?}");
            let hours = call(&opened, "office_hours", json!({"region": "eu"}))
                .await
                .expect("called");
            assert_ne!(hours.is_error, Some(true), "{hours:?}");
            opened.close().await;
            assert_eq!(demo.sessions(), 0);
        }
    }
}

#[tokio::test]
async fn the_legacy_transport_lists_and_calls() {
    let demo = demo(|_| {}).await;
    let url = Url::parse(&demo.sse_url()).expect("a URL");
    let headers = HeaderMap::new();
    let opened = open(&entry(Transport::Sse { url, headers }), &context())
        .await
        .expect("opened");
    assert_eq!(opened.era, Era::LegacySse);
    assert!(opened.tools(LIMIT).await.expect("listed").len() > 10);
    call(&opened, "add", json!({"a": 2, "b": 3}))
        .await
        .expect("called");
    opened.close().await;
}

#[tokio::test]
async fn changed_tools_are_heard_of_in_both_eras() {
    for spoken in [Spoken::Stateless, Spoken::Session] {
        let demo = demo(|options| options.era = spoken).await;
        let context = context();
        let mut changes = context.handler.tools_changed();
        let opened = open(&config(&demo), &context).await.expect("opened");
        opened.tools(LIMIT).await.expect("listed");
        let clock = Clock::system();
        let listening = async {
            opened.listen(&clock).await;
            std::future::pending::<()>().await;
        };
        let hearing = async {
            let stream = if spoken == Spoken::Session {
                "GET /mcp"
            } else {
                "rpc=subscriptions/listen"
            };
            demo.until(stream, 1).await;
            // The stream is open once it has been counted; a change may still come a moment too early.
            while !changes.has_changed().expect("the handler lives") {
                demo.tools_changed();
                tokio::task::yield_now().await;
            }
            changes.changed().await
        };
        tokio::select! {
            () = listening => {}
            heard = tokio::time::timeout(LIMIT, hearing) => heard.expect("in time").expect("heard"),
        }
    }
}

#[tokio::test]
async fn a_session_the_server_forgot_is_replaced() {
    let demo = demo(|options| options.era = Spoken::Session).await;
    let opened = open(&config(&demo), &remembering(Era::Session))
        .await
        .expect("opened");
    opened.tools(LIMIT).await.expect("listed");
    demo.end_sessions();
    call(&opened, "add", json!({"a": 2, "b": 3}))
        .await
        .expect("called in a new session");
    assert_eq!(demo.count("rpc=initialize"), 2);
}

#[tokio::test]
async fn connections_that_were_cut_are_made_anew() {
    let demo = demo(|options| options.era = Spoken::Stateless).await;
    let opened = open(&config(&demo), &context()).await.expect("opened");
    opened.tools(LIMIT).await.expect("listed");
    demo.cut_connections();
    opened.tools(LIMIT).await.expect("listed again");
}

#[tokio::test]
async fn a_static_header_is_the_credential_and_its_rejection_says_so() {
    let demo = demo(|options| {
        options.protection = Protection::Header {
            name: "x-api-key".into(),
            value: "k".into(),
        };
    })
    .await;
    let url = Url::parse(&demo.mcp_url()).expect("a URL");
    let with_key = |key: &'static str| {
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-api-key"),
            HeaderValue::from_static(key),
        )]);
        entry(Transport::StreamableHttp {
            url: url.clone(),
            headers,
        })
    };
    let opened = open(&with_key("k"), &context()).await.expect("opened");
    opened.tools(LIMIT).await.expect("listed");
    let error = open(&with_key("wrong"), &context()).await.expect_err("rejected");
    assert!(matches!(error, OpenError::Unauthorized(_)));
}

#[tokio::test]
async fn a_401_first_at_a_call_is_a_401_of_that_call() {
    let demo = demo(|options| options.protection = Protection::ToolCalls).await;
    let opened = open(&config(&demo), &context()).await.expect("opened");
    opened.tools(LIMIT).await.expect("listed");
    let error = call(&opened, "add", json!({"a": 2, "b": 3}))
        .await
        .expect_err("401");
    let refusal = error.refusal().expect("a refusal");
    assert_eq!(refusal.operation.as_deref(), Some("tools/call add"));
    assert!(refusal.challenges.contains_key("www-authenticate"));
}

#[tokio::test]
async fn bad_days_are_told_apart_and_take_one_request() {
    let elsewhere = "https://elsewhere.example/mcp";
    for (fault, code) in [
        (Fault::Status(503), "server_error"),
        (
            Fault::RetryAfter {
                status: 429,
                seconds: 7,
            },
            "server_error",
        ),
        (Fault::html(200), "not_mcp"),
        (Fault::Redirect(elsewhere.to_owned()), "redirected"),
        (Fault::DropBefore, "connection_lost"),
        (Fault::CutBody, "connection_lost"),
        (Fault::Hang, "timed_out"),
        (Fault::SlowBody, "timed_out"),
        (Fault::Status(403), "forbidden"),
    ] {
        let (error, requests) = failing(fault.clone()).await;
        assert_eq!((error.code(), requests), (code, 1), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_short() {
    let demo = demo(|_| {}).await;
    demo.set(Fault::EndlessBody);
    let error = open(&config(&demo), &context()).await.expect_err("too large");
    assert!(
        matches!(error, OpenError::Http(HttpFault::TooLarge { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_went_away_is_unreachable_and_found_again() {
    let demo = demo(|_| {}).await;
    let opened = open(&config(&demo), &context()).await.expect("opened");
    demo.stop().await;
    let error = opened.tools(LIMIT).await.expect_err("nobody there");
    let unreachable = matches!(
        &error,
        CallError::Http(HttpFault::Unreachable {
            cause: NetworkCause::ConnectionRefused,
            ..
        })
    );
    assert!(unreachable, "{error}");
    demo.resume().await.expect("the same port");
    opened.tools(LIMIT).await.expect("listed again");
}

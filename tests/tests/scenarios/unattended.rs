//! Servers that let a program in by itself: no browser, no person, no refresh token.

use omlx_demo::{Demo, DemoOptions, KnownClient};
use omlx_mcp::{AuthStatus, ConnectionStatus};
use omlx_tests::{Desk, TestResult};
use serde_json::json;

async fn demo() -> Result<Demo, std::io::Error> {
    let mut options = DemoOptions::default();
    options.registration.known.push(KnownClient {
        id: "robot".to_owned(),
        secret: Some("s3cret".to_owned()),
        auth_method: "client_secret_basic".to_owned(),
        redirect_uris: Vec::new(),
        grant_types: vec!["client_credentials".to_owned()],
    });
    Demo::start(options).await
}

fn desk(demo: &Demo, secret: &str) -> Result<Desk, std::io::Error> {
    let desk = Desk::new()?;
    let auth = json!({ "grant": "client_credentials", "client_id": "robot", "client_secret": secret });
    desk.configure(&json!({
        "demo": { "transport": "streamable-http", "url": demo.mcp_url(), "auth": auth }
    }))?;
    Ok(desk)
}

#[tokio::test]
async fn a_program_signs_in_by_itself_and_again_when_its_token_is_over() -> TestResult {
    let demo = demo().await?;
    let desk = desk(&demo, "s3cret")?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    let status = server.settled().await;
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::Authenticated, ConnectionStatus::Connected),
        "{:?}",
        status.problem
    );
    assert_eq!((desk.browser.windows(), demo.count("POST /token")), (0, 1));
    demo.expire_access_tokens();
    let result = server.call(
        "echo",
        json!({ "text": "hello" })
            .as_object()
            .cloned()
            .unwrap_or_default(),
    );
    let result = result.await.map_err(|problem| problem.message)?;
    assert!(format!("{result:?}").contains("hello"));
    assert_eq!((desk.browser.windows(), demo.count("POST /token")), (0, 2));
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_said_to_be_and_not_tried_again() -> TestResult {
    let demo = demo().await?;
    let desk = desk(&demo, "wrong")?;
    let core = desk.start()?;
    let status = core.server("demo")?.settled().await;
    assert_eq!(status.auth, AuthStatus::NotAuthenticated);
    let problem = status.problem.map(|problem| problem.code.into_owned());
    assert_eq!(problem.as_deref(), Some("client_refused"));
    assert_eq!((desk.browser.windows(), demo.count("POST /token")), (0, 1));
    core.stop().await;
    Ok(())
}

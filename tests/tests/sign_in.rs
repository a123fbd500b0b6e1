//! From 401 to tools, with the exact requests it takes.

use omlx_demo::{Demo, DemoOptions, Era, Fault};
use omlx_mcp::{AuthStatus, ConnectionStatus, connection::SignInOptions};
use omlx_tests::{Desk, TestResult};
use serde_json::json;

async fn demo(era: Era) -> Result<Demo, std::io::Error> {
    Demo::start(DemoOptions {
        era,
        ..DemoOptions::headless()
    })
    .await
}

#[tokio::test]
async fn a_protected_server_asks_for_a_sign_in_and_opens_no_browser_by_itself() -> TestResult {
    let demo = demo(Era::Both).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let status = core.server("demo")?.settled().await;
    assert_eq!(status.auth, AuthStatus::NotAuthenticated);
    assert_eq!(
        status.problem.map(|problem| problem.code.into_owned()).as_deref(),
        Some("sign_in_needed")
    );
    assert_eq!(desk.browser.windows(), 0);
    assert_eq!(demo.calls().len(), 1, "one request is enough to know");
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_sign_in_ends_with_the_tools_listed_and_one_called() -> TestResult {
    let demo = demo(Era::Stateless).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    let signed_in = server
        .sign_in(SignInOptions::default())
        .await
        .map_err(|problem| problem.message)?;
    assert_eq!(signed_in.snapshot.auth, AuthStatus::Authenticated);
    assert_eq!(signed_in.snapshot.connection, ConnectionStatus::Connected);
    assert_eq!(desk.browser.windows(), 1);
    let arguments = json!({ "text": "hello" })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let result = server
        .call("echo", arguments)
        .await
        .map_err(|problem| problem.message)?;
    assert!(format!("{result:?}").contains("hello"));
    for call in demo.calls() {
        println!("{} {}", call.method, call.path);
    }
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_grant_of_another_issuer_than_the_config_now_pins_is_never_presented() -> TestResult {
    let demo = demo(Era::Stateless).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    desk.sign_in().await?;
    let auth = json!({ "issuer": "https://as.example" });
    desk.configure(
        &json!({ "demo": { "transport": "streamable-http", "url": demo.mcp_url(), "auth": auth } }),
    )?;
    demo.forget_calls();
    let core = Desk::process(
        &desk.config_path(),
        &desk.home_path(),
        std::sync::Arc::new(desk.browser.clone()),
    )?;
    let status = core.server("demo")?.settled().await;
    assert_eq!(
        status.problem.map(|problem| problem.code.into_owned()).as_deref(),
        Some("grant_elsewhere")
    );
    assert_eq!(demo.calls().len(), 0);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_sign_in_whose_token_is_rejected_at_once_comes_to_an_end() -> TestResult {
    let demo = demo(Era::Session).await?;
    demo.set(Fault::no_refresh_token());
    demo.set(Fault::RejectToken.at("POST /mcp rpc=tools/list"));
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    for _ in 0..2 {
        let signed_in = server.sign_in(SignInOptions::default()).await;
        let snapshot = signed_in.map_err(|problem| problem.message)?.snapshot;
        assert_eq!(snapshot.auth, AuthStatus::RefreshFailed);
        assert_eq!(snapshot.connection, ConnectionStatus::Idle);
    }
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_never_content_is_given_up_after_three_sign_ins() -> TestResult {
    let demo = demo(Era::Session).await?;
    demo.set(Fault::InsufficientScope("notes:write".to_owned()).at("POST /mcp rpc=tools/list"));
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    for _ in 0..3 {
        assert_ne!(server.snapshot().connection, ConnectionStatus::Failed);
        let signed_in = server.sign_in(SignInOptions::default()).await;
        signed_in.map_err(|problem| problem.message)?;
    }
    let given_up = server.settled().await;
    assert_eq!(given_up.connection, ConnectionStatus::Failed);
    let problem = given_up.problem.ok_or("no problem")?;
    assert_eq!(problem.code, "scope_refused");
    core.stop().await;
    Ok(())
}

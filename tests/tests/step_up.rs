//! 403 `insufficient_scope`: what the caller is told, and what the next sign-in asks for.

use omlx_demo::{Demo, DemoOptions};
use omlx_mcp::{Action, AuthStatus, Problem, connection::SignInOptions, handle::Handle};
use omlx_tests::{Desk, TestResult};
use serde_json::{Map, json};

async fn add_note(core: &Handle) -> Result<Result<(), Problem>, Box<dyn std::error::Error>> {
    let arguments = Map::from_iter([("text".to_owned(), json!("milk"))]);
    let called = core.server("demo")?.call("add_note", arguments).await;
    Ok(called.map(drop))
}

async fn sign_in(core: &Handle) -> TestResult {
    let signed_in = core.server("demo")?.sign_in(SignInOptions::default()).await;
    signed_in.map_err(|problem| problem.message)?;
    Ok(())
}

#[tokio::test]
async fn a_call_that_needs_more_scope_says_which_and_how_to_allow_it() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let core = Desk::with_server(&demo.mcp_url())?.start()?;
    sign_in(&core).await?;
    let problem = add_note(&core).await?.expect_err("refused");
    assert_eq!(
        (&*problem.code, problem.action),
        ("insufficient_scope", Action::Allow)
    );
    assert_eq!(problem.message, "demo needs more permission: notes:write");
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_scopes_one_process_was_refused_for_are_asked_for_by_the_next() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let first = desk.start()?;
    sign_in(&first).await?;
    add_note(&first).await?.expect_err("refused");
    let mut board = first.snapshot();
    let wanting = |auth| auth == AuthStatus::InsufficientScope;
    board
        .wait_for(|all| all.servers.iter().any(|server| wanting(server.auth)))
        .await?;
    first.stop().await;

    let second = desk.start()?;
    sign_in(&second).await?;
    let asked = demo.calls_to("GET /authorize");
    let scope = asked
        .last()
        .and_then(|call| call.parameter("scope")?.text().map(str::to_owned));
    let scope = scope.unwrap_or_default();
    assert!(
        scope.contains("mcp:tools") && scope.contains("notes:write"),
        "{scope}"
    );
    add_note(&second).await?.map_err(|problem| problem.message)?;
    second.stop().await;
    Ok(())
}

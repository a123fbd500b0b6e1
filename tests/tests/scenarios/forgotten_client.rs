//! A registration that the authorization server has forgotten, which it tells the person and not us.

use std::time::Duration;

use omlx_demo::{Demo, DemoOptions, RefreshTokens};
use omlx_mcp::{
    connection::{BrowserUse, SignInOptions},
    handle::Handle,
};
use omlx_tests::{Desk, Scene, TestResult};

async fn sign_in(core: &Handle) -> TestResult {
    let signed_in = core.server("demo")?.sign_in(SignInOptions::default()).await;
    signed_in.map_err(|problem| problem.message)?;
    Ok(())
}

/// The person sees the page and gives up.
async fn give_up(core: &Handle) -> TestResult {
    let server = core.server("demo")?;
    let options = SignInOptions {
        browser: BrowserUse::ShowOnly,
        ..SignInOptions::default()
    };
    let signing_in = tokio::spawn({
        let server = server.clone();
        async move { server.sign_in(options).await }
    });
    let mut board = core.snapshot();
    board.wait_for(|all| all.servers[0].prompt.is_some()).await?;
    server.cancel_sign_in().await;
    assert!(signing_in.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn after_a_sign_in_that_nobody_came_back_from_we_are_another_client() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let first = desk.start()?;
    sign_in(&first).await?;
    demo.forget_clients();
    give_up(&first).await?;
    first.stop().await;

    let second = desk.start()?;
    sign_in(&second).await?;
    second.stop().await;
    assert_eq!(demo.count("POST /register"), 2);
    Ok(())
}

#[tokio::test]
async fn a_registration_that_is_known_is_used_again_and_again() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    for _ in 0..3 {
        let core = desk.start()?;
        sign_in(&core).await?;
        core.stop().await;
    }
    assert_eq!(demo.count("POST /register"), 1);
    Ok(())
}

#[tokio::test]
async fn a_client_whose_secret_has_ended_becomes_another_one_without_being_refused_first() -> TestResult {
    let mut options = DemoOptions::headless();
    options.registration.auth_methods = vec!["client_secret_basic".to_owned()];
    // Otherwise a refresh ahead of time would become another client first.
    options.tokens.refresh = RefreshTokens::Never;
    options.registration.secret_lifetime = Some(Duration::from_hours(1));
    let scene = Scene::new(options).await?;
    scene.sign_in().await?;
    scene.hand.advance(Duration::from_hours(2));
    scene.sign_in().await?;
    assert_eq!(scene.demo.count("POST /register"), 2);
    let redeemed = scene.demo.calls_to("POST /token grant_type=authorization_code");
    assert!(
        redeemed.iter().all(|call| call.status == Some(200)),
        "{redeemed:?}"
    );
    scene.end().await
}

//! What one process leaves for the others to show.

use std::sync::Arc;

use omlx_demo::{Demo, DemoOptions};
use omlx_mcp::{
    AuthStatus, Snapshot,
    clock::Clock,
    config::{AuthConfig, ConfigError, ConfigFile, ConfigState, Environment},
    connection::{BrowserUse, SignInOptions},
    network::{AddressGuard, Network, NetworkSettings},
    oauth::{
        grant::GrantKey,
        timeline::{Stage, Timeline},
    },
    recorded::recorded,
    sign_out::{SignOutStep, sign_out},
    store::{Home, Vault},
};
use omlx_tests::{Desk, TestResult};

fn vault(desk: &Desk) -> Vault {
    Vault::open(&Home::at(desk.home_path()), Arc::new(desk.keychain.clone()))
}

fn left(desk: &Desk) -> Result<Snapshot, ConfigError> {
    let state = ConfigState {
        config: ConfigFile::at(desk.config_path(), &Environment::process()).read()?,
        problems: Vec::new(),
        advice: Vec::new(),
    };
    Ok(recorded(&vault(desk), &state))
}

#[tokio::test]
async fn a_sign_in_under_way_does_not_make_others_forget_what_they_knew() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    server.settled().await;
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
    assert_eq!(left(&desk)?.servers[0].auth, AuthStatus::NotAuthenticated);
    server.cancel_sign_in().await;
    let problem = signing_in.await?.expect_err("given up");
    assert_eq!(&*problem.code, "cancelled");
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn after_a_sign_out_without_a_connection_the_server_is_known_to_want_a_sign_in_and_its_tools_are_remembered()
-> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let signed_in = core.server("demo")?.sign_in(SignInOptions::default()).await;
    let tools = signed_in.map_err(|problem| problem.message)?.snapshot.tool_count;
    core.stop().await;

    let vault = vault(&desk);
    let http = Network::new(&NetworkSettings::default())?.http(
        AddressGuard::open(),
        Clock::system(),
        Timeline::default(),
    )?;
    let grant = vault.summaries().pop().ok_or("a grant is stored")?;
    let report = sign_out(&vault, &http, &AuthConfig::default(), grant.name).await?;
    assert!(report.wiped);
    assert_eq!(
        (report.refresh_token, report.registration),
        (SignOutStep::Done, SignOutStep::Done)
    );

    let snapshot = left(&desk)?;
    assert_eq!(snapshot.servers[0].auth, AuthStatus::NotAuthenticated);
    assert_eq!(snapshot.servers[0].tool_count, tools);
    Ok(())
}

#[tokio::test]
async fn the_evidence_begins_with_the_challenge_and_outlives_connections_that_need_none() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let first = desk.start()?;
    let server = first.server("demo")?;
    let signed_in = server.sign_in(SignInOptions::default()).await;
    signed_in.map_err(|problem| problem.message)?;
    let steps = server.timeline();
    let stages: Vec<Stage> = steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages.first(), Some(&Stage::Challenge), "{steps:?}");
    assert!(stages.contains(&Stage::Token), "{steps:?}");
    assert_eq!(
        (steps[0].status, &*steps[0].decision),
        (Some(401), "it asks for a token, and says where its metadata is")
    );
    first.stop().await;

    let second = desk.start()?;
    second.server("demo")?.settled().await;
    second.stop().await;
    let config = ConfigFile::at(desk.config_path(), &Environment::process()).read()?;
    let key = GrantKey::of(&config.servers[0]).ok_or("it has a URL")?;
    assert_eq!(vault(&desk).load_timeline(&key), Some(steps));
    Ok(())
}

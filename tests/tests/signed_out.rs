//! Signing out of a grant that no connection of this process owns.

use omlx_demo::{Demo, DemoOptions};
use omlx_mcp::{
    AuthStatus,
    clock::Clock,
    config::{ConfigFile, ConfigState, Environment},
    connection::SignInOptions,
    network::{AddressGuard, Network, NetworkSettings},
    oauth::timeline::Timeline,
    recorded::recorded,
    sign_out::{SignOutStep, sign_out},
    store::{Home, Vault},
};
use omlx_tests::{Desk, TestResult};

#[tokio::test]
async fn afterwards_the_server_is_known_to_want_a_sign_in_and_its_tools_are_remembered() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let signed_in = core.server("demo")?.sign_in(SignInOptions::default()).await;
    let tools = signed_in.map_err(|problem| problem.message)?.snapshot.tool_count;
    core.stop().await;

    let vault = Vault::open(
        &Home::at(desk.home_path()),
        std::sync::Arc::new(desk.keychain.clone()),
    );
    let http = Network::new(&NetworkSettings::default())?.http(
        AddressGuard::open(),
        Clock::system(),
        Timeline::default(),
    )?;
    let grant = vault.summaries().pop().ok_or("a grant is stored")?;
    let report = sign_out(&vault, &http, grant.name).await?;
    assert!(report.wiped);
    assert_eq!(
        (report.refresh_token, report.registration),
        (SignOutStep::Done, SignOutStep::Done)
    );

    let state = ConfigState {
        config: ConfigFile::at(desk.config_path(), &Environment::process()).read()?,
        problems: Vec::new(),
    };
    let snapshot = recorded(&vault, &state);
    assert_eq!(snapshot.servers[0].auth, AuthStatus::NotAuthenticated);
    assert_eq!(snapshot.servers[0].tool_count, tools);
    Ok(())
}

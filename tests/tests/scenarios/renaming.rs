//! An entry gets another name.

use std::{error::Error, sync::Arc};

use omlx_demo::{Demo, DemoOptions};
use omlx_mcp::{
    AuthStatus, Problem, ServerId,
    access::{Access, Patterns, Rules},
    clients::NotRenamed,
    clock::Clock,
    config::{ConfigFile, Environment, ServerChanges},
    connection::SignInOptions,
    handle::Handle,
    renaming,
    sign_out::SignOutStep,
    store::{CredentialStoreError, Home, Vault},
};
use omlx_tests::{Desk, TestResult};
use serde_json::json;

async fn signed_in(desk: &Desk) -> Result<Handle, Box<dyn std::error::Error>> {
    let core = desk.start()?;
    let signed_in = core.server("demo")?.sign_in(SignInOptions::default()).await;
    signed_in.map_err(|problem| problem.message)?;
    Ok(core)
}

async fn rename(
    core: &Handle,
    desk: &Desk,
    name: &str,
) -> Result<Result<Vec<NotRenamed>, Problem>, Box<dyn Error>> {
    let file = ConfigFile::at(desk.config_path(), &Environment::process());
    let changes = ServerChanges {
        id: name.parse().ok(),
        ..ServerChanges::default()
    };
    let id: ServerId = "demo".parse()?;
    Ok(renaming::amend(core, (&file, &Home::at(desk.home_path())), &id, changes).await)
}

fn vault(desk: &Desk) -> Vault {
    Vault::open(&Home::at(desk.home_path()), Arc::new(desk.keychain.clone()))
}

#[tokio::test]
async fn its_sign_in_registration_and_rules_go_with_it() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = signed_in(&desk).await?;
    let access = Access::open(&Home::at(desk.home_path()), Clock::system());
    let rules = Rules {
        servers: Patterns::of(["demo".parse()?]),
        tools: Patterns::of(["demo__e*".parse()?, "other__x".parse()?]),
    };
    access.issue("cursor", rules)?;

    rename(&core, &desk, "work")
        .await?
        .map_err(|problem| problem.message)?;
    let server = core.server("work")?;
    let status = server.settled().await;
    assert_eq!(status.auth, AuthStatus::Authenticated, "{status:#?}");
    assert!(core.server("demo").is_err());
    assert_eq!(demo.count("POST /token"), 1, "nobody had to sign in again");

    let (old, new): (ServerId, ServerId) = ("demo".parse()?, "work".parse()?);
    let vault = vault(&desk);
    assert_eq!(vault.registered_at(&old), []);
    assert_eq!(vault.registered_at(&new).len(), 1);
    let kept: Vec<_> = vault
        .summaries()
        .iter()
        .map(|grant| grant.server().clone())
        .collect();
    assert_eq!(kept, std::slice::from_ref(&new));

    let rules = access.clients()?.remove(0).rules;
    assert!(rules.allows_server(&new) && !rules.allows_server(&old));
    assert_eq!(rules.tools.iter().collect::<Vec<_>>(), ["work__e*", "other__x"]);

    let report = server.sign_out().await.map_err(|problem| problem.message)?;
    assert_eq!(report.refresh_token, SignOutStep::Done, "{report:#?}");
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_taken_changes_nothing_of_either() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    desk.configure(&json!({
        "demo": { "transport": "streamable-http", "url": demo.mcp_url() },
        "other": { "transport": "streamable-http", "url": demo.mcp_url() },
    }))?;
    let core = signed_in(&desk).await?;
    let refused = rename(&core, &desk, "other").await?.expect_err("it is taken");
    assert_eq!(&*refused.code, "server_exists");
    let kept: Vec<_> = vault(&desk)
        .summaries()
        .iter()
        .map(|grant| grant.server().to_string())
        .collect();
    assert_eq!(kept, ["demo"]);
    assert_eq!(core.server("demo")?.snapshot().auth, AuthStatus::Authenticated);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn while_the_keychain_is_locked_the_name_stays() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    signed_in(&desk).await?.stop().await;
    desk.keychain.fail(Some(CredentialStoreError::Refused));
    let core = desk.start()?;
    core.server("demo")?.settled().await;
    let before = std::fs::read(desk.config_path())?;
    let refused = rename(&core, &desk, "work")
        .await?
        .expect_err("it cannot be taken along");
    assert_eq!(&*refused.code, "keychain_locked", "{refused:?}");
    assert_eq!(std::fs::read(desk.config_path())?, before);
    core.stop().await;
    Ok(())
}

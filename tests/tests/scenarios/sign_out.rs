//! Signing out: revoke, delete the registration, wipe, and say what worked.

use std::{fs, path::PathBuf};

use omlx_demo::{DemoOptions, Era, Fault};
use omlx_mcp::{
    AuthStatus, ConnectionStatus, Event,
    connection::{BrowserUse, SignInOptions},
    sign_out::{SignOutReport, SignOutStep},
};
use omlx_tests::{Failure, Scene, TestResult, in_time, requests};

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

async fn sign_out(scene: &Scene) -> Result<SignOutReport, Box<dyn std::error::Error>> {
    Ok(in_time(scene.server.sign_out()).await?.map_err(Failure)?)
}

/// Everything in the vault but locks, which hold nothing.
fn kept(scene: &Scene) -> std::io::Result<Vec<PathBuf>> {
    let all = fs::read_dir(scene.desk.home_path().join("vault"))?
        .flatten()
        .map(|file| file.path());
    Ok(all
        .filter(|path| path.extension() != Some("lock".as_ref()))
        .collect())
}

#[tokio::test]
async fn signing_out_revokes_both_tokens_deletes_the_registration_and_wipes() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    let report = sign_out(&scene).await?;
    let done = SignOutStep::Done;
    assert_eq!(
        (&report.refresh_token, &report.access_token, &report.registration),
        (&done, &done, &done)
    );
    assert!(report.wiped);
    let all = requests(&scene.demo);
    assert_eq!(all[..2], ["/revoke refresh_token", "/revoke access_token"]);
    assert!(all[2].starts_with("DELETE /register"), "{all:?}");
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(kept(&scene)?.is_empty());
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::NotAuthenticated, ConnectionStatus::Idle)
    );
    assert_eq!((status.expires_at, status.account), (None, None));
    let news = scene.news();
    assert!(
        news.iter().any(|event| matches!(event, Event::SignedOut { .. })),
        "{news:?}"
    );
    assert_eq!(news.len(), 1, "and nobody is asked to sign in again: {news:?}");
    scene.end().await
}

#[tokio::test]
async fn signing_out_while_the_server_is_away_wipes_all_the_same_and_says_what_did_not_work() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.stop().await;
    let report = sign_out(&scene).await?;
    assert!(
        matches!(&report.refresh_token, SignOutStep::Failed { problem } if problem.code == "unreachable")
    );
    assert!(matches!(&report.access_token, SignOutStep::Failed { .. }));
    assert!(matches!(&report.registration, SignOutStep::Failed { .. }));
    assert!(report.wiped);
    assert!(kept(&scene)?.is_empty());
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotAuthenticated);
    scene.end().await
}

#[tokio::test]
async fn a_server_that_refuses_to_revoke_does_not_keep_this_machine_from_forgetting() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.set(Fault::Status(500).at("POST /revoke"));
    scene.demo.set(Fault::Status(403).at("DELETE"));
    let report = sign_out(&scene).await?;
    assert!(
        matches!(report.refresh_token, SignOutStep::Failed { .. }),
        "{report:?}"
    );
    assert!(report.wiped);
    assert!(kept(&scene)?.is_empty());
    scene.end().await
}

#[tokio::test]
async fn a_registration_whose_sign_in_came_to_nothing_is_deleted_too() -> TestResult {
    let scene = Scene::new(options()).await?;
    let server = scene.server.clone();
    let shown = SignInOptions {
        browser: BrowserUse::ShowOnly,
        ..SignInOptions::default()
    };
    let waiting = tokio::spawn(async move { server.sign_in(shown).await });
    scene.until(|status| status.prompt.is_some()).await?;
    scene.server.cancel_sign_in().await;
    assert!(in_time(waiting).await??.is_err());
    assert_eq!(kept(&scene)?.len(), 1, "the registration, for the next sign-in");

    let report = sign_out(&scene).await?;
    assert_eq!(
        (&report.refresh_token, &report.registration),
        (&SignOutStep::Nothing, &SignOutStep::Done)
    );
    assert!(report.wiped && kept(&scene)?.is_empty());
    assert_eq!(scene.demo.count("DELETE /register* status=204"), 1);
    scene.end().await
}

#[tokio::test]
async fn signing_out_twice_finds_nothing_the_second_time() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    sign_out(&scene).await?;
    scene.demo.forget_calls();
    let report = sign_out(&scene).await?;
    assert_eq!(
        (report.refresh_token, report.wiped),
        (SignOutStep::Nothing, false)
    );
    assert_eq!(requests(&scene.demo), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn after_a_sign_out_nothing_is_sent_and_a_new_sign_in_works() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    sign_out(&scene).await?;
    scene.demo.forget_calls();
    assert_ne!(scene.echo().await?, "hello");
    assert_eq!(
        requests(&scene.demo),
        [""; 0],
        "the token is gone from memory too"
    );
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(
        scene.demo.count("POST /register"),
        1,
        "the old registration was deleted"
    );
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_refresh_under_way_during_a_sign_out_brings_nothing_back() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.expire_access_tokens();
    let gate = scene.demo.hold_reply("POST /token grant_type=refresh_token");
    let server = scene.server.clone();
    let call = tokio::spawn(async move { server.call("who_am_i", serde_json::Map::new()).await });
    in_time(gate.arrived()).await?;
    let server = scene.server.clone();
    let leaving = tokio::spawn(async move { server.sign_out().await });
    tokio::task::yield_now().await;
    gate.release();
    let report = in_time(leaving).await??.map_err(Failure)?;
    assert!(report.wiped);
    // Whichever came first, the call has its answer.
    let _ = in_time(call).await??;
    assert!(
        kept(&scene)?.is_empty(),
        "the refresh did not save its tokens after the sign-out"
    );
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotAuthenticated);
    scene.end().await
}

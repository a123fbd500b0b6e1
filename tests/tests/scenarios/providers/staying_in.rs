//! Providers whose refresh tokens are easily lost: Notion, Linear.

use std::time::Duration;

use omlx_demo::{DemoOptions, Fault, RefreshTokens};
use omlx_mcp::{Action, AuthStatus};
use omlx_tests::{Scene, TestResult, code_of, in_time};
use serde_json::{Map, json};

use super::*;

fn notion() -> DemoOptions {
    let mut options = options();
    options.tokens.refresh = RefreshTokens::Rotating {
        grace: Duration::ZERO,
    };
    options.tokens.access_lifetime = Duration::from_hours(1);
    options.registration.auth_methods = vec!["client_secret_basic".to_owned()];
    options
}

#[tokio::test]
async fn notions_single_use_refresh_tokens_survive_two_processes_at_once() -> TestResult {
    let scene = Scene::signed_in(notion()).await?;
    let other = scene.desk.start()?;
    let server = other.server("demo")?;
    in_time(server.settled()).await?;
    for round in 1..=3 {
        scene.demo.expire_access_tokens();
        let (here, there) = tokio::join!(scene.echo(), server.call("who_am_i", Map::new()));
        assert_eq!((here?.as_str(), there.is_ok()), ("hello", true), "round {round}");
        assert_eq!(scene.demo.count(REFRESH), round, "one request for both");
    }
    in_time(other.stop()).await?;
    scene.end().await
}

#[tokio::test]
async fn notion_is_told_who_we_are_in_one_way_only_and_tells_whose_workspace_it_is() -> TestResult {
    let scene = Scene::new(notion()).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    for request in scene.demo.calls_to("POST /token") {
        assert_eq!(request.scheme.as_deref(), Some("Basic"));
        for twice in ["client_id", "client_secret", "client_assertion"] {
            assert!(request.parameter(twice).is_none(), "{twice} as well");
        }
    }
    let status = scene.server.snapshot();
    assert_eq!(
        (status.account.as_deref(), status.workspace.as_deref()),
        (Some("Ada Lovelace"), Some("Analytical Engines"))
    );
    scene.end().await
}

#[tokio::test]
async fn notions_invalid_grant_is_final_and_asks_for_one_sign_in() -> TestResult {
    let mut scene = Scene::signed_in(notion()).await?;
    scene.demo.revoke_all();
    for _ in 0..3 {
        assert_ne!(scene.echo().await?, "hello");
    }
    let status = scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    let problem = status.problem.clone().ok_or("no problem")?;
    assert_eq!(
        (code_of(&status), problem.action),
        (Some("refresh_rejected"), Action::Reauthenticate)
    );
    assert_eq!((scene.demo.count(REFRESH), scene.attention().len()), (1, 1));
    gets_in(&scene).await?;
    scene.end().await
}

fn linear() -> DemoOptions {
    let mut options = options();
    options.tokens.refresh = RefreshTokens::Rotating {
        grace: Duration::from_mins(30),
    };
    options.tokens.access_lifetime = Duration::from_hours(24);
    options
}

#[tokio::test]
async fn linear_is_refreshed_by_a_later_process_as_the_client_that_signed_in() -> TestResult {
    let scene = Scene::signed_in(linear()).await?;
    let registered = scene.restart().await?;
    registered.hand.advance(Duration::from_hours(25));
    assert_eq!(registered.echo().await?, "hello");
    assert_eq!(
        registered.demo.count("POST /register"),
        0,
        "the stored registration is used"
    );
    assert_eq!(registered.demo.count("POST /token status=200"), 1);
    registered.end().await
}

#[tokio::test]
async fn linear_that_never_saw_this_client_gets_one_new_registration_and_then_a_person_is_asked() -> TestResult
{
    let scene = Scene::signed_in(linear()).await?;
    scene.demo.forget_clients();
    scene.demo.expire_access_tokens();
    assert_ne!(scene.echo().await?, "hello");
    let status = scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    assert_eq!(code_of(&status), Some("refresh_rejected"));
    assert_eq!(scene.demo.count("POST /register"), 1);
    gets_in(&scene).await?;
    assert_eq!(
        scene.demo.count("POST /register"),
        1,
        "the new registration is good for the sign-in"
    );
    scene.end().await
}

#[tokio::test]
async fn linears_lost_answer_is_repeated_within_the_grace() -> TestResult {
    let scene = Scene::signed_in(linear()).await?;
    scene.demo.set(Fault::DropAfter.at(REFRESH).once());
    scene.demo.expire_access_tokens();
    assert_ne!(
        scene.echo().await?,
        "hello",
        "the new tokens were lost on the way"
    );
    assert_eq!(
        scene.server.snapshot().auth,
        AuthStatus::Authenticated,
        "nobody is signed out by that"
    );
    assert_eq!(scene.echo().await?, "hello", "the old refresh token still works");
    assert_eq!(scene.desk.browser.windows(), 1);
    scene.end().await
}

#[tokio::test]
async fn a_reply_whose_words_are_no_oauth_error_ends_no_sign_in() -> TestResult {
    let scene = Scene::signed_in(linear()).await?;
    let busy = answers(422, &json!({ "message": "Required parameter: client_secret" }));
    scene.demo.set(busy.at(REFRESH).once());
    scene.demo.expire_access_tokens();
    assert_ne!(scene.echo().await?, "hello");
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

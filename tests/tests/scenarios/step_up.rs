//! 403 `insufficient_scope`: more permission is asked for, a few times, with what was held before.

use std::error::Error;

use omlx_demo::{DemoOptions, Era, Fault};
use omlx_mcp::{Action, AuthStatus, ConnectionStatus};
use omlx_tests::{Scene, TestResult, arguments, code_of, in_time, said};
use serde_json::json;

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

async fn add_note(scene: &Scene) -> Result<Option<(String, Action)>, Box<dyn Error>> {
    let call = scene
        .server
        .call("add_note", arguments(&json!({ "text": "milk" })));
    match in_time(call).await? {
        Ok(_) => Ok(None),
        refused => said(refused).map(Some),
    }
}

#[tokio::test]
async fn more_permission_is_asked_for_together_with_what_is_held_and_then_it_works() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    assert_eq!(
        add_note(&scene).await?,
        Some(("insufficient_scope".into(), Action::Allow))
    );
    let status = scene
        .until(|status| status.auth == AuthStatus::InsufficientScope)
        .await?;
    assert_eq!(
        status.connection,
        ConnectionStatus::Connected,
        "the other tools go on"
    );
    assert_eq!(
        (code_of(&status), status.missing_scopes.clone()),
        (Some("insufficient_scope"), vec!["notes:write".into()])
    );
    assert_eq!(scene.attention(), ["insufficient_scope"]);
    let message = status.problem.map(|problem| problem.message);
    assert_eq!(
        message.as_deref(),
        Some("demo needs more permission: notes:write")
    );
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(
        (scene.demo.count("POST /token"), scene.desk.browser.windows()),
        (0, 1),
        "nothing by itself"
    );
    let status = scene.sign_in().await?;
    assert_eq!(status.auth, AuthStatus::Authenticated);
    let asked = scene.demo.calls_to("GET /authorize");
    let scope = asked[0]
        .parameter("scope")
        .and_then(|scope| scope.text())
        .unwrap_or_default();
    let mut words: Vec<_> = scope.split(' ').collect();
    words.sort_unstable();
    assert_eq!(words, ["mcp:tools", "notes:write", "offline_access"]);
    assert_eq!(add_note(&scene).await?, None);
    scene.end().await
}

#[tokio::test]
async fn a_server_that_refuses_for_ever_is_given_up_after_three_sign_ins_and_its_other_tools_go_on()
-> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene
        .demo
        .set(Fault::InsufficientScope("notes:write".into()).at("tool=add_note"));
    for _ in 0..2 {
        add_note(&scene).await?;
        scene
            .until(|status| status.auth == AuthStatus::InsufficientScope)
            .await?;
        assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    }
    add_note(&scene).await?;
    let status = scene
        .until(|status| code_of(status) == Some("scope_refused"))
        .await?;
    assert_ne!(
        status.auth,
        AuthStatus::InsufficientScope,
        "there is nothing left to allow"
    );
    assert_eq!(
        status.problem.map(|problem| problem.action),
        Some(Action::AskProvider)
    );
    assert_eq!(
        status.connection,
        ConnectionStatus::Connected,
        "the other tools go on"
    );
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count("GET /authorize"), 2);
    scene.end().await
}

#[tokio::test]
async fn refusals_before_the_permission_was_given_do_not_count() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    for _ in 0..5 {
        add_note(&scene).await?;
    }
    let status = scene
        .until(|status| status.auth == AuthStatus::InsufficientScope)
        .await?;
    assert_eq!(code_of(&status), Some("insufficient_scope"));
    scene.sign_in().await?;
    assert_eq!(add_note(&scene).await?, None);
    scene.end().await
}

#[tokio::test]
async fn a_plain_403_to_one_call_is_the_calls_and_leaves_the_connection_alone() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.set(Fault::Forbidden.at("tool=add_note"));
    assert_eq!(
        add_note(&scene).await?,
        Some(("forbidden".into(), Action::AskProvider))
    );
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    assert_eq!(
        scene.demo.count("POST /token"),
        0,
        "a 403 is no reason to refresh"
    );
    scene.end().await
}

#[tokio::test]
async fn what_is_missing_is_still_known_after_a_restart() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    add_note(&scene).await?;
    scene
        .until(|status| status.auth == AuthStatus::InsufficientScope)
        .await?;
    let scene = scene.restart().await?;
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, status.missing_scopes),
        (AuthStatus::InsufficientScope, vec!["notes:write".into()])
    );
    scene.sign_in().await?;
    assert_eq!(
        add_note(&scene).await?,
        None,
        "the sign-in asked for what was missing"
    );
    scene.end().await
}

//! Keeping a sign-in alive: ahead of time, after a 401, once for everybody, and never given up by mistake.

use std::{error::Error, time::Duration};

use omlx_demo::{DemoOptions, Era, Fault};
use omlx_mcp::{AuthStatus, ConnectionStatus, Event};
use omlx_tests::{Scene, TestResult, code_of, in_time, requests, until};

const REFRESH: &str = "POST /token grant_type=refresh_token";

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

/// The access token lives for five minutes.
const LIFETIME: Duration = Duration::from_mins(5);

/// A server signed in to by a process that ended, with a token that is over by now.
async fn expired() -> Result<Scene, Box<dyn Error>> {
    let mut scene = Scene::signed_in(options()).await?;
    scene = stopped(scene).await?;
    scene.hand.advance(LIFETIME);
    Ok(scene)
}

/// The process has ended; another one is there, of which nothing was asked yet.
async fn stopped(mut scene: Scene) -> Result<Scene, Box<dyn Error>> {
    scene.core.clone().stop().await;
    scene.forget();
    Ok(scene)
}

/// Another process starts, and looks at the server.
async fn begin(scene: Scene) -> Result<Scene, Box<dyn Error>> {
    scene.restart().await
}

#[tokio::test]
async fn a_token_that_is_over_at_start_is_refreshed_once_and_then_used() -> TestResult {
    let mut scene = begin(expired().await?).await?;
    assert_eq!(
        requests(&scene.demo),
        ["/token refresh_token", "/mcp server/discover", "/mcp tools/list"]
    );
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::Authenticated, ConnectionStatus::Connected)
    );
    assert_eq!(status.refreshed_at, Some(scene.desk.clock.now()));
    assert_eq!(
        scene.demo.count("/mcp status=401"),
        0,
        "the old token is not even tried"
    );
    assert_eq!(scene.attention(), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn a_token_is_replaced_in_the_background_before_it_ends() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    let before = scene.server.snapshot().expires_at;
    scene.hand.advance(Duration::from_secs(239));
    assert_eq!(scene.demo.count(REFRESH), 0, "not yet");
    scene.hand.advance(Duration::from_secs(20));
    let status = scene.until(|status| status.expires_at > before).await?;
    assert_eq!(status.connection, ConnectionStatus::Connected);
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(
        (scene.demo.count(REFRESH), scene.demo.count("status=401")),
        (1, 0)
    );
    assert!(
        scene
            .news()
            .iter()
            .any(|event| matches!(event, Event::TokenRefreshed { .. }))
    );
    let again = async {
        while scene.demo.count(REFRESH) < 2 {
            scene.hand.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    in_time(again).await?;
    scene.end().await
}

#[tokio::test]
async fn a_401_in_use_is_refreshed_once_and_the_request_is_made_again() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(
        requests(&scene.demo),
        ["/mcp tools/call", "/token refresh_token", "/mcp tools/call"]
    );
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count(REFRESH), 1);
    assert_eq!(scene.attention(), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn many_callers_with_one_rejected_token_cause_one_refresh() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.expire_access_tokens();
    let gate = scene.demo.hold_reply("rpc=tools/call");
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let server = scene.server.clone();
            tokio::spawn(async move { server.call("who_am_i", serde_json::Map::new()).await.is_ok() })
        })
        .collect();
    in_time(gate.arrivals(20)).await?;
    gate.release();
    for caller in callers {
        assert!(in_time(caller).await??);
    }
    assert_eq!(scene.demo.count(REFRESH), 1);
    scene.end().await
}

#[tokio::test]
async fn a_rejected_refresh_asks_for_a_sign_in_once_and_makes_no_more_requests() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    scene.demo.revoke_all();
    assert_ne!(scene.echo().await?, "hello");
    let status = scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    assert_eq!(code_of(&status), Some("refresh_rejected"));
    assert_eq!(requests(&scene.demo), ["/mcp tools/call", "/token refresh_token"]);
    assert_eq!(scene.attention(), ["refresh_rejected"]);
    scene.demo.forget_calls();
    for _ in 0..3 {
        assert_eq!(scene.echo().await?, "refresh_rejected");
        scene.hand.advance(Duration::from_hours(1));
    }
    let mut scene = scene.restart().await?;
    assert_eq!(
        scene.server.snapshot().auth,
        AuthStatus::RefreshFailed,
        "a later process knows it too"
    );
    assert_eq!(
        requests(&scene.demo),
        [""; 0],
        "what has ended is not tried again"
    );
    assert_eq!((scene.attention().len(), scene.desk.browser.windows()), (0, 1));
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_bad_day_of_the_authorization_server_at_start_is_waited_out() -> TestResult {
    for fault in [
        Fault::Status(500),
        Fault::Status(429),
        Fault::RetryAfter {
            status: 503,
            seconds: 60,
        },
        Fault::html(502),
        Fault::html(404),
        Fault::DropBefore,
    ] {
        let scene = expired().await?;
        scene.demo.set(fault.clone().at("POST /token"));
        let mut scene = begin(scene).await?;
        let status = scene.server.snapshot();
        assert_eq!(
            status.auth,
            AuthStatus::Authenticated,
            "{fault:?}: the grant stands"
        );
        assert_eq!(
            status.connection,
            ConnectionStatus::Waiting,
            "{fault:?} {status:#?}"
        );
        assert_eq!(scene.demo.count("POST /token"), 1, "{fault:?}");
        assert!(status.retry_at.is_some_and(|at| at > scene.desk.clock.now()));
        scene.demo.clear_faults();
        scene.hand.advance(Duration::from_mins(2));
        let status = scene
            .until(|status| status.connection == ConnectionStatus::Connected)
            .await?;
        assert_eq!(
            (status.auth, code_of(&status)),
            (AuthStatus::Authenticated, None),
            "{fault:?}"
        );
        assert_eq!(scene.demo.count("POST /token"), 2, "{fault:?}");
        assert_eq!(scene.attention(), [""; 0], "{fault:?}");
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_authorization_server_that_is_away_is_asked_ever_more_seldom() -> TestResult {
    let scene = expired().await?;
    scene.demo.set(Fault::Status(503).at("POST /token"));
    let scene = begin(scene).await?;
    for attempt in 2..=6 {
        let at = scene.server.snapshot().retry_at.ok_or("it is tried again")?;
        scene.hand.set(at);
        scene
            .until(|status| status.retry_at.is_some_and(|next| next > at))
            .await?;
        assert_eq!(scene.demo.count("POST /token"), attempt);
    }
    let wait = scene
        .server
        .snapshot()
        .retry_at
        .ok_or("again")?
        .duration_since(scene.desk.clock.now());
    assert!(wait.as_secs() >= 16, "{wait}");
    scene.end().await
}

#[tokio::test]
async fn a_bad_day_of_the_authorization_server_in_use_signs_nobody_out() -> TestResult {
    for fault in [
        Fault::Status(500),
        Fault::Status(429),
        Fault::html(200),
        Fault::DropBefore,
    ] {
        let mut scene = Scene::signed_in(options()).await?;
        scene.demo.set(fault.clone().at("POST /token"));
        scene.demo.expire_access_tokens();
        assert_ne!(scene.echo().await?, "hello");
        let status = scene.server.snapshot();
        assert_eq!(
            (status.auth, status.connection),
            (AuthStatus::Authenticated, ConnectionStatus::Connected),
            "{fault:?}"
        );
        assert_eq!(scene.demo.count("POST /token"), 1, "{fault:?}");
        scene.demo.clear_faults();
        assert_eq!(scene.echo().await?, "hello", "{fault:?}");
        assert_eq!(scene.attention(), [""; 0], "{fault:?}");
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_without_refresh_token_and_scope_keeps_the_old_ones() -> TestResult {
    let mut opts = options();
    opts.tokens.refresh = omlx_demo::RefreshTokens::Reusable;
    let scene = Scene::signed_in(opts).await?;
    let scopes = scene.server.snapshot().scopes;
    scene.demo.set(Fault::no_refresh_token());
    scene.demo.set(Fault::no_scope());
    for count in 1..=3 {
        scene.demo.expire_access_tokens();
        assert_eq!(scene.echo().await?, "hello");
        assert_eq!(scene.demo.count(REFRESH), count);
    }
    assert_eq!(scene.server.snapshot().scopes, scopes);
    scene.end().await
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_ends_with_its_access_token() -> TestResult {
    let mut opts = options();
    opts.tokens.refresh = omlx_demo::RefreshTokens::Never;
    let mut scene = Scene::signed_in(opts).await?;
    scene.demo.expire_access_tokens();
    assert_ne!(scene.echo().await?, "hello");
    let status = scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    assert_eq!(code_of(&status), Some("no_refresh_token"));
    assert_eq!(requests(&scene.demo), ["/mcp tools/call"]);
    assert_eq!(scene.attention(), ["no_refresh_token"]);
    scene.end().await
}

#[tokio::test]
async fn a_server_that_rejects_its_own_new_tokens_is_told_from_an_ended_sign_in() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    scene.demo.set(Fault::RejectToken.at("/mcp"));
    assert_ne!(scene.echo().await?, "hello");
    let status = scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    assert_eq!(code_of(&status), Some("token_rejected"));
    assert_eq!(
        requests(&scene.demo),
        ["/mcp tools/call", "/token refresh_token", "/mcp tools/call"]
    );
    assert_eq!(scene.attention(), ["token_rejected"]);
    scene.demo.clear_faults();
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    scene.end().await
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_ahead_costs_one_refresh() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    scene.hand.advance(Duration::from_hours(24));
    in_time(scene.demo.until(REFRESH, 1)).await?;
    assert_eq!(scene.echo().await?, "hello");
    let now = scene.desk.clock.now();
    scene
        .until(|status| status.expires_at.is_some_and(|at| at > now))
        .await?;
    assert_eq!(scene.demo.count(REFRESH), 1);
    assert_eq!(scene.attention(), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn a_clock_that_is_set_back_a_day_costs_nothing() -> TestResult {
    let mut scene = Scene::signed_in(options()).await?;
    scene.hand.set(omlx_tests::started() - Duration::from_hours(24));
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(requests(&scene.demo), ["/mcp tools/call"]);
    let scene2 = scene.restart().await?;
    scene = scene2;
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    assert_eq!(scene.demo.count(REFRESH), 0);
    scene.end().await
}

#[tokio::test]
async fn two_processes_with_one_token_that_is_over_make_one_refresh_and_serve_everyone() -> TestResult {
    let scene = expired().await?;
    let (first, second) = (scene.desk.start()?, scene.desk.start()?);
    let mut callers = Vec::new();
    for core in [&first, &second] {
        for _ in 0..8 {
            let server = core.server("demo")?;
            callers.push(tokio::spawn(async move {
                server.call("who_am_i", serde_json::Map::new()).await
            }));
        }
    }
    for caller in callers {
        in_time(caller).await??.map_err(omlx_tests::Failure)?;
    }
    assert_eq!(scene.demo.count(REFRESH), 1);
    assert_eq!(scene.demo.count("status=401"), 0);
    for core in [first, second] {
        assert_eq!(core.server("demo")?.snapshot().auth, AuthStatus::Authenticated);
        in_time(core.stop()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_refresh_in_one_process_serves_the_other_which_hears_of_it() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    let other = scene.desk.start()?;
    let server = other.server("demo")?;
    in_time(server.settled()).await?;
    let before = scene.server.snapshot().expires_at;
    scene.hand.advance(Duration::from_secs(1));
    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "hello");
    let status = until(&other, |status| status.expires_at > before).await?;
    assert_eq!(status.refreshed_at, Some(scene.desk.clock.now()));
    in_time(server.call("who_am_i", serde_json::Map::new()))
        .await?
        .map_err(omlx_tests::Failure)?;
    assert_eq!(
        (
            scene.demo.count(REFRESH),
            scene.demo.count("rpc=tools/call status=401")
        ),
        (1, 1)
    );
    in_time(other.stop()).await?;
    scene.end().await
}

#[tokio::test]
async fn a_login_and_a_logout_in_one_process_are_seen_by_the_other_within_a_second() -> TestResult {
    let scene = Scene::new(options()).await?;
    let other = scene.desk.start()?;
    in_time(other.server("demo")?.settled()).await?;
    scene.sign_in().await?;
    let second = Duration::from_secs(1);
    tokio::time::timeout(
        second,
        until(&other, |status| status.connection == ConnectionStatus::Connected),
    )
    .await??;
    assert_eq!(other.server("demo")?.snapshot().auth, AuthStatus::Authenticated);
    scene.server.sign_out().await.map_err(omlx_tests::Failure)?;
    let seen = until(&other, |status| status.auth == AuthStatus::NotAuthenticated);
    let status = tokio::time::timeout(second, seen).await??;
    assert_eq!(status.connection, ConnectionStatus::Idle);
    assert!(
        other
            .server("demo")?
            .call("who_am_i", serde_json::Map::new())
            .await
            .is_err()
    );
    in_time(other.stop()).await?;
    scene.end().await
}

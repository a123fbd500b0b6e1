//! Servers that are away, broken or hostile: what is said of them, and that nothing is asked of them beyond that.

use std::{error::Error, fs, time::Duration};

use omlx_demo::{Demo, DemoOptions, Era, Fault, Protection};
use omlx_mcp::{
    Action, AuthStatus, ConnectionStatus,
    ConnectionStatus::{Failed, Waiting},
};
use omlx_tests::{Desk, Scene, TestResult, code_of, in_time, requests, until_of};
use serde_json::{Value, json};

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

/// What a first look at a server with this fault leads to.
async fn met_with(fault: Fault, entry: Value) -> Result<Scene, Box<dyn Error>> {
    Scene::prepared(options(), entry, |demo, _| {
        demo.set(fault.at("/mcp"));
        Ok(())
    })
    .await
}

const DISCOVER: &str = "/mcp server/discover";

#[tokio::test]
async fn what_a_server_answers_instead_of_mcp_has_a_code_a_mend_and_an_end() -> TestResult {
    use Action::{AskProvider, EditConfig, Retry};
    let all = [DISCOVER, "/mcp initialize"];
    let limit = json!({ "timeout": 0.5 });
    let none = json!({});
    let table = [
        (Fault::Status(403), &none, (Failed, "forbidden", AskProvider), 1),
        (Fault::Status(404), &none, (Failed, "server_error", EditConfig), 2),
        (Fault::Status(500), &none, (Waiting, "server_error", Retry), 1),
        (
            Fault::RetryAfter {
                status: 503,
                seconds: 7,
            },
            &none,
            (Waiting, "server_error", Retry),
            1,
        ),
        (
            Fault::RetryAfter {
                status: 429,
                seconds: 7,
            },
            &none,
            (Waiting, "server_error", Retry),
            1,
        ),
        (Fault::html(200), &none, (Failed, "not_mcp", EditConfig), 1),
        (Fault::EndlessBody, &none, (Failed, "too_large", AskProvider), 1),
        (Fault::SlowBody, &limit, (Waiting, "timed_out", Retry), 1),
        (Fault::Hang, &limit, (Waiting, "timed_out", Retry), 1),
        (Fault::DropBefore, &none, (Waiting, "connection_lost", Retry), 1),
    ];
    for (fault, entry, (connection, code, action), count) in table {
        let mut scene = met_with(fault.clone(), entry.clone()).await?;
        let status = scene.server.snapshot();
        assert_eq!(
            (status.connection, code_of(&status)),
            (connection, Some(code)),
            "{fault:?}"
        );
        assert_eq!(
            status.problem.map(|problem| problem.action),
            Some(action),
            "{fault:?}"
        );
        assert_eq!(requests(&scene.demo), all[..count], "{fault:?}");
        assert_eq!(
            (scene.attention().len(), scene.desk.browser.windows()),
            (0, 0),
            "{fault:?}"
        );
        assert_eq!(status.retry_at.is_some(), connection == Waiting, "{fault:?}");
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_is_left_alone_as_long_as_it_asks() -> TestResult {
    let scene = met_with(
        Fault::RetryAfter {
            status: 503,
            seconds: 600,
        },
        json!({}),
    )
    .await?;
    scene.hand.advance(Duration::from_secs(599));
    scene
        .server
        .snapshot()
        .retry_at
        .filter(|at| *at > scene.desk.clock.now())
        .ok_or("too early")?;
    assert_eq!(requests(&scene.demo), [DISCOVER]);
    scene.demo.clear_faults();
    scene.hand.advance(Duration::from_secs(62));
    scene
        .until(|status| status.auth == AuthStatus::NotAuthenticated)
        .await?;
    scene.end().await
}

#[tokio::test]
async fn a_server_nobody_runs_is_unreachable_and_tried_again() -> TestResult {
    let demo = Demo::start(options()).await?;
    let url = demo.mcp_url();
    drop(demo);
    let desk = Desk::with_server(&url)?;
    let core = desk.start()?;
    let status = in_time(core.server("demo")?.settled()).await?;
    assert_eq!(
        (status.connection, code_of(&status)),
        (Waiting, Some("unreachable"))
    );
    assert_eq!(
        status.auth,
        AuthStatus::Unknown,
        "an outage says nothing about a sign-in"
    );
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_said_to_and_not_tried_again() -> TestResult {
    let demo = Demo::start(options()).await?;
    let desk = Desk::with_server(&demo.mcp_url().replace("http:", "https:"))?;
    let core = desk.start()?;
    let status = in_time(core.server("demo")?.settled()).await?;
    assert_eq!(
        (status.connection, code_of(&status)),
        (Failed, Some("tls_failed"))
    );
    assert_eq!(requests(&demo), [""; 0]);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_gets_no_token() -> TestResult {
    let other = Demo::start(options()).await?;
    let scene = Scene::signed_in(options()).await?;
    scene.demo.set(Fault::Redirect(other.mcp_url()).at("/mcp"));
    let scene = scene.restart().await?;
    let status = scene.server.snapshot();
    assert_eq!(
        (status.connection, code_of(&status)),
        (Failed, Some("redirected"))
    );
    assert_eq!(status.auth, AuthStatus::Authenticated, "the grant stands");
    assert_eq!(requests(&other), [""; 0]);
    scene.end().await
}

/// What signing in to a server with this fault comes to, and what was asked of it after the 401.
async fn signing_in_with(fault: Fault) -> Result<(String, Vec<String>), Box<dyn Error>> {
    let scene = Scene::new(options()).await?;
    scene.demo.set(fault);
    scene.demo.forget_calls();
    let problem = scene.sign_in().await.err().ok_or("it worked")?.to_string();
    let status = scene.server.snapshot();
    assert_eq!(status.auth, AuthStatus::NotAuthenticated);
    let code = problem.split(':').next().unwrap_or_default();
    assert_eq!(code_of(&status), Some(code), "the state says the same");
    let asked = requests(&scene.demo);
    scene.end().await?;
    Ok((code.to_owned(), asked))
}

#[tokio::test]
async fn metadata_that_must_not_be_trusted_ends_the_sign_in_where_it_is_found() -> TestResult {
    let all = [
        "GET oauth-protected-resource/mcp",
        "GET oauth-authorization-server",
        "POST /register",
    ];
    let server = |member, value: &str| Fault::ServerMetadata(member, value.into());
    let table = [
        (Fault::foreign_resource(), "resource_mismatch", 1),
        (
            Fault::ResourceMetadata("authorization_servers", json!(["file:///etc/passwd"])),
            "issuer_invalid",
            1,
        ),
        (Fault::issuer_mismatch(), "issuer_mismatch", 2),
        (Fault::no_pkce(), "pkce_unsupported", 2),
        (
            server("authorization_endpoint", "javascript:alert(1)"),
            "endpoint_invalid",
            2,
        ),
        (
            server("authorization_endpoint", "data:text/html,x"),
            "endpoint_invalid",
            2,
        ),
        (
            server("token_endpoint", "file:///etc/passwd"),
            "endpoint_invalid",
            2,
        ),
        (
            server("token_endpoint", "http://as.example.com/token"),
            "endpoint_invalid",
            2,
        ),
        (
            server("registration_endpoint", "javascript:x"),
            "endpoint_invalid",
            2,
        ),
        (Fault::no_registration(), "registration_unsupported", 2),
    ];
    for (fault, code, count) in table {
        let (said, asked) = signing_in_with(fault.clone()).await?;
        assert_eq!(said, code, "{fault:?}");
        assert_eq!(asked, all[..count], "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_of_discovery_is_no_absence_and_nothing_is_guessed_from_it() -> TestResult {
    let resource = "/.well-known/oauth-protected-resource/mcp";
    let server = "/.well-known/oauth-authorization-server";
    for (path, count) in [(resource, 1), (server, 2)] {
        for (fault, code) in [
            (Fault::Status(500), "metadata_unavailable"),
            (Fault::Status(429), "metadata_unavailable"),
            (Fault::DropBefore, "no_answer"),
            (Fault::EndlessBody, "response_too_large"),
        ] {
            let scene = Scene::new(options()).await?;
            scene.demo.forget_calls();
            scene.demo.set(fault.clone().at(path));
            let problem = scene.sign_in().await.err().ok_or("it worked")?.to_string();
            assert!(problem.starts_with(code), "{path} {fault:?}: {problem}");
            assert_eq!(requests(&scene.demo).len(), count, "{path} {fault:?}");
            assert_eq!(scene.desk.browser.windows(), 0);
            scene.end().await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_day_at_the_token_endpoint_ends_a_sign_in_without_asking_twice() -> TestResult {
    for (fault, code) in [
        (Fault::Status(503), "authorization_server_unavailable"),
        (Fault::html(200), "token_response_unreadable"),
        (Fault::EndlessBody, "response_too_large"),
        (Fault::invalid_grant(), "token_refused"),
        (
            Fault::Redirect("https://elsewhere.example/token".into()),
            "token_response_unreadable",
        ),
    ] {
        let scene = Scene::new(options()).await?;
        scene.demo.set(fault.clone().at("POST /token"));
        let problem = scene.sign_in().await.err().ok_or("it worked")?.to_string();
        assert!(problem.starts_with(code), "{fault:?}: {problem}");
        assert_eq!(
            (scene.demo.count("POST /token"), scene.desk.browser.windows()),
            (1, 1),
            "{fault:?}"
        );
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_provider_that_registers_only_apps_it_knows_is_said_to() -> TestResult {
    for (fault, code) in [
        (Fault::Status(403), "registration_not_approved"),
        (
            Fault::oauth_error(400, "invalid_redirect_uri"),
            "redirect_rejected",
        ),
        (
            Fault::oauth_error(400, "invalid_client_metadata"),
            "registration_rejected",
        ),
        (Fault::Status(503), "registration_unavailable"),
        (Fault::html(200), "registration_unsupported"),
    ] {
        let scene = Scene::new(options()).await?;
        scene.demo.set(fault.clone().at("POST /register"));
        let problem = scene.sign_in().await.err().ok_or("it worked")?.to_string();
        assert!(problem.starts_with(code), "{fault:?}: {problem}");
        assert_eq!(scene.desk.browser.windows(), 0);
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn one_dead_server_delays_none_of_fifty_others() -> TestResult {
    let good = Demo::start(DemoOptions {
        protection: Protection::Open,
        ..options()
    })
    .await?;
    let dead = Demo::start(options()).await?;
    let gate = dead.hold("/mcp");
    let mut servers = json!({ "dead": { "transport": "streamable-http", "url": dead.mcp_url() } });
    for number in 0..50 {
        servers[format!("good{number}")] = json!({ "transport": "streamable-http", "url": good.mcp_url() });
    }
    let desk = Desk::new()?;
    desk.configure(&servers)?;
    let core = desk.start()?;
    for number in 0..50 {
        until_of(&core, &format!("good{number}"), |status| {
            status.connection == ConnectionStatus::Connected
        })
        .await?;
    }
    assert_eq!(
        core.server("dead")?.snapshot().connection,
        ConnectionStatus::Connecting
    );
    gate.release();
    until_of(&core, "dead", |status| {
        status.auth == AuthStatus::NotAuthenticated
    })
    .await?;
    in_time(core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn changed_tools_are_listed_again() -> TestResult {
    for era in [Era::Stateless, Era::Session] {
        let scene = Scene::signed_in(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        scene.demo.change(|options| options.tools.extra = 3);
        let heard = async {
            while scene.server.snapshot().tool_count != Some(17) {
                // The stream may not be open yet, so it is said until it was heard.
                scene.demo.tools_changed();
                tokio::task::yield_now().await;
            }
        };
        in_time(heard).await?;
        assert_eq!(scene.server.snapshot().connection, ConnectionStatus::Connected);
        let tools = scene.server.tools().await.map_err(omlx_tests::Failure)?;
        assert_eq!(tools.len(), 17, "{era:?}");
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_session_ended_by_the_server_is_opened_again_by_the_next_call() -> TestResult {
    let scene = Scene::signed_in(DemoOptions {
        era: Era::Session,
        ..DemoOptions::headless()
    })
    .await?;
    scene.demo.end_sessions();
    let first = scene.echo().await?;
    let connected = |status: &omlx_mcp::ServerSnapshot| status.connection == ConnectionStatus::Connected;
    scene.until(connected).await?;
    if first != "hello" {
        scene.hand.advance(Duration::from_secs(2));
        scene.until(connected).await?;
        assert_eq!(scene.echo().await?, "hello");
    }
    assert_eq!(scene.demo.count("POST /token"), 0);
    scene.end().await
}

#[tokio::test]
async fn cut_connections_are_made_again() -> TestResult {
    for era in [Era::Stateless, Era::Session] {
        let scene = Scene::signed_in(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        scene.demo.cut_connections();
        let mut tries = 0;
        while scene.echo().await? != "hello" {
            tries += 1;
            assert!(tries < 100, "{era:?}: {:?}", scene.server.snapshot());
            scene.hand.advance(Duration::from_secs(2));
        }
        assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_restarts_is_waited_for_and_connected_again_by_itself() -> TestResult {
    for era in [Era::Stateless, Era::Session] {
        let mut scene = Scene::signed_in(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        scene.demo.stop().await;
        assert_ne!(scene.echo().await?, "hello");
        let status = scene
            .until(|status| status.connection == ConnectionStatus::Waiting)
            .await?;
        assert_eq!(
            (status.auth, code_of(&status)),
            (AuthStatus::Authenticated, Some("unreachable")),
            "{era:?}"
        );
        scene.demo.resume().await?;
        scene
            .hand
            .set(status.retry_at.ok_or("it says when it tries again")?);
        scene
            .until(|status| status.connection == ConnectionStatus::Connected)
            .await?;
        assert_eq!(scene.echo().await?, "hello", "{era:?}");
        assert_eq!(
            (scene.attention().len(), scene.demo.count("POST /token")),
            (0, 0),
            "{era:?}"
        );
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_goes_away_while_nobody_calls_is_noticed_all_the_same() -> TestResult {
    for (era, stream) in [
        (Era::Stateless, "rpc=subscriptions/listen"),
        (Era::Session, "GET /mcp"),
    ] {
        let scene = Scene::new(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        scene.sign_in().await?;
        in_time(scene.demo.until(stream, 1)).await?;
        scene.demo.stop().await;
        let noticed = async {
            // Streams are opened again after a pause, which is when it shows.
            while scene.server.snapshot().connection != Waiting {
                scene.hand.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        };
        in_time(noticed).await?;
        let status = scene.server.snapshot();
        assert_eq!(status.auth, AuthStatus::Authenticated, "{era:?}");
        scene.demo.resume().await?;
        scene
            .hand
            .set(status.retry_at.ok_or("it says when it tries again")?);
        scene
            .until(|status| status.connection == ConnectionStatus::Connected)
            .await?;
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_went_wrong_can_be_read_later_without_a_connection() -> TestResult {
    let scene = met_with(Fault::html(200), json!({})).await?;
    scene.core.clone().stop().await;
    let records = scene.desk.home_path().join("records");
    let texts: Vec<_> = fs::read_dir(records)?
        .flatten()
        .filter_map(|file| fs::read_to_string(file.path()).ok())
        .collect();
    assert!(texts.iter().any(|text| text.contains("not_mcp")), "{texts:?}");
    Ok(())
}

//! From 401 to tools, with the exact requests it takes.

use std::{sync::Arc, time::Duration};

use omlx_demo::{Demo, DemoOptions, Era, Fault, KnownClient, Protection, ResourceMetadataPlace};
use omlx_mcp::{
    AuthStatus, ConnectionStatus, Event,
    connection::{BrowserUse, SignInOptions},
};
use omlx_tests::{
    Desk, Errand, Failure, NoBrowser, Redirect, Scene, TestResult, code_of, in_time, requests, until,
};
use serde_json::json;

const FOUND_OUT: [&str; 4] = [
    "/mcp server/discover",
    "GET oauth-protected-resource/mcp",
    "GET oauth-authorization-server",
    "POST /register",
];

fn era(era: Era) -> DemoOptions {
    DemoOptions {
        era,
        ..DemoOptions::headless()
    }
}

async fn demo(spoken: Era) -> std::io::Result<Demo> {
    Demo::start(era(spoken)).await
}

fn show_only() -> SignInOptions {
    SignInOptions {
        browser: BrowserUse::ShowOnly,
        ..SignInOptions::default()
    }
}

fn with<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}

#[tokio::test]
async fn a_protected_server_asks_for_a_sign_in_and_opens_no_browser_by_itself() -> TestResult {
    let mut scene = Scene::new(era(Era::Both)).await?;
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::NotAuthenticated, ConnectionStatus::Idle)
    );
    assert_eq!(code_of(&status), Some("sign_in_needed"));
    assert_eq!(scene.desk.browser.windows(), 0);
    assert_eq!(
        requests(&scene.demo),
        ["/mcp server/discover"],
        "one request is enough to know"
    );
    assert_eq!(scene.attention(), ["sign_in_needed"], "a person is asked once");
    scene.end().await
}

#[tokio::test]
async fn a_sign_in_at_a_stateless_server_takes_seven_requests_and_one_window() -> TestResult {
    let scene = Scene::new(era(Era::Stateless)).await?;
    let status = scene.sign_in().await?;
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::Authenticated, ConnectionStatus::Connected)
    );
    let rest = [
        "/token authorization_code",
        "/mcp server/discover",
        "/mcp tools/list",
    ];
    assert_eq!(requests(&scene.demo), with(&FOUND_OUT, &rest));
    assert_eq!(scene.desk.browser.windows(), 1);
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(status.workspace.as_deref(), Some("Analytical Engines"));
    assert_eq!(status.scopes, ["mcp:tools", "offline_access"]);
    scene.end().await
}

#[tokio::test]
async fn a_sign_in_at_a_server_with_sessions_takes_nine_requests() -> TestResult {
    let scene = Scene::new(era(Era::Session)).await?;
    scene.sign_in().await?;
    let rest = [
        "/token authorization_code",
        "/mcp server/discover",
        "/mcp initialize",
        "/mcp notifications/initialized",
        "/mcp tools/list",
    ];
    assert_eq!(requests(&scene.demo), with(&FOUND_OUT, &rest));
    scene.end().await
}

#[tokio::test]
async fn a_later_start_takes_two_requests_at_a_stateless_server_and_no_window() -> TestResult {
    let mut scene = Scene::signed_in(era(Era::Stateless)).await?;
    scene = scene.restart().await?;
    assert_eq!(requests(&scene.demo), ["/mcp server/discover", "/mcp tools/list"]);
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    assert_eq!(scene.attention(), [""; 0]);
    assert_eq!(scene.desk.browser.windows(), 1, "the one of the sign-in");
    scene.end().await
}

#[tokio::test]
async fn a_later_start_at_a_server_with_sessions_remembers_its_era_and_takes_three() -> TestResult {
    let mut scene = Scene::signed_in(era(Era::Session)).await?;
    scene = scene.restart().await?;
    assert_eq!(
        scene.demo.count("DELETE /mcp"),
        1,
        "the first process told that its session is over"
    );
    let all = requests(&scene.demo);
    let expected = [
        "/mcp initialize",
        "/mcp notifications/initialized",
        "/mcp tools/list",
    ];
    assert_eq!(all[all.len() - 3..], expected);
    assert_eq!(all.len(), 4, "{all:?}");
    scene.end().await
}

#[tokio::test]
async fn a_client_from_the_config_file_is_not_registered() -> TestResult {
    let mut options = era(Era::Stateless);
    options.registration.known = vec![KnownClient {
        id: "given-out".into(),
        secret: Some("planted".into()),
        auth_method: "client_secret_basic".into(),
        redirect_uris: vec!["http://127.0.0.1/oauth/callback".into()],
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
    }];
    let auth = json!({ "auth": { "client_id": "given-out", "client_secret": "planted" } });
    let scene = Scene::with_entry(options, auth).await?;
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.demo.count("POST /register"), 0);
    assert_eq!(
        scene.demo.calls_to("POST /token")[0].scheme.as_deref(),
        Some("Basic")
    );
    scene.end().await
}

#[tokio::test]
async fn without_a_browser_the_address_is_shown_and_the_pasted_answer_signs_in() -> TestResult {
    let scene = Scene::new(era(Era::Stateless)).await?;
    let (server, core) = (scene.server.clone(), scene.core.clone());
    let waiting = tokio::spawn(async move { server.sign_in(show_only()).await });
    let status = scene.until(|status| status.prompt.is_some()).await?;
    assert_eq!(status.auth, AuthStatus::Authenticating);
    let Some(omlx_mcp::event::SignInPrompt::Browser { url }) = status.prompt else {
        return Err("no address".into());
    };
    let redirect = Redirect::of(&url.parse()?).await?;
    assert!(core.redirected(&format!("  <{}>\n", redirect.address())).await?);
    let signed_in = in_time(waiting).await??.map_err(Failure)?;
    assert_eq!(signed_in.snapshot.auth, AuthStatus::Authenticated);
    assert!(signed_in.snapshot.prompt.is_none());
    assert_eq!(scene.desk.browser.windows(), 0);
    assert!(
        !core.redirected(redirect.address()).await?,
        "pasted a second time, nobody waits for it"
    );
    assert_eq!(scene.demo.count("POST /token"), 1);
    scene.end().await
}

#[tokio::test]
async fn a_machine_without_a_browser_can_still_be_signed_in_from_elsewhere() -> TestResult {
    let demo = Demo::start(era(Era::Stateless)).await?;
    // Where codes for other devices are offered, one is asked for instead.
    let codes = "device_authorization_endpoint";
    demo.set(Fault::ServerMetadata(codes, serde_json::Value::Null));
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start_with(Arc::new(NoBrowser))?;
    let server = core.server("demo")?;
    let waiting = tokio::spawn(async move { server.sign_in(SignInOptions::default()).await });
    let status = until(&core, |status| status.prompt.is_some()).await?;
    let Some(omlx_mcp::event::SignInPrompt::Browser { url }) = status.prompt else {
        return Err("no address".into());
    };
    assert_eq!(Redirect::of(&url.parse()?).await?.follow().await?, 200);
    assert_eq!(
        in_time(waiting).await??.map_err(Failure)?.snapshot.auth,
        AuthStatus::Authenticated
    );
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn metadata_that_only_the_challenge_names_is_found_again_when_no_challenge_is_at_hand() -> TestResult {
    let mut options = era(Era::Stateless);
    options.discovery.resource_metadata = ResourceMetadataPlace::Elsewhere("/somewhere/else".to_owned());
    options.discovery.issuer_path = "/tenant1".to_owned();
    let mut scene = Scene::signed_in(options).await?;
    // Another process has never been refused.
    scene = scene.restart().await?;
    scene.forget();
    scene.sign_in().await?;
    assert_eq!(scene.demo.count("POST /mcp rpc=ping status=401"), 1);
    assert_eq!(scene.demo.count("GET /somewhere/else"), 1);
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    scene.end().await
}

#[tokio::test]
async fn two_sign_ins_at_once_open_one_window_and_both_are_served() -> TestResult {
    let scene = Scene::new(era(Era::Stateless)).await?;
    let gate = scene.demo.hold("POST /token");
    let (first, second) = (scene.server.clone(), scene.server.clone());
    let first = tokio::spawn(async move { first.sign_in(SignInOptions::default()).await });
    in_time(gate.arrived()).await?;
    let mut second = Box::pin(second.sign_in(SignInOptions::default()));
    assert!(futures::poll!(second.as_mut()).is_pending());
    // The second one has been heard once a question asked after it is answered.
    let stranger = "http://127.0.0.1:1/oauth/callback?code=x&state=stranger";
    assert!(!in_time(scene.core.redirected(stranger)).await??);
    gate.release();
    let both = (in_time(first).await??, in_time(second).await?);
    for signed_in in [both.0, both.1] {
        let snapshot = signed_in.map_err(Failure)?.snapshot;
        assert_eq!(snapshot.connection, ConnectionStatus::Connected);
    }
    assert_eq!(scene.desk.browser.windows(), 1);
    assert_eq!(scene.demo.count("POST /token"), 1);
    scene.end().await
}

#[tokio::test]
async fn a_cancelled_sign_in_leaves_everything_as_it_was_and_the_next_one_works() -> TestResult {
    let mut scene = Scene::new(era(Era::Stateless)).await?;
    scene.forget();
    let server = scene.server.clone();
    let waiting = tokio::spawn(async move { server.sign_in(show_only()).await });
    scene.until(|status| status.prompt.is_some()).await?;
    scene.server.cancel_sign_in().await;
    let problem = in_time(waiting).await??.err().ok_or("it was cancelled")?;
    assert_eq!(problem.code, "cancelled");
    let status = scene
        .until(|status| status.auth != AuthStatus::Authenticating)
        .await?;
    assert_eq!(
        (status.auth, code_of(&status)),
        (AuthStatus::NotAuthenticated, Some("sign_in_needed"))
    );
    assert!(status.prompt.is_none(), "nothing is left on the screen");
    assert_eq!(scene.demo.count("POST /token"), 0);
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(
        scene.demo.count("POST /register"),
        1,
        "the registration of the first attempt is used"
    );
    scene.end().await
}

#[tokio::test]
async fn the_news_of_a_sign_in_tell_transport_and_tools_apart() -> TestResult {
    let mut scene = Scene::new(era(Era::Stateless)).await?;
    scene.forget();
    scene.sign_in().await?;
    let news: Vec<_> = scene
        .news()
        .into_iter()
        .map(|event| match event {
            Event::SignInStarted { .. } => "asked",
            Event::SignInFinished { problem: None, .. } => "finished",
            Event::TransportConnected { .. } => "transport",
            Event::ToolsDiscovered { tool_count: 14, .. } => "tools",
            _ => "?",
        })
        .collect();
    // Whoever asked, and whoever connects, tell of it each for themselves.
    let (finished, others): (Vec<&str>, Vec<&str>) = news.iter().partition(|news| **news == "finished");
    assert_eq!(
        (finished.len(), others),
        (1, vec!["asked", "transport", "tools"]),
        "{news:?}"
    );
    scene.end().await
}

#[tokio::test]
async fn signing_in_again_keeps_the_registration_and_its_port() -> TestResult {
    let mut options = era(Era::Stateless);
    options.registration.exact_port = true;
    let scene = Scene::signed_in(options).await?;
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.demo.count("POST /register"), 0);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_port_taken_by_another_program_meanwhile_leads_to_a_new_registration() -> TestResult {
    let mut options = era(Era::Stateless);
    options.registration.exact_port = true;
    let scene = Scene::new(options).await?;
    scene.sign_in().await?;
    let used = scene.demo.calls_to("GET /authorize");
    let redirect = used[0]
        .parameter("redirect_uri")
        .and_then(|uri| uri.text())
        .ok_or("no redirect URI")?;
    let port = redirect.parse::<url::Url>()?.port().ok_or("no port")?;
    scene.demo.forget_calls();
    let _other_program = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.demo.count("POST /register"), 1);
    scene.end().await
}

#[tokio::test]
async fn a_fixed_port_that_is_taken_is_named() -> TestResult {
    let other_program = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = other_program.local_addr()?.port();
    let scene = Scene::with_entry(era(Era::Stateless), json!({ "auth": { "redirect_port": port } })).await?;
    let problem = scene
        .sign_in()
        .await
        .err()
        .ok_or("the port is taken")?
        .to_string();
    assert!(
        problem.starts_with("redirect_port_busy") && problem.contains(&port.to_string()),
        "{problem}"
    );
    drop(other_program);
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    scene.end().await
}

#[tokio::test]
async fn a_client_the_server_has_forgotten_is_registered_anew_once() -> TestResult {
    let scene = Scene::new(era(Era::Stateless)).await?;
    scene.demo.set(Fault::invalid_client().at("POST /token").once());
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(
        (
            scene.demo.count("POST /register"),
            scene.demo.count("POST /token")
        ),
        (2, 2)
    );
    scene.end().await
}

#[tokio::test]
async fn a_client_that_is_never_accepted_is_registered_anew_only_once() -> TestResult {
    let scene = Scene::new(era(Era::Stateless)).await?;
    scene.demo.set(Fault::invalid_client().at("POST /token"));
    let problem = scene
        .sign_in()
        .await
        .err()
        .ok_or("no client is accepted")?
        .to_string();
    assert!(problem.starts_with("client_refused"), "{problem}");
    assert_eq!(
        (
            scene.demo.count("POST /register"),
            scene.demo.count("POST /token")
        ),
        (2, 2)
    );
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotAuthenticated);
    scene.end().await
}

#[tokio::test]
async fn a_server_that_asks_nobody_needs_no_sign_in() -> TestResult {
    let scene = Scene::new(DemoOptions {
        protection: Protection::Open,
        ..era(Era::Stateless)
    })
    .await?;
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::NotRequired, ConnectionStatus::Connected)
    );
    assert_eq!(requests(&scene.demo), ["/mcp server/discover", "/mcp tools/list"]);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_server_that_asks_only_when_a_tool_is_called_is_signed_in_to_then() -> TestResult {
    let mut scene = Scene::new(DemoOptions {
        protection: Protection::ToolCalls,
        ..era(Era::Stateless)
    })
    .await?;
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotRequired);
    assert_eq!(scene.echo().await?, "sign_in_needed");
    let status = scene
        .until(|status| status.auth == AuthStatus::NotAuthenticated)
        .await?;
    assert_eq!(code_of(&status), Some("sign_in_needed"));
    assert_eq!(scene.attention(), ["sign_in_needed"]);
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_rejected_credential_from_the_config_file_starts_no_sign_in() -> TestResult {
    for (entry, code) in [
        (
            json!({ "headers": { "Authorization": "Bearer wrong" } }),
            "credential_rejected",
        ),
        (json!({ "auth": { "type": "none" } }), "credential_rejected"),
    ] {
        let mut scene = Scene::with_entry(era(Era::Stateless), entry).await?;
        let status = scene.server.snapshot();
        assert_eq!(
            (status.connection, code_of(&status)),
            (ConnectionStatus::Failed, Some(code))
        );
        let refused = scene
            .sign_in()
            .await
            .err()
            .ok_or("there is nothing to sign in to")?
            .to_string();
        assert!(refused.starts_with("nothing_to_sign_in_to"), "{refused}");
        assert_eq!(requests(&scene.demo), ["/mcp server/discover"]);
        assert_eq!((scene.desk.browser.windows(), scene.attention().len()), (0, 0));
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_credential_in_a_header_works_without_any_sign_in() -> TestResult {
    let header = Protection::Header {
        name: "x-api-key".into(),
        value: "planted".into(),
    };
    let options = DemoOptions {
        protection: header,
        ..era(Era::Stateless)
    };
    let scene = Scene::with_entry(options, json!({ "headers": { "X-API-Key": "planted" } })).await?;
    assert_eq!(scene.server.snapshot().connection, ConnectionStatus::Connected);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_second_person_in_the_room_can_use_the_sign_in_without_being_asked() -> TestResult {
    let scene = Scene::signed_in(era(Era::Stateless)).await?;
    let other = scene.desk.start_with(Arc::new(Errand::default()))?;
    let status = in_time(other.server("demo")?.settled()).await?;
    assert_eq!(
        (status.auth, status.connection),
        (AuthStatus::Authenticated, ConnectionStatus::Connected)
    );
    assert_eq!(scene.demo.count("POST /token"), 0);
    other.stop().await;
    scene.end().await
}

#[tokio::test]
async fn a_sign_in_while_the_server_is_away_says_so_and_signs_nobody_out() -> TestResult {
    let scene = Scene::signed_in(era(Era::Stateless)).await?;
    scene.demo.stop().await;
    scene.hand.advance(Duration::from_secs(1));
    let problem = scene.sign_in().await.err().ok_or("nobody is there")?.to_string();
    assert!(problem.starts_with("unreachable"), "{problem}");
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    scene.demo.resume().await?;
    scene.server.retry().await;
    scene
        .until(|status| status.connection == ConnectionStatus::Connected)
        .await?;
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_grant_of_another_issuer_than_the_config_now_pins_is_never_presented() -> TestResult {
    let demo = Demo::start(era(Era::Stateless)).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    desk.sign_in().await?;
    let auth = json!({ "issuer": "https://as.example" });
    desk.configure(
        &json!({ "demo": { "transport": "streamable-http", "url": demo.mcp_url(), "auth": auth } }),
    )?;
    demo.forget_calls();
    let core = Desk::process(
        &desk.config_path(),
        &desk.home_path(),
        std::sync::Arc::new(desk.browser.clone()),
    )?;
    let status = core.server("demo")?.settled().await;
    assert_eq!(
        status.problem.map(|problem| problem.code.into_owned()).as_deref(),
        Some("grant_elsewhere")
    );
    assert_eq!(demo.calls().len(), 0);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_sign_in_whose_token_is_rejected_at_once_comes_to_an_end() -> TestResult {
    let demo = demo(Era::Session).await?;
    demo.set(Fault::no_refresh_token());
    demo.set(Fault::RejectToken.at("POST /mcp rpc=tools/list"));
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    for _ in 0..2 {
        let signed_in = server.sign_in(SignInOptions::default()).await;
        let snapshot = signed_in.map_err(|problem| problem.message)?.snapshot;
        assert_eq!(snapshot.auth, AuthStatus::RefreshFailed);
        assert_eq!(snapshot.connection, ConnectionStatus::Idle);
    }
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_never_content_is_given_up_after_three_sign_ins() -> TestResult {
    let demo = demo(Era::Session).await?;
    demo.set(Fault::InsufficientScope("notes:write".to_owned()).at("POST /mcp rpc=tools/list"));
    let desk = Desk::with_server(&demo.mcp_url())?;
    let core = desk.start()?;
    let server = core.server("demo")?;
    for _ in 0..3 {
        assert_ne!(server.snapshot().connection, ConnectionStatus::Failed);
        let signed_in = server.sign_in(SignInOptions::default()).await;
        signed_in.map_err(|problem| problem.message)?;
    }
    let given_up = server.settled().await;
    assert_eq!(given_up.connection, ConnectionStatus::Failed);
    let problem = given_up.problem.ok_or("no problem")?;
    assert_eq!(problem.code, "scope_refused");
    core.stop().await;
    Ok(())
}

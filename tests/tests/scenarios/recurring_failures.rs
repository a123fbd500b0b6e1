//! The failures that clients of protected MCP servers are reported for again and again, each as a short test that this
//! one does not have it. The themes are in the other files, in full.

use std::{collections::BTreeSet, error::Error, sync::Arc, time::Duration};

use omlx_demo::{
    Demo, DemoOptions, Era, Fault, KnownClient, Protection, RefreshTokens, ResourceMetadataPlace,
    ServerMetadataPlace,
};
use omlx_mcp::{
    AuthStatus, ConnectionStatus,
    connection::{BrowserUse, SignInOptions},
    store::{CredentialStoreError, Home, KeySource, Vault},
};
use omlx_tests::{Failure, Redirect, Scene, TestResult, arguments, code_of, in_time};
use serde_json::{Value, json};

const REFRESH: &str = "POST /token grant_type=refresh_token";

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

/// A parameter of the last request that matches, as text.
fn parameter(demo: &Demo, pattern: &str, name: &str) -> Option<String> {
    let calls = demo.calls_to(pattern);
    calls.last()?.parameter(name)?.text().map(str::to_owned)
}

/// Signs in to a server prepared like this, and calls a tool.
async fn works(options: DemoOptions, entry: Value, faults: &[Fault]) -> Result<Scene, Box<dyn Error>> {
    let scene = Scene::prepared(options, entry, |demo, _| {
        for fault in faults {
            demo.set(fault.clone());
        }
        Ok(())
    })
    .await?;
    scene.sign_in().await?;
    assert_eq!(scene.echo().await?, "hello", "{faults:?}");
    Ok(scene)
}

/// The code with which signing in to such a server ends.
async fn fails(options: DemoOptions, fault: Fault) -> Result<String, Box<dyn Error>> {
    let scene = Scene::new(options).await?;
    scene.demo.set(fault);
    let problem = scene.sign_in().await.err().ok_or("it worked")?.to_string();
    scene.end().await?;
    Ok(problem.split(':').next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn no_01_a_refresh_token_that_is_stored_is_used() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    for count in 1..=3 {
        scene.demo.expire_access_tokens();
        assert_eq!(
            (scene.echo().await?.as_str(), scene.demo.count(REFRESH)),
            ("hello", count)
        );
    }
    scene.end().await
}

#[tokio::test]
async fn no_02_refreshes_at_the_same_time_do_not_kill_the_family() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    let other = scene.desk.start()?;
    let server = other.server("demo")?;
    in_time(server.settled()).await?;
    scene.demo.expire_access_tokens();
    let (here, there) = tokio::join!(scene.echo(), server.call("who_am_i", serde_json::Map::new()));
    assert_eq!(
        (here?.as_str(), there.is_ok(), scene.demo.count(REFRESH)),
        ("hello", true, 1)
    );
    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "hello", "the family is alive");
    in_time(other.stop()).await?;
    scene.end().await
}

#[tokio::test]
async fn no_03_a_passing_failure_deletes_no_credentials() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    for fault in [
        Fault::Status(503),
        Fault::Status(429),
        Fault::html(200),
        Fault::DropBefore,
    ] {
        scene.demo.expire_access_tokens();
        scene.demo.set(fault.clone().at("POST /token"));
        assert_ne!(scene.echo().await?, "hello");
        assert_eq!(
            scene.server.snapshot().auth,
            AuthStatus::Authenticated,
            "{fault:?}"
        );
        scene.demo.clear_faults();
        assert_eq!(scene.echo().await?, "hello", "{fault:?}");
    }
    scene.end().await
}

#[tokio::test]
async fn no_04_a_dead_refresh_token_is_not_tried_for_ever_and_a_sign_in_is_offered() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.revoke_all();
    for _ in 0..5 {
        assert_ne!(scene.echo().await?, "hello");
        scene.hand.advance(Duration::from_hours(1));
    }
    let scene = scene.restart().await?;
    assert_ne!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count(REFRESH), 1, "nor by a later process");
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    scene.end().await
}

#[tokio::test]
async fn no_05_what_a_reply_leaves_out_is_not_lost() -> TestResult {
    let mut options = options();
    options.tokens.refresh = RefreshTokens::Reusable;
    let scene = Scene::signed_in(options).await?;
    let scopes = scene.server.snapshot().scopes;
    scene.demo.set(Fault::no_refresh_token());
    scene.demo.set(Fault::no_scope());
    for _ in 0..2 {
        scene.demo.expire_access_tokens();
        assert_eq!(scene.echo().await?, "hello");
    }
    assert_eq!(scene.server.snapshot().scopes, scopes);
    scene.end().await
}

#[tokio::test]
async fn no_06_the_resource_is_the_same_at_every_step() -> TestResult {
    let scene = works(options(), json!({}), &[]).await?;
    scene.demo.expire_access_tokens();
    scene.echo().await?;
    for request in [
        "GET /authorize",
        "POST /token grant_type=authorization_code",
        REFRESH,
    ] {
        assert_eq!(
            parameter(&scene.demo, request, "resource"),
            Some(scene.demo.resource()),
            "{request}"
        );
    }
    scene.end().await
}

#[tokio::test]
async fn no_07_the_scope_is_left_out_of_a_refresh_and_sent_where_the_server_wants_it() -> TestResult {
    let scene = works(options(), json!({}), &[]).await?;
    scene.demo.expire_access_tokens();
    scene.echo().await?;
    assert_eq!(parameter(&scene.demo, REFRESH, "scope"), None);
    scene
        .demo
        .set(Fault::oauth_error(400, "invalid_scope").at(REFRESH).once());
    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count(REFRESH), 3);
    assert_eq!(
        parameter(&scene.demo, REFRESH, "scope"),
        parameter(&scene.demo, "GET /authorize", "scope")
    );
    scene.end().await
}

#[tokio::test]
async fn no_08_a_given_client_id_is_used_and_one_is_asked_for_where_nobody_can_register() -> TestResult {
    let mut known = options();
    known.registration.known = vec![KnownClient {
        id: "given-out".into(),
        secret: None,
        auth_method: "none".into(),
        redirect_uris: vec!["http://127.0.0.1/oauth/callback".into()],
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
    }];
    let scene = works(known, json!({ "auth": { "client_id": "given-out" } }), &[]).await?;
    assert_eq!(scene.demo.count("POST /register"), 0);
    assert_eq!(
        fails(options(), Fault::no_registration()).await?,
        "registration_unsupported"
    );
    scene.end().await
}

#[tokio::test]
async fn no_09_a_client_the_server_forgot_is_replaced_once() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.set(Fault::invalid_client().at("POST /token").once());
    scene.sign_in().await?;
    assert_eq!(
        (
            scene.demo.count("POST /register"),
            scene.demo.count("POST /token")
        ),
        (1, 2)
    );
    scene.end().await
}

#[tokio::test]
async fn no_10_the_redirect_port_is_the_registered_one() -> TestResult {
    let mut options = options();
    options.registration.exact_port = true;
    let scene = works(options, json!({}), &[]).await?;
    let first = parameter(&scene.demo, "GET /authorize", "redirect_uri");
    scene.sign_in().await?;
    assert_eq!(parameter(&scene.demo, "GET /authorize", "redirect_uri"), first);
    assert_eq!(scene.demo.count("POST /register"), 1);
    scene.end().await
}

#[tokio::test]
async fn no_11_the_redirect_host_can_be_localhost() -> TestResult {
    let scene = works(
        options(),
        json!({ "auth": { "redirect_host": "localhost" } }),
        &[],
    )
    .await?;
    let uri = parameter(&scene.demo, "GET /authorize", "redirect_uri").unwrap_or_default();
    assert!(uri.starts_with("http://localhost:"), "{uri}");
    scene.end().await
}

#[tokio::test]
async fn no_12_an_issuer_keeps_its_trailing_slash_and_another_one_is_refused() -> TestResult {
    let mut slash = options();
    slash.discovery.issuer_path = "/".to_owned();
    let scene = works(slash, json!({}), &[]).await?;
    assert_eq!(scene.server.snapshot().issuer, Some(scene.demo.issuer()));
    assert_eq!(
        fails(options(), Fault::issuer_mismatch()).await?,
        "issuer_mismatch"
    );
    scene.end().await
}

#[tokio::test]
async fn no_13_a_resource_may_be_the_servers_origin_and_is_sent_as_it_is_written() -> TestResult {
    let scene = Scene::prepared(options(), json!({}), |demo, _| {
        let origin = demo.origin().to_owned();
        demo.change(|options| options.resource = Some(origin));
        Ok(())
    })
    .await?;
    scene.sign_in().await?;
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(
        parameter(&scene.demo, "GET /authorize", "resource").as_deref(),
        Some(scene.demo.origin())
    );
    scene.end().await
}

#[tokio::test]
async fn no_14_a_server_that_is_silent_about_pkce_is_refused_until_the_user_vouches_for_it() -> TestResult {
    assert_eq!(fails(options(), Fault::no_pkce()).await?, "pkce_unsupported");
    works(
        options(),
        json!({ "auth": { "assume_pkce": true } }),
        &[Fault::no_pkce()],
    )
    .await?
    .end()
    .await
}

#[tokio::test]
async fn no_15_no_scope_is_asked_for_that_nobody_named() -> TestResult {
    for (supported, expected) in [
        (
            json!(["mcp:tools", "openid", "offline_access"]),
            ["mcp:tools", "offline_access"].as_slice(),
        ),
        (json!(["mcp:tools", "openid"]), &["mcp:tools"]),
    ] {
        let scene = works(
            options(),
            json!({}),
            &[Fault::ServerMetadata("scopes_supported", supported)],
        )
        .await?;
        let scope = parameter(&scene.demo, "GET /authorize", "scope").unwrap_or_default();
        let asked: BTreeSet<_> = scope.split(' ').collect();
        assert_eq!(asked, expected.iter().copied().collect());
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_16_missing_scope_is_asked_for_and_not_refreshed_away() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    let call = || {
        scene
            .server
            .call("add_note", arguments(&json!({ "text": "milk" })))
    };
    let refused = in_time(call()).await?.err().ok_or("it worked")?;
    assert_eq!(
        (&*refused.code, scene.demo.count("POST /token")),
        ("insufficient_scope", 0)
    );
    scene
        .until(|status| status.auth == AuthStatus::InsufficientScope)
        .await?;
    scene.sign_in().await?;
    in_time(call()).await?.map_err(Failure)?;
    scene.end().await
}

#[tokio::test]
async fn no_17_background_work_opens_no_browser() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    scene.demo.revoke_all();
    scene.echo().await?;
    let scene = scene.restart().await?;
    scene.echo().await?;
    scene.hand.advance(Duration::from_hours(24));
    scene.server.retry().await;
    in_time(scene.server.settled()).await?;
    assert_eq!(scene.desk.browser.windows(), 1, "the one of the sign-in");
    scene.end().await
}

#[tokio::test]
async fn no_18_a_sign_in_without_a_screen_needs_only_copy_and_paste() -> TestResult {
    let scene = Scene::new(options()).await?;
    let server = scene.server.clone();
    let shown = SignInOptions {
        browser: BrowserUse::ShowOnly,
        ..SignInOptions::default()
    };
    let waiting = tokio::spawn(async move { server.sign_in(shown).await });
    let prompt = scene.until(|status| status.prompt.is_some()).await?.prompt;
    let Some(omlx_mcp::event::SignInPrompt::Browser { url }) = prompt else {
        return Err("no address".into());
    };
    let answer = Redirect::of(&url.parse()?).await?;
    assert!(scene.core.redirected(answer.address()).await?);
    in_time(waiting).await??.map_err(Failure)?;
    scene.end().await
}

#[tokio::test]
async fn no_19_a_keychain_that_refuses_leads_to_no_key_in_a_file() -> TestResult {
    let scene = Scene::new(options()).await?;
    scene.desk.keychain.fail(Some(CredentialStoreError::Refused));
    let problem = scene.sign_in().await.err().ok_or("it worked")?.to_string();
    assert!(problem.starts_with("keychain_locked"), "{problem}");
    assert!(!scene.desk.home_path().join("key").exists());
    scene.desk.keychain.fail(None);
    scene.sign_in().await?;
    let vault = Vault::open(
        &Home::at(scene.desk.home_path()),
        Arc::new(scene.desk.keychain.clone()),
    );
    assert_eq!(vault.key_source(), Some(KeySource::Keychain));
    scene.end().await
}

#[tokio::test]
async fn no_20_a_client_authenticates_in_the_one_way_it_was_registered_for() -> TestResult {
    for (method, header, body) in [
        ("client_secret_basic", true, false),
        ("client_secret_post", false, true),
        ("none", false, false),
    ] {
        let mut options = options();
        options.registration.auth_methods = vec![method.to_owned()];
        let scene = works(options, json!({}), &[]).await?;
        let request = &scene.demo.calls_to("POST /token")[0];
        assert_eq!(
            (
                request.scheme.is_some(),
                request.parameter("client_secret").is_some()
            ),
            (header, body),
            "{method}"
        );
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_21_two_accounts_at_one_address_are_kept_apart() -> TestResult {
    let scene = Scene::with_entry(options(), json!({ "auth": { "account": "home" } })).await?;
    scene.sign_in().await?;
    let entry = |account| json!({ "transport": "streamable-http", "url": scene.demo.mcp_url(), "auth": { "account": account } });
    scene.desk.configure(&json!({ "demo": entry("work") }))?;
    let status = scene
        .until(|status| status.auth == AuthStatus::NotAuthenticated)
        .await?;
    assert_eq!(
        code_of(&status),
        Some("sign_in_needed"),
        "the other account's tokens are not its own"
    );
    scene.desk.configure(&json!({ "demo": entry("home") }))?;
    scene
        .until(|status| status.connection == ConnectionStatus::Connected)
        .await?;
    assert_eq!(scene.demo.count("POST /token"), 1);
    scene.end().await
}

#[tokio::test]
async fn no_22_a_challenge_is_understood_however_it_is_written() -> TestResult {
    type Oddity = fn(&str) -> Fault;
    // Only the challenge tells where it is; without one it is where it usually is.
    let elsewhere = ResourceMetadataPlace::Elsewhere("/metadata".to_owned());
    let odd: [(Oddity, _); 2] = [
        (Fault::odd_challenges, elsewhere),
        (|_| Fault::NoChallenge, ResourceMetadataPlace::Path),
    ];
    for (fault, place) in odd {
        let mut options = options();
        options.discovery.resource_metadata = place;
        options.discovery.server_metadata = vec![ServerMetadataPlace::OpenIdAppended];
        "/tenant".clone_into(&mut options.discovery.issuer_path);
        let scene = Scene::prepared(options, json!({}), |demo, _| {
            demo.set(fault(&format!("{}/metadata", demo.origin())));
            Ok(())
        })
        .await?;
        assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_23_odd_token_replies_are_read() -> TestResult {
    for fault in [
        Fault::FormEncoded,
        Fault::expires_in_as_string(),
        Fault::TokenReply("token_type", Value::Null),
        Fault::TokenReply("expires_in", Value::Null),
    ] {
        works(options(), json!({}), &[fault]).await?.end().await?;
    }
    let code = fails(options(), Fault::oauth_error(200, "bad_verification_code")).await?;
    assert!(!code.is_empty());
    Ok(())
}

#[tokio::test]
async fn no_24_a_401_counts_at_any_request_and_a_header_of_the_users_own_starts_no_sign_in() -> TestResult {
    let scene = Scene::new(DemoOptions {
        protection: Protection::ToolCalls,
        ..options()
    })
    .await?;
    scene.echo().await?;
    scene
        .until(|status| status.auth == AuthStatus::NotAuthenticated)
        .await?;
    let entry = json!({ "headers": { "Authorization": "Bearer mine" } });
    let other = Scene::with_entry(options(), entry).await?;
    assert_eq!(code_of(&other.server.snapshot()), Some("credential_rejected"));
    other.end().await?;
    scene.end().await
}

#[tokio::test]
async fn no_25_tokens_stay_with_the_server_that_issued_them() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    let successor = Demo::start(DemoOptions {
        now: scene.now(),
        ..options()
    })
    .await?;
    scene.demo.move_to(&successor);
    assert_ne!(scene.echo().await?, "hello");
    scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    assert_eq!(
        successor.count("POST /token"),
        0,
        "the old refresh token is not for the new server"
    );
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(
        (successor.count("POST /register"), successor.count(REFRESH)),
        (1, 0)
    );
    assert_eq!(
        scene.echo().await?,
        "hello",
        "the open connection has the new token"
    );
    scene.end().await
}

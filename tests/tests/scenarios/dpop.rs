//! Tokens bound to a key (RFC 9449), at a server that checks every proof.

use std::{error::Error, time::Duration};

use omlx_demo::{DemoOptions, DpopPolicy, Era, Fault};
use omlx_mcp::{Action, AuthStatus};
use omlx_tests::{Failure, Scene, TestResult, code_of};
use serde_json::{Value, json};

const REFRESH: &str = "POST /token grant_type=refresh_token";

/// The access token lives for five minutes.
const LIFETIME: Duration = Duration::from_mins(5);

fn options(dpop: DpopPolicy) -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        dpop,
        ..DemoOptions::headless()
    }
}

async fn signed_in(policy: DpopPolicy, dpop: &str) -> Result<Scene, Box<dyn Error>> {
    let entry = json!({"auth": {"type": "oauth2", "dpop": dpop}});
    let scene = Scene::with_entry(options(policy), entry).await?;
    scene.sign_in().await?;
    Ok(scene)
}

/// How tokens were presented to the MCP server.
fn schemes(scene: &Scene) -> Vec<String> {
    let calls = scene.demo.calls_to("POST /mcp");
    let mut schemes: Vec<_> = calls.into_iter().filter_map(|call| call.scheme).collect();
    schemes.dedup();
    schemes
}

#[tokio::test]
async fn every_request_carries_a_proof_of_its_own() -> TestResult {
    let scene = Scene::signed_in(options(DpopPolicy::REQUIRED)).await?;
    for _ in 0..3 {
        assert_eq!(scene.echo().await?, "hello");
    }
    let calls = scene.demo.calls_to("/mcp");
    let proofs: Vec<_> = calls.iter().filter_map(|call| call.header("dpop")).collect();
    assert!(proofs.len() >= 3 && proofs.len() == calls.len(), "{calls:?}");
    for (place, proof) in proofs.iter().enumerate() {
        assert!(!proofs[..place].contains(proof), "one proof, sent twice");
    }
    assert_eq!(schemes(&scene), ["DPoP"]);
    assert_eq!(scene.demo.count("/mcp status=401"), 0);
    scene.end().await
}

#[tokio::test]
async fn the_code_is_bound_to_the_key_that_redeems_it() -> TestResult {
    let scene = Scene::signed_in(options(DpopPolicy::REQUIRED)).await?;
    scene.sign_in().await?;
    let asked = scene.demo.calls_to("GET /authorize");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].parameter("dpop_jkt").is_some());
    assert_eq!(scene.demo.count("POST /token status=200"), 1);
    scene.end().await
}

#[tokio::test]
async fn a_nonce_is_asked_for_once_by_each_server_and_then_known() -> TestResult {
    let mut scene = Scene::new(options(DpopPolicy::WITH_NONCES)).await?;
    scene.sign_in().await?;
    assert_eq!(scene.demo.count("POST /token status=400"), 1);
    assert_eq!(scene.demo.count("POST /token status=200"), 1);
    assert_eq!(
        scene.demo.count("/mcp header=dpop status=401"),
        1,
        "the first request, and none after it"
    );
    scene.forget();
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count("/mcp status=401"), 0);
    scene.end().await
}

#[tokio::test]
async fn a_nonce_that_has_changed_costs_one_more_request_and_no_refresh() -> TestResult {
    let mut scene = Scene::signed_in(options(DpopPolicy::WITH_NONCES)).await?;
    scene.demo.change_nonces();
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count("POST /mcp rpc=tools/call"), 2);
    assert_eq!(scene.demo.count("POST /token"), 0);
    assert_eq!(scene.attention(), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn a_server_that_never_likes_the_nonce_is_asked_twice_and_the_sign_in_stands() -> TestResult {
    let mut scene = Scene::signed_in(options(DpopPolicy::WITH_NONCES)).await?;
    scene
        .demo
        .set(Fault::oauth_error(400, "use_dpop_nonce").at("/token"));
    scene.hand.advance(LIFETIME);
    assert_eq!(scene.echo().await?, "dpop_proof_refused");
    let asked = scene.demo.count(REFRESH);
    assert!(asked > 0 && asked % 2 == 0, "{asked}");
    assert_eq!(scene.server.snapshot().auth, AuthStatus::Authenticated);
    assert_eq!(scene.attention(), [""; 0]);

    scene.demo.clear_faults();
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn the_key_is_kept_with_the_grant_and_refreshes_it_in_another_process() -> TestResult {
    let scene = Scene::signed_in(options(DpopPolicy::WITH_NONCES)).await?;
    scene.hand.advance(LIFETIME);
    let scene = scene.restart().await?;
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count(&format!("{REFRESH} status=200")), 1);
    assert_eq!(scene.desk.browser.windows(), 1);
    scene.end().await
}

#[tokio::test]
async fn a_proof_that_is_not_accepted_is_no_end_of_the_sign_in() -> TestResult {
    let mut scene = Scene::signed_in(options(DpopPolicy::REQUIRED)).await?;
    scene
        .demo
        .set(Fault::oauth_error(400, "invalid_dpop_proof").at("/token"));
    scene.hand.advance(LIFETIME);
    assert_eq!(scene.echo().await?, "dpop_proof_refused");
    scene.demo.clear_faults();
    assert_eq!(scene.echo().await?, "hello", "the refresh token was not given up");
    assert_eq!(scene.attention(), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn tokens_are_bound_where_it_is_offered_and_not_where_the_config_file_says_never() -> TestResult {
    for (policy, dpop, scheme) in [
        (DpopPolicy::OFFERED, "auto", "DPoP"),
        (DpopPolicy::OFFERED, "off", "Bearer"),
        (DpopPolicy::default(), "auto", "Bearer"),
    ] {
        let scene = signed_in(policy, dpop).await?;
        assert_eq!(scene.echo().await?, "hello");
        assert_eq!(schemes(&scene), [scheme], "{policy:?} {dpop}");
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_not_bound_is_not_kept_where_it_is_to_be() -> TestResult {
    let entry = json!({"auth": {"type": "oauth2", "dpop": "require"}});
    let scene = Scene::with_entry(options(DpopPolicy::default()), entry).await?;
    let refused = scene.sign_in().await.err().ok_or("it went well")?;
    let Failure(problem) = refused.downcast_ref::<Failure>().ok_or("another error")?;
    assert_eq!(
        (&*problem.code, problem.action),
        ("dpop_token_unbound", Action::AskProvider)
    );
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotAuthenticated);
    scene.end().await
}

#[tokio::test]
async fn a_provider_that_cannot_bind_to_our_kind_of_key_is_named_before_anyone_is_asked() -> TestResult {
    let scene = Scene::prepared(options(DpopPolicy::REQUIRED), Value::Null, |demo, _| {
        demo.set(Fault::ServerMetadata(
            "dpop_signing_alg_values_supported",
            json!(["PS512"]),
        ));
        Ok(())
    })
    .await?;
    assert!(scene.sign_in().await.is_err());
    assert_eq!(code_of(&scene.server.snapshot()), Some("dpop_unsupported"));
    assert_eq!(scene.desk.browser.windows(), 0);
    scene.end().await
}

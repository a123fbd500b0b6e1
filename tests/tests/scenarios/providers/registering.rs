//! Providers that register clients, and have their own ideas about whom: Figma, Stripe, Square, Intercom, Supabase,
//! Clerk.

use std::{error::Error, time::Duration};

use omlx_demo::{Demo, Fault, Scope};
use omlx_mcp::{Action, AuthStatus, ConnectionStatus};
use omlx_tests::{Failure, Scene, TestResult, arguments, in_time};
use serde_json::{Value, json};

use super::*;

fn forbidden() -> Fault {
    Fault::Reply {
        status: 403,
        content_type: "text/plain".to_owned(),
        body: "Forbidden".to_owned(),
    }
}

#[tokio::test]
async fn figma_registers_only_apps_it_approved_and_we_call_ourselves_by_our_own_name() -> TestResult {
    let stranger = scene(options(), [forbidden().at("POST /register")], json!({})).await?;
    let sentence = "PROVIDER only registers apps it has approved, and oMLX Connect is not one of them; a client id \
                    from the provider is needed";
    refuses(
        &stranger,
        "registration_not_approved",
        Action::EnterClient,
        sentence,
    )
    .await?;
    let asked = &stranger.demo.calls_to("POST /register")[0];
    let name = asked
        .registration
        .as_ref()
        .map(|document| document["client_name"].clone());
    assert_eq!(name, Some(json!("oMLX Connect")));
    assert_eq!(stranger.desk.browser.windows(), 0);
    stranger.end().await?;

    let options = by_hand(
        Some(SECRET),
        "client_secret_post",
        "http://127.0.0.1/oauth/callback",
    );
    let auth = json!({ "client_id": "ours", "client_secret": SECRET });
    let scene = scene(options, [forbidden().at("POST /register")], auth).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn stripe_takes_loopback_and_a_resource_without_slash_and_later_starts_ask_nobody() -> TestResult {
    let mut scene = Scene::prepared(options(), json!({}), |demo, _| {
        let origin = demo.origin().to_owned();
        demo.change(|options| options.resource = Some(origin));
        Ok(())
    })
    .await?;
    gets_in(&scene).await?;
    for _ in 0..2 {
        scene = scene.restart().await?;
        stays_in(&scene, 1).await?;
    }
    assert_eq!(
        parameter(&scene, REFRESH, "resource").as_deref(),
        Some(scene.demo.origin())
    );
    assert_eq!(
        (scene.demo.count("POST /register"), scene.desk.browser.windows()),
        (1, 1)
    );
    scene.end().await
}

/// Refuses whoever asks for anything but loopback redirect URIs.
fn only_loopback(demo: &Demo) -> Vec<String> {
    let registrations = demo.calls_to("POST /register");
    let uris = registrations.iter().filter_map(|call| call.registration.as_ref());
    uris.flat_map(|document| document["redirect_uris"].as_array().cloned().unwrap_or_default())
        .filter_map(|uri| uri.as_str().map(str::to_owned))
        .filter(|uri| !uri.starts_with("http://127.0.0.1:"))
        .collect()
}

async fn over_sse(faults: impl IntoIterator<Item = omlx_demo::FaultRule>) -> Result<Scene, Box<dyn Error>> {
    let mut options = options();
    options.era = omlx_demo::Era::Both;
    Scene::prepared(options, json!({}), |demo, desk| {
        for fault in faults {
            demo.set(fault);
        }
        let entry = json!({ "transport": "sse", "url": demo.sse_url() });
        desk.configure(&json!({ "demo": entry }))?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn square_and_intercom_register_loopback_redirects_and_speak_the_old_transport() -> TestResult {
    let scene = over_sse([]).await?;
    gets_in(&scene).await?;
    assert_eq!(only_loopback(&scene.demo), Vec::<String>::new());
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn square_and_intercom_that_refuse_the_redirect_uri_say_so_and_the_config_file_can_change_it()
-> TestResult {
    let refusal =
        json!({ "error": "invalid_redirect_uri", "error_description": "redirect_uri is not allowed" });
    let scene = over_sse([answers(400, &refusal).at("POST /register")]).await?;
    let sentence = "PROVIDER does not accept the redirect address of this app: redirect_uri is not allowed";
    refuses(&scene, "redirect_rejected", Action::EditConfig, sentence).await?;
    assert_eq!(scene.desk.browser.windows(), 0);
    scene.end().await
}

#[tokio::test]
async fn supabase_that_forgot_the_client_shows_json_and_the_next_sign_in_is_another_client() -> TestResult {
    let mut options = options();
    options.tokens.access_lifetime = Duration::from_hours(1);
    let scene = scene(options, [], json!({})).await?;
    gets_in(&scene).await?;
    scene.demo.forget_clients();
    let unrecognized = json!({ "message": "Unrecognized client_id" });
    scene
        .demo
        .set(answers(422, &unrecognized).at("GET /authorize").once());
    let problem = given_up(&scene, 422).await?;
    assert_eq!(
        (&*problem.code, problem.action),
        ("browser_timeout", Action::Connect)
    );
    gets_in(&scene).await?;
    assert_eq!(scene.demo.count("POST /register"), 2);
    scene.end().await
}

#[tokio::test]
async fn supabase_that_returns_a_secret_without_a_method_gets_it_back() -> TestResult {
    let mut options = options();
    options.registration.auth_methods = vec!["client_secret_post".to_owned()];
    let silent = Fault::RegistrationReply("token_endpoint_auth_method", Value::Null);
    let scene = scene(options, [silent.at("*")], json!({})).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    for request in scene.demo.calls_to("POST /token") {
        assert!(request.parameter("client_secret").is_some());
    }
    scene.end().await
}

/// A server whose authorization server holds every client to the scope it registered.
async fn at_clerk() -> Result<Scene, Box<dyn Error>> {
    let mut options = options();
    options.registration.scope_limits = true;
    scene(options, [], json!({})).await
}

#[tokio::test]
async fn clerk_holds_a_client_to_its_scope_which_is_therefore_registered() -> TestResult {
    let scene = at_clerk().await?;
    gets_in(&scene).await?;
    let registered = &scene.demo.calls_to("POST /register")[0].registration;
    let registered = registered
        .as_ref()
        .and_then(|document| document["scope"].as_str());
    let asked = parameter(&scene, "GET /authorize", "scope");
    assert_eq!(registered.map(Scope::parse), asked.as_deref().map(Scope::parse));
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn clerk_is_asked_for_more_as_a_client_that_may_have_what_it_had_and_more() -> TestResult {
    let scene = at_clerk().await?;
    gets_in(&scene).await?;
    let call = || {
        scene
            .server
            .call("add_note", arguments(&json!({ "text": "milk" })))
    };
    assert!(in_time(call()).await?.is_err());
    scene
        .until(|status| status.auth == AuthStatus::InsufficientScope)
        .await?;
    let status = scene.sign_in().await?;
    assert_eq!(status.connection, ConnectionStatus::Connected);
    in_time(call()).await?.map_err(Failure)?;
    scene.end().await
}

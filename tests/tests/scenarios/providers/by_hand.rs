//! Providers that know only the clients somebody entered: Entra, GitHub, Google, Slack, Asana, Cognito, `HubSpot`.

use std::error::Error;

use omlx_demo::{
    DemoOptions, Fault, FaultRule, Protection, RefreshTokens, ResourceMetadataPlace, ResourcePolicy,
};
use omlx_mcp::{Action, AuthStatus};
use omlx_tests::{Scene, TestResult, code_of};
use serde_json::{Value, json};

use super::*;

const LOOPBACK: &str = "http://127.0.0.1/oauth/callback";

fn entra() -> (DemoOptions, Vec<FaultRule>) {
    let mut options = by_hand(None, "none", LOOPBACK);
    options.tokens.resource = ResourcePolicy::Refused;
    options.tokens.scopes = omlx_demo::Scope::parse("api://ours/mcp.access mcp:tools");
    options.tokens.base_scope = omlx_demo::Scope::parse("api://ours/mcp.access");
    options.discovery.resource_scopes = Some(options.tokens.base_scope.clone());
    let for_itself = json!({
        "error": "invalid_request",
        "error_description": "AADSTS90009: Application 'ours'(ours) is requesting a token for itself.",
    });
    let faults = vec![
        Fault::no_pkce().at("*"),
        Fault::no_registration().at("*"),
        Fault::iss_not_advertised().at("*"),
        Fault::Iss(omlx_demo::WrongIss::Missing).at("*"),
        Fault::expires_in_as_string().at("*"),
        answers(400, &for_itself).at("POST /token grant_type=refresh_token !scope"),
    ];
    (options, faults)
}

async fn at_entra(auth: Value) -> Result<Scene, Box<dyn Error>> {
    let (options, faults) = entra();
    scene(options, faults, auth).await
}

#[tokio::test]
async fn entra_is_silent_about_pkce_registers_nobody_and_takes_no_resource() -> TestResult {
    let scene = at_entra(json!({})).await?;
    let sentence = "PROVIDER does not say that it supports PKCE with S256";
    refuses(&scene, "pkce_unsupported", Action::EditConfig, sentence).await?;
    scene.end().await?;

    let scene = at_entra(json!({ "assume_pkce": true })).await?;
    let sentence = "PROVIDER does not register apps; a client id from the provider is needed";
    refuses(&scene, "registration_unsupported", Action::EnterClient, sentence).await?;
    scene.end().await?;

    let scene = at_entra(json!({ "assume_pkce": true, "client_id": "ours" })).await?;
    let sentence = "the authorization server answered invalid_target (the resource parameter is not supported); \
                    the config file's auth.resource leaves the parameter out or sets it";
    refuses(&scene, "authorization_refused", Action::EditConfig, sentence).await?;
    scene.end().await
}

#[tokio::test]
async fn entra_is_told_the_requested_scope_again_at_every_refresh() -> TestResult {
    for (refresh_scope, requests) in [("auto", 2), ("send", 1)] {
        let auth = json!({
            "assume_pkce": true, "client_id": "ours", "resource": false, "refresh_scope": refresh_scope,
        });
        let scene = at_entra(auth).await?;
        gets_in(&scene).await?;
        stays_in(&scene, requests).await?;
        assert_eq!(parameter(&scene, "GET /authorize", "resource"), None);
        assert_eq!(parameter(&scene, REFRESH, "resource"), None);
        assert_eq!(
            parameter(&scene, REFRESH, "scope").as_deref(),
            Some("api://ours/mcp.access"),
            "{refresh_scope}"
        );
        assert!(
            scene.server.snapshot().expires_at.is_some(),
            "a text is a number, too"
        );
        scene.end().await?;
    }
    Ok(())
}

fn github() -> (DemoOptions, Vec<FaultRule>) {
    let mut options = by_hand(Some(SECRET), "client_secret_post", LOOPBACK);
    options.tokens.refresh = RefreshTokens::Never;
    let faults = vec![
        Fault::no_registration().at("*"),
        Fault::FormEncoded.at("POST /token"),
        Fault::TokenReply("expires_in", Value::Null).at("*"),
        Fault::TokenReply("scope", "mcp:tools,notes:write".into()).at("*"),
    ];
    (options, faults)
}

#[tokio::test]
async fn github_registers_nobody_and_answers_with_a_form_and_a_token_without_end() -> TestResult {
    let (options, faults) = github();
    let stranger = scene(options, faults, json!({})).await?;
    let sentence = "PROVIDER does not register apps; a client id from the provider is needed";
    refuses(
        &stranger,
        "registration_unsupported",
        Action::EnterClient,
        sentence,
    )
    .await?;
    stranger.end().await?;

    let (options, faults) = github();
    let scene = scene(
        options,
        faults,
        json!({ "client_id": "ours", "client_secret": SECRET }),
    )
    .await?;
    gets_in(&scene).await?;
    let request = &scene.demo.calls_to(REDEEM)[0];
    let accept = request.header("accept").and_then(|accept| accept.text());
    assert!(
        accept.is_some_and(|accept| accept.contains("application/json")),
        "{accept:?}"
    );
    let status = scene.server.snapshot();
    assert_eq!(status.expires_at, None, "valid until the server says 401");
    assert_eq!(status.scopes, ["mcp:tools", "notes:write"]);

    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "no_refresh_token");
    let status = scene
        .until(|status| status.auth == AuthStatus::RefreshFailed)
        .await?;
    let problem = status.problem.ok_or("no problem")?;
    assert_eq!(
        (&*problem.code, problem.action),
        ("no_refresh_token", Action::Reauthenticate)
    );
    scene.end().await
}

#[tokio::test]
async fn github_answers_errors_with_200_and_they_are_errors() -> TestResult {
    for (error, code, action, sentence) in [
        (
            "incorrect_client_credentials",
            "client_refused",
            Action::EnterClient,
            "the authorization server does not accept this client: incorrect_client_credentials",
        ),
        (
            "bad_verification_code",
            "token_refused",
            Action::Reauthenticate,
            "the authorization server answered bad_verification_code",
        ),
    ] {
        let (options, _) = github();
        let faults = [Fault::oauth_error(200, error).at("POST /token")];
        let auth = json!({ "client_id": "ours", "client_secret": SECRET });
        let scene = scene(options, faults, auth).await?;
        refuses(&scene, code, action, sentence).await?;
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn github_where_a_registration_endpoint_is_named_and_refuses_wants_a_client_too() -> TestResult {
    for (status, code) in [(404, "registration_unsupported"), (422, "registration_rejected")] {
        let scene = scene(options(), [Fault::Status(status).at("POST /register")], json!({})).await?;
        let problem = refusal(&scene).await?;
        assert_eq!(
            (&*problem.code, problem.action),
            (code, Action::EnterClient),
            "{problem:?}"
        );
        scene.end().await?;
    }
    Ok(())
}

/// Only `tools/call` is protected; a refresh token comes to who asks for it in two parameters of Google's own.
async fn at_google(auth: Value) -> Result<Scene, Box<dyn Error>> {
    let mut options = by_hand(Some(SECRET), "client_secret_post", LOOPBACK);
    options.protection = Protection::ToolCalls;
    options.tokens.refresh = RefreshTokens::Reusable;
    let faults = [
        Fault::no_registration().at("*"),
        Fault::iss_not_advertised().at("*"),
    ];
    let scene = scene(options, faults, json!({})).await?;
    let origin = scene.demo.origin().to_owned();
    scene.demo.set(Fault::ResourceMetadata(
        "authorization_servers",
        json!([format!("{origin}/")]),
    ));
    let mut auth = auth;
    if auth["issuer"] == "pinned" {
        auth["issuer"] = json!(origin);
    }
    let entry = json!({ "transport": "streamable-http", "url": scene.demo.mcp_url(), "auth": auth });
    scene.desk.configure(&json!({ "demo": entry }))?;
    scene.restart().await
}

#[tokio::test]
async fn google_asks_at_the_first_call_and_its_issuer_is_pinned_without_the_slash() -> TestResult {
    let scene = at_google(json!({})).await?;
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotRequired);
    assert_eq!(scene.echo().await?, "sign_in_needed");
    let status = scene
        .until(|status| status.auth == AuthStatus::NotAuthenticated)
        .await?;
    assert_eq!(code_of(&status), Some("sign_in_needed"));
    let sentence = "the metadata of PROVIDER/ says it belongs to PROVIDER";
    refuses(&scene, "issuer_mismatch", Action::EditConfig, sentence).await?;
    scene.end().await?;

    let scene = at_google(json!({ "issuer": "pinned", "client_id": "ours" })).await?;
    scene.echo().await?;
    let problem = refusal(&scene).await?;
    assert_eq!(
        (&*problem.code, problem.action),
        ("client_refused", Action::EnterClient),
        "a secret is needed even for a desktop client: {problem:?}"
    );
    scene.end().await
}

#[tokio::test]
async fn google_renews_for_those_who_asked_for_it_in_googles_way() -> TestResult {
    let client = json!({ "issuer": "pinned", "client_id": "ours", "client_secret": SECRET });
    let scene = at_google(client.clone()).await?;
    scene.demo.set(Fault::no_refresh_token());
    scene.echo().await?;
    gets_in(&scene).await?;
    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "no_refresh_token");
    scene.end().await?;

    let mut asking = client;
    asking["authorize_params"] = json!({ "access_type": "offline", "prompt": "consent" });
    let scene = at_google(asking).await?;
    scene.echo().await?;
    gets_in(&scene).await?;
    assert_eq!(
        scene
            .demo
            .count("GET /authorize access_type=offline prompt=consent"),
        1
    );
    stays_in(&scene, 1).await?;
    scene.end().await
}

async fn at_slack(port: u16, auth: Value) -> Result<Scene, Box<dyn Error>> {
    let redirect = format!("http://127.0.0.1:{port}/oauth/callback");
    let mut options = by_hand(Some(SECRET), "client_secret_post", &redirect);
    options.registration.exact_port = true;
    options.discovery.resource_metadata = ResourceMetadataPlace::Root;
    let faults = [
        Fault::no_registration().at("*"),
        Fault::TokenReply("token_type", "user".into()).at("*"),
        Fault::TokenReply("ok", true.into()).at("*"),
        Fault::TokenReply("team", json!({ "id": "T1", "name": "Analytical Engines" })).at("*"),
    ];
    scene(options, faults, auth).await
}

#[tokio::test]
async fn slack_compares_the_redirect_port_and_calls_its_tokens_user() -> TestResult {
    let port = free_port()?;
    let auth = json!({ "client_id": "ours", "client_secret": SECRET, "redirect_port": port });
    let scene = at_slack(port, auth.clone()).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    scene.end().await?;

    let _other = std::net::TcpListener::bind(("127.0.0.1", port))?;
    let scene = at_slack(port, auth).await?;
    let sentence = format!("port {port} for the redirect is in use by another program");
    refuses(&scene, "redirect_port_busy", Action::Retry, &sentence).await?;
    scene.end().await
}

#[tokio::test]
async fn slack_and_asana_show_a_page_for_a_redirect_uri_they_were_not_given_and_we_name_it() -> TestResult {
    let auth = json!({ "client_id": "ours", "client_secret": SECRET });
    let scene = at_slack(free_port()?, auth).await?;
    let problem = given_up(&scene, 400).await?;
    let sentence = "the browser did not come back in time; if the provider showed an error there, enter the \
                    redirect URI http://127.0.0.1:PORT/oauth/callback for this client";
    assert_eq!(
        told(&scene, &problem),
        ("browser_timeout".into(), Action::Connect, sentence.into())
    );
    scene.end().await
}

#[tokio::test]
async fn asana_takes_confidential_clients_only() -> TestResult {
    let port = free_port()?;
    let redirect = format!("http://127.0.0.1:{port}/oauth/callback");
    for (secret, works) in [(None, false), (Some(SECRET), true)] {
        let mut options = by_hand(Some(SECRET), "client_secret_basic", &redirect);
        options.registration.exact_port = true;
        let mut auth = json!({ "client_id": "ours", "redirect_port": port });
        if let Some(secret) = secret {
            auth["client_secret"] = json!(secret);
        }
        let scene = scene(options, [Fault::no_registration().at("*")], auth).await?;
        if works {
            gets_in(&scene).await?;
            stays_in(&scene, 1).await?;
        } else {
            let problem = refusal(&scene).await?;
            assert_eq!(
                (&*problem.code, problem.action),
                ("client_refused", Action::EnterClient)
            );
        }
        scene.end().await?;
    }
    Ok(())
}

async fn at_cognito(auth: Value) -> Result<Scene, Box<dyn Error>> {
    let mut options = by_hand(None, "none", LOOPBACK);
    "/eu-west-1_pool".clone_into(&mut options.discovery.issuer_path);
    options.discovery.server_metadata = vec![omlx_demo::ServerMetadataPlace::OpenIdAppended];
    options.discovery.resource_scopes = None;
    options.tokens.refresh = RefreshTokens::Reusable;
    let faults = [
        Fault::no_pkce().at("*"),
        Fault::no_registration().at("*"),
        Fault::no_refresh_token().at(REFRESH),
    ];
    scene(options, faults, auth).await
}

#[tokio::test]
async fn cognito_wants_a_client_a_word_about_pkce_and_the_scopes() -> TestResult {
    let scene = at_cognito(json!({ "client_id": "ours" })).await?;
    let sentence = "PROVIDER/eu-west-1_pool does not say that it supports PKCE with S256";
    refuses(&scene, "pkce_unsupported", Action::EditConfig, sentence).await?;
    scene.end().await?;

    let auth = json!({ "client_id": "ours", "assume_pkce": true, "scopes": ["mcp:tools"] });
    let scene = at_cognito(auth).await?;
    gets_in(&scene).await?;
    assert_eq!(
        parameter(&scene, "GET /authorize", "scope").as_deref(),
        Some("mcp:tools")
    );
    stays_in(&scene, 1).await?;
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn hubspot_wants_the_secret_in_the_body_and_names_the_portal() -> TestResult {
    let auth = json!({ "client_id": "ours", "client_secret": SECRET });
    let options = || by_hand(Some(SECRET), "client_secret_post", LOOPBACK);
    let faults = [
        Fault::no_registration().at("*"),
        Fault::TokenReply("workspace_name", Value::Null).at("*"),
        Fault::TokenReply("hub_domain", "engines.example".into()).at("*"),
    ];
    let scene_in = scene(options(), faults, auth).await?;
    gets_in(&scene_in).await?;
    stays_in(&scene_in, 1).await?;
    for request in scene_in.demo.calls_to("POST /token") {
        assert!(
            request
                .parameter("client_secret")
                .is_some_and(|secret| secret.is(SECRET))
        );
        assert_eq!(request.scheme, None, "one way only");
    }
    assert_eq!(
        scene_in.server.snapshot().workspace.as_deref(),
        Some("engines.example")
    );
    scene_in.end().await?;

    let wrong = json!({
        "status": "BAD_CLIENT_SECRET",
        "error": "invalid_client",
        "error_description": "missing or invalid client secret",
    });
    let faults = [answers(400, &wrong).at("POST /token")];
    let scene = scene(
        options(),
        faults,
        json!({ "client_id": "ours", "client_secret": "wrong" }),
    )
    .await?;
    let sentence = "the authorization server does not accept this client: invalid_client (missing or invalid \
                    client secret)";
    refuses(&scene, "client_refused", Action::EnterClient, sentence).await?;
    scene.end().await
}

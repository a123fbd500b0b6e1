//! Providers whose metadata or answers are at odds with themselves: Atlassian, Sentry, Cloudflare, GitLab, Salesforce,
//! and Zapier, who wants no OAuth at all.

use omlx_demo::{DemoOptions, Discovery, Fault, Protection, ResourceMetadataPlace, ResourcePolicy, WrongIss};
use omlx_mcp::{Action, AuthStatus, ConnectionStatus};
use omlx_tests::{Scene, TestResult, code_of};
use serde_json::json;

use super::*;

#[tokio::test]
async fn atlassian_without_resource_metadata_is_found_by_its_origin() -> TestResult {
    let mut options = options();
    options.discovery.resource_metadata = ResourceMetadataPlace::Nowhere;
    let scene = scene(options, [], json!({})).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn atlassian_whose_resource_metadata_is_late_is_tried_again_and_not_guessed_about() -> TestResult {
    let late = Fault::Status(502).at("/.well-known/oauth-protected-resource*");
    let scene = scene(options(), [late], json!({})).await?;
    let sentence = "PROVIDER/.well-known/oauth-protected-resource/mcp answered 502; try again later";
    refuses(&scene, "metadata_unavailable", Action::Retry, sentence).await?;
    assert_eq!(
        scene.demo.count("POST /register") + scene.demo.count("GET /authorize"),
        0
    );
    scene.demo.clear_faults();
    gets_in(&scene).await?;
    scene.end().await
}

#[tokio::test]
async fn atlassian_and_slack_whose_document_names_another_issuer_are_pinned_to_that_one() -> TestResult {
    let with = |pin: bool| {
        Scene::prepared(options(), json!({}), move |demo, desk| {
            let issuer = format!("{}/v1", demo.origin());
            demo.set(Fault::ServerMetadata("issuer", json!(issuer)));
            demo.set(Fault::iss_not_advertised());
            demo.set(Fault::Iss(WrongIss::Missing));
            let auth = if pin {
                json!({ "issuer": issuer })
            } else {
                json!({})
            };
            let entry = json!({ "transport": "streamable-http", "url": demo.mcp_url(), "auth": auth });
            desk.configure(&json!({ "demo": entry }))?;
            Ok(())
        })
    };
    let scene = with(false).await?;
    let sentence = "the metadata of PROVIDER says it belongs to PROVIDER/v1";
    refuses(&scene, "issuer_mismatch", Action::EditConfig, sentence).await?;
    assert_eq!(scene.demo.count("POST /register"), 0);
    scene.end().await?;

    let scene = with(true).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    let issuer = format!("{}/v1", scene.demo.origin());
    assert_eq!(scene.server.snapshot().issuer, Some(issuer));
    scene.end().await
}

#[tokio::test]
async fn atlassian_that_allows_one_redirect_host_is_sent_that_one() -> TestResult {
    let port = free_port()?;
    let mut options = by_hand(None, "none", &format!("http://localhost:{port}/oauth/callback"));
    options.registration.exact_port = true;
    let auth = json!({ "client_id": "ours", "redirect_host": "localhost", "redirect_port": port });
    let scene = scene(options, [], auth).await?;
    gets_in(&scene).await?;
    scene.end().await
}

#[tokio::test]
async fn sentry_takes_the_resource_as_its_metadata_has_it_and_repeats_itself_in_the_challenge() -> TestResult
{
    let scene = Scene::prepared(options(), json!({}), |demo, _| {
        let origin = demo.origin().to_owned();
        demo.set(Fault::Challenges(vec![
            format!(
                "Bearer realm=\"OAuth\", resource_metadata=\"{origin}/.well-known/oauth-protected-resource/nowhere\", \
                 resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\""
            ),
            format!("Bearer resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\""),
        ]));
        demo.change(|options| options.resource = Some(format!("{origin}/")));
        Ok(())
    })
    .await?;
    gets_in(&scene).await?;
    let with_slash = Some(format!("{}/", scene.demo.origin()));
    for request in ["GET /authorize", REDEEM] {
        assert_eq!(parameter(&scene, request, "resource"), with_slash, "{request}");
    }
    stays_in(&scene, 1).await?;
    assert_eq!(parameter(&scene, REFRESH, "resource"), with_slash);
    scene.end().await
}

#[tokio::test]
async fn sentry_that_knows_the_resource_by_another_name_is_told_that_name_by_the_user() -> TestResult {
    let with_path = Fault::oauth_error(400, "invalid_target").at("POST /token");
    let scene = scene(options(), [with_path], json!({})).await?;
    let sentence = "the authorization server answered invalid_target; the config file's auth.resource leaves the \
                    parameter out or sets it";
    refuses(&scene, "token_refused", Action::EditConfig, sentence).await?;
    scene.end().await
}

#[tokio::test]
async fn cloudflare_that_promises_to_name_itself_and_does_not_is_refused() -> TestResult {
    let scene = scene(options(), [Fault::Iss(WrongIss::Missing).at("*")], json!({})).await?;
    let problem = refusal(&scene).await?;
    let (code, _, sentence) = told(&scene, &problem);
    assert_eq!(code, "issuer_missing");
    assert!(
        sentence.starts_with("the answer does not say that it comes from PROVIDER, which promised to say so"),
        "{sentence}"
    );
    assert_eq!(scene.demo.count("POST /token"), 0, "the code goes nowhere");
    scene.end().await
}

#[tokio::test]
async fn cloudflare_is_let_off_its_promise_by_the_user_and_a_wrong_name_is_refused_all_the_same() -> TestResult
{
    let auth = json!({ "allow_missing_iss": true });
    let silent = scene(options(), [Fault::Iss(WrongIss::Missing).at("*")], auth.clone()).await?;
    gets_in(&silent).await?;
    stays_in(&silent, 1).await?;
    silent.end().await?;
    let foreign = scene(options(), [Fault::Iss(WrongIss::Foreign).at("*")], auth).await?;
    assert_eq!(refusal(&foreign).await?.code, "issuer_mismatch");
    assert_eq!(foreign.demo.count("POST /token"), 0);
    foreign.end().await
}

#[tokio::test]
async fn cloudflare_is_asked_for_no_scope_that_its_resource_did_not_name() -> TestResult {
    let mut options = options();
    options.tokens.scopes = omlx_demo::Scope::parse("mcp:tools");
    let openid = Fault::ServerMetadata(
        "scopes_supported",
        json!(["mcp:tools", "openid", "email", "profile"]),
    );
    let scene = scene(options, [openid.at("*")], json!({})).await?;
    gets_in(&scene).await?;
    assert_eq!(
        parameter(&scene, "GET /authorize", "scope").as_deref(),
        Some("mcp:tools")
    );
    scene.end().await
}

#[tokio::test]
async fn cloudflare_servers_without_resource_metadata_are_found_all_the_same() -> TestResult {
    let options = DemoOptions {
        discovery: Discovery {
            resource_metadata: ResourceMetadataPlace::Nowhere,
            challenge_names_it: false,
            ..Discovery::default()
        },
        ..options()
    };
    let scene = scene(options, [], json!({})).await?;
    gets_in(&scene).await?;
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn gitlab_whose_resource_is_a_list_is_read() -> TestResult {
    let scene = Scene::prepared(options(), json!({}), |demo, _| {
        let resources = json!(["https://elsewhere.example/api", demo.resource()]);
        demo.set(Fault::ResourceMetadata("resource", resources));
        Ok(())
    })
    .await?;
    gets_in(&scene).await?;
    assert_eq!(
        parameter(&scene, "GET /authorize", "resource"),
        Some(scene.demo.resource())
    );
    stays_in(&scene, 1).await?;
    scene.end().await
}

#[tokio::test]
async fn salesforce_refreshes_without_a_scope_and_only_without() -> TestResult {
    let port = free_port()?;
    let redirect = format!("http://localhost:{port}/oauth/callback");
    let unsupported =
        json!({ "error": "invalid_request", "error_description": "scope parameter not supported" });
    let at_salesforce = |refresh_scope: &str| {
        let mut options = by_hand(None, "none", &redirect);
        options.registration.exact_port = true;
        options.tokens.resource = ResourcePolicy::Optional;
        options.tokens.refresh = omlx_demo::RefreshTokens::Reusable;
        let faults = [
            Fault::no_registration().at("*"),
            answers(400, &unsupported).at("POST /token grant_type=refresh_token scope=*"),
        ];
        let auth = json!({
            "client_id": "ours", "redirect_host": "localhost", "redirect_port": port, "refresh_scope": refresh_scope,
        });
        scene(options, faults, auth)
    };
    for refresh_scope in ["auto", "omit"] {
        let scene = at_salesforce(refresh_scope).await?;
        gets_in(&scene).await?;
        stays_in(&scene, 1).await?;
        scene.end().await?;
    }
    let scene = at_salesforce("send").await?;
    gets_in(&scene).await?;
    scene.demo.expire_access_tokens();
    assert_ne!(scene.echo().await?, "hello", "the config file insists");
    assert_eq!(
        scene.server.snapshot().auth,
        AuthStatus::Authenticated,
        "and no sign-in is lost over it"
    );
    scene.end().await
}

#[tokio::test]
async fn zapiers_url_is_the_credential_and_no_sign_in_is_started_for_it() -> TestResult {
    let open = DemoOptions {
        protection: Protection::Open,
        ..options()
    };
    for (options, connection, code) in [
        (open, ConnectionStatus::Connected, None),
        (options(), ConnectionStatus::Failed, Some("credential_rejected")),
    ] {
        let scene = Scene::prepared(options, json!({}), |demo, desk| {
            let url = format!("{}?key=planted-url-secret", demo.mcp_url());
            let entry = json!({ "transport": "streamable-http", "url": url, "auth": { "type": "none" } });
            desk.configure(&json!({ "demo": entry }))?;
            Ok(())
        })
        .await?;
        let status = scene.server.snapshot();
        assert_eq!((status.connection, code_of(&status)), (connection, code));
        assert!(!format!("{status:?}").contains("planted-url-secret"));
        assert_eq!(
            scene.demo.count("/.well-known/*") + scene.demo.count("POST /register"),
            0
        );
        let problem = refusal(&scene).await?;
        assert_eq!(problem.code, "nothing_to_sign_in_to");
        scene.end().await?;
    }
    Ok(())
}

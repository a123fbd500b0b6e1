//! Who is signed in, from each place where a provider tells it: the token reply, the ID token, userinfo, introspection,
//! and the server's own name.

use omlx_demo::{DemoOptions, Era, Fault};
use omlx_mcp::ServerSnapshot;
use omlx_tests::{Scene, TestResult};
use serde_json::{Value, json};

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

/// Whoever signs in at a server whose token replies tell nothing by themselves.
async fn silent(options: DemoOptions, auth: Value) -> Result<Scene, Box<dyn std::error::Error>> {
    let scene = Scene::with_entry(options, json!({ "auth": auth })).await?;
    for member in ["owner", "workspace_name"] {
        scene.demo.set(Fault::TokenReply(member, Value::Null));
    }
    Ok(scene)
}

fn told(status: &ServerSnapshot) -> (Option<&str>, Option<&str>) {
    (status.account.as_deref(), status.workspace.as_deref())
}

#[tokio::test]
async fn the_token_reply_tells_and_nobody_is_asked() -> TestResult {
    let scene = Scene::new(options()).await?;
    let status = scene.sign_in().await?;
    assert_eq!(told(&status), (Some("Ada Lovelace"), Some("Analytical Engines")));
    assert_eq!(scene.demo.count("/userinfo") + scene.demo.count("/introspect"), 0);
    let later = scene.restart().await?;
    assert_eq!(
        told(&later.server.snapshot()),
        (Some("Ada Lovelace"), Some("Analytical Engines")),
        "it is kept with the sign-in"
    );
    later.end().await
}

#[tokio::test]
async fn the_id_token_tells_when_it_is_for_us() -> TestResult {
    let scene = silent(options(), json!({ "scopes": "mcp:tools openid" })).await?;
    assert_eq!(told(&scene.sign_in().await?), (Some("ada@demo.example"), None));
    assert_eq!(scene.demo.count("/userinfo"), 0);
    scene.end().await
}

#[tokio::test]
async fn an_id_token_for_somebody_else_shows_nobodys_name_and_userinfo_is_asked() -> TestResult {
    let scene = silent(options(), json!({ "scopes": "mcp:tools openid" })).await?;
    // {"iss":"https://attacker.example.com","aud":"other","sub":"mallory","email":"mallory@example.com","exp":99999999999}
    let foreign = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2F0dGFja2VyLmV4YW1wbGUuY29tIiwiYXVkIjoib3RoZXIiLCJzdWIiOiJtYWxsb3J5IiwiZW1haWwiOiJtYWxsb3J5QGV4YW1wbGUuY29tIiwiZXhwIjo5OTk5OTk5OTk5OX0.";
    scene.demo.set(Fault::TokenReply("id_token", foreign.into()));
    let status = scene.sign_in().await?;
    assert_eq!(
        told(&status),
        (Some("ada@demo.example"), Some("Analytical Engines"))
    );
    assert_eq!(scene.demo.count("GET /userinfo status=200"), 1);
    scene.end().await
}

#[tokio::test]
async fn userinfo_that_fails_is_no_failure_of_the_sign_in() -> TestResult {
    let scene = silent(options(), json!({ "scopes": "mcp:tools openid" })).await?;
    scene.demo.set(Fault::TokenReply("id_token", Value::Null));
    scene.demo.set(Fault::Status(500).at("GET /userinfo"));
    let status = scene.sign_in().await?;
    assert_eq!(told(&status), (None, None));
    assert_eq!(scene.demo.count("GET /userinfo"), 1);
    assert_eq!(scene.echo().await?, "hello");
    scene.end().await
}

#[tokio::test]
async fn a_confidential_client_may_ask_what_its_token_is() -> TestResult {
    let mut options = options();
    options.registration.auth_methods = vec!["client_secret_basic".to_owned()];
    let scene = silent(options, json!({})).await?;
    assert_eq!(told(&scene.sign_in().await?), (Some("ada@demo.example"), None));
    assert_eq!(
        (
            scene.demo.count("POST /introspect status=200"),
            scene.demo.count("/userinfo")
        ),
        (1, 0)
    );
    scene.end().await
}

#[tokio::test]
async fn the_resources_own_name_stands_for_the_provider_else_what_the_server_calls_itself() -> TestResult {
    for (name, expected) in [
        (json!("Analytical\u{1b}[31m Notes"), "Analytical [31m Notes"),
        (Value::Null, "oMLX Demo"),
    ] {
        let scene = Scene::prepared(options(), json!({}), |demo, _| {
            demo.set(Fault::ResourceMetadata("resource_name", name));
            Ok(())
        })
        .await?;
        scene.sign_in().await?;
        assert_eq!(scene.echo().await?, "hello");
        assert_eq!(scene.server.snapshot().provider.as_deref(), Some(expected));
        scene.end().await?;
    }
    Ok(())
}

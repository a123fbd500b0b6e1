//! What providers do beyond the specifications, each as it was reported, and the product getting in, staying in, or
//! saying exactly why not and what to enter. None of it was checked against the live services (docs/providers.md).

mod by_hand;
mod documents;
mod registering;
mod staying_in;

use std::{error::Error, time::Duration};

use omlx_demo::{DemoOptions, Era, Fault, FaultRule, KnownClient};
use omlx_mcp::{Action, AuthStatus, Problem, connection::SignInOptions};
use omlx_tests::{Scene, TestResult, in_time};
use serde_json::{Value, json};

const REFRESH: &str = "POST /token grant_type=refresh_token";
const REDEEM: &str = "POST /token grant_type=authorization_code";
const SECRET: &str = "planted-client-secret";

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

/// A server behind a provider where clients are entered by hand, who knows one named `ours`.
fn by_hand(secret: Option<&str>, auth_method: &str, redirect_uri: &str) -> DemoOptions {
    let mut options = options();
    options.registration.auth_methods = vec![auth_method.to_owned()];
    options.registration.known = vec![KnownClient {
        id: "ours".to_owned(),
        secret: secret.map(str::to_owned),
        auth_method: auth_method.to_owned(),
        redirect_uris: vec![redirect_uri.to_owned()],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
    }];
    options
}

/// A server with these peculiarities and this `auth` block, looked at once.
async fn scene(
    options: DemoOptions,
    faults: impl IntoIterator<Item = FaultRule>,
    auth: Value,
) -> Result<Scene, Box<dyn Error>> {
    let entry = json!({ "auth": auth });
    let prepare = |demo: &omlx_demo::Demo, _: &mut omlx_tests::Desk| {
        for fault in faults {
            demo.set(fault);
        }
        Ok(())
    };
    Scene::prepared(options, entry, prepare).await
}

/// Signs in and calls a tool.
async fn gets_in(scene: &Scene) -> TestResult {
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.echo().await?, "hello");
    Ok(())
}

/// The token is over: a call goes on with a new one, by so many requests, and nobody is asked.
async fn stays_in(scene: &Scene, requests: usize) -> TestResult {
    let (windows, before) = (scene.desk.browser.windows(), scene.demo.count(REFRESH));
    scene.demo.expire_access_tokens();
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.demo.count(REFRESH) - before, requests);
    assert_eq!(scene.desk.browser.windows(), windows, "nobody was asked");
    Ok(())
}

/// Why signing in comes to nothing.
async fn refusal(scene: &Scene) -> Result<Problem, Box<dyn Error>> {
    scene.hand.advance(Duration::from_secs(1));
    let signed_in = in_time(scene.server.sign_in(SignInOptions::default())).await?;
    signed_in.map(drop).err().ok_or_else(|| "it went well".into())
}

/// The same where the provider shows the person a page of its own (`/authorize` with this status), and no more.
async fn given_up(scene: &Scene, status: u16) -> Result<Problem, Box<dyn Error>> {
    let server = scene.server.clone();
    let signing_in = tokio::spawn(async move { server.sign_in(SignInOptions::default()).await });
    let page = format!("GET /authorize status={status}");
    let shown = scene.demo.count(&page) + 1;
    in_time(scene.demo.until(&page, shown)).await?;
    scene.hand.advance(SignInOptions::default().patience);
    let signed_in = in_time(signing_in).await??;
    signed_in.map(drop).err().ok_or_else(|| "it went well".into())
}

/// Code, action and sentence, in which `PROVIDER` stands for the origin and `PORT` for a port of ours.
fn told(scene: &Scene, problem: &Problem) -> (String, Action, String) {
    let sentence = problem.message.replace(scene.demo.origin(), "PROVIDER");
    let sentence = match sentence.split_once("http://127.0.0.1:") {
        Some((before, rest)) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}http://127.0.0.1:PORT{rest}")
        }
        None => sentence,
    };
    (problem.code.clone().into_owned(), problem.action, sentence)
}

/// That signing in ends with exactly these words.
async fn refuses(scene: &Scene, code: &str, action: Action, sentence: &str) -> TestResult {
    let problem = refusal(scene).await?;
    assert_eq!(
        told(scene, &problem),
        (code.to_owned(), action, sentence.to_owned())
    );
    Ok(())
}

/// What is not an OAuth error, as JSON.
fn answers(status: u16, body: &Value) -> Fault {
    Fault::Reply {
        status,
        content_type: "application/json".to_owned(),
        body: body.to_string(),
    }
}

/// A parameter of the last request that matches, as text.
fn parameter(scene: &Scene, pattern: &str, name: &str) -> Option<String> {
    let calls = scene.demo.calls_to(pattern);
    calls.last()?.parameter(name)?.text().map(str::to_owned)
}

/// A port that nobody uses just now.
fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

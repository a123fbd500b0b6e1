//! A server that answers polls as it is told, a clock moved by hand, and nobody who sleeps.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::{
    clock::{Clock, ManualClock},
    oauth::{
        server_metadata::MetadataOrigin,
        testing::{Server, client, discovery, endpoint, http, json as answer, start},
    },
};

type Polls = Arc<Mutex<Vec<u64>>>;

/// One code, and what each poll is answered; the last answer stays.
struct Scene {
    server: Server,
    clock: Clock,
    hand: ManualClock,
    /// When each poll came, in seconds after the start.
    polls: Polls,
}

impl Scene {
    async fn new(code: Value, answers: &[(u16, Value)]) -> Self {
        let (clock, hand) = Clock::manual(start());
        let polls = Polls::default();
        let (answers, seen_at, now) = (answers.to_vec(), Arc::clone(&polls), clock.clone());
        let server = Server::start(move |seen| {
            if seen.path == "/device" {
                return answer(200, &code);
            }
            let mut polls = seen_at.lock().expect("not poisoned");
            polls.push(u64::try_from(now.now().duration_since(start()).as_secs()).expect("after the start"));
            let (status, body) = &answers[(polls.len() - 1).min(answers.len() - 1)];
            answer(*status, body)
        })
        .await;
        Self {
            server,
            clock,
            hand,
            polls,
        }
    }

    async fn answering(answers: &[(u16, Value)]) -> Self {
        Self::new(code(), answers).await
    }

    async fn begin(&self) -> Result<DeviceAuthorization, DeviceError> {
        let mut discovery = discovery(&self.server.url);
        discovery.server.device_authorization_endpoint =
            Some(endpoint(&format!("{}/device", self.server.url)));
        let request = DeviceRequest {
            discovery: &discovery,
            client: &client(),
            auth: &AuthConfig::default(),
            scope: discovery.scope.clone(),
        };
        request.begin(&http(&self.clock)).await
    }

    async fn poll(&self) -> JoinHandle<Result<Redeemed, DeviceError>> {
        let authorization = self.begin().await.expect("begins");
        let http = http(&self.clock);
        tokio::spawn(async move { authorization.redeem(&http, &client()).await })
    }

    /// Lets a second pass whenever somebody waits for one, until the sign-in has ended.
    async fn run(&self) -> Result<Redeemed, DeviceError> {
        let polling = self.poll().await;
        while !polling.is_finished() {
            if self.hand.is_awaited() {
                self.hand.advance(Duration::from_secs(1));
            }
            tokio::task::yield_now().await;
        }
        polling.await.expect("no panic")
    }

    fn polls(&self) -> Vec<u64> {
        self.polls.lock().expect("not poisoned").clone()
    }
}

fn code() -> Value {
    json!({
        "device_code": "planted-device-code",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://as.example/device",
        "expires_in": 600,
    })
}

fn error(code: &str) -> (u16, Value) {
    (400, json!({ "error": code }))
}

fn token() -> (u16, Value) {
    (200, json!({"access_token": "t", "refresh_token": "r"}))
}

#[tokio::test]
async fn the_code_is_asked_for_with_resource_and_scope_and_polled_for_with_the_resource() {
    let scene = Scene::answering(&[error("authorization_pending"), token()]).await;
    let redeemed = scene.run().await.expect("let in");
    assert_eq!(redeemed.tokens.access_token.secret(), "t");
    assert_eq!(redeemed.tokens.scope.to_string(), "read write");
    let seen = scene.server.seen();
    assert_eq!(seen[0].value("resource"), Some("https://mcp.example"));
    assert_eq!(seen[0].value("scope"), Some("read write"));
    assert_eq!(seen[0].value("client_id"), Some("client-1"));
    assert_eq!(seen[1].value("grant_type"), Some(GRANT_TYPE));
    assert_eq!(seen[1].value("device_code"), Some("planted-device-code"));
    assert_eq!(seen[1].value("resource"), Some("https://mcp.example"));
    assert_eq!(scene.polls(), [5, 10]);
}

#[tokio::test]
async fn a_server_that_wants_it_slower_gets_it_slower_from_then_on() {
    let answers = [
        error("authorization_pending"),
        error("slow_down"),
        error("authorization_pending"),
        token(),
    ];
    let scene = Scene::answering(&answers).await;
    scene.run().await.expect("let in");
    assert_eq!(scene.polls(), [5, 10, 20, 30]);
}

#[tokio::test]
async fn a_server_that_is_down_for_a_while_does_not_end_the_sign_in() {
    let scene = Scene::answering(&[(503, json!({})), error("authorization_pending"), token()]).await;
    scene.run().await.expect("let in");
    assert_eq!(scene.polls(), [5, 15, 25]);
}

#[tokio::test]
async fn what_the_user_or_the_server_says_ends_it() {
    for (code, expected) in [
        ("access_denied", DeviceError::Denied),
        ("expired_token", DeviceError::Expired),
    ] {
        let scene = Scene::answering(&[error(code)]).await;
        assert_eq!(scene.run().await.err(), Some(expected), "{code}");
        assert_eq!(scene.polls().len(), 1);
    }
    let scene = Scene::answering(&[error("invalid_client")]).await;
    let ended = scene.run().await.err();
    assert!(
        matches!(ended, Some(DeviceError::Token(TokenError::InvalidClient { .. }))),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_code_that_is_over_is_not_asked_about_any_more() {
    let mut short = code();
    (short["expires_in"], short["interval"]) = (json!("12"), json!(5));
    let scene = Scene::new(short, &[error("authorization_pending")]).await;
    assert_eq!(scene.run().await.err(), Some(DeviceError::Expired));
    assert_eq!(scene.polls(), [5, 10]);
}

#[tokio::test]
async fn whoever_gives_up_polls_no_more() {
    let scene = Scene::answering(&[error("authorization_pending")]).await;
    let polling = scene.poll().await;
    while !scene.hand.is_awaited() {
        tokio::task::yield_now().await;
    }
    polling.abort();
    polling.await.expect_err("aborted");
    assert!(!scene.hand.is_awaited() && scene.polls().is_empty());
}

#[tokio::test]
async fn an_answer_that_cannot_be_shown_is_refused_without_repeating_it() {
    let mut hostile = code();
    hostile["verification_uri"] = json!("javascript:alert(1)");
    let scene = Scene::new(hostile, &[token()]).await;
    let refused = scene.begin().await.expect_err("refused");
    assert_eq!(refused.code(), "token_response_unreadable");
    assert!(!refused.to_string().contains("alert"), "{refused}");
}

#[tokio::test]
async fn the_device_code_is_never_shown() {
    let scene = Scene::answering(&[token()]).await;
    let authorization = scene.begin().await.expect("begins");
    let shown = format!("{authorization:?} {:?}", authorization.prompt());
    assert!(
        shown.contains("ABCD-EFGH") && !shown.contains("planted"),
        "{shown}"
    );
}

#[test]
fn a_server_offers_it_by_its_endpoint_unless_it_lists_its_grants_without_it() {
    let bare = AuthorizationServerMetadata::bare(client().issuer, MetadataOrigin::Discovered);
    assert!(!is_offered(&bare));
    let with_endpoint = AuthorizationServerMetadata {
        device_authorization_endpoint: Some(endpoint("https://as.example/device")),
        ..bare
    };
    assert!(is_offered(&with_endpoint));
    let unlisted = AuthorizationServerMetadata {
        grant_types_supported: Some(vec!["authorization_code".to_owned()]),
        ..with_endpoint
    };
    assert!(!is_offered(&unlisted));
}

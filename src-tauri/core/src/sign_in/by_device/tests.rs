//! A whole sign-in with a code, against the demo server; its clock is ours and is moved by hand.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use omlx_demo::{Consent, Demo, DemoOptions, Now};
use tempfile::TempDir;
use tokio::sync::mpsc;
use url::Url;

use crate::{
    browser::{Browser, BrowserError},
    clock::{Clock, ManualClock},
    config::{AuthConfig, GrantType},
    event::SignInPrompt,
    oauth::{
        client::ClientRegistration,
        device::DeviceError,
        grant::GrantKey,
        refresh::Refresher,
        scope::Scopes,
        testing::{http, start, vault},
    },
    sign_in::{Links, SignIn, SignInError},
    store::Vault,
};

/// A machine without a browser.
#[derive(Debug)]
struct Headless;

impl Browser for Headless {
    fn open(&self, _url: &Url) -> Result<(), BrowserError> {
        Err(BrowserError::Unavailable)
    }

    fn is_available(&self) -> bool {
        false
    }
}

struct Scene {
    demo: Demo,
    clock: Clock,
    hand: ManualClock,
    folder: TempDir,
    key: GrantKey,
    prompts: Arc<Mutex<Vec<SignInPrompt>>>,
}

impl Scene {
    async fn new(consent: Consent) -> Self {
        let (clock, hand) = Clock::manual(start());
        let time = clock.clone();
        let options = DemoOptions {
            consent,
            now: Now::from_fn(move || {
                UNIX_EPOCH + Duration::from_secs(time.now().as_second().unsigned_abs())
            }),
            ..DemoOptions::default()
        };
        let demo = Demo::start(options).await.expect("starts");
        let key = GrantKey {
            server: "demo".parse().expect("a name"),
            url: Url::parse(&demo.mcp_url()).expect("a URL"),
            account: None,
        };
        Self {
            demo,
            clock,
            hand,
            folder: tempfile::tempdir().expect("a folder"),
            key,
            prompts: Arc::default(),
        }
    }

    fn vault(&self) -> Vault {
        vault(self.folder.path())
    }

    /// Signs in, letting a second pass whenever somebody waits for one.
    async fn sign_in(&self, grant: GrantType, browser: Option<Arc<dyn Browser>>) -> Result<(), SignInError> {
        let (vault, http) = (self.vault(), http(&self.clock));
        let prompts = Arc::clone(&self.prompts);
        let (_offers, responses) = mpsc::channel(1);
        let sign_in = SignIn {
            key: self.key.clone(),
            auth: AuthConfig {
                grant,
                ..AuthConfig::default()
            },
            refresher: Refresher::new(vault.clone(), http.clone()),
            vault,
            http,
            challenge: None,
            held: Scopes::default(),
            browser,
            prompt: Box::new(move |prompt| prompts.lock().expect("not poisoned").push(prompt)),
            responses,
            deadline: self.clock.after(Duration::from_mins(5)),
            used: None,
            links: Links::InApp,
        };
        let run = tokio::spawn(sign_in.run());
        while !run.is_finished() {
            if self.hand.is_awaited() {
                self.hand.advance(Duration::from_secs(1));
            }
            tokio::task::yield_now().await;
        }
        run.await.expect("no panic")
    }

    fn has_shown_a_code(&self) -> bool {
        let prompts = self.prompts.lock().expect("not poisoned");
        matches!(prompts.as_slice(), [SignInPrompt::DeviceCode { user_code, .. }] if user_code.len() == 9)
    }
}

#[tokio::test]
async fn a_code_that_somebody_enters_becomes_a_grant_that_can_be_refreshed() {
    let scene = Scene::new(Consent::Grant).await;
    scene
        .sign_in(GrantType::DeviceCode, None)
        .await
        .expect("signs in");
    assert!(scene.has_shown_a_code());
    assert_eq!(scene.demo.count("/authorize"), 0);
    let grant = scene
        .vault()
        .load(&scene.key)
        .await
        .expect("readable")
        .expect("stored");
    assert!(grant.tokens.refresh_token.is_some());
    assert_eq!(grant.client.registration, ClientRegistration::Dynamic);
    assert!(grant.client.redirect_uris.is_empty());
}

#[tokio::test]
async fn a_code_that_is_declined_leaves_nothing() {
    let scene = Scene::new(Consent::Deny).await;
    let outcome = scene.sign_in(GrantType::DeviceCode, None).await;
    assert!(
        matches!(outcome, Err(SignInError::Device(DeviceError::Denied))),
        "{outcome:?}"
    );
    assert!(scene.vault().load(&scene.key).await.expect("readable").is_none());
}

#[tokio::test]
async fn a_code_that_nobody_enters_is_given_up_when_patience_ends() {
    let scene = Scene::new(Consent::Ask).await;
    let outcome = scene.sign_in(GrantType::DeviceCode, None).await;
    assert!(
        matches!(outcome, Err(SignInError::Device(DeviceError::Expired))),
        "{outcome:?}"
    );
    assert!(scene.clock.now() <= start() + Duration::from_secs(301));
}

#[tokio::test]
async fn where_no_browser_can_be_opened_a_code_is_asked_for() {
    let scene = Scene::new(Consent::Grant).await;
    let browser: Arc<dyn Browser> = Arc::new(Headless);
    scene
        .sign_in(GrantType::AuthorizationCode, Some(browser))
        .await
        .expect("signs in");
    assert!(scene.has_shown_a_code());
}

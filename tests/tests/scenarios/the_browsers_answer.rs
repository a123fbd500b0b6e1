//! What comes back from the browser, and what is believed of it.

use std::{error::Error, time::Duration};

use omlx_demo::{Consent, Demo, DemoOptions, Fault, WrongIss};
use omlx_mcp::{
    AuthStatus, Problem,
    clock::{Clock, ManualClock},
    connection::{SignInOptions, SignedIn},
    handle::Handle,
};
use omlx_tests::{Desk, Errand, Redirect, Scene, TestResult, code_of, in_time, said, started, until};
use serde_json::json;
use tokio::task::JoinHandle;

/// A sign-in that waits for its answer.
struct Waiting {
    demo: Demo,
    desk: Desk,
    errand: Errand,
    hand: ManualClock,
    core: Handle,
    outcome: JoinHandle<Result<SignedIn, Problem>>,
    answer: Redirect,
}

impl Waiting {
    async fn new() -> Result<Self, Box<dyn Error>> {
        let demo = Demo::start(DemoOptions::headless()).await?;
        Self::at(demo).await
    }

    async fn at(demo: Demo) -> Result<Self, Box<dyn Error>> {
        let mut desk = Desk::with_server(&demo.mcp_url())?;
        let (clock, hand) = Clock::manual(started());
        desk.clock = clock;
        let errand = Errand::default();
        let core = desk.start_with(std::sync::Arc::new(errand.clone()))?;
        let server = core.server("demo")?;
        let outcome = tokio::spawn(async move { server.sign_in(SignInOptions::default()).await });
        let answer = Redirect::of(&errand.window(1).await?).await?;
        Ok(Self {
            demo,
            desk,
            errand,
            hand,
            core,
            outcome,
            answer,
        })
    }

    /// How it ended: the code of what went wrong, or nothing.
    async fn ended(self) -> Result<Option<String>, Box<dyn Error>> {
        let code = in_time(self.outcome)
            .await??
            .err()
            .map(|problem| problem.code.into_owned());
        in_time(self.core.stop()).await?;
        Ok(code)
    }
}

#[tokio::test]
async fn an_answer_with_a_wrong_state_is_ignored_and_the_right_one_is_still_taken() -> TestResult {
    let waiting = Waiting::new().await?;
    for foreign in [
        waiting.answer.with("state", Some("guessed")),
        waiting.answer.with("state", None),
    ] {
        assert_eq!(foreign.follow().await?, 400);
        assert!(!waiting.core.redirected(foreign.address()).await?);
    }
    assert_eq!(waiting.demo.count("POST /token"), 0, "no code goes anywhere");
    assert!(!waiting.outcome.is_finished());
    assert_eq!(waiting.answer.follow().await?, 200);
    assert_eq!(waiting.ended().await?, None);
    Ok(())
}

#[tokio::test]
async fn garbage_at_the_callback_is_answered_and_forgotten() -> TestResult {
    let waiting = Waiting::new().await?;
    let bare = waiting.answer.bare();
    for garbage in [
        "",
        "?",
        "?code",
        "?state=&code=",
        "?code=a&code=b&state=c",
        "?%ff%fe=%00&error",
        "?code=x&error=y",
    ] {
        let url = url::Url::parse(&format!("{bare}{garbage}"))?;
        let status = reqwest::get(url.clone()).await?.status().as_u16();
        assert!((400..500).contains(&status), "{url} {status}");
        assert!(!waiting.core.redirected(url.as_str()).await.unwrap_or(false));
    }
    assert!(waiting.core.redirected("\u{0}\u{0}").await.is_err());
    assert!(waiting.core.redirected(&"x".repeat(100_000)).await.is_err());
    assert!(!waiting.outcome.is_finished());
    assert_eq!(waiting.answer.follow().await?, 200);
    assert_eq!(waiting.ended().await?, None);
    Ok(())
}

#[tokio::test]
async fn an_answer_from_another_issuer_is_refused_before_its_code_goes_anywhere() -> TestResult {
    for (iss, code) in [
        (Some("https://attacker.example.com"), "issuer_mismatch"),
        (None, "issuer_missing"),
    ] {
        let waiting = Waiting::new().await?;
        let spoilt = waiting.answer.with("iss", iss);
        spoilt.follow().await?;
        let demo = &waiting.demo;
        assert_eq!(demo.count("POST /token"), 0, "{code}");
        assert_eq!(waiting.ended().await?.as_deref(), Some(code));
    }
    Ok(())
}

#[tokio::test]
async fn an_issuer_is_compared_by_its_text() -> TestResult {
    let scene = Scene::new(DemoOptions::headless()).await?;
    scene.demo.set(Fault::Iss(WrongIss::Normalised));
    let problem = scene
        .sign_in()
        .await
        .err()
        .ok_or("it is another text")?
        .to_string();
    assert!(problem.starts_with("issuer_mismatch"), "{problem}");
    assert_eq!(scene.demo.count("POST /token"), 0);
    scene.end().await
}

#[tokio::test]
async fn an_issuer_that_was_not_promised_may_be_missing_and_must_be_right_when_it_is_there() -> TestResult {
    for (iss, works) in [(WrongIss::Missing, true), (WrongIss::Foreign, false)] {
        let scene = Scene::new(DemoOptions::headless()).await?;
        scene.demo.set(Fault::iss_not_advertised());
        scene.demo.set(Fault::Iss(iss));
        assert_eq!(scene.sign_in().await.is_ok(), works, "{iss:?}");
        assert_eq!(scene.demo.count("POST /token"), usize::from(works));
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_promised_issuer_may_be_missing_where_the_config_file_says_so_and_a_wrong_one_never_passes()
-> TestResult {
    for (iss, works) in [
        (WrongIss::Missing, true),
        (WrongIss::Foreign, false),
        (WrongIss::Normalised, false),
    ] {
        let entry = json!({"auth": {"type": "oauth2", "allow_missing_iss": true}});
        let scene = Scene::with_entry(DemoOptions::headless(), entry).await?;
        scene.demo.set(Fault::Iss(iss));
        assert_eq!(scene.sign_in().await.is_ok(), works, "{iss:?}");
        assert_eq!(scene.demo.count("POST /token"), usize::from(works));
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_promised_issuer_that_is_missing_names_the_key_that_allows_it() -> TestResult {
    let scene = Scene::new(DemoOptions::headless()).await?;
    scene.demo.set(Fault::Iss(WrongIss::Missing));
    let problem = scene.sign_in().await.err().ok_or("it was promised")?.to_string();
    assert!(
        problem.starts_with("issuer_missing") && problem.contains("auth.allow_missing_iss"),
        "{problem}"
    );
    scene.end().await
}

#[tokio::test]
async fn an_error_from_the_wrong_issuer_is_not_shown() -> TestResult {
    let waiting = Waiting::new().await?;
    let forged = waiting
        .answer
        .with("code", None)
        .with("iss", Some("https://attacker.example.com"))
        .with("error", Some("call_this_number"))
        .with("error_description", Some("call 555"));
    forged.follow().await?;
    let problem = in_time(waiting.outcome).await??.err().ok_or("it was forged")?;
    assert_eq!(problem.code, "issuer_mismatch");
    assert!(
        !problem.message.contains("555") && !problem.message.contains("call_this"),
        "{}",
        problem.message
    );
    in_time(waiting.core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_person_who_says_no_is_not_asked_again() -> TestResult {
    let mut scene = Scene::new(DemoOptions {
        consent: Consent::Deny,
        ..DemoOptions::headless()
    })
    .await?;
    scene.forget();
    let problem = scene.sign_in().await.err().ok_or("it was denied")?.to_string();
    assert!(problem.starts_with("access_denied"), "{problem}");
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, code_of(&status)),
        (AuthStatus::NotAuthenticated, Some("access_denied"))
    );
    assert_eq!(
        (scene.demo.count("POST /token"), scene.desk.browser.windows()),
        (0, 1)
    );
    scene.demo.change(|options| options.consent = Consent::Grant);
    assert_eq!(
        scene.sign_in().await?.auth,
        AuthStatus::Authenticated,
        "whoever changes their mind may"
    );
    scene.end().await
}

#[tokio::test]
async fn an_error_of_the_authorization_server_is_told_in_its_words() -> TestResult {
    let scene = Scene::new(DemoOptions::headless()).await?;
    scene
        .demo
        .set(Fault::AuthorizationError("temporarily_unavailable".into()));
    let problem = scene.sign_in().await.err().ok_or("it was refused")?.to_string();
    assert!(
        problem.starts_with("authorization_refused") && problem.contains("temporarily_unavailable"),
        "{problem}"
    );
    scene.end().await
}

#[tokio::test]
async fn a_browser_that_never_comes_back_ends_the_sign_in_and_frees_the_port() -> TestResult {
    let waiting = Waiting::new().await?;
    waiting
        .hand
        .advance(Duration::from_mins(10) - Duration::from_secs(1));
    assert_eq!(
        until(&waiting.core, |_| true).await?.auth,
        AuthStatus::Authenticating,
        "ten minutes are given"
    );
    let late = waiting.answer.clone();
    waiting.hand.advance(Duration::from_secs(1));
    let (code, _) = said(in_time(waiting.outcome).await??)?;
    assert_eq!(code, "browser_timeout");
    let status = until(&waiting.core, |status| status.auth != AuthStatus::Authenticating).await?;
    assert_eq!((status.auth, status.prompt), (AuthStatus::NotAuthenticated, None));
    assert!(late.follow().await.is_err(), "nobody listens any more");
    assert_eq!(
        (waiting.errand.windows(), waiting.demo.count("POST /token")),
        (1, 0)
    );
    drop(waiting.desk);
    in_time(waiting.core.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn a_second_redirect_redeems_nothing() -> TestResult {
    let waiting = Waiting::new().await?;
    let gate = waiting.demo.hold("POST /token");
    assert_eq!(waiting.answer.follow().await?, 200);
    in_time(gate.arrived()).await?;
    // The page is reloaded while the code is being redeemed, and the link is pasted on top of it.
    assert!(waiting.answer.follow().await? < 500);
    assert!(!waiting.core.redirected(waiting.answer.address()).await?);
    gate.release();
    let demo = &waiting.demo;
    in_time(demo.until("POST /token status=200", 1)).await?;
    assert_eq!(demo.count("POST /token"), 1);
    assert_eq!(waiting.ended().await?, None);
    Ok(())
}

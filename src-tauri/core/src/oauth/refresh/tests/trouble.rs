//! Bad days: what ends a grant, what does not, and what happens when the disk is full.

use std::fs;

use super::*;

async fn is_good(scene: &Scene) -> bool {
    scene.stored().await.expect("stored").standing == Standing::Good
}

#[tokio::test]
async fn a_rejection_ends_the_grant_for_every_process_and_nobody_asks_again() {
    for code in [
        "invalid_grant",
        "invalid_refresh_token",
        "token_revoked",
        "expired_token",
    ] {
        let scene = Scene::answering(400, json!({ "error": code })).await;
        let outcome = scene.expiring().await;
        assert!(matches!(&outcome, RefreshOutcome::Rejected { code: told } if told == code));
        assert_eq!(
            outcome.problem("notion").expect("a problem").code,
            "refresh_rejected"
        );
        for refresher in [&scene.refresher, &scene.neighbour()] {
            for reason in [RefreshReason::Expiring, rejected("planted-access-1")] {
                let again = refresher
                    .refresh(&scene.grant.key, &AuthConfig::default(), reason)
                    .await;
                assert!(matches!(&again, RefreshOutcome::Rejected { code: told } if told == code));
            }
        }
        assert_eq!(scene.requests(), 1);
        assert!(!is_good(&scene).await);
    }
}

#[tokio::test]
async fn a_sign_in_makes_an_ended_grant_good_again() {
    let scene = Scene::answering(400, json!({"error": "invalid_grant"})).await;
    scene.expiring().await;
    scene.refresher.keep(scene.grant.clone()).await.expect("kept");
    assert!(is_good(&scene).await);
    scene.expiring().await;
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_server_in_trouble_costs_nobody_a_sign_in() {
    for (status, body) in [
        (500, json!({"error": "invalid_grant"})),
        (503, json!({})),
        (429, json!({"error": "invalid_grant"})),
        (400, json!({"error": "temporarily_unavailable"})),
        (400, json!({"error": "invalid_request"})),
        (404, json!("gone")),
        (403, json!({})),
    ] {
        let scene = Scene::answering(status, body).await;
        let outcome = scene.expiring().await;
        assert!(
            matches!(outcome, RefreshOutcome::Unavailable { .. }),
            "{status}: {outcome:?}"
        );
        assert!(is_good(&scene).await);
    }
}

#[tokio::test]
async fn an_unreachable_server_costs_nobody_a_sign_in() {
    let mut scene = Scene::rotating().await;
    scene.server = Server::start(|_| answer(500, &json!({}))).await;
    let outcome = scene.expiring().await;
    assert!(
        matches!(outcome, RefreshOutcome::Unavailable { .. }),
        "{outcome:?}"
    );
    assert_eq!(outcome.problem("notion").expect("a problem").code, "unreachable");
    assert!(is_good(&scene).await);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_the_outcome_open() {
    let scene = Scene::answering(200, json!("no token at all")).await;
    let outcome = scene.expiring().await;
    assert!(
        matches!(outcome, RefreshOutcome::OutcomeUnknown { .. }),
        "{outcome:?}"
    );
    assert!(is_good(&scene).await);
    scene.expiring().await;
    assert!(scene.evidence().contains("an earlier refresh was cut off"));
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it_from_everybody() {
    let server = Server::start(|_| {
        Response::builder()
            .status(429)
            .header("retry-after", "120")
            .body("".into())
            .expect("a response")
    })
    .await;
    let scene = Scene::at(server).await;
    let outcome = scene.expiring().await;
    assert_eq!(outcome.retry_after(), Some(Duration::from_mins(2)));
    scene.hand.advance(Duration::from_secs(119));
    assert!(matches!(
        scene.expiring().await,
        RefreshOutcome::Unavailable { .. }
    ));
    assert_eq!(scene.requests(), 1);
    scene.hand.advance(Duration::from_secs(1));
    scene.expiring().await;
    assert_eq!(scene.requests(), 2);
}

#[tokio::test]
async fn a_rejection_is_not_believed_when_someone_saved_other_tokens_meanwhile() {
    let folder = Arc::new(Mutex::new(None::<(crate::store::Vault, Grant)>));
    let outsider = Arc::clone(&folder);
    let server = Server::start_slow(move |_| {
        let outsider = outsider.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            let (vault, grant) = outsider.expect("set");
            vault.save(&grant).await.expect("saved");
            answer(400, &json!({"error": "invalid_grant"}))
        })
    })
    .await;
    let scene = Scene::at(server).await;
    let mut newer = scene.grant.clone();
    newer.tokens.access_token = AccessToken::new("planted-newer".to_owned());
    newer.tokens.expires_at = None;
    *folder.lock().unwrap_or_else(PoisonError::into_inner) = Some((vault(scene.folder.path()), newer));
    let outcome = scene.expiring().await;
    assert!(matches!(outcome, RefreshOutcome::Adopted(_)), "{outcome:?}");
    assert_eq!(access_token(&outcome), "planted-newer");
    assert!(is_good(&scene).await);
}

/// Puts a file where the vault's folder is, so that nothing can be saved, whoever the user is.
fn break_disk(scene: &Scene) {
    let folder = scene.folder.path();
    fs::rename(folder.join("vault"), folder.join("aside")).expect("moved");
    fs::write(folder.join("vault"), "").expect("written");
}

fn mend_disk(scene: &Scene) {
    let folder = scene.folder.path();
    fs::remove_file(folder.join("vault")).expect("removed");
    fs::rename(folder.join("aside"), folder.join("vault")).expect("moved back");
}

/// A rotating server at which the disk breaks before the first answer.
async fn breaking() -> Scene {
    let folder = Arc::new(Mutex::new(None::<std::path::PathBuf>));
    let (family, path) = (Family::default(), Arc::clone(&folder));
    let server = Server::start(move |seen| {
        if let Some(folder) = path.lock().unwrap_or_else(PoisonError::into_inner).take() {
            fs::rename(folder.join("vault"), folder.join("aside")).expect("moved");
            fs::write(folder.join("vault"), "").expect("written");
        }
        family.answer(seen)
    })
    .await;
    let scene = Scene::at(server).await;
    *folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(scene.folder.path().to_owned());
    scene
}

#[tokio::test]
async fn tokens_that_cannot_be_saved_are_used_kept_and_saved_when_the_disk_is_back() {
    let scene = breaking().await;
    let mut news = scene.refresher.news();
    let outcome = scene.expiring().await;
    assert!(matches!(outcome, RefreshOutcome::Unsaved { .. }), "{outcome:?}");
    assert_eq!(
        outcome.problem("notion").expect("a problem").code,
        "grant_not_saved"
    );
    assert_eq!(access_token(&outcome), "planted-access-2");
    assert_eq!(access_token(&scene.expiring().await), "planted-access-2");
    let _ = news.recv().await;
    mend_disk(&scene);
    let saved = loop {
        scene.hand.advance(Duration::from_secs(90));
        tokio::select! {
            told = news.recv() => break told.expect("published"),
            () = tokio::task::yield_now() => {}
        }
    };
    assert!(matches!(saved.outcome, RefreshOutcome::Refreshed(_)));
    assert_eq!(
        scene.stored().await.expect("stored").tokens.access_token.secret(),
        "planted-access-2"
    );
}

#[tokio::test]
async fn tokens_that_were_never_saved_can_still_be_refreshed() {
    let scene = breaking().await;
    scene.expiring().await;
    scene.hand.advance(Duration::from_hours(1));
    let outcome = scene.expiring().await;
    assert!(matches!(outcome, RefreshOutcome::Unsaved { .. }), "{outcome:?}");
    assert_eq!(access_token(&outcome), "planted-access-3");
    mend_disk(&scene);
    assert_eq!(
        access_token(&scene.refresh(rejected("planted-access-3")).await),
        "planted-access-4"
    );
    assert_eq!(
        scene.stored().await.expect("stored").tokens.access_token.secret(),
        "planted-access-4"
    );
}

#[tokio::test]
async fn no_neighbour_refreshes_with_the_old_token_while_the_new_one_is_not_saved() {
    let scene = breaking().await;
    scene.expiring().await;
    mend_disk(&scene);
    let key = &scene.grant.key;
    let busy = scene
        .neighbour()
        .0
        .vault
        .lock(key, Duration::ZERO)
        .await
        .expect_err("held");
    assert!(matches!(busy, crate::store::LockError::Held { .. }));
    assert!(scene.refresher.forget(key).await.expect("forgotten"));
    assert!(scene.refresher.current(key).await.expect("readable").is_none());
    scene
        .neighbour()
        .0
        .vault
        .lock(key, Duration::ZERO)
        .await
        .expect("free again");
}

#[tokio::test]
async fn a_rejection_that_cannot_be_saved_is_remembered_by_this_process() {
    let scene = Scene::answering(400, json!({"error": "invalid_grant"})).await;
    scene.expiring().await;
    assert!(!is_good(&scene).await);
    // The same with a vault that cannot even be read: nobody is told that the grant has ended.
    break_disk(&scene);
    assert!(matches!(
        scene.expiring().await,
        RefreshOutcome::Unavailable { .. }
    ));
}

#[tokio::test]
async fn no_secret_shows_in_outcomes_news_or_evidence() {
    let scene = Scene::rotating().await;
    let mut news = scene.refresher.news();
    let good = scene.expiring().await;
    let dead = scene.refresh(rejected("planted-access-2")).await;
    let news = news.recv().await;
    let shown = format!(
        "{good:?} {dead:?} {news:?} {:?} {}",
        scene.refresher,
        scene.evidence()
    );
    assert!(!shown.contains("planted"), "{shown}");
}

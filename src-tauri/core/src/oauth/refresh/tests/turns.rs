//! Who refreshes, who waits, who adopts.

use futures::FutureExt as _;
use tokio::{sync::Semaphore, task::JoinSet};

use super::*;

/// A rotating server that answers only when told to, and says when it was asked.
struct Gate {
    asked: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    async fn scene() -> (Scene, Self) {
        let (asked, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let gate = Self {
            asked: Arc::clone(&asked),
            open: Arc::clone(&open),
        };
        let family = Family::default();
        let server = Server::start_slow(move |seen| {
            let (family, asked, open) = (family.clone(), Arc::clone(&asked), Arc::clone(&open));
            async move {
                asked.add_permits(1);
                open.acquire().await.expect("open").forget();
                family.answer(&seen)
            }
            .boxed()
        })
        .await;
        (Scene::at(server).await, gate)
    }

    async fn wait_until_asked(&self) {
        self.asked.acquire().await.expect("open").forget();
    }

    fn let_one_through(&self) {
        self.open.add_permits(1);
    }
}

fn ask(
    refresher: &Refresher,
    key: &GrantKey,
    reason: RefreshReason,
) -> impl Future<Output = RefreshOutcome> + use<> {
    let (refresher, key) = (refresher.clone(), key.clone());
    async move { refresher.refresh(&key, &AuthConfig::default(), reason).await }
}

#[tokio::test]
async fn a_fresh_token_is_used_without_a_request() {
    let scene = Scene::rotating().await;
    scene.hand.set(start());
    let outcome = scene.expiring().await;
    assert!(matches!(outcome, RefreshOutcome::Adopted(_)));
    assert_eq!(scene.requests(), 0);
}

#[tokio::test]
async fn an_expired_token_is_replaced_and_saved_before_it_is_used() {
    let scene = Scene::rotating().await;
    let outcome = scene.expiring().await;
    assert!(matches!(outcome, RefreshOutcome::Refreshed(_)));
    assert_eq!(access_token(&outcome), "planted-access-2");
    let stored = scene.stored().await.expect("stored");
    assert_eq!(stored.tokens.access_token.secret(), "planted-access-2");
    assert_eq!(
        stored.tokens.refresh_token.expect("one").secret(),
        "planted-refresh-2"
    );
    assert_eq!(stored.refreshed_at, Some(scene.clock.now()));
    assert_eq!(stored.authenticated_at, start());
}

#[tokio::test]
async fn many_tasks_and_one_expired_grant_make_exactly_one_request() {
    let (scene, gate) = Gate::scene().await;
    let mut tasks = JoinSet::new();
    for caller in 0..50 {
        let reason = if caller % 2 == 0 {
            RefreshReason::Expiring
        } else {
            rejected("planted-access-1")
        };
        tasks.spawn(ask(&scene.refresher, &scene.grant.key, reason));
    }
    gate.wait_until_asked().await;
    gate.let_one_through();
    for outcome in tasks.join_all().await {
        assert_eq!(access_token(&outcome), "planted-access-2");
    }
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn two_processes_and_one_expired_grant_make_exactly_one_request() {
    let (scene, gate) = Gate::scene().await;
    let neighbour = scene.neighbour();
    let mut tasks = JoinSet::new();
    for refresher in [&scene.refresher, &neighbour] {
        for _ in 0..8 {
            tasks.spawn(ask(refresher, &scene.grant.key, rejected("planted-access-1")));
        }
    }
    gate.wait_until_asked().await;
    gate.let_one_through();
    for outcome in tasks.join_all().await {
        assert_eq!(access_token(&outcome), "planted-access-2");
    }
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn a_token_that_somebody_else_saved_is_adopted_after_a_401() {
    let scene = Scene::rotating().await;
    scene
        .neighbour()
        .refresh(&scene.grant.key, &AuthConfig::default(), RefreshReason::Expiring)
        .await;
    let outcome = scene.refresh(rejected("planted-access-1")).await;
    assert!(matches!(outcome, RefreshOutcome::Adopted(_)));
    assert_eq!(access_token(&outcome), "planted-access-2");
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn a_401_to_a_token_that_looks_fresh_refreshes_it_all_the_same() {
    let scene = Scene::rotating().await;
    scene.hand.set(start());
    let outcome = scene.refresh(rejected("planted-access-1")).await;
    assert_eq!(access_token(&outcome), "planted-access-2");
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cancel_the_save() {
    let (scene, gate) = Gate::scene().await;
    let mut news = scene.refresher.news();
    let caller = tokio::spawn(ask(&scene.refresher, &scene.grant.key, RefreshReason::Expiring));
    gate.wait_until_asked().await;
    caller.abort();
    caller.await.expect_err("aborted");
    gate.let_one_through();
    scene.refresher.settled().await;
    let news = news.recv().await.expect("published");
    assert_eq!(news.key, scene.grant.key);
    assert_eq!(access_token(&news.outcome), "planted-access-2");
    assert_eq!(
        scene.stored().await.expect("stored").tokens.access_token.secret(),
        "planted-access-2"
    );
}

#[tokio::test]
async fn a_new_sign_in_waits_for_the_refresh_under_way_and_stays() {
    let (scene, gate) = Gate::scene().await;
    let refresh = tokio::spawn(ask(&scene.refresher, &scene.grant.key, RefreshReason::Expiring));
    gate.wait_until_asked().await;
    let mut signed_in = scene.grant.clone();
    signed_in.tokens.access_token = AccessToken::new("planted-new-sign-in".to_owned());
    let refresher = scene.neighbour();
    let keep = tokio::spawn(async move { refresher.keep(signed_in).await.map(drop) });
    gate.let_one_through();
    refresh.await.expect("ends");
    keep.await.expect("ends").expect("kept");
    assert_eq!(
        scene.stored().await.expect("stored").tokens.access_token.secret(),
        "planted-new-sign-in"
    );
}

#[tokio::test]
async fn signing_out_during_a_refresh_is_final_and_the_new_tokens_are_given_back() {
    let revocations = Family::default();
    let (asked, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gate = Gate {
        asked: Arc::clone(&asked),
        open: Arc::clone(&open),
    };
    let server = Server::start_slow(move |seen| {
        let (family, asked, open) = (revocations.clone(), Arc::clone(&asked), Arc::clone(&open));
        async move {
            if seen.path != "/token" {
                return answer(200, &json!({}));
            }
            asked.add_permits(1);
            open.acquire().await.expect("open").forget();
            family.answer(&seen)
        }
        .boxed()
    })
    .await;
    let scene = Scene::at(server).await;
    let refresh = tokio::spawn(ask(&scene.refresher, &scene.grant.key, RefreshReason::Expiring));
    gate.wait_until_asked().await;
    // Another process, impatient, wipes without the lock.
    assert!(
        scene
            .neighbour()
            .0
            .vault
            .remove(&scene.grant.key)
            .await
            .expect("removed")
    );
    gate.let_one_through();
    assert!(matches!(refresh.await.expect("ends"), RefreshOutcome::Gone));
    assert!(scene.stored().await.is_none());
    let revoked: Vec<_> = scene
        .server
        .seen()
        .iter()
        .filter_map(|seen| seen.value("token").map(str::to_owned))
        .collect();
    assert_eq!(revoked, ["planted-refresh-2", "planted-access-2"]);
    assert!(matches!(scene.expiring().await, RefreshOutcome::Gone));
}

#[tokio::test]
async fn forgetting_says_whether_there_was_anything() {
    let scene = Scene::rotating().await;
    assert!(scene.refresher.forget(&scene.grant.key).await.expect("forgotten"));
    assert!(!scene.refresher.forget(&scene.grant.key).await.expect("nothing"));
    assert!(
        scene
            .refresher
            .current(&scene.grant.key)
            .await
            .expect("readable")
            .is_none()
    );
}

#[tokio::test]
async fn a_token_without_refresh_token_is_used_to_its_end_and_then_a_person_is_asked() {
    let scene = Scene::rotating().await;
    let mut grant = scene.grant.clone();
    grant.tokens.refresh_token = None;
    scene.save(&grant).await;
    scene.hand.set(start() + Duration::from_mins(57));
    assert!(matches!(scene.expiring().await, RefreshOutcome::Adopted(_)));
    scene.hand.advance(Duration::from_mins(3));
    let outcome = scene.expiring().await;
    assert!(matches!(&outcome, RefreshOutcome::Rejected { code } if code == NO_REFRESH_TOKEN));
    assert_eq!(
        outcome.problem("notion").expect("a problem").code,
        "no_refresh_token"
    );
    assert!(matches!(
        scene.stored().await.expect("stored").standing,
        Standing::Rejected { .. }
    ));
    assert_eq!(scene.requests(), 0);
}

#[tokio::test]
async fn a_token_without_an_end_is_kept_until_a_401() {
    let scene = Scene::rotating().await;
    let mut grant = scene.grant.clone();
    grant.tokens.expires_at = None;
    scene.save(&grant).await;
    scene.hand.advance(Duration::from_hours(10_000));
    assert!(matches!(scene.expiring().await, RefreshOutcome::Adopted(_)));
    assert_eq!(
        access_token(&scene.refresh(rejected("planted-access-1")).await),
        "planted-access-2"
    );
}

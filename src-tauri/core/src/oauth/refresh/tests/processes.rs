//! Real processes over one vault: one request among them, and one that is killed with its answer on the way.

use std::process::{Child, Command, Stdio};

use futures::FutureExt as _;
use tokio::sync::Semaphore;

use super::*;

/// Tells a test binary that it is the child: the vault's folder, and the server's URL.
const CHILD: &str = "OMLX_TEST_REFRESH_CHILD";

const CALLERS: usize = 8;

/// What a child runs; in any other process this test is empty.
#[tokio::test]
async fn a_child_refreshes_for_many_callers() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let (folder, server) = task.split_once('|').expect("two parts");
    let refresher = refresher(Path::new(folder), &Clock::system());
    let (key, auth) = (grant(server).key, AuthConfig::default());
    let callers = (0..CALLERS).map(|_| refresher.refresh(&key, &auth, RefreshReason::Expiring).boxed());
    for outcome in futures::future::join_all(callers).await {
        assert_eq!(access_token(&outcome), "planted-access-2");
    }
}

fn child(scene: &Scene) -> Child {
    child_with(scene, "none")
}

/// A child that stops where `fault` says, if it was built to.
fn child_with(scene: &Scene, fault: &str) -> Child {
    let name = "oauth::refresh::tests::processes::a_child_refreshes_for_many_callers";
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", name])
        .env(
            CHILD,
            format!("{}|{}", scene.folder.path().display(), scene.server.url),
        )
        .env("OMLX_FAULT", fault)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

/// The children live by the machine's clock.
async fn expire(scene: &Scene) {
    let mut grant = scene.grant.clone();
    grant.tokens.received_at = jiff::Timestamp::UNIX_EPOCH;
    grant.tokens.expires_at = Some(jiff::Timestamp::UNIX_EPOCH);
    scene.save(&grant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_with_eight_callers_each_make_one_request() {
    let scene = Scene::rotating().await;
    expire(&scene).await;
    let children: Vec<_> = (0..4).map(|_| child(&scene)).collect();
    for mut child in children {
        let status = tokio::task::spawn_blocking(move || child.wait())
            .await
            .expect("joined")
            .expect("ended");
        assert!(status.success(), "every caller was served");
    }
    assert_eq!(scene.requests(), 1);
}

/// Kills a child after the server has rotated and before the child can save; `after` is what the server does then.
async fn scene_of_a_killing(after: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Scene {
    let asked = Arc::new(Semaphore::new(0));
    let (told, first) = (Arc::clone(&asked), Arc::new(Mutex::new(true)));
    let after = Arc::new(after);
    let server = Server::start_slow(move |seen| {
        let (told, after) = (Arc::clone(&told), Arc::clone(&after));
        let is_first = std::mem::take(&mut *first.lock().unwrap_or_else(PoisonError::into_inner));
        async move {
            if is_first {
                told.add_permits(1);
                std::future::pending::<()>().await;
            }
            after(&seen)
        }
        .boxed()
    })
    .await;
    let scene = Scene::at(server).await;
    expire(&scene).await;
    let mut child = child(&scene);
    asked.acquire().await.expect("open").forget();
    child.kill().expect("killed");
    child.wait().expect("buried");
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_was_killed_is_recognised_and_tried_once_more() {
    let scene = scene_of_a_killing(|_| answer(200, &json!({"access_token": "recovered"}))).await;
    assert_eq!(access_token(&scene.expiring().await), "recovered");
    assert!(
        scene.evidence().contains("an earlier refresh was cut off"),
        "{}",
        scene.evidence()
    );
    assert_eq!(scene.requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_spent_by_a_killed_refresh_asks_a_person_once_and_never_loops() {
    let scene = scene_of_a_killing(|_| answer(400, &json!({"error": "invalid_grant"}))).await;
    for _ in 0..5 {
        assert!(matches!(scene.expiring().await, RefreshOutcome::Rejected { .. }));
        let neighbour = scene.neighbour();
        let outcome = neighbour
            .refresh(&scene.grant.key, &AuthConfig::default(), RefreshReason::Expiring)
            .await;
        assert!(matches!(outcome, RefreshOutcome::Rejected { .. }));
    }
    assert_eq!(scene.requests(), 2);
    assert!(
        scene
            .evidence()
            .contains("probably spent by the refresh that was cut off"),
        "{}",
        scene.evidence()
    );
}

/// Where a child dies, and what that means for its successor at a server without mercy.
#[cfg(feature = "fault-points")]
const DEATHS: &[(&str, Aftermath)] = &[
    ("refresh.request", Aftermath::NothingHappened),
    ("refresh.save", Aftermath::TokenSpent),
    ("grant.create", Aftermath::TokenSpent),
    ("grant.write", Aftermath::TokenSpent),
    ("grant.sync", Aftermath::TokenSpent),
    ("grant.rename", Aftermath::TokenSpent),
    ("grant.sync_folder", Aftermath::Saved),
    ("refresh.publish", Aftermath::Saved),
];

#[cfg(feature = "fault-points")]
#[derive(Clone, Copy, Debug, PartialEq)]
enum Aftermath {
    NothingHappened,
    TokenSpent,
    Saved,
}

#[cfg(feature = "fault-points")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_dies_at_any_line_is_recovered_or_asks_once() {
    for (point, aftermath) in DEATHS {
        let scene = Scene::rotating().await;
        expire(&scene).await;
        let status = child_with(&scene, point).wait().expect("ended");
        assert!(!status.success(), "{point} was not reached");
        // The successor lives by the machine's clock, as the child did.
        let successor = refresher(scene.folder.path(), &Clock::system());
        let auth = AuthConfig::default();
        let first = successor
            .refresh(&scene.grant.key, &auth, RefreshReason::Expiring)
            .await;
        let again = successor
            .refresh(&scene.grant.key, &auth, RefreshReason::Expiring)
            .await;
        let (recovered, requests) = match aftermath {
            Aftermath::NothingHappened => (matches!(first, RefreshOutcome::Refreshed(_)), 1),
            Aftermath::TokenSpent => (matches!(first, RefreshOutcome::Rejected { .. }), 2),
            Aftermath::Saved => (matches!(first, RefreshOutcome::Adopted(_)), 1),
        };
        assert!(recovered, "{point}: {first:?}");
        assert_eq!(scene.requests(), requests, "{point}: {again:?}");
        let evidence = format!("{:?}", successor.0.http.timeline().steps());
        let recognised = evidence.contains("an earlier refresh was cut off");
        assert_eq!(recognised, *aftermath != Aftermath::Saved, "{point}");
    }
}

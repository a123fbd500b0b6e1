//! Refreshing against a strict authorization server: rotation, one use per refresh token, reuse ends the family.

mod processes;
mod requests;
mod trouble;
mod turns;
mod unattended;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::response::Response;
use oauth2::AccessToken;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    clock::{Clock, ManualClock},
    oauth::testing::{Seen, Server, grant, http, json as answer, start, vault},
};

/// A vault with one grant in it, a server to refresh it at, and a clock an hour after the grant was made.
struct Scene {
    folder: TempDir,
    server: Server,
    clock: Clock,
    hand: ManualClock,
    refresher: Refresher,
    grant: Grant,
}

impl Scene {
    async fn at(server: Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, hand) = Clock::manual(start() + Duration::from_hours(1));
        let grant = grant(&server.url);
        let refresher = refresher(folder.path(), &clock);
        refresher.0.vault.save(&grant).await.expect("saved");
        Self {
            folder,
            server,
            clock,
            hand,
            refresher,
            grant,
        }
    }

    /// With a server that gives the same answer every time.
    async fn answering(status: u16, body: Value) -> Self {
        Self::at(Server::start(move |_| answer(status, &body)).await).await
    }

    /// With a server that rotates.
    async fn rotating() -> Self {
        let family = Family::default();
        Self::at(Server::start(move |seen| family.answer(seen)).await).await
    }

    /// What another process would be.
    fn neighbour(&self) -> Refresher {
        refresher(self.folder.path(), &self.clock)
    }

    async fn refresh(&self, reason: RefreshReason) -> RefreshOutcome {
        self.refresher
            .refresh(&self.grant.key, &AuthConfig::default(), reason)
            .await
    }

    async fn expiring(&self) -> RefreshOutcome {
        self.refresh(RefreshReason::Expiring).await
    }

    async fn save(&self, grant: &Grant) {
        self.refresher.0.vault.save(grant).await.expect("saved");
    }

    async fn stored(&self) -> Option<Grant> {
        self.neighbour()
            .0
            .vault
            .load(&self.grant.key)
            .await
            .expect("readable")
    }

    fn requests(&self) -> usize {
        self.server.seen().len()
    }

    fn evidence(&self) -> String {
        format!("{:?}", self.refresher.0.http.timeline().steps())
    }
}

fn refresher(folder: &Path, clock: &Clock) -> Refresher {
    Refresher::new(vault(folder), http(clock))
}

fn rejected(token: &str) -> RefreshReason {
    RefreshReason::Rejected {
        token: AccessToken::new(token.to_owned()),
    }
}

fn access_token(outcome: &RefreshOutcome) -> &str {
    let grant = outcome.grant().unwrap_or_else(|| panic!("{outcome:?}"));
    grant.tokens.access_token.secret()
}

/// One family of refresh tokens: `planted-refresh-1`, then `-2` …; a used one ends them all.
#[derive(Clone, Default)]
struct Family(Arc<Mutex<(u32, bool)>>);

impl Family {
    fn answer(&self, seen: &Seen) -> Response {
        let mut family = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (used, dead) = &mut *family;
        let expected = format!("planted-refresh-{}", *used + 1);
        if *dead || seen.value("refresh_token") != Some(&expected) {
            *dead = true;
            return answer(400, &json!({"error": "invalid_grant"}));
        }
        *used += 1;
        let next = *used + 1;
        answer(
            200,
            &json!({
                "access_token": format!("planted-access-{next}"),
                "refresh_token": format!("planted-refresh-{next}"),
                "expires_in": 3600,
            }),
        )
    }
}

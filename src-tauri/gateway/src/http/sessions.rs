//! The sessions of ours, by name: found only by the client that began them, and ended when nobody has used them for long.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderValue;
use omlx_mcp::ServerId;
use tokio_util::sync::CancellationToken;

use super::session::Session;
use crate::{behind::Offer, guest::Guest};

/// What names of ours begin with; any other is the server's own.
const OURS: &str = "omlx-";

/// The most sessions at once; the one that was used least lately goes first.
const MOST: usize = 256;

/// How long a session may lie unused.
const IDLE: Duration = Duration::from_hours(1);

/// How often unused ones are looked for.
const ROUND: Duration = Duration::from_mins(1);

/// All of them.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<HeaderValue, Arc<Session>>>);

impl Sessions {
    /// The session of that name with this server, or with all; none when the name is a server's. An error when it is ours
    /// and not there, or another client's.
    pub(super) fn find(
        &self,
        name: &HeaderValue,
        (guest, server): (&Guest, Option<&ServerId>),
    ) -> Result<Option<Arc<Session>>, ()> {
        if !name.as_bytes().starts_with(OURS.as_bytes()) {
            return Ok(None);
        }
        let found = self.all().get(name).cloned();
        let theirs = found
            .filter(|session| session.guest.client().id() == guest.client().id() && session.is_with(server));
        theirs.map(Some).ok_or(())
    }

    /// A new one; none when there are no random numbers to name it with.
    pub(super) fn begin(&self, offer: &Offer, guest: &Guest) -> Option<(HeaderValue, Arc<Session>)> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let name = format!("{OURS}{:032x}", u128::from_be_bytes(random));
        let name = HeaderValue::from_str(&name).ok()?;
        let session = Arc::new(Session::new(name.clone(), offer, guest));
        let mut all = self.all();
        if all.len() >= MOST {
            let oldest = all.values().max_by_key(|session| session.idle()).cloned();
            if let Some(oldest) = oldest.and_then(|oldest| all.remove(&oldest.name)) {
                tokio::spawn(async move { oldest.end().await });
            }
        }
        all.insert(name.clone(), Arc::clone(&session));
        Some((name, session))
    }

    /// Ends one.
    pub(super) async fn end(&self, session: &Arc<Session>) {
        self.all().remove(&session.name);
        session.end().await;
    }

    /// Ends those that nobody uses, until stopped; then all.
    pub(super) async fn tend(&self, stop: &CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(ROUND) => false,
            };
            let over: Vec<_> = {
                let mut all = self.all();
                all.extract_if(|_, session| stopped || session.idle() > IDLE || session.guest.is_revoked())
                    .map(|(_, session)| session)
                    .collect()
            };
            futures::future::join_all(over.iter().map(|session| session.end())).await;
            if stopped {
                return;
            }
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<HeaderValue, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

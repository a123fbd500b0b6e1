//! The sessions of ours, by name: found only by the client that began them, and ended when nobody has used them for long.
//! One with all servers holds nothing that could not be begun anew, and is: a client that goes on with one that was begun
//! with an earlier gateway, as some do who never shake hands twice, has it again under its name.

use std::{
    collections::{HashMap, VecDeque},
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

/// How many hexadecimal digits follow.
const DIGITS: usize = 32;

/// The most sessions at once; of the client that has the most of them, the one used least lately goes first.
const MOST: usize = 256;

/// How long a session may lie unused.
const IDLE: Duration = Duration::from_hours(1);

/// How often unused ones are looked for.
const ROUND: Duration = Duration::from_mins(1);

/// How many names are remembered that clients have ended: these are not begun again.
const ENDED: usize = 1024;

/// All of them.
#[derive(Default)]
pub(super) struct Sessions(Mutex<All>);

#[derive(Default)]
struct All {
    open: HashMap<HeaderValue, Arc<Session>>,
    ended: VecDeque<HeaderValue>,
}

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
        let found = self.all().open.get(name).cloned();
        let theirs = found.filter(|session| is_by(session, guest) && session.is_with(server));
        theirs.map(Some).ok_or(())
    }

    /// A new one; none when there are no random numbers to name it with.
    pub(super) fn begin(&self, offer: &Offer, guest: &Guest) -> Option<(HeaderValue, Arc<Session>)> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let name = format!("{OURS}{:032x}", u128::from_be_bytes(random));
        let name = HeaderValue::from_str(&name).ok()?;
        Some((name.clone(), self.put(name, (offer, guest))))
    }

    /// The session with all servers that an earlier gateway knew by this name, begun anew; none for any other name.
    pub(super) fn begin_again(
        &self,
        name: &HeaderValue,
        (offer, guest): (&Offer, &Guest),
    ) -> Option<Arc<Session>> {
        let number = name.as_bytes().strip_prefix(OURS.as_bytes())?;
        let is_ours = number.len() == DIGITS && number.iter().all(u8::is_ascii_hexdigit);
        let is_free = {
            let all = self.all();
            let is_over = |there: &Arc<Session>| there.guest.is_revoked();
            all.open.get(name).is_none_or(is_over) && !all.ended.contains(name)
        };
        let may_be = offer.server().is_none() && is_ours && is_free;
        may_be.then(|| self.put(name.clone(), (offer, guest)))
    }

    fn put(&self, name: HeaderValue, (offer, guest): (&Offer, &Guest)) -> Arc<Session> {
        let mut all = self.all();
        // Of two requests that come at once under one name, the first begins it.
        if let Some(there) = all.open.get(&name).filter(|there| is_by(there, guest)) {
            return Arc::clone(there);
        }
        if all.open.len() >= MOST
            && let Some(oldest) = all.superfluous().and_then(|name| all.open.remove(&name))
        {
            tokio::spawn(async move { oldest.end().await });
        }
        let session = Arc::new(Session::new(name.clone(), offer, guest));
        if let Some(over) = all.open.insert(name, Arc::clone(&session)) {
            tokio::spawn(async move { over.end().await });
        }
        session
    }

    /// Ends one.
    pub(super) async fn end(&self, session: &Arc<Session>) {
        {
            let mut all = self.all();
            all.open.remove(&session.name);
            if all.ended.len() >= ENDED {
                all.ended.pop_front();
            }
            all.ended.push_back(session.name.clone());
        }
        session.end().await;
    }

    /// Ends those that nobody uses, until stopped; then all.
    pub(super) async fn tend(&self, stop: &CancellationToken) {
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(ROUND) => false,
            };
            let (over, resting) = if stopped {
                let all = self.all().open.drain().map(|(_, session)| session).collect();
                (all, Vec::new())
            } else {
                self.unused()
            };
            let ending = over.iter().map(|session| session.end());
            let resting = resting.iter().map(|session| session.rest());
            futures::join!(
                futures::future::join_all(ending),
                futures::future::join_all(resting)
            );
            if stopped {
                return;
            }
        }
    }

    /// Those that are over, taken out, and those with all servers that only rest: their clients may never begin another.
    fn unused(&self) -> (Vec<Arc<Session>>, Vec<Arc<Session>>) {
        let mut all = self.all();
        let is_over = |session: &Session| {
            session.guest.is_revoked() || (session.idle() > IDLE && !session.is_with(None))
        };
        let over = all.open.extract_if(|_, session| is_over(session));
        let over = over.map(|(_, session)| session).collect();
        let resting = all.open.values().filter(|session| session.idle() > IDLE);
        (over, resting.cloned().collect())
    }

    fn all(&self) -> std::sync::MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// The one that goes when there is one too many: of the client that has the most, the one used least lately.
    fn superfluous(&self) -> Option<HeaderValue> {
        let mut counts = HashMap::new();
        for session in self.open.values() {
            *counts.entry(session.guest.client().id()).or_insert(0_usize) += 1;
        }
        let (most, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let theirs = self
            .open
            .values()
            .filter(|session| session.guest.client().id() == most);
        let oldest = theirs.max_by_key(|session| session.idle());
        oldest.map(|session| session.name.clone())
    }
}

fn is_by(session: &Session, guest: &Guest) -> bool {
    session.guest.client().is_same(guest.client())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit::Place;

    const MOMENT: Duration = Duration::from_secs(1);

    /// Sessions of one client, each begun a moment after the one before.
    async fn begun(sessions: &Sessions, (place, guest): (&Place, &Guest), count: usize) -> Vec<HeaderValue> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(sessions.begin(&place.all(), guest).expect("random numbers").0);
            tokio::time::advance(MOMENT).await;
        }
        names
    }

    fn is_open(sessions: &Sessions, name: &HeaderValue) -> bool {
        sessions.all().open.contains_key(name)
    }

    fn over(sessions: &Sessions) -> Vec<HeaderValue> {
        sessions
            .unused()
            .0
            .iter()
            .map(|session| session.name.clone())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_too_many_the_client_with_the_most_loses_the_one_it_used_least_lately() {
        let (place, sessions) = (Place::new(), Sessions::default());
        let (few, many) = (place.guest("few"), place.guest("many"));
        let oldest = begun(&sessions, (&place, &few), 1).await;
        let theirs = begun(&sessions, (&place, &many), MOST - 1).await;
        let stop = CancellationToken::new();
        let used = sessions
            .find(&theirs[0], (&many, None))
            .expect("there")
            .expect("ours");
        drop(used.listen(&stop));
        let second = sessions
            .find(&theirs[1], (&many, None))
            .expect("there")
            .expect("ours");
        let listened = second.listen(&stop);
        tokio::time::advance(MOMENT).await;

        let another = begun(&sessions, (&place, &few), 2).await;
        let gone: Vec<usize> = (0..theirs.len())
            .filter(|at| !is_open(&sessions, &theirs[*at]))
            .collect();
        assert_eq!(
            gone,
            [2, 3],
            "neither the one used since, nor the one that is listened to"
        );
        assert!(
            [&oldest[0], &another[0], &another[1]]
                .into_iter()
                .all(|name| is_open(&sessions, name))
        );
        assert_eq!(sessions.all().open.len(), MOST);
        drop(listened);
    }

    #[tokio::test(start_paused = true)]
    async fn unused_for_an_hour_one_with_a_server_is_over_and_one_with_all_only_rests() {
        let (place, sessions) = (Place::new(), Sessions::default());
        let guest = place.guest("a client");
        let (all, _) = sessions.begin(&place.all(), &guest).expect("random numbers");
        let (one, _) = sessions.begin(&place.one(), &guest).expect("random numbers");
        let (heard, session) = sessions.begin(&place.one(), &guest).expect("random numbers");
        let listened = session.listen(&CancellationToken::new());
        tokio::time::advance(IDLE).await;
        assert!(over(&sessions).is_empty(), "an hour may pass");
        tokio::time::advance(MOMENT).await;
        let (ended, resting) = sessions.unused();
        assert_eq!(
            ended.iter().map(|session| &session.name).collect::<Vec<_>>(),
            [&one]
        );
        assert_eq!(
            resting.iter().map(|session| &session.name).collect::<Vec<_>>(),
            [&all]
        );
        assert!(is_open(&sessions, &all) && is_open(&sessions, &heard));

        drop(listened);
        assert_eq!(over(&sessions), [heard], "nobody has listened for an hour");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_with_its_clients_key_and_no_other_client_finds_it() {
        let (place, sessions) = (Place::new(), Sessions::default());
        let (one, other) = (place.guest("one"), place.guest("other"));
        let theirs = begun(&sessions, (&place, &one), 2).await;
        let kept = begun(&sessions, (&place, &other), 1).await;
        assert!(sessions.find(&theirs[0], (&other, None)).is_err());
        let again = sessions.begin_again(&theirs[0], (&place.all(), &other));
        assert!(again.is_none(), "nor begins it again");
        place.revoke("one");
        let mut ended = over(&sessions);
        ended.sort_by_key(|name| theirs.iter().position(|their| their == name));
        assert_eq!(ended, theirs);
        assert!(is_open(&sessions, &kept[0]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_with_all_servers_is_begun_again_under_its_name_unless_its_client_has_ended_it() {
        let (place, sessions) = (Place::new(), Sessions::default());
        let guest = place.guest("a client");
        let earlier = HeaderValue::from_static("omlx-0123456789abcdef0123456789abcdef");
        assert!(sessions.find(&earlier, (&guest, None)).is_err());
        let one = sessions.begin_again(&earlier, (&place.one(), &guest));
        assert!(
            one.is_none(),
            "one server's session may hold what cannot be begun again"
        );
        for other in ["omlx-0123", "omlx-0123456789abcdef0123456789abcdeg", "theirs"] {
            let other = HeaderValue::from_static(other);
            assert!(sessions.begin_again(&other, (&place.all(), &guest)).is_none());
        }
        let session = sessions.begin_again(&earlier, (&place.all(), &guest));
        sessions.end(&session.expect("begun again")).await;
        assert!(sessions.begin_again(&earlier, (&place.all(), &guest)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_end_what_is_over_and_a_stop_ends_all() {
        let (place, sessions) = (Place::new(), Arc::new(Sessions::default()));
        let guest = place.guest("a client");
        let (one, _) = sessions.begin(&place.one(), &guest).expect("random numbers");
        let (all, _) = sessions.begin(&place.all(), &guest).expect("random numbers");
        let stop = CancellationToken::new();
        let tending = {
            let (sessions, stop) = (Arc::clone(&sessions), stop.clone());
            tokio::spawn(async move { sessions.tend(&stop).await })
        };
        tokio::time::sleep(IDLE + 2 * ROUND).await;
        assert!(!is_open(&sessions, &one) && is_open(&sessions, &all));
        stop.cancel();
        tending.await.expect("no panic");
        assert!(!is_open(&sessions, &all));
    }
}

//! The client's handshake (session era): passed on, answered here while there is nobody to pass it on to, and made up for.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use bytes::Bytes;
use omlx_mcp::connection::fault::HttpFault;
use serde_json::value::RawValue;

use super::{Failure, Relay, is_away};
use crate::{
    away,
    eras::OlderClient,
    message::{self, Message},
    upstream::{
        Upstream,
        fault::Unanswered,
        http::{HttpWire, Session},
    },
};

/// The id of our own handshakes.
const HANDSHAKE: &str = "\"omlx-connect-handshake\"";

/// The client's handshake (session era).
#[derive(Default)]
pub(super) struct Greeting {
    initialize: Option<Bytes>,
    /// It was answered here, and the server has still to hear of it.
    pub(super) owed: bool,
    pub(super) initialized: bool,
}

impl Relay {
    pub(super) async fn initialize(&self, text: Bytes, id: &RawValue, seen: &Message<'_>) {
        {
            let mut greeting = self.greeting();
            *greeting = Greeting {
                initialize: Some(text.clone()),
                ..Greeting::default()
            };
        }
        let failure = match self.greet(text, id).await {
            Ok(answer) => return self.tell(answer).await,
            Err(failure) => failure,
        };
        let problem = match failure {
            Failure::Away(problem) => problem,
            Failure::Unanswered(why) if is_away(&why) => self.explain(why).await,
            Failure::Unanswered(why) => {
                let problem = self.explain(why).await;
                let answer = away::failure(id, seen.method(), (&self.0.server, &problem));
                return self.tell(answer).await;
            }
        };
        self.greeting().owed = true;
        self.0.away.store(true, Ordering::Relaxed);
        if let Some(answer) = away::answer(&self.0.server, seen, &problem) {
            self.tell(answer).await;
        }
    }

    /// Passes a handshake on, in whatever way.
    async fn greet(&self, text: Bytes, id: &RawValue) -> Result<Bytes, Failure> {
        let upstream = self.upstream().await?;
        let (upstream, answer) = self.shake_hands(upstream, (text, id)).await?;
        *self.0.upstream.lock().await = Some(upstream);
        Ok(answer)
    }

    /// Passes a handshake on; with a server that has none any more, it is made up for.
    async fn shake_hands(
        &self,
        upstream: Upstream,
        (text, id): (Bytes, &RawValue),
    ) -> Result<(Upstream, Bytes), Failure> {
        let answer = upstream.initialize(text.clone(), id).await;
        if let (Some(wire), true) = (upstream.http(), self.is_stateless() && is_refused(&answer))
            && let Ok((client, hello)) = OlderClient::greet(wire, (self.0.out.clone(), &text)).await
        {
            return Ok((Upstream::Older(Arc::new(client)), message::result(id, &hello)));
        }
        Ok((upstream, answer?))
    }

    /// What was there has ended, and the handshake with it.
    pub(super) fn owe_what_was_lost(&self) {
        let mut greeting = self.greeting();
        greeting.owed |= greeting.initialized;
    }

    /// The handshake the server has still to hear of: one that was answered here, or was held with what is gone.
    pub(super) async fn make_up(&self, upstream: Upstream) -> Result<Upstream, Failure> {
        let (initialize, initialized) = {
            let greeting = self.greeting();
            let owed = greeting.initialize.clone().filter(|_| greeting.owed);
            (owed, greeting.initialized)
        };
        let Some(initialize) = initialize else {
            return Ok(upstream);
        };
        let id = RawValue::from_string(HANDSHAKE.to_owned()).unwrap_or_default();
        let params = Message::peek(&initialize).ok().and_then(|seen| seen.params);
        let text = message::request(&id, "initialize", &params);
        let (upstream, answer) = self.shake_hands(upstream, (text, &id)).await?;
        if Message::peek(&answer).is_ok_and(|seen| seen.result.is_none()) {
            return Err(Failure::Unanswered(Unanswered::NotUnderstood));
        }
        if initialized {
            let note = message::notification("notifications/initialized");
            upstream.tell(note).await?;
        }
        self.greeting().owed = false;
        Ok(upstream)
    }

    /// After a 404: of many requests that were told so, the first begins the session anew.
    pub(super) async fn begin_session_anew(
        &self,
        wire: &Arc<HttpWire>,
        lost: &Session,
    ) -> Result<(), Failure> {
        let slot = self.0.upstream.lock().await;
        if wire.session() != *lost {
            return Ok(());
        }
        self.greeting().owed = true;
        self.make_up(Upstream::Http(Arc::clone(wire))).await?;
        drop(slot);
        *self.listening() = None;
        self.listen().await;
        Ok(())
    }

    pub(super) fn greeting(&self) -> std::sync::MutexGuard<'_, Greeting> {
        self.0.greeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a server does not take a handshake: by an answer, or by a status.
fn is_refused(answer: &Result<Bytes, Unanswered>) -> bool {
    match answer {
        Ok(answer) => Message::peek(answer).is_ok_and(|seen| seen.error.is_some()),
        Err(why) => matches!(
            why,
            Unanswered::Http(HttpFault::Status { .. }) | Unanswered::NotUnderstood
        ),
    }
}

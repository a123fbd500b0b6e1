//! The client's handshake (session era): passed on, answered here while there is nobody to pass it on to, and made up for.

use std::{
    pin::pin,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use bytes::Bytes;
use omlx_mcp::{Explain, Problem, connection::fault::HttpFault};
use serde_json::value::RawValue;
use tokio::sync::OwnedMutexGuard;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Failure, Relay};
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
    stage: Stage,
    pub(super) initialized: bool,
}

/// How far it has come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// There was none, or the server did not take it.
    #[default]
    Unmet,
    /// It is on its way to the server, and the client waits.
    Shaking,
    /// The same, but the client was answered here.
    Late,
    /// Both know of it.
    Shaken,
    /// It was answered here, or held with what is lost, and the server has still to hear of it.
    Owed,
}

impl Greeting {
    /// Whether the server knows all that the client has said of itself.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::Unmet | Stage::Shaken)
    }
}

impl Relay {
    /// Begins to shake hands. Whatever needs the server waits for it from now on.
    pub(super) fn initialize(&self, text: Bytes, id: &RawValue) {
        *self.greeting() = Greeting {
            initialize: Some(text.clone()),
            stage: Stage::Shaking,
            ..Greeting::default()
        };
        let opening = Arc::clone(&self.0.opening).try_lock_owned().ok();
        let (relay, id, owed) = (self.clone(), id.to_owned(), self.0.owed.token());
        self.0.tasks.spawn(async move {
            tokio::select! {
                () = relay.shake(&text, (&id, opening), owed) => {}
                () = relay.0.over.cancelled() => relay.left_unanswered(&id).await,
            }
        });
    }

    /// The client's side ends in the middle of it: where somebody still waits, they are told.
    async fn left_unanswered(&self, id: &RawValue) {
        let stage = std::mem::take(&mut self.greeting().stage);
        if stage == Stage::Shaking {
            let problem = Unanswered::Replaced.problem();
            let answer = away::failed_request(id, &self.server(), &problem);
            self.tell(answer).await;
        }
    }

    /// Passes the handshake on, and its answer back; a server that is slow is answered for from the last discovery.
    async fn shake(
        &self,
        text: &Bytes,
        (id, opening): (&RawValue, Option<OwnedMutexGuard<()>>),
        owed: TaskTrackerToken,
    ) {
        let Ok(seen) = Message::peek(text) else { return };
        let mut shaking = pin!(async {
            let _opening = match opening {
                Some(opening) => opening,
                None => Arc::clone(&self.0.opening).lock_owned().await,
            };
            let outcome = self.greet(text, id).await;
            self.shaken(&outcome).await;
            outcome
        });
        let failure = match tokio::time::timeout(self.patience(), &mut shaking).await {
            Ok(Ok(answer)) => return self.tell(answer).await,
            Ok(Err(failure)) => failure,
            Err(_) => {
                self.greet_in_its_place(&seen, &Unanswered::Mute.problem()).await;
                drop(owed);
                if shaking.await.is_ok() {
                    self.heard_from().await;
                }
                return;
            }
        };
        let is_away = failure.is_away(seen.method());
        let problem = match failure {
            Failure::Away(problem) => problem,
            Failure::Unanswered(why) => self.explain(why).await,
        };
        if is_away {
            return self.greet_in_its_place(&seen, &problem).await;
        }
        let answer = away::failure(id, seen.method(), (&self.server(), &problem));
        self.tell(answer).await;
    }

    /// The handshake has come to its end; the server hears what the client has said meanwhile.
    async fn shaken(&self, outcome: &Result<Bytes, Failure>) {
        let is_due = {
            let mut greeting = self.greeting();
            greeting.stage = match outcome {
                Ok(answer) if is_result(answer) => Stage::Shaken,
                Err(failure) if greeting.stage == Stage::Late || failure.is_away("initialize") => Stage::Owed,
                Ok(_) | Err(_) => Stage::Unmet,
            };
            outcome.is_ok() && greeting.initialized
        };
        if is_due {
            self.pass_on(message::notification("notifications/initialized"))
                .await;
            self.listen();
        }
    }

    async fn greet_in_its_place(&self, seen: &Message<'_>, problem: &Problem) {
        {
            let mut greeting = self.greeting();
            greeting.stage = match greeting.stage {
                Stage::Shaking => Stage::Late,
                stage => stage,
            };
        }
        self.0.away.store(true, Ordering::Relaxed);
        if let Some(answer) = away::answer(&self.server(), seen, problem) {
            self.tell(answer).await;
        }
    }

    /// Passes a handshake on, in whatever way.
    async fn greet(&self, text: &Bytes, id: &RawValue) -> Result<Bytes, Failure> {
        let link = self.link().await.map_err(Failure::Away)?;
        self.within_limit(async {
            let upstream = self.opened(link).await?;
            let (upstream, answer) = self.shake_hands(upstream, (text.clone(), id)).await?;
            *self.slot() = Some(upstream);
            Ok(answer)
        })
        .await
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
        if greeting.stage == Stage::Shaken {
            greeting.stage = Stage::Owed;
        }
    }

    /// The handshake the server has still to hear of: one that was answered here, or was held with what is gone.
    pub(super) async fn make_up(&self, upstream: Upstream) -> Result<Upstream, Failure> {
        let (initialize, initialized) = {
            let greeting = self.greeting();
            let is_owed = greeting.stage == Stage::Owed;
            let owed = greeting.initialize.clone().filter(|_| is_owed);
            (owed, greeting.initialized)
        };
        let Some(initialize) = initialize else {
            return Ok(upstream);
        };
        let id = RawValue::from_string(HANDSHAKE.to_owned()).unwrap_or_default();
        let params = Message::peek(&initialize).ok().and_then(|seen| seen.params);
        let text = message::request(&id, "initialize", &params);
        let (upstream, answer) = self.shake_hands(upstream, (text, &id)).await?;
        if !is_result(&answer) {
            return Err(Failure::Unanswered(Unanswered::NotUnderstood));
        }
        if initialized {
            let note = message::notification("notifications/initialized");
            upstream.tell(note).await?;
        }
        let mut greeting = self.greeting();
        if greeting.stage == Stage::Owed {
            greeting.stage = Stage::Shaken;
        }
        drop(greeting);
        Ok(upstream)
    }

    /// The session is lost: of many requests that were told so, the first begins the session anew.
    pub(super) async fn begin_session_anew(
        &self,
        wire: &Arc<HttpWire>,
        lost: &Session,
    ) -> Result<(), Failure> {
        self.within_limit(async {
            let _opening = self.0.opening.lock().await;
            if wire.session() == *lost {
                self.owe_what_was_lost();
                self.make_up(Upstream::Http(Arc::clone(wire))).await?;
                *self.listening() = None;
            }
            Ok(())
        })
        .await?;
        self.listen();
        Ok(())
    }

    pub(super) fn greeting(&self) -> std::sync::MutexGuard<'_, Greeting> {
        self.0.greeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_result(answer: &[u8]) -> bool {
    Message::peek(answer).is_ok_and(|seen| seen.result.is_some())
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

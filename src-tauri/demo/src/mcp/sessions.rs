//! Sessions (2025-03-26 to 2025-11-25), with everything that was sent on their streams, to resume after.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{Stream, stream};
use serde_json::Value;
use tokio::{sync::watch, task::AbortHandle};

use super::{
    message::is_answer,
    stream::{Piece, event_with_id},
};
use crate::secret::{Kind, mint};

/// How many messages a session keeps for those who come back.
const KEPT: usize = 1000;

/// The stream of `GET`, which belongs to no request.
pub(super) const STANDALONE: usize = 0;

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    /// The revision agreed on.
    pub(super) version: &'static str,
    /// Who opened it; no one else may use it.
    pub(super) subject: Option<String>,
    log: Mutex<Log>,
    grown: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Log {
    /// Stream and message.
    messages: VecDeque<(usize, Value)>,
    /// How many messages were forgotten.
    dropped: usize,
    streams: usize,
    ended: bool,
    /// Streams that end without an answer.
    cancelled: Vec<usize>,
    running: Vec<Running>,
}

/// A request that is being answered on a stream of its own.
#[derive(Debug)]
struct Running {
    id: Value,
    stream: usize,
    task: AbortHandle,
}

enum Next {
    Message(usize, Value),
    Wait(usize),
    End,
}

/// A place in a stream: what comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    stream: usize,
    from: usize,
}

impl Place {
    /// Reads `Last-Event-ID`.
    pub(super) fn after(event_id: &str) -> Option<Self> {
        let (stream, number) = event_id.split_once('-')?;
        Some(Self {
            stream: stream.parse().ok()?,
            from: number.parse::<usize>().ok()?.checked_add(1)?,
        })
    }
}

impl Session {
    fn new(version: &'static str, subject: Option<String>) -> Self {
        Self {
            version,
            subject,
            log: Mutex::default(),
            grown: watch::Sender::new(()),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new stream for one request.
    pub(super) fn open_stream(&self) -> Place {
        let mut log = self.log();
        log.streams += 1;
        Place {
            stream: log.streams,
            from: log.end(),
        }
    }

    /// The standalone stream, from now on.
    pub(super) fn standalone(&self) -> Place {
        Place {
            stream: STANDALONE,
            from: self.log().end(),
        }
    }

    pub(super) fn tell(&self, place: Place, message: Value) {
        let mut log = self.log();
        if log.messages.len() == KEPT {
            log.messages.pop_front();
            log.dropped += 1;
        }
        log.messages.push_back((place.stream, message));
        drop(log);
        self.grown.send_replace(());
    }

    /// Remembers what answers a request, to be able to cancel it.
    pub(super) fn running(&self, id: Value, place: Place, task: AbortHandle) {
        let mut log = self.log();
        log.running.retain(|running| !running.task.is_finished());
        log.running.push(Running {
            id,
            stream: place.stream,
            task,
        });
    }

    /// Stops answering a request; its stream ends.
    pub(super) fn cancel(&self, id: &Value) {
        let mut log = self.log();
        let (cancelled, others): (Vec<_>, _) = log.running.drain(..).partition(|running| running.id == *id);
        log.running = others;
        for running in cancelled {
            running.task.abort();
            log.cancelled.push(running.stream);
        }
        drop(log);
        self.grown.send_replace(());
    }

    pub(super) fn end(&self) {
        self.log().ended = true;
        self.grown.send_replace(());
    }

    fn next(&self, place: Place) -> Next {
        let log = self.log();
        let start = place.from.saturating_sub(log.dropped);
        let mut rest = log.messages.iter().enumerate().skip(start);
        match rest.find(|(_, (stream, _))| *stream == place.stream) {
            Some((number, (_, message))) => Next::Message(number + log.dropped, message.clone()),
            None if log.ended || log.cancelled.contains(&place.stream) => Next::End,
            None => Next::Wait(log.end()),
        }
    }

    /// The events of a stream after `place`, until its answer was sent or the session ended.
    pub(super) fn events(self: &Arc<Self>, place: Place) -> impl Stream<Item = Piece> + Send + use<> {
        let news = self.grown.subscribe();
        stream::unfold(
            (Arc::clone(self), news, Some(place)),
            |(session, mut news, place)| async move {
                let mut place = place?;
                loop {
                    match session.next(place) {
                        Next::Message(number, message) => {
                            let event = event_with_id(&format!("{}-{number}", place.stream), &message);
                            place.from = number + 1;
                            let place = (!is_answer(&message)).then_some(place);
                            return Some((Ok(event), (session, news, place)));
                        }
                        Next::Wait(end) => place.from = end,
                        Next::End => return None,
                    }
                    // The session holds the sender, so the wait cannot end early.
                    let _ = news.changed().await;
                }
            },
        )
    }
}

impl Log {
    fn end(&self) -> usize {
        self.dropped + self.messages.len()
    }
}

/// All sessions of one demo.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, version: &'static str, subject: Option<String>) -> String {
        let id = mint(Kind::Session);
        let session = Arc::new(Session::new(version, subject));
        self.all().insert(id.clone(), session);
        id
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.all().get(id).cloned()
    }

    pub(super) fn close(&self, id: &str) {
        if let Some(session) = self.all().remove(id) {
            session.end();
        }
    }

    pub(super) fn tell_all(&self, message: &Value) {
        for session in self.all().values() {
            session.tell(session.standalone(), message.clone());
        }
    }

    pub(crate) fn end_all(&self) {
        for (_, session) in self.all().drain() {
            session.end();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }
}

//! The requests that wait for an answer on a connection which carries many at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::message::{Id, Kind, Message};

/// What is still to be answered.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<HashMap<Id, oneshot::Sender<Bytes>>>);

/// One request that waits; it waits no more when this is dropped.
pub(crate) struct Wait<'a> {
    waiting: &'a Waiting,
    id: Id,
    answer: oneshot::Receiver<Bytes>,
}

impl Waiting {
    /// A request is about to be sent.
    pub(crate) fn begin(&self, id: Id) -> Wait<'_> {
        let (sender, answer) = oneshot::channel();
        self.with(|waiting| waiting.insert(id.clone(), sender));
        Wait {
            waiting: self,
            id,
            answer,
        }
    }

    /// A message came; whether it is for the client. An answer goes to whoever waits for it, and to nobody else: it
    /// would come by what is held back from a client. What is no message is for nobody.
    pub(crate) fn leaves(&self, text: &[u8]) -> bool {
        let Ok(message) = Message::peek(text) else {
            return false;
        };
        if message.kind() != Some(Kind::Response) {
            return true;
        }
        let Some(id) = message.id.map(Id::of) else {
            return message.error.is_some() && message.result.is_none();
        };
        if let Some(sender) = self.with(|waiting| waiting.remove(&id)) {
            // Whoever asked may have given up just now.
            let _ = sender.send(Bytes::copy_from_slice(text));
        }
        false
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.with(|waiting| waiting.is_empty())
    }

    /// The connection is over: nothing will be answered any more.
    pub(crate) fn close(&self) {
        self.with(HashMap::clear);
    }

    fn with<T>(&self, access: impl FnOnce(&mut HashMap<Id, oneshot::Sender<Bytes>>) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wait<'_> {
    /// The answer; none when the connection ended first.
    pub(crate) async fn answer(mut self) -> Option<Bytes> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waiting.with(|waiting| waiting.remove(&self.id));
    }
}

//! The requests that wait for an answer on a connection which carries many at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::message::{Id, Kind, Message};

/// What is still to be answered, and to whom when it is not the client.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<Id, Option<oneshot::Sender<Bytes>>>>);

impl Waiting {
    /// The client asked.
    pub(super) fn asked(&self, id: Id) {
        self.with(|waiting| waiting.insert(id, None));
    }

    /// We asked; the answer is ours.
    pub(super) fn asked_by_us(&self, id: Id) -> oneshot::Receiver<Bytes> {
        let (sender, answer) = oneshot::channel();
        self.with(|waiting| waiting.insert(id, Some(sender)));
        answer
    }

    /// A message came; whether the client is to have it.
    pub(super) fn came(&self, text: &[u8]) -> bool {
        let Ok(message) = Message::peek(text) else {
            return true;
        };
        let id = message.id.filter(|_| message.kind() == Some(Kind::Response));
        match id.and_then(|id| self.with(|waiting| waiting.remove(&Id::of(id)))) {
            Some(Some(ours)) => {
                // Whoever asked may have given up.
                let _ = ours.send(Bytes::copy_from_slice(text));
                false
            }
            _ => true,
        }
    }

    /// Nobody waits for this one any more; whether anybody did.
    pub(super) fn forget(&self, id: &Id) -> bool {
        self.with(|waiting| waiting.remove(id)).is_some()
    }

    /// Whether nothing is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.with(|waiting| waiting.is_empty())
    }

    /// What will never be answered, now that the connection is over.
    pub(super) fn all(&self) -> Vec<Id> {
        let clients = |(id, ours): (Id, Option<_>)| ours.is_none().then_some(id);
        self.with(|waiting| waiting.drain().filter_map(clients).collect())
    }

    fn with<T>(&self, access: impl FnOnce(&mut HashMap<Id, Option<oneshot::Sender<Bytes>>>) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

//! What is still to be answered between one client and all servers: the client's requests, ours, and the servers' own
//! questions, which get ids that no two servers share. No I/O.

use std::collections::HashMap;

use bytes::Bytes;
use omlx_mcp::ServerId;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::message::Id;

/// How many questions may wait for the client; more are refused.
const QUESTIONS: usize = 64;

/// A request of the client's that a server has to answer.
pub(super) struct Asked {
    pub(super) server: ServerId,
    pub(super) method: String,
}

/// What a server wants to know of the client.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) server: ServerId,
    /// The id that the server knows.
    pub(super) id: Id,
    pub(super) progress: Option<Value>,
}

/// Who waits for an answer of a server.
pub(super) enum Answered {
    Us(oneshot::Sender<Bytes>),
    Client(Asked),
}

/// All of it.
#[derive(Default)]
pub(super) struct Open {
    asked: HashMap<Id, Asked>,
    waiting: HashMap<Id, oneshot::Sender<Bytes>>,
    questions: HashMap<Id, Question>,
    next: u64,
}

impl Open {
    /// An id that is neither the client's nor any server's.
    pub(super) fn next_id(&mut self) -> Id {
        self.next += 1;
        Id::own(&format!("omlx-connect-all-{}", self.next))
    }

    /// A request of ours is about to be sent.
    pub(super) fn wait(&mut self) -> (Id, oneshot::Receiver<Bytes>) {
        let (sender, answer) = oneshot::channel();
        let id = self.next_id();
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        self.waiting.insert(id.clone(), sender);
        (id, answer)
    }

    /// A request of the client's is about to be sent.
    pub(super) fn begin(&mut self, id: Id, asked: Asked) {
        self.asked.insert(id, asked);
    }

    /// Whether a request of the client's still waits.
    pub(super) fn is_open(&self, id: &Id) -> bool {
        self.asked.contains_key(id)
    }

    /// The client waits no more; which server does not know yet.
    pub(super) fn cancel(&mut self, id: &Id) -> Option<ServerId> {
        self.asked.remove(id).map(|asked| asked.server)
    }

    /// `server` has answered. What another server was asked is not its to answer.
    pub(super) fn answered(&mut self, server: &ServerId, id: &Id) -> Option<Answered> {
        if let Some(waiting) = self.waiting.remove(id) {
            return Some(Answered::Us(waiting));
        }
        self.asked.get(id).filter(|asked| asked.server == *server)?;
        self.asked.remove(id).map(Answered::Client)
    }

    /// A server asks; the id under which the client is asked. None when too many wait already.
    pub(super) fn ask(&mut self, question: Question) -> Option<Id> {
        if self.questions.len() >= QUESTIONS {
            return None;
        }
        let id = self.next_id();
        self.questions.insert(id.clone(), question);
        Some(id)
    }

    /// Whether it is one server that asks this and was asked that.
    pub(super) fn is_of_one_server(&self, question: &Id, request: &Id) -> bool {
        let (asks, asked) = (self.questions.get(question), self.asked.get(request));
        asks.zip(asked)
            .is_some_and(|(asks, asked)| asks.server == asked.server)
    }

    /// The client has answered.
    pub(super) fn settle(&mut self, id: &Id) -> Option<Question> {
        self.questions.remove(id)
    }

    /// A server does not want to know any more; the id under which the client was asked.
    pub(super) fn withdraw(&mut self, server: &ServerId, id: &Id) -> Option<Id> {
        let is = |question: &Question| question.server == *server && question.id == *id;
        let own = self
            .questions
            .iter()
            .find(|(_, question)| is(question))?
            .0
            .clone();
        self.questions.remove(&own);
        Some(own)
    }

    /// Who wants to hear how far the client is with a question.
    pub(super) fn wants_progress(&self, token: &Value) -> Option<ServerId> {
        let mut questions = self.questions.values();
        let found = questions.find(|question| question.progress.as_ref() == Some(token))?;
        Some(found.server.clone())
    }

    /// Whether the client waits for anything.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> ServerId {
        name.parse().expect("a name")
    }

    #[test]
    fn two_servers_that_ask_under_the_same_id_are_told_apart() {
        let mut open = Open::default();
        let question = |name: &str| Question {
            server: server(name),
            id: Id::own("1"),
            progress: None,
        };
        let first = open.ask(question("a")).expect("room");
        let second = open.ask(question("b")).expect("room");
        assert_ne!(first, second);
        assert_eq!(open.withdraw(&server("b"), &Id::own("1")), Some(second));
        assert_eq!(
            open.settle(&first).map(|question| question.server),
            Some(server("a"))
        );
        assert!(open.settle(&first).is_none());
    }

    #[test]
    fn a_server_cannot_answer_what_another_one_was_asked() {
        let mut open = Open::default();
        let asked = Asked {
            server: server("a"),
            method: "tools/call".to_owned(),
        };
        open.begin(Id::own("7"), asked);
        assert!(open.answered(&server("b"), &Id::own("7")).is_none());
        assert!(open.answered(&server("a"), &Id::own("7")).is_some());
    }

    #[test]
    fn questions_without_end_are_refused() {
        let mut open = Open::default();
        let question = Question {
            server: server("a"),
            id: Id::own("1"),
            progress: None,
        };
        let taken = (0..=QUESTIONS).filter_map(|_| open.ask(question.clone())).count();
        assert_eq!(taken, QUESTIONS);
    }
}

//! The requests of a client of the stateless era that a server of the session era has still to answer, and what it has
//! asked meanwhile. No I/O: whoever changes this sends what it is given.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    message::{self, CAPABILITIES_MEMBER, Id, LEVEL_MEMBER, SUBSCRIPTION_MEMBER},
    outlet::Outlet,
};

/// How many questions may wait for answers of the client; more are refused.
const QUESTIONS: usize = 64;

/// How many subscriptions a client may have; the oldest gives way.
const SUBSCRIPTIONS: usize = 16;

/// How long a client may take to answer a question.
pub(super) const LIMIT: Duration = Duration::from_hours(1);

/// What the state of a call that waits for its client begins with.
const STATE: &str = "omlx-connect-";

/// Which capability a client needs to be asked.
const ASKED: [(&str, &str); 3] = [
    ("elicitation/create", "elicitation"),
    ("sampling/createMessage", "sampling"),
    ("roots/list", "roots"),
];

/// The methods whose result may be a question (MCP 2026-07-28, "Multi Round-Trip Requests").
const ASKING: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

/// One request of the client.
pub(super) struct Call {
    pub(super) id: Id,
    pub(super) method: String,
    pub(super) out: Outlet,
    /// The token that the client goes by now; another one with every request that goes on. The server goes by the id.
    progress: Option<Value>,
    /// How far the server was when the client could not be told.
    missed: Option<Value>,
    pub(super) logs: bool,
    capabilities: Value,
    held: Option<Held>,
    later: VecDeque<Question>,
    /// What the server has answered while the client was asked.
    answer: Option<Bytes>,
}

/// A call that has been answered with a question.
struct Held {
    state: String,
    question: Question,
    since: Instant,
}

/// What becomes of a call that goes on.
pub(super) enum Resumed {
    /// Nothing waits under this state any more.
    Unknown,
    /// The answer for the server, and what the client is told.
    Going(Option<(Id, Value)>, Option<Sent>),
    /// The server did not wait for the answer, and this is its own.
    Answered(Box<Call>, Bytes),
}

/// What the server wants to know: its id, the method and the parameters.
pub(super) struct Question {
    id: Id,
    method: String,
    params: Value,
}

/// A client that listens.
pub(super) struct Subscription {
    pub(super) id: Id,
    pub(super) wanted: Value,
    pub(super) out: Outlet,
}

/// A message, and where it goes.
pub(super) type Sent = (Outlet, Bytes);

/// All of them, by the id that the server knows.
#[derive(Default)]
pub(super) struct Calls {
    open: HashMap<Id, Call>,
    waiting: HashMap<Id, oneshot::Sender<Bytes>>,
    subscriptions: VecDeque<Subscription>,
}

impl Call {
    /// A request of `method`, by who said this in its metadata.
    pub(super) fn new(id: &RawValue, (method, said): (&str, &Value), out: Outlet) -> Self {
        Self {
            id: Id::of(id),
            method: method.to_owned(),
            out,
            progress: said.get("progressToken").cloned(),
            missed: None,
            logs: said.get(LEVEL_MEMBER).is_some(),
            capabilities: said[CAPABILITIES_MEMBER].clone(),
            held: None,
            later: VecDeque::new(),
            answer: None,
        }
    }

    /// Whether the client wants to hear how far the server is.
    pub(super) fn wants_progress(&self) -> bool {
        self.progress.is_some()
    }

    fn may_be_asked(&self, capability: &str) -> bool {
        ASKING.contains(&self.method.as_str()) && self.capabilities.get(capability).is_some()
    }

    /// Tells the client how far the server is, as soon as it can be told.
    fn progressed(&mut self, mut params: Value) -> Option<Sent> {
        if self.held.is_some() {
            self.missed = Some(params);
            return None;
        }
        params["progressToken"] = self.progress.clone()?;
        let text = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
        Some((self.out.clone(), message::text(&text)))
    }

    /// Answers the client with a question.
    fn hold(&mut self, state: String, question: Question) -> Sent {
        let result = json!({
            "resultType": "input_required",
            "inputRequests": { "question": { "method": question.method, "params": question.params } },
            "requestState": state,
        });
        self.held = Some(Held {
            state,
            question,
            since: Instant::now(),
        });
        (self.out.clone(), message::result(&self.id.raw(), &result))
    }
}

impl Calls {
    /// A request of ours is about to be sent.
    pub(super) fn wait(&mut self, id: Id, answer: oneshot::Sender<Bytes>) {
        self.waiting.insert(id, answer);
    }

    /// A request of the client's is about to be sent.
    pub(super) fn begin(&mut self, id: Id, call: Call) {
        self.open.insert(id, call);
    }

    /// Who waits for an answer that has come: we ourselves, or the client. A client that is being asked gets it when it
    /// comes back.
    pub(super) fn answered(&mut self, id: &Id, text: &Bytes) -> Option<Result<oneshot::Sender<Bytes>, Call>> {
        if let Some(waiting) = self.waiting.remove(id) {
            return Some(Ok(waiting));
        }
        let call = self.open.get_mut(id)?;
        if call.held.is_some() {
            call.answer = Some(text.clone());
            return None;
        }
        self.open.remove(id).map(Err)
    }

    /// The calls whose clients were asked long ago and never came back, by the server's ids.
    pub(super) fn expire(&mut self) -> Vec<Id> {
        let is_over = |call: &mut Call| {
            let since = call.held.as_ref().map(|held| held.since);
            since.is_some_and(|since| since.elapsed() > LIMIT)
        };
        let over = self.open.extract_if(|_, call| is_over(call));
        let unanswered = over.filter(|(_, call)| call.answer.is_none());
        unanswered.map(|(id, _)| id).collect()
    }

    /// Whether the client has a request of that id here.
    pub(super) fn knows(&self, id: &Id) -> bool {
        self.open.values().any(|call| call.id == *id)
            || self
                .subscriptions
                .iter()
                .any(|subscription| subscription.id == *id)
    }

    /// The client wants no answer any more; the server's id, where it has to be told.
    pub(super) fn cancel(&mut self, id: &Id) -> Option<Id> {
        self.subscriptions.retain(|subscription| subscription.id != *id);
        let inner = self.open.iter().find(|(_, call)| call.id == *id)?.0.clone();
        self.open.remove(&inner);
        Some(inner)
    }

    /// The calls whose clients are gone, by the server's ids; one that has been answered with a question waits on.
    pub(super) fn sweep(&mut self) -> Vec<Id> {
        self.subscriptions
            .retain(|subscription| !subscription.out.is_closed());
        let left = |call: &Call| call.held.is_none() && call.out.is_closed();
        let left: Vec<Id> = self
            .open
            .iter()
            .filter(|(_, call)| left(call))
            .map(|(id, _)| id.clone())
            .collect();
        self.open.retain(|id, _| !left.contains(id));
        left
    }

    /// Whether a request has no answer yet.
    pub(super) fn owes(&self) -> bool {
        self.open.values().any(|call| call.held.is_none())
    }

    /// Whether there is nothing to answer and nobody to tell anything.
    pub(super) fn is_idle(&self) -> bool {
        self.subscriptions.is_empty() && !self.owes()
    }

    /// The server asks, and these calls may carry its question. What goes to the client; nothing while an earlier question
    /// is open. An error when nobody can be asked.
    pub(super) fn ask(
        &mut self,
        (id, method, params): (Id, &str, Value),
        may_carry: impl Fn(&Id) -> bool,
    ) -> Result<Option<Sent>, ()> {
        let (_, capability) = ASKED.into_iter().find(|(asked, _)| *asked == method).ok_or(())?;
        let waiting: usize = self.open.values().map(|call| call.later.len()).sum();
        if waiting >= QUESTIONS {
            return Err(());
        }
        let state = new_state().ok_or(())?;
        let question = Question {
            id,
            method: method.to_owned(),
            params,
        };
        let able = self
            .open
            .iter_mut()
            .filter(|(id, call)| call.may_be_asked(capability) && may_carry(id));
        let mut able: Vec<&mut Call> = able.map(|(_, call)| call).collect();
        if let Some(at) = able.iter().position(|call| call.held.is_none()) {
            return Ok(Some(able.swap_remove(at).hold(state, question)));
        }
        able.pop().ok_or(())?.later.push_back(question);
        Ok(None)
    }

    /// A call goes on as another request of its client's: the answers for the server, and what the client is told: the
    /// next question, or how far the server has come meanwhile.
    pub(super) fn resume(
        &mut self,
        (state, call): (&str, Call),
        answers: Option<&Map<String, Value>>,
    ) -> Resumed {
        let Some(id) = self.held(state) else {
            return Resumed::Unknown;
        };
        let (Some(open), next) = (self.open.get_mut(&id), new_state()) else {
            return Resumed::Unknown;
        };
        open.id = call.id;
        open.out = call.out;
        open.progress = call.progress;
        open.logs = call.logs;
        if let Some(answer) = open.answer.take() {
            let call = self.open.remove(&id);
            return call.map_or(Resumed::Unknown, |call| Resumed::Answered(Box::new(call), answer));
        }
        let Some(held) = open.held.take() else {
            return Resumed::Unknown;
        };
        let next = next.unwrap_or(held.state);
        match answers
            .and_then(|answers| answers.get("question"))
            .filter(|answer| answer.is_object())
        {
            Some(answer) => {
                let told = match open.later.pop_front() {
                    Some(question) => Some(open.hold(next, question)),
                    None => open.missed.take().and_then(|missed| open.progressed(missed)),
                };
                Resumed::Going(Some((held.question.id, answer.clone())), told)
            }
            // What is missing is asked for once more.
            None => Resumed::Going(None, Some(open.hold(next, held.question))),
        }
    }

    /// Begins to tell.
    pub(super) fn subscribe(&mut self, subscription: Subscription) {
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            self.subscriptions.pop_front();
        }
        self.subscriptions.push_back(subscription);
    }

    /// How far the server is with a request of the client's.
    pub(super) fn progressed(&mut self, params: Value) -> Option<Sent> {
        let id = Id::own(params.get("progressToken")?.as_str()?);
        self.open.get_mut(&id)?.progressed(params)
    }

    /// A message as it is, for the open calls that want it, once for each way to the client.
    pub(super) fn outlets(&self, wants: impl Fn(&Call) -> bool, text: &Bytes) -> Vec<Sent> {
        let wanting = self
            .open
            .values()
            .filter(|call| call.held.is_none() && wants(call));
        wanting
            .take(1)
            .map(|call| (call.out.clone(), text.clone()))
            .collect()
    }

    /// News, for the subscriptions that want it.
    pub(super) fn news(&self, (method, params): (&str, &Value), wants: impl Fn(&Value) -> bool) -> Vec<Sent> {
        let wanting = self
            .subscriptions
            .iter()
            .filter(|subscription| wants(&subscription.wanted));
        let tell = |subscription: &Subscription| {
            let mut params = params.clone();
            if !params.is_object() {
                params = json!({});
            }
            params["_meta"] = json!({ SUBSCRIPTION_MEMBER: subscription.id.raw() });
            let text = json!({ "jsonrpc": "2.0", "method": method, "params": params });
            (subscription.out.clone(), message::text(&text))
        };
        wanting.map(tell).collect()
    }

    fn held(&self, state: &str) -> Option<Id> {
        let is = |call: &Call| call.held.as_ref().is_some_and(|held| held.state == state);
        self.open
            .iter()
            .find(|(_, call)| is(call))
            .map(|(id, _)| id.clone())
    }
}

/// Whether a state was given out here.
pub(super) fn is_ours(state: &str) -> bool {
    state.starts_with(STATE)
}

/// One that nobody guesses: who knows it goes on with the call. None without random numbers.
fn new_state() -> Option<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    Some(format!("{STATE}{:032x}", u128::from_be_bytes(random)))
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn call(id: &str, token: &str) -> Call {
        let said = json!({ "progressToken": token, CAPABILITIES_MEMBER: { "elicitation": {} } });
        let id = Id::own(id);
        let (sender, _) = mpsc::channel(1);
        Call::new(&id.raw(), ("tools/call", &said), Outlet::Queue(sender))
    }

    /// Asks the client of the open call; the state under which it goes on.
    fn asked(calls: &mut Calls) -> String {
        let question = (Id::own("asked"), "elicitation/create", json!({}));
        let Ok(Some((_, asked))) = calls.ask(question, |_| true) else {
            panic!("the client is not asked");
        };
        let asked: Value = serde_json::from_slice(&asked).expect("a message");
        let state = asked["result"]["requestState"].as_str().expect("a state");
        state.to_owned()
    }

    #[test]
    fn progress_while_the_client_thinks_is_told_when_the_call_goes_on() {
        let mut calls = Calls::default();
        calls.begin(Id::own("inner"), call("1", "first"));
        let state = asked(&mut calls);
        for progress in [1, 2] {
            let params = json!({ "progressToken": "inner", "progress": progress });
            assert!(calls.progressed(params).is_none(), "nobody listens");
        }
        let answers = json!({ "question": { "action": "decline" } });
        let Resumed::Going(given, told) = calls.resume((&state, call("2", "second")), answers.as_object())
        else {
            panic!("the call does not go on");
        };
        assert!(given.is_some(), "the server is answered");
        let (_, told) = told.expect("how far the server is");
        let told: Value = serde_json::from_slice(&told).expect("a message");
        let expected = json!({ "progressToken": "second", "progress": 2 });
        assert_eq!(told["params"], expected);
    }

    #[test]
    fn an_answer_that_comes_while_the_client_is_asked_is_kept_until_it_comes_back() {
        let mut calls = Calls::default();
        calls.begin(Id::own("inner"), call("1", "first"));
        let state = asked(&mut calls);
        let answer = Bytes::from_static(b"{}");
        assert!(calls.answered(&Id::own("inner"), &answer).is_none());
        assert!(calls.sweep().is_empty(), "the call is not given up");
        let resumed = calls.resume((&state, call("2", "second")), None);
        let Resumed::Answered(call, kept) = resumed else {
            panic!("the answer was lost");
        };
        assert_eq!((call.id, kept), (Id::own("2"), answer));
        let again = calls.resume((&state, self::call("3", "third")), None);
        assert!(matches!(again, Resumed::Unknown), "nothing goes on twice");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_may_be_answered_for_an_hour_and_then_the_server_is_told_that_nobody_will() {
        let mut calls = Calls::default();
        calls.begin(Id::own("inner"), call("1", "first"));
        calls.begin(Id::own("answered"), call("2", "second"));
        let states = [asked(&mut calls), asked(&mut calls)];
        assert!(
            calls
                .answered(&Id::own("answered"), &Bytes::from_static(b"{}"))
                .is_none()
        );
        tokio::time::advance(LIMIT).await;
        assert!(calls.expire().is_empty(), "an hour may pass");
        tokio::time::advance(Duration::from_secs(1)).await;
        calls.begin(Id::own("new"), call("3", "third"));
        assert_eq!(
            calls.expire(),
            [Id::own("inner")],
            "the other call is over for the server"
        );
        for state in states {
            let resumed = calls.resume((&state, call("4", "fourth")), None);
            assert!(matches!(resumed, Resumed::Unknown));
        }
        assert!(calls.knows(&Id::own("3")) && !calls.knows(&Id::own("1")));
    }

    #[test]
    fn progress_of_two_windows_with_one_token_goes_to_the_window_whose_call_it_is() {
        let mut calls = Calls::default();
        calls.begin(Id::own("a"), call("1", "same"));
        calls.begin(Id::own("b"), call("1", "same"));
        let (_, told) = calls
            .progressed(json!({ "progressToken": "b", "progress": 1 }))
            .expect("a window");
        let told: Value = serde_json::from_slice(&told).expect("a message");
        assert_eq!(told["params"]["progressToken"], "same");
        assert!(calls.progressed(json!({ "progressToken": "same" })).is_none());
    }
}

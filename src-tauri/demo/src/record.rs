//! What was asked of the server, in order, without the secrets.
//!
//! A value is kept as its digest, which is enough to say "the same one again" or "this one"; only values that cannot be
//! secret are kept as text.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use http::HeaderMap;
use serde_json::Value;
use tokio::sync::watch;

use crate::{pattern::Pattern, secret::Digest};

/// How many requests are remembered.
const KEPT: usize = 100_000;

/// Parameters whose values are no secrets.
const OPEN_PARAMETERS: &[&str] = &[
    "audience",
    "client_id",
    "code_challenge_method",
    "decision",
    "error",
    "grant_type",
    "iss",
    "prompt",
    "redirect_uri",
    "resource",
    "response_type",
    "scope",
    "token_type_hint",
];

/// Header fields whose values are no secrets.
const OPEN_HEADERS: &[&str] = &[
    "accept",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "origin",
    "user-agent",
];

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the order of arrival, from 0.
    pub number: usize,
    /// The method, upper case.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The JSON-RPC method, if it was one.
    pub rpc_method: Option<String>,
    /// `params.name` of a `tools/call`.
    pub tool: Option<String>,
    /// The JSON body of a registration (RFC 7591 §3.1), which holds no secrets.
    pub registration: Option<Value>,
    /// The status of the reply; none while it is under way, and after the connection was dropped.
    pub status: Option<u16>,
    /// The scheme of the `Authorization` field.
    pub scheme: Option<String>,
    credentials: Option<Recorded>,
    parameters: Vec<(String, Recorded)>,
    headers: Vec<(String, Recorded)>,
}

/// A value as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    digest: Digest,
    text: Option<String>,
}

impl Recorded {
    fn secret(value: &str) -> Self {
        Self {
            digest: Digest::of(value),
            text: None,
        }
    }

    fn open(value: &str) -> Self {
        Self {
            digest: Digest::of(value),
            text: Some(value.to_owned()),
        }
    }

    /// Whether this was the value.
    pub fn is(&self, value: &str) -> bool {
        self.digest.is_of(value)
    }

    /// The value itself, where it cannot be a secret.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// What a call is made from.
pub(crate) struct Arrival<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) parameters: &'a [(String, String)],
    pub(crate) json: Option<&'a Value>,
}

impl Call {
    fn new(number: usize, arrival: &Arrival<'_>) -> Self {
        let (scheme, credentials) = authorization(arrival.headers).unzip();
        let rpc = arrival.json.filter(|json| json["jsonrpc"].is_string());
        Self {
            number,
            method: arrival.method.to_owned(),
            path: arrival.path.to_owned(),
            rpc_method: rpc.and_then(|json| json["method"].as_str().map(str::to_owned)),
            tool: rpc
                .filter(|json| json["method"] == "tools/call")
                .and_then(|json| json["params"]["name"].as_str().map(str::to_owned)),
            registration: arrival.json.filter(|_| rpc.is_none()).cloned(),
            status: None,
            scheme,
            credentials: credentials.map(|credentials| Recorded::secret(&credentials)),
            parameters: recorded(arrival.parameters, OPEN_PARAMETERS),
            headers: recorded(&header_pairs(arrival.headers), OPEN_HEADERS),
        }
    }

    /// A query or form parameter.
    pub fn parameter(&self, name: &str) -> Option<&Recorded> {
        find(&self.parameters, name)
    }

    /// The names of all query and form parameters, in order.
    pub fn parameter_names(&self) -> Vec<&str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// A header field, by its lower case name.
    pub fn header(&self, name: &str) -> Option<&Recorded> {
        find(&self.headers, name)
    }

    /// The names of all header fields, lower case.
    pub fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What came after the scheme in the `Authorization` field: the bearer token, as a rule.
    pub fn credentials(&self) -> Option<&Recorded> {
        self.credentials.as_ref()
    }

    /// Whether this is one of the requests meant by `pattern`.
    pub fn is(&self, pattern: &str) -> bool {
        Pattern::parse(pattern).matches(self)
    }
}

fn authorization(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    Some((scheme.to_owned(), rest.trim().to_owned()))
}

fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

fn recorded(pairs: &[(String, String)], open: &[&str]) -> Vec<(String, Recorded)> {
    pairs
        .iter()
        .map(|(name, value)| {
            let value = if open.contains(&name.as_str()) {
                Recorded::open(value)
            } else {
                Recorded::secret(value)
            };
            (name.clone(), value)
        })
        .collect()
}

fn find<'a>(pairs: &'a [(String, Recorded)], wanted: &str) -> Option<&'a Recorded> {
    pairs
        .iter()
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value)
}

/// The memory of all requests.
#[derive(Debug)]
pub(crate) struct Recorder {
    calls: Mutex<Memory>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Memory {
    calls: VecDeque<Call>,
    next: usize,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            calls: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    pub(crate) fn arrived(&self, arrival: &Arrival<'_>) -> Call {
        let mut memory = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let call = Call::new(memory.next, arrival);
        memory.next += 1;
        if memory.calls.len() == KEPT {
            memory.calls.pop_front();
        }
        memory.calls.push_back(call.clone());
        drop(memory);
        self.changed.send_replace(());
        call
    }

    pub(crate) fn answered(&self, number: usize, status: u16) {
        let mut memory = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = memory.calls.iter_mut().rfind(|call| call.number == number) {
            call.status = Some(status);
        }
        drop(memory);
        self.changed.send_replace(());
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        let memory = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        memory.calls.iter().cloned().collect()
    }

    pub(crate) fn count(&self, pattern: &Pattern) -> usize {
        let memory = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        memory.calls.iter().filter(|call| pattern.matches(call)).count()
    }

    pub(crate) fn forget(&self) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .calls
            .clear();
    }

    /// Waits until at least `least` requests match.
    pub(crate) async fn until(&self, pattern: &Pattern, least: usize) {
        let mut changed = self.changed.subscribe();
        while self.count(pattern) < least {
            // The sender lives in `self`, so the wait cannot end early.
            let _ = changed.changed().await;
        }
    }
}

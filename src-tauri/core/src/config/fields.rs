//! Typed access to one block of the file; a value of the wrong type is told by its key, never by its content.

use std::time::Duration;

use serde_json::{Map, Value};

use super::flaw::{Flaw, closest, shown};

/// A block of keys: an entry, or its `auth`.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// The entry's name, for messages.
    pub(super) server: &'a str,
    /// What stands before a key in a message, such as `auth.`.
    pub(super) prefix: &'static str,
    /// The keys.
    pub(super) map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The value of a key; `null` is the same as nothing, as it is in Python.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// The key as a message names it.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}{}", self.prefix, shown(key))
    }

    /// The complaint about a value.
    pub(super) fn invalid(&self, key: &str, expected: impl Into<String>) -> Flaw {
        Flaw::Value {
            server: shown(self.server),
            key: self.path(key),
            expected: expected.into(),
        }
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Flaw> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(key, "a string")),
        }
    }

    /// A text that says something; an empty one counts as nothing, as it does in Python.
    pub(super) fn non_empty(&self, key: &str) -> Result<Option<&'a str>, Flaw> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    /// A truth value, YAML 1.1's words included.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Flaw> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(word)) => match word.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(Some(true)),
                "false" | "no" | "off" => Ok(Some(false)),
                _ => Err(self.invalid(key, "true or false")),
            },
            Some(_) => Err(self.invalid(key, "true or false")),
        }
    }

    /// A list of texts; numbers and truth values are written out, since YAML users rarely quote them.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Flaw> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let list = value
            .as_array()
            .and_then(|items| items.iter().map(scalar).collect());
        list.map(Some)
            .ok_or_else(|| self.invalid(key, "a list of strings"))
    }

    /// A dictionary of texts, in file order.
    pub(super) fn pairs(&self, key: &str) -> Result<Vec<(String, String)>, Flaw> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let pairs = value.as_object().and_then(|map| map.iter().map(pair).collect());
        pairs.ok_or_else(|| self.invalid(key, "a dictionary of strings"))
    }

    /// A whole number of a port.
    pub(super) fn port(&self, key: &str) -> Result<Option<u16>, Flaw> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
        port.filter(|port| *port > 0)
            .map(Some)
            .ok_or_else(|| self.invalid(key, "a port number"))
    }

    /// A complaint about every key nobody knows.
    pub(super) fn unknown(&self, known: &'static [&'static str]) -> impl Iterator<Item = Flaw> {
        let strange = self.map.keys().filter(|key| !known.contains(&key.as_str()));
        strange.map(|key| Flaw::UnknownKey {
            server: shown(self.server),
            key: self.path(key),
            suggestion: closest(key, known.iter().copied()).map(|known| self.path(known)),
        })
    }
}

/// A number of seconds above zero that fits a duration.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().filter(|seconds| *seconds > 0.0)?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn pair((name, value): (&String, &Value)) -> Option<(String, String)> {
    Some((name.clone(), scalar(value)?))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

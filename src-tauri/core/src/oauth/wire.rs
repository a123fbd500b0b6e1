//! Lenient members of documents that servers send: what has the wrong type counts as absent, one string counts as a
//! list.
//!
//! A document with one odd member is still usable (GitLab sends `resource` as an array), and none of what is read here
//! is believed before the domain types have checked it.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

/// The most entries read of any list.
const MAX_ENTRIES: usize = 500;

/// Reads a wire struct, which takes any object as long as its members are of the types below and default to absent.
pub(super) fn read<W: DeserializeOwned + Default>(document: Map<String, Value>) -> W {
    W::deserialize(Value::Object(document)).unwrap_or_default()
}

/// A string that is not empty.
#[derive(Clone, Default)]
pub(super) struct Text(pub(super) Option<String>);

/// A list of strings; a single string is a list of one.
#[derive(Clone, Default)]
pub(super) struct List(pub(super) Option<Vec<String>>);

/// A boolean, also written as a string; absent means no.
#[derive(Clone, Copy, Default)]
pub(super) struct Flag(pub(super) bool);

/// A number of seconds, also written as a string.
#[derive(Clone, Copy, Default)]
pub(super) struct Seconds(pub(super) Option<i64>);

impl Text {
    /// The string as it was received.
    pub(super) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = string(Value::deserialize(source)?);
        Ok(Self(text.filter(|text| !text.is_empty())))
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(source)? {
            Value::String(text) => Some(vec![text]),
            Value::Array(values) => Some(values.into_iter().take(MAX_ENTRIES).filter_map(string).collect()),
            _ => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(source)? {
            Value::Bool(flag) => flag,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }))
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(source)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }))
    }
}

fn string(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

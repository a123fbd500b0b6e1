//! How any JSON is told to TypeScript.

use std::collections::BTreeMap;

use serde::Serialize;

/// Any JSON, for bindings: its type crosses for values that are JSON already.
#[derive(Clone, Debug, Serialize, specta::Type)]
#[serde(untagged)]
pub enum JsonValue {
    /// `null`
    Null(()),
    /// `true` or `false`
    Bool(bool),
    /// A number
    Number(i32),
    /// A text
    Text(String),
    /// Several
    List(Vec<JsonValue>),
    /// Several, by name
    Object(BTreeMap<String, JsonValue>),
}

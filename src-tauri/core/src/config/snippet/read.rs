//! The text of a pasted config: fenced, half a file, with comments, or TOML.

use jsonc_parser::ParseOptions;
use serde_json::{Map, Value};
use toml_edit::Item;

use crate::config::{
    read::MAX_BYTES,
    suggestion::SuggestionError,
    syntax::{json_flaw, without_bom},
};

/// What the text says.
pub(super) fn value(text: &str) -> Result<Value, SuggestionError> {
    let text = unfenced(without_bom(text.trim()));
    if text.len() > MAX_BYTES {
        return Err(SuggestionError::Unreadable(format!(
            "it is larger than {MAX_BYTES} bytes"
        )));
    }
    match text.chars().next() {
        None => Err(SuggestionError::Empty),
        Some('{') => json(text),
        Some('"') => json(&format!("{{{text}}}")),
        Some(_) => toml(text),
    }
}

/// The text between Markdown's fences, when there are any.
fn unfenced(text: &str) -> &str {
    let Some(inside) = text.strip_prefix("```") else {
        return text;
    };
    let inside = inside.split_once('\n').map_or("", |(_language, inside)| inside);
    inside.trim_end().trim_end_matches('`').trim()
}

/// JSON as people paste it, which may well be JavaScript.
fn json(text: &str) -> Result<Value, SuggestionError> {
    jsonc_parser::parse_to_serde_value(text, &ParseOptions::default())
        .map_err(|error| SuggestionError::Unreadable(json_flaw(&error).to_string()))
}

fn toml(text: &str) -> Result<Value, SuggestionError> {
    toml_value(text).map_err(|_| SuggestionError::Unreadable("it is neither JSON nor TOML".to_owned()))
}

/// What a TOML text says; otherwise where it makes no sense, without a piece of it.
pub(crate) fn toml_value(text: &str) -> Result<Value, String> {
    let document: toml_edit::DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        format!("line {line} is not TOML")
    })?;
    Ok(table(document.as_table()))
}

fn table(table: &dyn toml_edit::TableLike) -> Value {
    let pairs = table.iter().map(|(key, value)| (key.to_owned(), item(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn item(item: &Item) -> Value {
    match item {
        Item::Value(value) => scalar(value),
        Item::ArrayOfTables(tables) => tables.iter().map(|inner| table(inner)).collect(),
        Item::Table(inner) => table(inner),
        Item::None => Value::Null,
    }
}

fn scalar(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(flag) => (*flag.value()).into(),
        toml_edit::Value::Datetime(instant) => instant.value().to_string().into(),
        toml_edit::Value::Array(items) => items.iter().map(scalar).collect(),
        toml_edit::Value::InlineTable(inner) => table(inner),
    }
}

//! TOML by its lines: a table of ours is a block of lines with a header of its own, so that nothing else is touched.
//!
//! Only tables that were written like this are replaced or taken out again; whoever has written them in another way is
//! told that the file is entangled.

use serde_json::{Map, Value};

use super::Entry;
use crate::config::toml_value;

/// What a text says.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, String> {
    match toml_value(text)? {
        Value::Object(root) => Ok(root),
        _ => Err("it is no table".to_owned()),
    }
}

/// The text with the entries as tables of their own.
pub(super) fn with(text: &str, servers: &str, entries: &[Entry]) -> Option<String> {
    let mut text = text.to_owned();
    for entry in entries {
        let block = block(servers, entry, line_end(&text))?;
        text = match place(&text, servers, &entry.name) {
            Some((start, end)) => format!("{}{block}{}", &text[..start], &text[end..]),
            None => appended(&text, &block),
        };
    }
    Some(text)
}

/// The text without the entries, and without the blank line in front of each.
pub(super) fn without(text: &str, servers: &str, names: &[&str]) -> String {
    let mut text = text.to_owned();
    for name in names {
        if let Some((start, end)) = place(&text, servers, name) {
            let before = text[..start].strip_suffix(&line_end(&text).repeat(2));
            let before = before.map_or(text[..start].to_owned(), |before| {
                format!("{before}{}", line_end(&text))
            });
            text = format!("{before}{}", &text[end..]);
        }
    }
    text
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn appended(text: &str, block: &str) -> String {
    let end = line_end(text);
    let gap = match text {
        "" => "",
        text if text.ends_with(&end.repeat(2)) => "",
        text if text.ends_with(end) => end,
        _ => return format!("{text}{end}{end}{block}"),
    };
    format!("{text}{gap}{block}")
}

/// Where a table's lines are: from its header to the last line before the next one that says something.
fn place(text: &str, servers: &str, name: &str) -> Option<(usize, usize)> {
    let headers = [bare_header(servers, name), quoted_header(servers, name)];
    let mut start = None;
    let (mut end, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let said = line.trim();
        let is_header = said.starts_with('[');
        if start.is_some() && is_header {
            break;
        }
        if start.is_none() && headers.iter().any(|header| header == said) {
            start = Some(at);
        }
        at += line.len();
        // Blank lines and comments in front of the next table are its own.
        if start.is_some() && !said.is_empty() && !said.starts_with('#') {
            end = at;
        }
    }
    Some((start?, end))
}

fn bare_header(servers: &str, name: &str) -> String {
    format!("[{servers}.{name}]")
}

fn quoted_header(servers: &str, name: &str) -> String {
    format!("[{servers}.{}]", Value::from(name))
}

fn block(servers: &str, entry: &Entry, end: &str) -> Option<String> {
    let is_bare = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c))
    };
    let header = if is_bare(&entry.name) {
        bare_header(servers, &entry.name)
    } else {
        quoted_header(servers, &entry.name)
    };
    let mut lines = vec![header];
    for (key, value) in entry.value.as_object()? {
        lines.push(format!("{key} = {}", inline(value)?));
    }
    lines.push(String::new());
    Some(lines.join(end))
}

/// A value on one line. JSON's strings and lists of them are TOML's as well.
fn inline(value: &Value) -> Option<String> {
    match value {
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(inline).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(map) => {
            let pairs: Option<Vec<_>> = map
                .iter()
                .map(|(key, value)| Some(format!("{} = {}", Value::from(key.as_str()), inline(value)?)))
                .collect();
            Some(format!("{{ {} }}", pairs?.join(", ")))
        }
        Value::Null => None,
    }
}

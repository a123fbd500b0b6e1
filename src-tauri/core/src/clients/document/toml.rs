//! TOML by its lines: a table of ours is a block of lines with a header of its own, so that nothing else is touched.
//!
//! Only tables that were written like this are replaced or taken out again; whoever has written them in another way is
//! told that the file is entangled.

use std::ops::Range;

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
        let places = places(&text, servers, &entry.name);
        text = match places.split_first() {
            Some((first, others)) => {
                let text = cut(text, others);
                format!("{}{block}{}", &text[..first.start], &text[first.end..])
            }
            None => appended(&text, &block),
        };
    }
    Some(text)
}

/// The text without the entries, and without the blank line in front of each.
pub(super) fn without(text: &str, servers: &str, names: &[&str]) -> String {
    let mut text = text.to_owned();
    for name in names {
        let places = places(&text, servers, name);
        text = cut(text, &places);
    }
    text
}

/// The text without these places, the last one first so that the others stay where they are.
fn cut(mut text: String, places: &[Range<usize>]) -> String {
    for place in places.iter().rev() {
        let before = text[..place.start].strip_suffix(&line_end(&text).repeat(2));
        let before = before.map_or(text[..place.start].to_owned(), |before| {
            format!("{before}{}", line_end(&text))
        });
        text = format!("{before}{}", &text[place.end..]);
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

/// Where a table's lines are, and those of the tables in it: each from its header to the last line before the next one
/// that says something. Codex writes what was inline as a table of its own when it saves the file.
fn places(text: &str, servers: &str, name: &str) -> Vec<Range<usize>> {
    let headers = [bare_header(servers, name), quoted_header(servers, name)];
    let is_own = |said: &str| {
        headers.iter().any(|header| {
            let open = header.trim_end_matches(']');
            said == header || said.strip_prefix(open).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let mut places: Vec<Range<usize>> = Vec::new();
    let (mut is_inside, mut at) = (false, 0);
    for line in text.split_inclusive('\n') {
        let said = line.trim();
        let start = at;
        at += line.len();
        if said.starts_with('[') {
            let was_inside = is_inside;
            is_inside = is_own(said);
            if is_inside && !was_inside {
                places.push(start..at);
            }
        }
        // Blank lines and comments in front of the next table are its own.
        if is_inside
            && !said.is_empty()
            && !said.starts_with('#')
            && let Some(place) = places.last_mut()
        {
            place.end = at;
        }
    }
    places
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

//! JSON through a concrete syntax tree: comments, order, indentation and line ends stay.

use jsonc_parser::cst::{CstObject, CstObjectProp, CstRootNode};
use serde_json::{Map, Value};

use super::Entry;
use crate::config::{cst_value, json_options, read_json, without_bom};

/// What a text says.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, String> {
    let text = without_bom(text);
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match read_json(text)? {
        Value::Object(root) => Ok(root),
        Value::Null if says_nothing(text) => Ok(Map::new()),
        _ => Err("it is no object".to_owned()),
    }
}

/// Whether there is nothing in it but comments.
fn says_nothing(text: &str) -> bool {
    CstRootNode::parse(text, &json_options()).is_ok_and(|tree| tree.value().is_none())
}

/// The text with the entries; none when its structure does not allow it.
pub(super) fn with(text: &str, servers: &str, entries: &[Entry]) -> Option<String> {
    let said = read(text).ok()?;
    let before = |name: &str| said.get(servers)?.get(name);
    change(text, |root| {
        let servers = root.object_value_or_set(servers);
        for entry in entries {
            match servers.get(&entry.name) {
                Some(property) => set(&property, before(&entry.name), &entry.value),
                None => {
                    servers.append(&entry.name, cst_value(&entry.value));
                }
            }
        }
        Some(())
    })
}

/// Changes as little as has to be: what says the same stays as it is written, comments included.
fn set(property: &CstObjectProp, there: Option<&Value>, value: &Value) {
    if there == Some(value) {
        return;
    }
    let (Some(object), Value::Object(map)) = (property.object_value(), value) else {
        property.set_value(cst_value(value));
        return;
    };
    for inner in object.properties() {
        let name = inner.decoded_name();
        if name.is_none_or(|name| !map.contains_key(&name)) {
            inner.remove();
        }
    }
    for (name, value) in map {
        match object.get(name) {
            Some(inner) => set(&inner, there.and_then(|there| there.get(name)), value),
            None => {
                object.append(name, cst_value(value));
            }
        }
    }
}

/// The text without the entries.
pub(super) fn without(text: &str, servers: &str, names: &[&str]) -> Option<String> {
    change(text, |root| {
        let servers = root.object_value(servers)?;
        for name in names {
            if let Some(property) = servers.get(name) {
                property.remove();
            }
        }
        Some(())
    })
}

fn change(text: &str, change: impl FnOnce(&CstObject) -> Option<()>) -> Option<String> {
    let bare = without_bom(text);
    let bom = &text[..text.len() - bare.len()];
    let bare = if bare.trim().is_empty() { "{}\n" } else { bare };
    // The tree's nodes know their parents only while the root is held.
    let tree = CstRootNode::parse(bare, &json_options()).ok()?;
    let root = match tree.value() {
        None => tree.object_value_or_set(),
        Some(_) => tree.object_value()?,
    };
    change(&root)?;
    Some(format!("{bom}{tree}"))
}

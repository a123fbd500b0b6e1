//! Gemini CLI, the servers of every project; its `url` is for the legacy transport.

use serde_json::{Value, json};

use crate::clients::{
    app::{App, Syntax},
    apps::command_and_args,
};

pub(super) const APP: App = App {
    id: "gemini",
    name: "Gemini CLI",
    file: |machine| machine.home(".gemini/settings.json"),
    locate: None,
    signs: |_| Vec::new(),
    servers: &["mcpServers"],
    syntax: Syntax::Json,
    program: command_and_args,
    remote: Some(
        |url, authorization| json!({ "httpUrl": url, "headers": { "Authorization": authorization } }),
    ),
    adapt: Some(references),
    keeps_sign_ins: false,
};

/// `$NAME`, which it knows besides `${NAME}`, in the form that everybody knows.
fn references(entry: &mut Value) {
    let maps = ["env", "headers"].map(|key| entry.get(key).and_then(Value::as_object).cloned());
    for (key, map) in ["env", "headers"].into_iter().zip(maps) {
        for (name, value) in map.into_iter().flatten() {
            if let Some(variable) = value.as_str().and_then(variable) {
                entry[key][name] = format!("${{{variable}}}").into();
            }
        }
    }
}

fn variable(value: &str) -> Option<&str> {
    let name = value.strip_prefix('$')?;
    let is_name = !name.is_empty() && name.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric());
    is_name.then_some(name)
}

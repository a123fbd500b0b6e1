//! YAML is not changed by a program: no kept library does it without losing comments and layout. The user is told the
//! exact lines instead.

use std::{fmt, path::PathBuf};

use serde_json::{Map, Value, json};

use super::{Change, EditError, no_such_server};
use crate::{
    Problem,
    config::{
        flaw::Flaw,
        locate::{ConfigFile, Readers},
        new_server::NewServer,
        parse::servers,
        syntax,
    },
};

/// What the user has to do in an editor.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is YAML, which is left to you, so that its comments survive: {what}", .file.display())]
pub struct ByHand {
    /// Which file.
    pub file: PathBuf,
    /// What to do, one phrase.
    pub what: String,
    /// The lines to paste; empty when there is nothing to paste. They may hold secrets.
    pub lines: String,
}

/// The lines may hold secrets.
impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand")
            .field("file", &self.file)
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

/// The whole text of a file that has none yet.
pub(super) fn first(change: &Change) -> Result<(String, Vec<Problem>), EditError> {
    let Change::Add(id, server) = change else {
        return Err(no_such_server(change.server(), std::iter::empty()));
    };
    let mut root = Map::new();
    root.insert("servers".to_owned(), json!({ id.as_str(): server.entry() }));
    if !server.auth.is_empty() {
        root.insert("auth".to_owned(), json!({ id.as_str(): server.auth.0 }));
    }
    Ok((yaml(&Value::Object(root), 0), Vec::new()))
}

/// How to make a change to a file that has a text, or why there is no such change.
pub(super) fn instruct(text: &str, change: &Change, file: &ConfigFile) -> EditError {
    match names(text, file) {
        Ok(names) => {
            check(change, &names).unwrap_or_else(|| EditError::ByHand(Box::new(instructions(change, file))))
        }
        Err(flaw) => file.broken(flaw.to_string()),
    }
}

fn names(text: &str, file: &ConfigFile) -> Result<Vec<String>, Flaw> {
    let document = syntax::parse(text, file.format)?;
    let root = document.root.as_object().ok_or(Flaw::Root)?;
    Ok(servers(root)?.keys().cloned().collect())
}

fn check(change: &Change, names: &[String]) -> Option<EditError> {
    let id = change.server();
    let is_there = names.iter().any(|name| name == id.as_str());
    match change {
        Change::Add(..) if is_there => Some(EditError::Exists(id.clone())),
        Change::Add(..) => None,
        _ if is_there => None,
        _ => Some(no_such_server(id, names.iter().map(String::as_str))),
    }
}

fn instructions(change: &Change, file: &ConfigFile) -> ByHand {
    let (what, lines) = match change {
        Change::Add(id, server) => add(id.as_str(), server, file.readers),
        Change::Remove(id) => (
            format!("take out '{id}' under 'servers', and under 'auth'"),
            String::new(),
        ),
        Change::Enable(id) => (format!("put into '{id}'"), "    enabled: true\n".to_owned()),
        Change::Disable(id) => (format!("put into '{id}'"), "    enabled: false\n".to_owned()),
        Change::SetAuth(id, keys) => {
            let lines = yaml(&json!({ "auth": { id.as_str(): keys.0 } }), 0);
            ("put at the root".to_owned(), lines)
        }
        // The values may be secrets, and the person has just typed them.
        Change::Amend(id, _) => (format!("change '{id}'"), String::new()),
    };
    ByHand {
        file: file.path.clone(),
        what,
        lines,
    }
}

fn add(name: &str, server: &NewServer, readers: Readers) -> (String, String) {
    let mut entry = server.entry();
    let mut rest = String::new();
    let mut what = "put under 'servers'";
    if !server.auth.is_empty() {
        match readers {
            Readers::OnlyUs => {
                entry.insert("auth".to_owned(), Value::Object(server.auth.0.clone()));
            }
            Readers::OmlxToo | Readers::PerhapsOmlx => {
                what = "put under 'servers', and under 'auth' at the root";
                rest = yaml(&json!({ "auth": { name: server.auth.0 } }), 0);
            }
        }
    }
    let lines = yaml(&json!({ name: entry }), 2);
    (what.to_owned(), lines + &rest)
}

/// A value as YAML lines, indented by some spaces.
fn yaml(value: &Value, indent: usize) -> String {
    let text = serde_yaml_ng::to_string(value).unwrap_or_default();
    let lines = text.lines().map(|line| format!("{:indent$}{line}\n", ""));
    lines.collect()
}

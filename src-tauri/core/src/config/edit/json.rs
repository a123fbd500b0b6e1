//! A change to JSON text through a concrete syntax tree: comments, order, indentation and unknown keys stay.

use jsonc_parser::cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode, ObjectPropName};
use serde_json::{Map, Value};

use super::{Change, EditError, no_such_server};
use crate::{
    Action, Problem, ServerId,
    config::{
        entry::ServerChanges,
        flaw::Flaw,
        locate::{ConfigFile, Readers},
        new_server::{AuthBlock, NewServer},
        omlx_rules,
        parse::{servers, servers_key},
        server::URL_KEYS,
        syntax::{self, Format, json_flaw, json_options, without_bom},
    },
};

/// The text with the change in it, and what is to be said about it.
pub(super) fn apply(
    text: &str,
    change: &Change,
    file: &ConfigFile,
) -> Result<(String, Vec<Problem>), EditError> {
    let bare = without_bom(text);
    let broken = |flaw: Flaw| file.broken(flaw.to_string());
    let document = syntax::parse(bare, Format::Json).map_err(broken)?;
    let value = document.root.as_object().ok_or(Flaw::Root).map_err(broken)?;
    servers(value).map_err(broken)?;
    // The tree's nodes know their parents only while the root is held.
    let tree = CstRootNode::parse(bare, &json_options()).map_err(|error| broken(json_flaw(&error)))?;
    let root = tree.object_value().ok_or_else(|| broken(Flaw::Root))?;
    let mut editor = Editor {
        root,
        value,
        readers: file.readers,
        notes: Vec::new(),
    };
    editor.apply(change)?;
    let notes = editor.notes;
    let bom = &text[..text.len() - bare.len()];
    Ok((format!("{bom}{tree}"), notes))
}

struct Editor<'a> {
    root: CstObject,
    value: &'a Map<String, Value>,
    readers: Readers,
    notes: Vec<Problem>,
}

impl Editor<'_> {
    fn apply(&mut self, change: &Change) -> Result<(), EditError> {
        match change {
            Change::Add(id, server) => self.add(id, server),
            Change::Remove(id) => self.remove(id),
            Change::Enable(id) => self.enable(id),
            Change::Disable(id) => self.disable(id),
            Change::SetAuth(id, keys) => self.set_auth(id, keys),
            Change::Amend(id, changes) => self.amend(id, changes),
        }
    }

    fn add(&mut self, id: &ServerId, server: &NewServer) -> Result<(), EditError> {
        let servers = self.servers()?;
        if servers.get(id.as_str()).is_some() {
            return Err(EditError::Exists(id.clone()));
        }
        if server.needs_newer_omlx() && self.readers != Readers::OnlyUs {
            self.notes.push(note(
                "omlx_may_refuse",
                "older versions of oMLX do not know 'cwd' and would disable MCP because of it",
            ));
        }
        servers.append(id.as_str(), input(&Value::Object(server.entry())));
        if self
            .central_auth()?
            .is_some_and(|central| central.get(id.as_str()).is_some())
        {
            let message = format!("'auth.{id}' was in the config file already and is used");
            self.notes.push(note("config_auth_kept", &message));
        }
        if server.auth.is_empty() {
            return Ok(());
        }
        self.set_auth(id, &server.auth)
    }

    fn remove(&mut self, id: &ServerId) -> Result<(), EditError> {
        self.property(id)?.remove();
        if let Some(central) = self.central_auth()? {
            take_out(&central, id.as_str())?;
            if !central
                .children()
                .iter()
                .any(|child| child.is_comment() || child.as_object_prop().is_some())
            {
                take_out(&self.root, "auth")?;
            }
        }
        if omlx_rules::falls_through_when_emptied(self.value) {
            let message = "'servers' is empty now, so the entries under 'mcpServers' count from now on";
            self.notes.push(note("config_fall_through", message));
        }
        Ok(())
    }

    fn enable(&mut self, id: &ServerId) -> Result<(), EditError> {
        let entry = self.entry(id)?;
        for (key, value) in [("enabled", true), ("disabled", false)] {
            if let Some(property) = unique(&entry, key)? {
                property.set_value(CstInputValue::Bool(value));
                return Ok(());
            }
        }
        Ok(())
    }

    fn disable(&mut self, id: &ServerId) -> Result<(), EditError> {
        let entry = self.entry(id)?;
        match (unique(&entry, "enabled")?, unique(&entry, "disabled")?) {
            (Some(property), _) => property.set_value(CstInputValue::Bool(false)),
            (None, Some(property)) => property.set_value(CstInputValue::Bool(true)),
            (None, None) => {
                entry.append("enabled", CstInputValue::Bool(false));
            }
        }
        Ok(())
    }

    fn amend(&mut self, id: &ServerId, changes: &ServerChanges) -> Result<(), EditError> {
        let entry = self.entry(id)?;
        patch(&entry, &changes.entry_keys())?;
        if let Some(url) = &changes.url {
            let known = URL_KEYS.iter().find(|key| entry.get(key).is_some());
            let key = (*known.unwrap_or(&URL_KEYS[0])).to_owned();
            patch(&entry, &Map::from_iter([(key, Value::from(url.as_str()))]))?;
        }
        for (key, values) in changes.dictionaries() {
            if !values.is_empty() {
                patch(&block_or_new(&entry, key)?, &values)?;
            }
        }
        let keys = changes.auth_keys();
        if !keys.is_empty() {
            self.set_auth(id, &keys)?;
        }
        match &changes.id {
            Some(name) if name != id => self.rename(id, name),
            _ => Ok(()),
        }
    }

    fn rename(&mut self, id: &ServerId, name: &ServerId) -> Result<(), EditError> {
        if self.servers()?.get(name.as_str()).is_some() {
            return Err(EditError::Exists(name.clone()));
        }
        call(&self.property(id)?, name);
        if let Some(central) = self.central_auth()?
            && let Some(own) = unique(&central, id.as_str())?
        {
            take_out(&central, name.as_str())?;
            call(&own, name);
        }
        Ok(())
    }

    /// Where the block goes: into the entry, or into the root map where oMLX ignores it.
    fn set_auth(&mut self, id: &ServerId, keys: &AuthBlock) -> Result<(), EditError> {
        let entry = self.entry(id)?;
        let own = unique(&entry, "auth")?.is_some();
        let central = match self.central_auth()? {
            Some(central) => block(&central, id.as_str())?,
            None => None,
        };
        match (self.readers, own, central) {
            (Readers::OmlxToo, true, _) => self.move_to_root(id, &entry, keys),
            (Readers::OmlxToo | Readers::PerhapsOmlx, false, _) => patch(&self.central_block(id)?, &keys.0),
            (Readers::OnlyUs, false, Some(central)) => patch(&central, &keys.0),
            (Readers::OnlyUs | Readers::PerhapsOmlx, _, central) => {
                if let Some(central) = central {
                    // Taken out of one place only, a key would shine through from the other.
                    patch(&central, &removals(&keys.0))?;
                }
                patch(&block_or_new(&entry, "auth")?, &keys.0)
            }
        }
    }

    /// The entry's own block disables oMLX as long as it is there, so it moves along with the first change.
    fn move_to_root(&mut self, id: &ServerId, entry: &CstObject, keys: &AuthBlock) -> Result<(), EditError> {
        let servers = servers(self.value).ok();
        let own = servers.and_then(|servers| servers.get(id.as_str())?.get("auth")?.as_object());
        let central = self.central_block(id)?;
        patch(&central, own.unwrap_or(&Map::new()))?;
        patch(&central, &keys.0)?;
        take_out(entry, "auth")?;
        let message = format!(
            "'auth' of '{id}' moved from its entry to the root of the file, where oMLX does not mind it"
        );
        self.notes.push(note("config_auth_moved", &message));
        Ok(())
    }

    /// The servers that count, made when there are none.
    fn servers(&self) -> Result<CstObject, EditError> {
        let key = servers_key(self.value);
        unique(&self.root, key)?;
        Ok(self.root.object_value_or_set(key))
    }

    fn property(&self, id: &ServerId) -> Result<CstObjectProp, EditError> {
        let servers = self.servers()?;
        unique(&servers, id.as_str())?.ok_or_else(|| {
            let names = servers.properties().into_iter();
            let names: Vec<_> = names.filter_map(|property| property.decoded_name()).collect();
            no_such_server(id, names.iter().map(String::as_str))
        })
    }

    fn entry(&self, id: &ServerId) -> Result<CstObject, EditError> {
        let not_a_block = || EditError::Invalid(Flaw::Entry(id.to_string()).to_string());
        self.property(id)?.object_value().ok_or_else(not_a_block)
    }

    fn central_auth(&self) -> Result<Option<CstObject>, EditError> {
        block(&self.root, "auth")
    }

    fn central_block(&self, id: &ServerId) -> Result<CstObject, EditError> {
        block_or_new(&block_or_new(&self.root, "auth")?, id.as_str())
    }
}

/// Gives a property another name in its place.
fn call(property: &CstObjectProp, name: &ServerId) {
    let quoted = Value::from(name.as_str()).to_string();
    match property.name() {
        Some(ObjectPropName::String(text)) => text.set_raw_value(quoted),
        Some(ObjectPropName::Word(text)) => text.set_raw_value(quoted),
        None => {}
    }
}

/// The property of that name, provided there is no other one.
fn unique(object: &CstObject, name: &str) -> Result<Option<CstObjectProp>, EditError> {
    let properties = object.properties().into_iter();
    let mut named = properties.filter(|property| property.decoded_name().as_deref() == Some(name));
    let first = named.next();
    match named.next() {
        Some(_) => Err(EditError::Ambiguous(name.to_owned())),
        None => Ok(first),
    }
}

fn take_out(object: &CstObject, name: &str) -> Result<(), EditError> {
    if let Some(property) = unique(object, name)? {
        property.remove();
    }
    Ok(())
}

/// The dictionary of that name; `null` counts as none.
fn block(object: &CstObject, name: &str) -> Result<Option<CstObject>, EditError> {
    let Some(value) = unique(object, name)?.and_then(|property| property.value()) else {
        return Ok(None);
    };
    if value.as_null_keyword().is_some() {
        return Ok(None);
    }
    let not_a_block = || EditError::Invalid(format!("'{name}' must be a dictionary"));
    value.as_object().map(Some).ok_or_else(not_a_block)
}

fn block_or_new(object: &CstObject, name: &str) -> Result<CstObject, EditError> {
    match block(object, name)? {
        Some(block) => Ok(block),
        None => Ok(object.object_value_or_set(name)),
    }
}

/// Sets keys in their place or at the end, and takes out those that are `null`.
fn patch(block: &CstObject, keys: &Map<String, Value>) -> Result<(), EditError> {
    for (key, value) in keys {
        match unique(block, key)? {
            Some(property) if value.is_null() => property.remove(),
            Some(property) => property.set_value(input(value)),
            None if value.is_null() => {}
            None => {
                block.append(key, input(value));
            }
        }
    }
    Ok(())
}

fn removals(keys: &Map<String, Value>) -> Map<String, Value> {
    let removals = keys.iter().filter(|(_, value)| value.is_null());
    removals
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A value as the tree takes it.
pub(crate) fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (key.clone(), input(value)));
            CstInputValue::Object(pairs.collect())
        }
    }
}

fn note(code: &'static str, message: &str) -> Problem {
    Problem {
        code: code.into(),
        message: message.to_owned(),
        action: Action::None,
    }
}

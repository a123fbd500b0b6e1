//! A menu exported over `com.canonical.dbusmenu`; entries are found by what they say, since their numbers change.

use std::{collections::HashMap, error::Error};

use zbus::{
    Connection, Proxy,
    zvariant::{OwnedObjectPath, OwnedValue, Structure, Value},
};

const INTERFACE: &str = "com.canonical.dbusmenu";

/// One line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: i32,
    /// What it says, without the underscore that marks a letter.
    pub label: String,
    /// Whether it can be clicked.
    pub enabled: bool,
    /// Whether it is ticked.
    pub ticked: bool,
    /// How deep it is below the menu itself, from 0.
    pub depth: usize,
}

/// The menu of one icon.
pub(super) struct Menu(Proxy<'static>);

impl Menu {
    pub(super) async fn of(
        connection: &Connection,
        owner: &str,
        path: OwnedObjectPath,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(Self(
            Proxy::new(connection, owner.to_owned(), path, INTERFACE.to_owned()).await?,
        ))
    }

    /// Every line, from top to bottom; separators have none.
    pub(super) async fn read(&self) -> Result<Vec<Entry>, Box<dyn Error>> {
        // An app may fill its menu only when it is about to be shown.
        let _: Result<bool, _> = self.0.call("AboutToShow", &(0,)).await;
        let (_, root): (u32, Node) = self.0.call("GetLayout", &(0, -1, Vec::<String>::new())).await?;
        let mut entries = Vec::new();
        gather(root, 0, &mut entries);
        Ok(entries)
    }

    pub(super) async fn click(&self, label: &str) -> Result<(), Box<dyn Error>> {
        let entries = self.read().await?;
        let entry = entries.iter().find(|entry| entry.label == label && entry.enabled);
        let entry = entry.ok_or_else(|| format!("no {label:?} to click in {entries:#?}"))?;
        let nothing = Value::from("");
        self.0
            .call::<_, _, ()>("Event", &(entry.id, "clicked", nothing, 0_u32))
            .await?;
        Ok(())
    }
}

type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn gather((id, mut properties, children): Node, depth: usize, entries: &mut Vec<Entry>) {
    let mut text = |name: &str| {
        properties
            .remove(name)
            .and_then(|value| String::try_from(value).ok())
    };
    let (kind, label) = (text("type"), text("label"));
    let visible = unless_denied(&properties, "visible");
    if id != 0 && visible && kind.as_deref() != Some("separator") {
        entries.push(Entry {
            id,
            label: label.unwrap_or_default().replace('_', ""),
            enabled: unless_denied(&properties, "enabled"),
            ticked: properties
                .get("toggle-state")
                .is_some_and(|state| i32::try_from(state) == Ok(1)),
            depth: depth - 1,
        });
    }
    if visible {
        for node in children.into_iter().filter_map(node) {
            gather(node, depth + 1, entries);
        }
    }
}

fn unless_denied(properties: &HashMap<String, OwnedValue>, name: &str) -> bool {
    properties
        .get(name)
        .is_none_or(|value| bool::try_from(value).unwrap_or(true))
}

fn node(value: OwnedValue) -> Option<Node> {
    Node::try_from(Structure::try_from(value).ok()?).ok()
}

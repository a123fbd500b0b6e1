//! What the menu says: a pure function of the snapshot and the settings.

use omlx_mcp::{
    Action, AuthStatus, ConnectionStatus, PRODUCT, ServerId, ServerSnapshot, Snapshot, settings::Settings,
};

/// A longer menu is no menu; the panel has them all.
const MOST: usize = 20;

/// The longest name shown, in characters.
const NAME: usize = 32;

/// The state of everything together, told by the glyph's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// Nothing is wanted of anybody.
    Calm,
    /// Something is under way.
    Working,
    /// A person is needed.
    Attention,
}

/// What a row of the menu is about, which does not change while it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A server's state; leads to it in the panel.
    Server(ServerId),
    /// What is due at a server.
    Deed(ServerId),
    /// The config file is broken; leads to the panel.
    Trouble,
    /// There are more servers, or none yet; leads to the panel.
    Panel,
}

/// A row of the menu's upper part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) text: String,
}

/// All that the tray shows and that can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) glyph: Glyph,
    pub(crate) tooltip: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) paused: bool,
    pub(crate) launch_at_login: bool,
}

impl Face {
    /// What there is to show.
    pub(crate) fn of(snapshot: &Snapshot, settings: Settings) -> Self {
        let glyph = glyph(snapshot, settings);
        Self {
            glyph,
            tooltip: tooltip(snapshot, settings),
            rows: rows(snapshot, settings),
            paused: settings.paused,
            launch_at_login: settings.launch_at_login,
        }
    }
}

/// What can be done at a server from the menu.
pub(crate) fn due(server: &ServerSnapshot) -> Option<Action> {
    server.auth.due().filter(|_| is_used(server))
}

fn is_used(server: &ServerSnapshot) -> bool {
    server.connection != ConnectionStatus::Disabled
}

fn wants_someone(server: &ServerSnapshot) -> bool {
    due(server).is_some() || server.connection == ConnectionStatus::Failed
}

fn is_working(server: &ServerSnapshot) -> bool {
    server.auth == AuthStatus::Authenticating || server.connection == ConnectionStatus::Connecting
}

fn glyph(snapshot: &Snapshot, settings: Settings) -> Glyph {
    let mut used = snapshot.servers.iter().filter(|server| is_used(server));
    if settings.paused {
        Glyph::Calm
    } else if !snapshot.config_problems.is_empty() || used.clone().any(wants_someone) {
        Glyph::Attention
    } else if used.any(is_working) {
        Glyph::Working
    } else {
        Glyph::Calm
    }
}

fn tooltip(snapshot: &Snapshot, settings: Settings) -> String {
    let count = snapshot
        .servers
        .iter()
        .filter(|server| due(server).is_some())
        .count();
    match (settings.paused, count) {
        (true, _) => format!("{PRODUCT}: paused"),
        (false, 0) => PRODUCT.to_owned(),
        (false, 1) => format!("{PRODUCT}: 1 server needs you"),
        (false, count) => format!("{PRODUCT}: {count} servers need you"),
    }
}

fn rows(snapshot: &Snapshot, settings: Settings) -> Vec<Row> {
    let mut rows = Vec::new();
    if !snapshot.config_problems.is_empty() {
        rows.push(row(Key::Trouble, "The config file needs a look…"));
    }
    let shown = chosen(&snapshot.servers);
    for server in &shown {
        rows.push(row(Key::Server(server.id.clone()), &line(server, settings)));
        rows.extend(deed(server).map(|text| row(Key::Deed(server.id.clone()), &text)));
    }
    match snapshot.servers.len() - shown.len() {
        0 if shown.is_empty() => rows.push(row(Key::Panel, "Add a server…")),
        0 => {}
        more => rows.push(row(Key::Panel, &format!("{more} more…"))),
    }
    rows
}

fn row(key: Key, text: &str) -> Row {
    Row {
        key,
        text: text.replace('&', "&&"),
    }
}

/// The servers shown, in the order of the config file: whoever needs someone has a place before the others.
fn chosen(servers: &[ServerSnapshot]) -> Vec<&ServerSnapshot> {
    let mut order: Vec<usize> = (0..servers.len()).collect();
    order.sort_by_key(|&at| !wants_someone(&servers[at]));
    order.truncate(MOST);
    order.sort_unstable();
    order.into_iter().map(|at| &servers[at]).collect()
}

fn line(server: &ServerSnapshot, settings: Settings) -> String {
    format!("{} — {}", name(server), state(server, settings))
}

fn name(server: &ServerSnapshot) -> String {
    let name = server.id.as_str();
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn state(server: &ServerSnapshot, settings: Settings) -> String {
    let auth = || server.auth_words().into_owned();
    match server.connection {
        ConnectionStatus::Disabled if settings.paused => "Paused".to_owned(),
        ConnectionStatus::Disabled => "Disabled".to_owned(),
        _ if server.auth.due().is_some() || server.auth == AuthStatus::Authenticating => auth(),
        ConnectionStatus::Failed => "Failed".to_owned(),
        ConnectionStatus::Waiting => "Waiting".to_owned(),
        ConnectionStatus::Connecting => "Connecting…".to_owned(),
        ConnectionStatus::Idle | ConnectionStatus::Connected => match server.tool_count {
            Some(1) => format!("{} · 1 tool", auth()),
            Some(count) => format!("{} · {count} tools", auth()),
            None => auth(),
        },
    }
}

fn deed(server: &ServerSnapshot) -> Option<String> {
    let name = name(server);
    match due(server)? {
        Action::Connect => Some(format!("Connect {name}…")),
        Action::Reauthenticate => Some(format!("Re-authenticate {name}…")),
        Action::Allow => Some(format!("Allow more for {name}…")),
        Action::Unlock => Some("Unlock the keychain and try again".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

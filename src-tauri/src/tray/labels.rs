//! What the menu says: a pure function of the snapshot, the settings and the language.

use omlx_mcp::{
    Action, AuthStatus, ConnectionStatus, PRODUCT, ServerId, ServerSnapshot, Snapshot, event::SignInPrompt,
    settings::Settings,
};

use crate::words::{Words, fill};

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
    pub(crate) words: &'static Words,
}

impl Face {
    /// What there is to show, in these words.
    pub(crate) fn of(snapshot: &Snapshot, settings: Settings, words: &'static Words) -> Self {
        let teller = Teller { settings, words };
        Self {
            glyph: glyph(snapshot, settings),
            tooltip: teller.tooltip(snapshot),
            rows: teller.rows(snapshot),
            paused: settings.paused,
            launch_at_login: settings.launch_at_login,
            words,
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

/// Puts into words.
#[derive(Clone, Copy)]
struct Teller {
    settings: Settings,
    words: &'static Words,
}

impl Teller {
    fn tooltip(self, snapshot: &Snapshot) -> String {
        let needy = snapshot.servers.iter().filter(|server| due(server).is_some());
        match (self.settings.paused, count(needy.count())) {
            (true, _) => format!("{PRODUCT}: {}", self.words.banner_paused_title),
            (false, 0) => PRODUCT.to_owned(),
            (false, needy) => format!("{PRODUCT}: {}", self.words.list_needy.of(needy)),
        }
    }

    fn rows(self, snapshot: &Snapshot) -> Vec<Row> {
        let mut rows = Vec::new();
        if !snapshot.config_problems.is_empty() {
            rows.push(row(Key::Trouble, self.words.tray_config));
        }
        let shown = chosen(&snapshot.servers);
        for server in &shown {
            rows.push(row(Key::Server(server.id.clone()), &self.line(server)));
            let deed = self.deed(server);
            rows.extend(deed.map(|text| row(Key::Deed(server.id.clone()), &text)));
        }
        match snapshot.servers.len() - shown.len() {
            0 if shown.is_empty() => rows.push(row(Key::Panel, self.words.tray_add)),
            0 => {}
            more => {
                let text = fill(self.words.tray_more, "count", &more.to_string());
                rows.push(row(Key::Panel, &text));
            }
        }
        rows
    }

    fn line(self, server: &ServerSnapshot) -> String {
        format!("{} — {}", name(server), self.state(server))
    }

    fn state(self, server: &ServerSnapshot) -> String {
        let words = self.words;
        let fixed = match server.connection {
            ConnectionStatus::Disabled if self.settings.paused => words.banner_paused_title,
            ConnectionStatus::Disabled => words.connection_disabled,
            _ if server.auth.due().is_some() || server.auth == AuthStatus::Authenticating => {
                return self.auth(server);
            }
            ConnectionStatus::Failed => words.tray_failed,
            ConnectionStatus::Waiting => words.tray_waiting,
            ConnectionStatus::Connecting => words.connection_connecting,
            ConnectionStatus::Idle | ConnectionStatus::Connected => return self.auth_and_tools(server),
        };
        fixed.to_owned()
    }

    fn auth_and_tools(self, server: &ServerSnapshot) -> String {
        let auth = self.auth(server);
        match server.tool_count {
            Some(count) => {
                let joined = fill(self.words.list_joined, "state", &auth);
                fill(&joined, "tools", &self.words.tools_count.of(count))
            }
            None => auth,
        }
    }

    /// The state as the core words it in English.
    fn auth(self, server: &ServerSnapshot) -> String {
        let words = self.words;
        let fixed = match (server.auth, &server.prompt) {
            (AuthStatus::Authenticating, Some(SignInPrompt::DeviceCode { user_code, .. })) => {
                return fill(words.auth_enter_code, "code", user_code);
            }
            (AuthStatus::Authenticating, Some(SignInPrompt::Browser { .. })) => words.auth_waiting_browser,
            (AuthStatus::Authenticating, None) => words.auth_preparing,
            (AuthStatus::Unknown, _) => words.auth_unknown,
            (AuthStatus::NotRequired, _) => words.auth_not_required,
            (AuthStatus::NotAuthenticated, _) => words.auth_not_authenticated,
            (AuthStatus::Authenticated, _) => words.auth_authenticated,
            (AuthStatus::RefreshFailed, _) => words.auth_refresh_failed,
            (AuthStatus::InsufficientScope, _) => words.auth_insufficient_scope,
            (AuthStatus::Locked, _) => words.auth_locked,
        };
        fixed.to_owned()
    }

    fn deed(self, server: &ServerSnapshot) -> Option<String> {
        let message = match due(server)? {
            Action::Connect => self.words.tray_connect,
            Action::Reauthenticate => self.words.tray_reauthenticate,
            Action::Allow => self.words.tray_allow,
            Action::Unlock => self.words.tray_unlock,
            _ => return None,
        };
        Some(fill(message, "name", &name(server)))
    }
}

fn count(servers: usize) -> u32 {
    u32::try_from(servers).unwrap_or(u32::MAX)
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

fn name(server: &ServerSnapshot) -> String {
    let name = server.id.as_str();
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! Everything that can be wrong or odd in a config file, in one place: the code, the sentence, whether it is fatal.
//!
//! Where oMLX has a sentence for it, it is oMLX's. No sentence repeats a value from the file: it could be a secret.

use super::model::ConfigNote;
use crate::{Action, Explain, ServerId, server_id::ServerIdError};

/// The longest name from the file that is repeated, in characters.
const MAX_SHOWN: usize = 80;

/// What is wrong or odd in a config file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("the config file is empty; write {{\"servers\": {{}}}} into it")]
    Empty,
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("the config file is not readable: {0}")]
    Unreadable(&'static str),
    #[error("MCP config must be a dictionary")]
    Root,
    #[error("'servers' must be a dictionary")]
    Servers,
    #[error("'{0}' must be a positive integer")]
    PositiveInteger(&'static str),
    #[error("'{0}' must be a positive number")]
    PositiveNumber(&'static str),
    #[error("'auth' must be a dictionary of server names")]
    CentralAuth,
    #[error("'auth' names a server that is not in the file: '{name}'{}", meant(.suggestion.as_deref()))]
    AuthWithoutServer {
        name: String,
        suggestion: Option<String>,
    },
    #[error("unknown key '{key}'{}", meant(Some(.suggestion)))]
    RootKey { key: String, suggestion: String },
    #[error("'{0}' stands in the file twice; the last one counts")]
    Duplicate(String),
    #[error("Invalid config for server '{server}': {cause}")]
    Name { server: String, cause: ServerIdError },
    #[error("Server '{0}' config must be a dictionary")]
    Entry(String),
    #[error("Invalid config for server '{server}': '{key}' must be {expected}")]
    Value {
        server: String,
        key: String,
        expected: String,
    },
    #[error("MCP server '{server}': {transport} transport requires '{key}'")]
    Required {
        server: String,
        transport: &'static str,
        key: &'static str,
    },
    #[error("server '{server}': '{key}' is not a usable header: {reason}")]
    Header {
        server: String,
        key: String,
        reason: &'static str,
    },
    #[error("server '{server}': the environment variable {name} is not set, and '{key}' needs it")]
    Unset {
        server: String,
        key: String,
        name: String,
    },
    #[error("server '{server}': the environment variable {name} is not set, so '{key}' is used as written")]
    UnsetKept {
        server: String,
        key: String,
        name: String,
    },
    #[error(
        "server '{server}': '{key}' uses ${{input:{id}}}, which only VS Code can ask for; write ${{env:NAME}} instead"
    )]
    Input { server: String, key: String, id: String },
    #[error("server '{server}': unknown key '{key}'{}", meant(.suggestion.as_deref()))]
    UnknownKey {
        server: String,
        key: String,
        suggestion: Option<String>,
    },
    #[error("server '{server}': '{key}' has no effect on a {transport} server")]
    WithoutEffect {
        server: String,
        key: &'static str,
        transport: &'static str,
    },
    #[error("server '{0}': its URL is plain http to another machine, so it is never sent an access token")]
    PlainHttp(String),
    #[error(
        "server '{0}': 'auth.client_secret' stands in the file as plain text; name a variable in 'auth.client_secret_env' instead"
    )]
    LiteralSecret(String),
    #[error(
        "server '{0}': oMLX splits tool names at the first '__', so a name that contains it hides its tools"
    )]
    DoubleUnderscore(String),
    #[error("server '{0}' would start mcp-remote only to reach a URL; add the URL instead")]
    Bridge(String),
    #[error("oMLX would disable MCP because of this file: {0}")]
    OmlxRefuses(String),
}

impl Flaw {
    /// The entry it is about, as written and bounded.
    fn server(&self) -> Option<&str> {
        match self {
            Self::Name { server, .. }
            | Self::Value { server, .. }
            | Self::Required { server, .. }
            | Self::Header { server, .. }
            | Self::Unset { server, .. }
            | Self::UnsetKept { server, .. }
            | Self::Input { server, .. }
            | Self::UnknownKey { server, .. }
            | Self::WithoutEffect { server, .. }
            | Self::Entry(server)
            | Self::PlainHttp(server)
            | Self::LiteralSecret(server)
            | Self::Bridge(server)
            | Self::DoubleUnderscore(server) => Some(server),
            _ => None,
        }
    }

    /// The flaw as a reason not to use the entry, or the whole file.
    pub(super) fn fatal(&self) -> ConfigNote {
        self.note(Severity::Fatal)
    }

    /// The flaw as something to know, while the entry is used all the same.
    pub(super) fn warning(&self) -> ConfigNote {
        self.note(Severity::Warning)
    }

    fn note(&self, severity: Severity) -> ConfigNote {
        ConfigNote {
            server: self.server().map(str::to_owned),
            fatal: severity == Severity::Fatal,
            problem: self.problem(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Severity {
    Fatal,
    Warning,
}

impl Explain for Flaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "config_empty",
            Self::Syntax { .. } | Self::Unreadable(_) => "config_syntax",
            Self::Root | Self::Servers | Self::CentralAuth => "config_shape",
            Self::PositiveInteger(_) | Self::PositiveNumber(_) => "config_value",
            Self::RootKey { .. } | Self::UnknownKey { .. } => "config_unknown_key",
            Self::AuthWithoutServer { .. } => "config_unknown_server",
            Self::Duplicate(_) => "config_duplicate",
            Self::Name { .. } | Self::DoubleUnderscore(_) => "server_name",
            Self::Entry(_) | Self::Value { .. } | Self::Required { .. } => "server_config",
            Self::Header { .. } => "server_header",
            Self::Unset { .. } | Self::UnsetKept { .. } | Self::Input { .. } => "server_variable",
            Self::WithoutEffect { .. } => "server_key_without_effect",
            Self::PlainHttp(_) => "server_plain_http",
            Self::LiteralSecret(_) => "server_literal_secret",
            Self::Bridge(_) => "server_bridge",
            Self::OmlxRefuses(_) => "omlx_refuses",
        }
    }

    fn action(&self) -> Action {
        Action::EditConfig
    }
}

/// A name from the file, fit to be shown: one line, bounded.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars().filter(|c| !c.is_control());
    let mut shown: String = characters.by_ref().take(MAX_SHOWN).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The known word a misspelt one most likely stands for.
pub(super) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    known
        .into_iter()
        .map(|known| (distance(&plain, known), known))
        .filter(|(distance, known)| *distance <= 2 && distance * 3 <= known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// A word without what only differs between naming styles: `clientId` and `client-id` are one.
pub(super) fn plain(word: &str) -> String {
    let kept = word.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    kept.flat_map(char::to_lowercase).collect()
}

fn distance(plain_word: &str, known: &str) -> usize {
    strsim::damerau_levenshtein(plain_word, &plain(known))
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |known| format!("; did you mean '{known}'?"))
}

/// Whether a name can stand in the file at all.
pub(super) fn server_id(name: &str) -> Result<ServerId, Flaw> {
    name.parse().map_err(|cause| Flaw::Name {
        server: shown(name),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_recognised_and_a_strange_one_is_not() {
        let known = ["client_id", "client_secret", "scopes", "url"];
        assert_eq!(closest("clientId", known), Some("client_id"));
        assert_eq!(closest("CLIENT_SECRET", known), Some("client_secret"));
        assert_eq!(closest("scope", known), Some("scopes"));
        assert_eq!(closest("uri", known), Some("url"));
        assert_eq!(closest("foo", known), None);
        assert_eq!(closest("", known), None);
    }

    #[test]
    fn a_shown_name_is_one_bounded_line() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "ab[31m");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MAX_SHOWN + 1);
    }
}

//! What somebody typed or pasted, as servers that could be added: a URL, a command, or another client's config.

use url::Url;

use super::{
    expand::expand,
    flaw::Flaw,
    names,
    new_server::{NewEndpoint, NewServer, NewTransport},
    snippet,
};
use crate::{Action, Explain, Problem, ServerId, server_id::ServerIdError};

/// A server with the name it would get.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// As pasted, or after the host or the program; [`Config::free_name`](super::Config::free_name) tells it apart.
    pub name: ServerId,
    /// The server.
    pub server: NewServer,
    /// What was left out, and what there is a better way for.
    pub notes: Vec<Problem>,
}

/// What was understood of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    /// In the order of the text.
    pub servers: Vec<Suggestion>,
    /// Why some entries are not among them.
    pub problems: Vec<Problem>,
}

/// Why a text is no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuggestionError {
    /// There is no text.
    #[error("there is nothing to add: give a URL, a command, or another client's config")]
    Empty,
    /// It was to be a URL and is none.
    #[error("this is not the URL of an MCP server, which begins with https:// or http://")]
    NotAUrl,
    /// It was to be a command, and a quotation mark is missing.
    #[error("a quotation mark in the command is not closed")]
    Quotes,
    /// It was to be a config and is not readable.
    #[error("the pasted config is not readable: {0}")]
    Unreadable(String),
    /// It is a config in which nothing looks like a server.
    #[error(
        "no server is in the pasted config; expected 'mcpServers', 'servers', 'context_servers' or one entry"
    )]
    NoServers,
    /// No name can be made for it.
    #[error(transparent)]
    Name(#[from] ServerIdError),
}

impl Explain for SuggestionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "add_empty",
            Self::NotAUrl => "add_not_a_url",
            Self::Quotes => "add_quotes",
            Self::Unreadable(_) => "add_unreadable",
            Self::NoServers => "add_no_servers",
            Self::Name(_) => "server_name",
        }
    }

    fn action(&self) -> Action {
        Action::None
    }
}

impl Suggestions {
    /// Understands any of the three.
    pub fn of(text: &str) -> Result<Self, SuggestionError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SuggestionError::Empty);
        }
        let one = match Kind::of(text) {
            Kind::Config => return Self::of_config(text),
            Kind::Url => Suggestion::of_url(text)?,
            Kind::Command => Suggestion::of_command_line(text)?,
        };
        Ok(Self {
            servers: vec![one],
            problems: Vec::new(),
        })
    }

    /// Understands another client's config: a whole file, its servers, one of them with or without its name.
    pub fn of_config(text: &str) -> Result<Self, SuggestionError> {
        snippet::parse(text)
    }
}

/// What a text looks like.
enum Kind {
    Config,
    Url,
    Command,
}

impl Kind {
    fn of(text: &str) -> Self {
        let has_spaces = text.contains(char::is_whitespace);
        if text.starts_with(['{', '"', '[', '`']) {
            Self::Config
        } else if !has_spaces && (text.contains("://") || looks_like_host(text)) {
            Self::Url
        } else {
            Self::Command
        }
    }
}

/// `mcp.notion.com/mcp`, and neither `./server.py` nor `server.py`.
fn looks_like_host(text: &str) -> bool {
    let Some((host, _)) = text.split_once('/') else {
        return false;
    };
    host.contains('.') && !host.starts_with(['.', '~'])
}

impl Suggestion {
    /// A server by an entry of another client's config, under its name there.
    pub fn of_entry(name: &str, entry: &serde_json::Value) -> Result<Self, Problem> {
        snippet::named(name, entry).map_err(|flaw| flaw.problem())
    }

    /// The nearest name to a text, for an entry that is to be shown although it makes no sense.
    pub(crate) fn nearest_name(text: &str) -> Option<ServerId> {
        names::nearest(text).ok()
    }

    /// A server by its URL; `https://` may be left out.
    pub fn of_url(text: &str) -> Result<Self, SuggestionError> {
        let text = text.trim();
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&full).map_err(|_| SuggestionError::NotAUrl)?;
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Err(SuggestionError::NotAUrl);
        }
        let name = names::of_url(&url)?;
        let is_sse = url.path().trim_end_matches('/').ends_with("/sse");
        let endpoint = NewEndpoint {
            url: full,
            headers: Vec::new(),
        };
        let transport = if is_sse {
            NewTransport::Sse(endpoint)
        } else {
            NewTransport::StreamableHttp(endpoint)
        };
        Ok(Self::plain(name, NewServer::new(transport)))
    }

    /// A server by its command line, as a shell would read it; leading `NAME=value` words become its variables.
    pub fn of_command_line(line: &str) -> Result<Self, SuggestionError> {
        let words = shlex::split(line.trim()).ok_or(SuggestionError::Quotes)?;
        Self::of_command(&words)
    }

    /// A server by the words of its command.
    pub fn of_command(words: &[String]) -> Result<Self, SuggestionError> {
        let variables = words
            .iter()
            .map_while(|word| assignment(word))
            .collect::<Vec<_>>();
        let words = &words[variables.len()..];
        let (command, args) = words.split_first().ok_or(SuggestionError::Empty)?;
        let transport = NewTransport::Stdio {
            command: command.clone(),
            args: args.to_vec(),
            env: variables,
            cwd: None,
        };
        Ok(Self::named(names::of_command(words)?, NewServer::new(transport)))
    }

    /// A server with its name, and a word about a better way if there is one.
    pub(super) fn named(name: ServerId, server: NewServer) -> Self {
        let mut suggestion = Self::plain(name, server);
        if suggestion.without_bridge().is_some() {
            let bridge = Flaw::Bridge(suggestion.name.to_string());
            suggestion.notes.push(bridge.problem());
        }
        suggestion
    }

    /// The same server reached directly, when its command is mcp-remote, which does nothing but what we do ourselves.
    pub fn without_bridge(&self) -> Option<Self> {
        let NewTransport::Stdio { args, env, .. } = &self.server.transport else {
            return None;
        };
        let url = names::bridged_url(args)?;
        let mut direct = Self::of_url(url.as_str()).ok()?;
        let variable = |name: &str| {
            env.iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.clone())
        };
        if let NewTransport::StreamableHttp(endpoint) | NewTransport::Sse(endpoint) =
            &mut direct.server.transport
        {
            let options = args
                .iter()
                .zip(args.iter().skip(1))
                .filter(|(option, _)| *option == "--header");
            let headers = options.filter_map(|(_, header)| header.split_once(':'));
            let value = |text: &str| expand(text.trim(), &variable).text;
            endpoint.headers = headers
                .map(|(name, text)| (name.trim().to_owned(), value(text)))
                .collect();
        }
        direct.server.start = self.server.start;
        direct.name = self.name.clone();
        Some(direct)
    }

    fn plain(name: ServerId, server: NewServer) -> Self {
        Self {
            name,
            server,
            notes: Vec::new(),
        }
    }
}

/// `NAME=value`, as a shell takes it before a command.
fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric());
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests;

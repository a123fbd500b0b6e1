//! Other clients' configs, pasted: Claude Desktop and Code, Cursor, VS Code, Windsurf, Zed, Gemini, opencode, Codex.
//!
//! Whatever they call a thing, what comes out is in oMLX's words. Nothing is expanded: a reference to a variable goes
//! into the file as it is, so that no secret is written that was not written before.

use serde_json::{Map, Value};
use url::Url;

use super::{
    auth,
    fields::Fields,
    flaw::{Flaw, plain, shown},
    names,
    new_server::{AuthBlock, NewEndpoint, NewServer, NewTransport, Start},
    server::{FOREIGN_KEYS, KEYS, URL_KEYS, enabled, kind},
    suggestion::{Suggestion, SuggestionError, Suggestions},
};
use crate::{Explain, ServerId, event::TransportKind, server_id::ServerIdError};

mod read;

pub(crate) use read::toml_value;

/// Where other clients keep their servers, each as the way from the root.
const PLACES: &[&[&str]] = &[
    &["mcpServers"],
    &["servers"],
    &["context_servers"],
    &["mcp_servers"],
    &["mcp", "servers"],
    &["mcp"],
];

/// Keys by which an entry is known.
const TELLING: &[&str] = &["command", "url", "serverUrl", "httpUrl"];

/// What others call keys of the `auth` block.
const AUTH_ALIASES: &[(&str, &str)] = &[
    ("callbackport", "redirect_port"),
    ("redirecturi", "redirect"),
    ("authorizationurl", "auth_url"),
    ("scope", "scopes"),
];

/// Understands a pasted config.
pub(super) fn parse(text: &str) -> Result<Suggestions, SuggestionError> {
    let root = read::value(text)?;
    let root = root.as_object().ok_or(SuggestionError::NoServers)?;
    if is_entry(root) {
        let one = unnamed(root).map_err(|flaw| SuggestionError::Unreadable(flaw.to_string()))?;
        return Ok(Suggestions {
            servers: vec![one],
            problems: Vec::new(),
        });
    }
    let servers = servers(root).ok_or(SuggestionError::NoServers)?;
    let mut suggestions = Suggestions::default();
    for (name, entry) in servers {
        match named(name, entry) {
            Ok(suggestion) => suggestions.servers.push(suggestion),
            Err(flaw) => suggestions.problems.push(flaw.problem()),
        }
    }
    Ok(suggestions)
}

fn is_entry(map: &Map<String, Value>) -> bool {
    TELLING
        .iter()
        .any(|key| map.get(*key).is_some_and(|value| !value.is_null()))
}

/// The servers, wherever they stand; a map of entries without any key around it counts as well.
fn servers(root: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let looks_like_servers =
        |map: &Map<String, Value>| map.values().any(|entry| entry.as_object().is_some_and(is_entry));
    let at = |place: &&[&str]| {
        let (first, rest) = place.split_first()?;
        rest.iter()
            .try_fold(root.get(*first)?, |value, key| value.get(*key))?
            .as_object()
    };
    let found = PLACES.iter().filter_map(at).find(|map| looks_like_servers(map));
    found.or_else(|| looks_like_servers(root).then_some(root))
}

/// Understands one entry of another client's config.
pub(super) fn named(name: &str, entry: &Value) -> Result<Suggestion, Flaw> {
    let entry = entry.as_object().ok_or_else(|| Flaw::Entry(shown(name)))?;
    let (server, left_out) = server(name, entry)?;
    let id = name.parse().or_else(|_| names::nearest(name));
    suggestion(id, server, &left_out)
}

fn unnamed(entry: &Map<String, Value>) -> Result<Suggestion, Flaw> {
    let (server, left_out) = server("", entry)?;
    let id = match &server.transport {
        NewTransport::Stdio { command, args, .. } => {
            let words: Vec<_> = std::iter::once(command).chain(args).cloned().collect();
            names::of_command(&words)
        }
        NewTransport::StreamableHttp(endpoint) | NewTransport::Sse(endpoint) => {
            match Url::parse(&endpoint.url) {
                Ok(url) => names::of_url(&url),
                Err(_) => names::nearest(""),
            }
        }
    };
    suggestion(id, server, &left_out)
}

fn suggestion(
    id: Result<ServerId, ServerIdError>,
    server: NewServer,
    left_out: &[Flaw],
) -> Result<Suggestion, Flaw> {
    let nameless = |cause| Flaw::Name {
        server: String::new(),
        cause,
    };
    let mut suggestion = Suggestion::named(id.map_err(nameless)?, server);
    suggestion.notes.extend(left_out.iter().map(Explain::problem));
    Ok(suggestion)
}

/// One entry in oMLX's words, and what has no place in them.
fn server(name: &str, entry: &Map<String, Value>) -> Result<(NewServer, Vec<Flaw>), Flaw> {
    let mut entry = in_our_words(entry);
    let auth = auth_block(&mut entry);
    let fields = Fields {
        server: name,
        prefix: "",
        map: &entry,
    };
    let transport = match kind(fields)? {
        TransportKind::Stdio => stdio(fields)?,
        TransportKind::Sse => NewTransport::Sse(endpoint(fields)?),
        TransportKind::StreamableHttp => NewTransport::StreamableHttp(endpoint(fields)?),
    };
    let start = if enabled(fields)? {
        Start::Enabled
    } else {
        Start::Disabled
    };
    let left_out = fields.unknown(KEYS).filter(|flaw| !is_foreign(flaw)).collect();
    Ok((
        NewServer {
            transport,
            auth,
            start,
        },
        left_out,
    ))
}

fn is_foreign(flaw: &Flaw) -> bool {
    matches!(flaw, Flaw::UnknownKey { key, .. } if FOREIGN_KEYS.contains(&key.as_str()))
}

fn stdio(fields: Fields<'_>) -> Result<NewTransport, Flaw> {
    let command = fields
        .non_empty("command")?
        .ok_or_else(|| fields.invalid("command", "a string"))?;
    Ok(NewTransport::Stdio {
        command: command.to_owned(),
        args: fields.texts("args")?.unwrap_or_default(),
        env: fields.pairs("env")?,
        cwd: fields.non_empty("cwd")?.map(str::to_owned),
    })
}

fn endpoint(fields: Fields<'_>) -> Result<NewEndpoint, Flaw> {
    let mut url = None;
    for key in URL_KEYS {
        url = url.or(fields.non_empty(key)?);
    }
    Ok(NewEndpoint {
        url: url.ok_or_else(|| fields.invalid("url", "a URL"))?.to_owned(),
        headers: fields.pairs("headers")?,
    })
}

/// The entry with other clients' keys and shapes turned into ours.
fn in_our_words(entry: &Map<String, Value>) -> Map<String, Value> {
    let mut ours = entry.clone();
    for (theirs, our) in [("environment", "env"), ("http_headers", "headers")] {
        if let Some(value) = ours.shift_remove(theirs) {
            ours.entry(our).or_insert(value);
        }
    }
    spread_command(&mut ours);
    if let Some(Value::Object(variables)) = ours.shift_remove("env_http_headers") {
        for (header, variable) in variables {
            add_header(&mut ours, header, "", &variable);
        }
    }
    if let Some(variable) = ours.shift_remove("bearer_token_env_var") {
        add_header(&mut ours, "Authorization".to_owned(), "Bearer ", &variable);
    }
    ours
}

/// A command as a list (opencode) or with its arguments inside (Zed).
fn spread_command(entry: &mut Map<String, Value>) {
    match entry.shift_remove("command") {
        Some(Value::Array(words)) if !words.is_empty() => {
            let mut words = words.into_iter();
            entry.extend(words.next().map(|command| ("command".to_owned(), command)));
            entry.entry("args").or_insert_with(|| words.collect());
        }
        Some(Value::Object(mut inner)) => {
            let command = inner
                .shift_remove("path")
                .or_else(|| inner.shift_remove("command"));
            entry.extend(command.map(|command| ("command".to_owned(), command)));
            for (key, value) in inner {
                entry.entry(key).or_insert(value);
            }
        }
        Some(command) => {
            entry.insert("command".to_owned(), command);
        }
        None => {}
    }
}

/// A header whose value is in a variable.
fn add_header(entry: &mut Map<String, Value>, header: String, scheme: &str, variable: &Value) {
    let headers = entry
        .entry("headers")
        .or_insert_with(|| Value::Object(Map::new()));
    if let (Some(headers), Some(variable)) = (headers.as_object_mut(), variable.as_str()) {
        headers
            .entry(header)
            .or_insert_with(|| format!("{scheme}${{env:{variable}}}").into());
    }
}

/// The keys of `auth` (Cursor, ours) and `oauth` (Claude Code, Gemini) that mean something here.
fn auth_block(entry: &mut Map<String, Value>) -> AuthBlock {
    let blocks = ["oauth", "auth"].map(|key| entry.shift_remove(key));
    let keys = blocks.into_iter().flatten().filter_map(|block| match block {
        Value::Object(map) => Some(map),
        _ => None,
    });
    keys.flatten()
        .filter_map(|(key, value)| Some((our_auth_key(&key)?.to_owned(), value)))
        .collect()
}

fn our_auth_key(theirs: &str) -> Option<&'static str> {
    let theirs = plain(theirs);
    let alias = AUTH_ALIASES
        .iter()
        .find(|(alias, _)| *alias == theirs)
        .map(|(_, our)| *our);
    alias.or_else(|| auth::KEYS.iter().copied().find(|our| plain(our) == theirs))
}

//! One entry → one [`ServerConfig`]: oMLX's keys, and what other clients call them.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use super::{
    auth,
    environment::Environment,
    expand::{Unresolved, expand},
    fields::{Fields, seconds},
    flaw::{Flaw, closest, plain, server_id, shown},
    model::{AuthConfig, AuthType, ServerConfig, Transport},
    parse::Notes,
};
use crate::event::TransportKind;

/// Keys that mean something here.
pub(super) const KEYS: &[&str] = &[
    "transport",
    "type",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "serverUrl",
    "httpUrl",
    "headers",
    "enabled",
    "disabled",
    "timeout",
    "auth",
];

/// Keys that mean something to another client and nothing here; no reason to worry anyone.
pub(super) const FOREIGN_KEYS: &[&str] = &[
    "name",
    "description",
    "alwaysAllow",
    "autoApprove",
    "disabledTools",
    "trust",
    "source",
    "gallery",
    "version",
];

/// `url` and what others call it.
pub(super) const URL_KEYS: &[&str] = &["url", "serverUrl", "httpUrl"];

/// What an entry needs from the rest of the file.
pub(super) struct Surroundings<'a> {
    /// Where variables come from.
    pub(super) env: &'a Environment,
    /// The file's `default_timeout`.
    pub(super) default_timeout: Duration,
    /// The `auth` map at the root.
    pub(super) central_auth: &'a Map<String, Value>,
}

/// Reads one entry.
pub(super) fn parse(
    name: &str,
    value: &Value,
    around: &Surroundings<'_>,
    notes: &mut Notes,
) -> Result<ServerConfig, Flaw> {
    let id = server_id(name)?;
    let map = value.as_object().ok_or_else(|| Flaw::Entry(shown(name)))?;
    let fields = Fields {
        server: name,
        prefix: "",
        map,
    };
    warn_of_names(fields, notes);
    let enabled = enabled(fields)?;
    let transport = match kind(fields)? {
        TransportKind::Stdio => stdio(fields, around.env, notes)?,
        kind => http(
            fields,
            kind,
            Reader {
                around,
                enabled,
                notes,
            },
        )?,
    };
    Ok(ServerConfig {
        id,
        auth: auth_of(fields, &transport, around, notes)?,
        transport,
        enabled,
        paused: false,
        timeout: timeout(fields, around.default_timeout, notes),
    })
}

fn warn_of_names(fields: Fields<'_>, notes: &mut Notes) {
    if fields.server.contains("__") {
        notes.warn(&Flaw::DoubleUnderscore(shown(fields.server)));
    }
    for flaw in fields.unknown(KEYS) {
        let foreign = matches!(&flaw, Flaw::UnknownKey { key, .. } if FOREIGN_KEYS.contains(&key.as_str()));
        if !foreign {
            notes.warn(&flaw);
        }
    }
}

/// `enabled`, or what Cline and Windsurf write.
pub(super) fn enabled(fields: Fields<'_>) -> Result<bool, Flaw> {
    let disabled = fields.flag("disabled")?.unwrap_or(false);
    Ok(fields.flag("enabled")?.unwrap_or(!disabled))
}

fn timeout(fields: Fields<'_>, default: Duration, notes: &mut Notes) -> Duration {
    let Some(value) = fields.value("timeout") else {
        return default;
    };
    seconds(value).unwrap_or_else(|| {
        notes.warn(&fields.invalid("timeout", "a positive number"));
        default
    })
}

/// The transport named, or the one the other keys speak for; oMLX's default is stdio.
pub(super) fn kind(fields: Fields<'_>) -> Result<TransportKind, Flaw> {
    for key in ["transport", "type"] {
        if let Some(name) = fields.non_empty(key)? {
            return named_kind(name).ok_or_else(|| fields.invalid(key, transports(name)));
        }
    }
    let has_url = URL_KEYS.iter().any(|key| fields.value(key).is_some());
    Ok(if has_url && fields.value("command").is_none() {
        TransportKind::StreamableHttp
    } else {
        TransportKind::Stdio
    })
}

fn named_kind(name: &str) -> Option<TransportKind> {
    match plain(name).as_str() {
        "stdio" | "local" => Some(TransportKind::Stdio),
        "sse" => Some(TransportKind::Sse),
        "streamablehttp" | "http" | "remote" => Some(TransportKind::StreamableHttp),
        _ => None,
    }
}

fn transports(name: &str) -> String {
    let names = ["stdio", "sse", "streamable-http"];
    let guess = closest(name, names).map_or_else(String::new, |known| format!("; did you mean '{known}'?"));
    format!("stdio, sse or streamable-http{guess}")
}

/// oMLX's name of a transport.
pub(super) const fn transport_name(kind: TransportKind) -> &'static str {
    match kind {
        TransportKind::Stdio => "stdio",
        TransportKind::Sse => "sse",
        TransportKind::StreamableHttp => "streamable-http",
    }
}

fn stdio(fields: Fields<'_>, env: &Environment, notes: &mut Notes) -> Result<Transport, Flaw> {
    let required = || required(fields, TransportKind::Stdio, "command");
    let command = fields.non_empty("command")?.ok_or_else(required)?.to_owned();
    without_effect(fields, TransportKind::Stdio, notes);
    let mut args = fields.texts("args")?.unwrap_or_default();
    let mut variables = fields.pairs("env")?;
    for arg in &mut args {
        expand_in_place(arg, env, |unresolved| {
            notes.warn(&kept(fields, "args", unresolved));
        });
    }
    for (name, value) in &mut variables {
        let key = format!("env.{name}");
        expand_in_place(value, env, |unresolved| {
            notes.warn(&kept(fields, &key, unresolved));
        });
    }
    Ok(Transport::Stdio {
        command,
        args,
        env: variables,
        cwd: fields.non_empty("cwd")?.map(|text| env.path(text)),
    })
}

/// Arguments and variables may be shell text that was never meant for us, so what is unset stays as written.
fn expand_in_place(text: &mut String, env: &Environment, tell: impl FnMut(&Unresolved)) {
    let expansion = expand(text, &|name| env.get(name));
    expansion.unresolved.iter().for_each(tell);
    *text = expansion.text;
}

fn kept(fields: Fields<'_>, key: &str, unresolved: &Unresolved) -> Flaw {
    match unresolved {
        Unresolved::Variable(name) => Flaw::UnsetKept {
            server: shown(fields.server),
            key: fields.path(key),
            name: shown(name),
        },
        Unresolved::Input(id) => input(fields, key, id),
    }
}

/// What reading a URL and its headers needs.
struct Reader<'a> {
    around: &'a Surroundings<'a>,
    enabled: bool,
    notes: &'a mut Notes,
}

fn http(fields: Fields<'_>, kind: TransportKind, mut reader: Reader<'_>) -> Result<Transport, Flaw> {
    let url = url(fields, kind, reader.around.env)?;
    let headers = headers(fields, &mut reader)?;
    without_effect(fields, kind, reader.notes);
    Ok(if kind == TransportKind::Sse {
        Transport::Sse { url, headers }
    } else {
        Transport::StreamableHttp { url, headers }
    })
}

fn url(fields: Fields<'_>, kind: TransportKind, env: &Environment) -> Result<Url, Flaw> {
    let mut found = None;
    for key in URL_KEYS {
        found = found.or(fields.non_empty(key)?.map(|text| (*key, text)));
    }
    let (key, text) = found.ok_or_else(|| required(fields, kind, "url"))?;
    let text = resolved(fields, key, text, env)?;
    let url = Url::parse(text.trim()).map_err(|_| fields.invalid(key, "a URL"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(fields.invalid(key, "an http or https URL"))
    }
}

fn headers(fields: Fields<'_>, reader: &mut Reader<'_>) -> Result<HeaderMap, Flaw> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.pairs("headers")? {
        match header(fields, &name, &value, reader.around.env) {
            Ok((name, value)) => {
                headers.insert(name, value);
            }
            // Nobody connects to it now, so an unset variable is no reason to lose the entry.
            Err(flaw @ (Flaw::Unset { .. } | Flaw::Input { .. })) if !reader.enabled => {
                reader.notes.warn(&flaw);
            }
            Err(flaw) => return Err(flaw),
        }
    }
    Ok(headers)
}

fn header(
    fields: Fields<'_>,
    name: &str,
    value: &str,
    env: &Environment,
) -> Result<(HeaderName, HeaderValue), Flaw> {
    let key = format!("headers.{name}");
    let unusable = |reason| Flaw::Header {
        server: shown(fields.server),
        key: fields.path(&key),
        reason,
    };
    let value = resolved(fields, &key, value, env)?;
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| unusable("its name has a character no header may have"))?;
    // RFC 9110 §5.5: white space around a value is not part of it.
    let mut value = HeaderValue::from_bytes(value.trim().as_bytes())
        .map_err(|_| unusable("its value has a line break or another control character"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The text with every reference resolved; a credential with a hole in it is worse than none.
fn resolved(fields: Fields<'_>, key: &str, text: &str, env: &Environment) -> Result<String, Flaw> {
    let expansion = expand(text, &|name| env.get(name));
    match expansion.unresolved.first() {
        None => Ok(expansion.text),
        Some(Unresolved::Variable(name)) => Err(Flaw::Unset {
            server: shown(fields.server),
            key: fields.path(key),
            name: shown(name),
        }),
        Some(Unresolved::Input(id)) => Err(input(fields, key, id)),
    }
}

fn input(fields: Fields<'_>, key: &str, id: &str) -> Flaw {
    Flaw::Input {
        server: shown(fields.server),
        key: fields.path(key),
        id: shown(id),
    }
}

fn required(fields: Fields<'_>, kind: TransportKind, key: &'static str) -> Flaw {
    Flaw::Required {
        server: shown(fields.server),
        transport: transport_name(kind),
        key,
    }
}

fn without_effect(fields: Fields<'_>, kind: TransportKind, notes: &mut Notes) {
    let keys: &[&'static str] = match kind {
        TransportKind::Stdio => &["url", "serverUrl", "httpUrl", "headers", "auth"],
        TransportKind::Sse | TransportKind::StreamableHttp => &["command", "args", "env", "cwd"],
    };
    for key in keys.iter().copied().filter(|key| says_something(fields, key)) {
        notes.warn(&Flaw::WithoutEffect {
            server: shown(fields.server),
            key,
            transport: transport_name(kind),
        });
    }
}

/// Many clients write `"headers": {}` or `"args": []` whatever the transport.
fn says_something(fields: Fields<'_>, key: &str) -> bool {
    match fields.value(key) {
        None => false,
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

fn auth_of(
    fields: Fields<'_>,
    transport: &Transport,
    around: &Surroundings<'_>,
    notes: &mut Notes,
) -> Result<AuthConfig, Flaw> {
    if transport.kind() == TransportKind::Stdio {
        return Ok(AuthConfig::default());
    }
    let own = block(fields, "auth", fields.value("auth"))?;
    let central = block(fields, "auth", around.central_auth.get(fields.server))?;
    let mut auth = match (own, central) {
        (None, None) => AuthConfig::default(),
        (own, central) => {
            let empty = Map::new();
            let map = auth::merged(own.unwrap_or(&empty), central.unwrap_or(&empty));
            let server = fields.server;
            let fields = Fields {
                server,
                prefix: "auth.",
                map: &map,
            };
            auth::parse(fields, around.env, notes)?
        }
    };
    if !transport.may_carry_token() {
        notes.warn(&Flaw::PlainHttp(shown(fields.server)));
        auth.kind = Some(AuthType::None);
    }
    Ok(auth)
}

fn block<'a>(
    fields: Fields<'_>,
    key: &str,
    value: Option<&'a Value>,
) -> Result<Option<&'a Map<String, Value>>, Flaw> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(fields.invalid(key, "a dictionary")),
    }
}

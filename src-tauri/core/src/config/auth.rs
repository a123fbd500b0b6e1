//! The `auth` block: where it stands, how two places merge, and what its keys mean.
//!
//! It stands in the server's entry (`servers.notion.auth`) or in a map at the root (`auth.notion`), which oMLX
//! ignores and therefore survives. Both at once merge key by key, the entry's own winning.

use std::path::PathBuf;

use oauth2::ClientSecret;
use serde_json::{Map, Value};
use url::Url;

use super::{
    environment::Environment,
    expand::{Unresolved, expand},
    fields::Fields,
    flaw::{Flaw, closest, plain, shown},
    model::{
        AuthConfig, AuthType, DpopChoice, GrantType, NamedSecret, RedirectChoice, RefreshScope,
        ResourceChoice,
    },
    parse::Notes,
    unattended,
};
use crate::oauth::{
    endpoint::{Endpoint, is_loopback},
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
};

/// Every key of the block.
pub(super) const KEYS: &[&str] = &[
    "type",
    "grant",
    "client_id",
    "client_secret",
    "client_secret_env",
    "client_metadata_url",
    "scopes",
    "audience",
    "auth_url",
    "token_url",
    "device_auth_url",
    "revocation_url",
    "issuer",
    "resource",
    "redirect",
    "redirect_port",
    "redirect_host",
    "authorize_params",
    "refresh_scope",
    "dpop",
    "assume_pkce",
    "allow_missing_iss",
    "token_store",
    "account",
    "private_key_file",
    "private_key_env",
    "signing_alg",
    "assertion_file",
    "assertion_env",
    "idp_token_url",
    "idp_client_id",
    "idp_client_secret_env",
    "id_token_file",
    "id_token_env",
];

const TYPES: &[(&str, AuthType)] = &[("oauth2", AuthType::OAuth2), ("none", AuthType::None)];

const GRANTS: &[(&str, GrantType)] = &[
    ("authorization_code", GrantType::AuthorizationCode),
    ("device_code", GrantType::DeviceCode),
    ("client_credentials", GrantType::ClientCredentials),
    ("jwt_bearer", GrantType::JwtBearer),
    ("enterprise", GrantType::Enterprise),
];

const REFRESH_SCOPES: &[(&str, RefreshScope)] = &[
    ("auto", RefreshScope::Auto),
    ("send", RefreshScope::Send),
    ("omit", RefreshScope::Omit),
];

const DPOP: &[(&str, DpopChoice)] = &[
    ("auto", DpopChoice::Auto),
    ("off", DpopChoice::Off),
    ("require", DpopChoice::Require),
];

/// Both blocks as one, the entry's own keys winning.
pub(super) fn merged(own: &Map<String, Value>, central: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = central.clone();
    merged.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
    merged
}

/// Reads the block of one server.
pub(super) fn parse(fields: Fields<'_>, env: &Environment, notes: &mut Notes) -> Result<AuthConfig, Flaw> {
    let grant = word(fields, "grant", GRANTS)?.unwrap_or_default();
    for flaw in fields.unknown(KEYS) {
        notes.warn(&flaw);
    }
    Ok(AuthConfig {
        kind: Some(word(fields, "type", TYPES)?.unwrap_or(AuthType::OAuth2)),
        grant,
        client_id: owned(fields, "client_id")?,
        client_secret: client_secret(fields, env, notes)?,
        client_metadata_url: endpoint(fields, "client_metadata_url")?,
        scopes: scopes(fields)?,
        audience: owned(fields, "audience")?,
        authorization_endpoint: endpoint(fields, "auth_url")?,
        token_endpoint: endpoint(fields, "token_url")?,
        device_authorization_endpoint: endpoint(fields, "device_auth_url")?,
        revocation_endpoint: endpoint(fields, "revocation_url")?,
        issuer: issuer(fields)?,
        resource: resource(fields)?,
        redirect: redirect(fields)?,
        redirect_host: redirect_host(fields)?,
        redirect_port: fields.port("redirect_port")?,
        authorize_params: fields.pairs("authorize_params")?,
        refresh_scope: word(fields, "refresh_scope", REFRESH_SCOPES)?.unwrap_or_default(),
        dpop: word(fields, "dpop", DPOP)?.unwrap_or_default(),
        assume_pkce: fields.flag("assume_pkce")?.unwrap_or_default(),
        allow_missing_iss: fields.flag("allow_missing_iss")?.unwrap_or_default(),
        token_store: token_store(fields, env)?,
        account: owned(fields, "account")?,
        unattended: unattended::parse(fields, (env, grant), notes)?,
    })
}

pub(super) fn owned(fields: Fields<'_>, key: &str) -> Result<Option<String>, Flaw> {
    Ok(fields.non_empty(key)?.map(str::to_owned))
}

/// One word of a closed list; naming style does not matter.
pub(super) fn word<T: Copy>(
    fields: Fields<'_>,
    key: &str,
    known: &[(&'static str, T)],
) -> Result<Option<T>, Flaw> {
    let Some(text) = fields.non_empty(key)? else {
        return Ok(None);
    };
    let found = known.iter().find(|(name, _)| plain(name) == plain(text));
    found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        let guess = closest(text, names.iter().copied());
        let guess = guess.map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
        fields.invalid(key, format!("one of {}{guess}", names.join(", ")))
    })
}

pub(super) fn endpoint(fields: Fields<'_>, key: &str) -> Result<Option<Endpoint>, Flaw> {
    let parse = |text| Endpoint::parse(text).map_err(|_| fields.invalid(key, "an https URL"));
    fields.non_empty(key)?.map(parse).transpose()
}

fn issuer(fields: Fields<'_>) -> Result<Option<Issuer>, Flaw> {
    let expected = "an https URL without query and fragment";
    let parse = |text| Issuer::parse(text).map_err(|_| fields.invalid("issuer", expected));
    fields.non_empty("issuer")?.map(parse).transpose()
}

fn scopes(fields: Fields<'_>) -> Result<Option<Scopes>, Flaw> {
    match fields.value("scopes") {
        Some(Value::String(text)) => Ok(Some(Scopes::parse(text))),
        Some(Value::Array(_)) => {
            let list = fields.texts("scopes")?;
            Ok(list.map(|list| list.iter().flat_map(|text| text.split_whitespace()).collect()))
        }
        Some(_) => Err(fields.invalid("scopes", "a list of strings")),
        None => Ok(None),
    }
}

fn resource(fields: Fields<'_>) -> Result<ResourceChoice, Flaw> {
    let expected = "true, false or an https URL";
    match fields.value("resource") {
        None | Some(Value::Bool(true)) => Ok(ResourceChoice::Discovered),
        Some(Value::Bool(false)) => Ok(ResourceChoice::Omitted),
        Some(Value::String(text)) => ResourceUri::parse(text)
            .map(ResourceChoice::Exact)
            .map_err(|_| fields.invalid("resource", expected)),
        Some(_) => Err(fields.invalid("resource", expected)),
    }
}

fn redirect(fields: Fields<'_>) -> Result<RedirectChoice, Flaw> {
    let expected = "auto, deep-link, loopback or a loopback URI such as http://127.0.0.1:8123/callback";
    let Some(text) = fields.non_empty("redirect")? else {
        return Ok(RedirectChoice::Auto);
    };
    match plain(text).as_str() {
        "auto" => Ok(RedirectChoice::Auto),
        "deeplink" => Ok(RedirectChoice::DeepLink),
        "loopback" => Ok(RedirectChoice::Loopback),
        _ if is_loopback_http(text) => Ok(RedirectChoice::Exact(text.to_owned())),
        _ => Err(fields.invalid("redirect", expected)),
    }
}

fn is_loopback_http(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url))
}

/// The listener is on this machine, so a host that is not would send the code elsewhere.
fn redirect_host(fields: Fields<'_>) -> Result<Option<String>, Flaw> {
    let Some(host) = fields.non_empty("redirect_host")? else {
        return Ok(None);
    };
    let uri = format!("http://{host}/");
    let is_host = Url::parse(&uri).is_ok_and(|url| is_loopback(&url) && url.as_str() == uri);
    if is_host {
        Ok(Some(host.to_owned()))
    } else {
        Err(fields.invalid("redirect_host", "localhost, 127.0.0.1 or [::1]"))
    }
}

fn token_store(fields: Fields<'_>, env: &Environment) -> Result<Option<PathBuf>, Flaw> {
    Ok(fields.non_empty("token_store")?.map(|text| env.path(text)))
}

/// The secret by variable or, with a warning, from the file; without its variable the client has none.
fn client_secret(
    fields: Fields<'_>,
    env: &Environment,
    notes: &mut Notes,
) -> Result<Option<NamedSecret>, Flaw> {
    if let Some(name) = fields.non_empty("client_secret_env")? {
        let secret = env.non_empty(name).map(|value| named(name, value));
        if secret.is_none() {
            notes.warn(&unset(fields, "client_secret_env", name));
        }
        return Ok(secret);
    }
    let Some(text) = fields.non_empty("client_secret")? else {
        return Ok(None);
    };
    let expansion = expand(text, &|name| env.get(name));
    if let Some(Unresolved::Variable(name) | Unresolved::Input(name)) = expansion.unresolved.first() {
        notes.warn(&unset(fields, "client_secret", name));
        return Ok(None);
    }
    if expansion.text == text {
        notes.warn(&Flaw::LiteralSecret(shown(fields.server)));
    }
    Ok(Some(named("client_secret", expansion.text)))
}

pub(super) fn named(source: &str, secret: String) -> NamedSecret {
    NamedSecret {
        source: source.to_owned(),
        secret: ClientSecret::new(secret),
    }
}

pub(super) fn unset(fields: Fields<'_>, key: &str, name: &str) -> Flaw {
    Flaw::Unset {
        server: shown(fields.server),
        key: fields.path(key),
        name: shown(name),
    }
}

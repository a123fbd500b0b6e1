//! The domain structs a config file becomes.

use std::{fmt, path::PathBuf, time::Duration};

use http::HeaderMap;
use indexmap::IndexMap;
use oauth2::ClientSecret;
use url::Url;

use super::unattended::UnattendedConfig;
use crate::{
    Problem, ServerId,
    event::TransportKind,
    oauth::{
        endpoint::{Endpoint, is_loopback, redacted},
        issuer::Issuer,
        resource_uri::ResourceUri,
        scope::Scopes,
    },
};

/// oMLX's default for `max_tool_calls`.
pub const DEFAULT_MAX_TOOL_CALLS: u32 = 10;

/// oMLX's default for `default_timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// One config file, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The good entries, in file order.
    pub servers: IndexMap<ServerId, ServerConfig>,
    /// What is wrong or odd, in file order; the entries it names are not in `servers` unless it is only a warning.
    pub notes: Vec<ConfigNote>,
    /// oMLX's `max_tool_calls`, default 10.
    pub max_tool_calls: u32,
    /// oMLX's `default_timeout`, default 30 s.
    pub default_timeout: Duration,
}

impl Config {
    /// Why the file as a whole cannot be used; none when its good entries can be.
    pub fn fatal(&self) -> Option<&Problem> {
        let note = self.notes.iter().find(|note| note.fatal && note.server.is_none());
        note.map(|note| &note.problem)
    }

    /// Why entries cannot be used.
    pub fn problems(&self) -> Vec<Problem> {
        self.told(|note| note.fatal)
    }

    /// What is odd in entries that are used all the same.
    pub fn advice(&self) -> Vec<Problem> {
        self.told(|note| !note.fatal)
    }

    fn told(&self, is_meant: impl Fn(&ConfigNote) -> bool) -> Vec<Problem> {
        let notes = self.notes.iter().filter(|note| is_meant(note));
        notes.map(|note| note.problem.clone()).collect()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: IndexMap::new(),
            notes: Vec::new(),
            max_tool_calls: DEFAULT_MAX_TOOL_CALLS,
            default_timeout: DEFAULT_TIMEOUT,
        }
    }
}

/// Something in the file that is wrong or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigNote {
    /// The entry it is about, as written; none for the file as a whole.
    pub server: Option<String>,
    /// Whether the entry (or the file) cannot be used; otherwise a warning.
    pub fatal: bool,
    /// What to tell the user.
    pub problem: Problem,
}

/// One server entry.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// Its name.
    pub id: ServerId,
    /// How to reach it.
    pub transport: Transport,
    /// `enabled`, default true.
    pub enabled: bool,
    /// Whether it is switched on, and rests with all others until the user resumes them. Then `enabled` is false.
    pub paused: bool,
    /// How long one request may take; the entry's `timeout`, else the file's `default_timeout`.
    pub timeout: Duration,
    /// The `auth` block, wherever it stood.
    pub auth: AuthConfig,
}

/// How a server is reached.
#[derive(Clone, PartialEq)]
pub enum Transport {
    /// A child process that speaks MCP on its standard streams.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Variables on top of the inherited ones.
        env: Vec<(String, String)>,
        /// Its working directory.
        cwd: Option<PathBuf>,
    },
    /// Streamable HTTP, either era.
    StreamableHttp {
        /// The MCP endpoint.
        url: Url,
        /// Static header fields, marked sensitive.
        headers: HeaderMap,
    },
    /// The legacy HTTP+SSE transport.
    Sse {
        /// Where the event stream is.
        url: Url,
        /// Static header fields, marked sensitive.
        headers: HeaderMap,
    },
}

/// The `auth` block; every key is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthConfig {
    /// `type`; none when there was no block, so that static headers can speak for themselves.
    pub kind: Option<AuthType>,
    /// `grant`
    pub grant: GrantType,
    /// `client_id` of a pre-registered client.
    pub client_id: Option<String>,
    /// `client_secret`, or the value of the variable named by `client_secret_env`.
    pub client_secret: Option<NamedSecret>,
    /// `client_metadata_url`
    pub client_metadata_url: Option<Endpoint>,
    /// `scopes`
    pub scopes: Option<Scopes>,
    /// `audience`, sent as its own parameter.
    pub audience: Option<String>,
    /// `auth_url`
    pub authorization_endpoint: Option<Endpoint>,
    /// `token_url`
    pub token_endpoint: Option<Endpoint>,
    /// `device_auth_url`
    pub device_authorization_endpoint: Option<Endpoint>,
    /// `revocation_url`
    pub revocation_endpoint: Option<Endpoint>,
    /// `issuer`, pinned.
    pub issuer: Option<Issuer>,
    /// `resource`
    pub resource: ResourceChoice,
    /// `redirect`
    pub redirect: RedirectChoice,
    /// `redirect_host`: what stands in the loopback redirect URI; the listener binds loopback whatever it says.
    pub redirect_host: Option<String>,
    /// `redirect_port`: fixed, for providers that compare it.
    pub redirect_port: Option<u16>,
    /// `authorize_params`
    pub authorize_params: Vec<(String, String)>,
    /// `refresh_scope`
    pub refresh_scope: RefreshScope,
    /// `dpop`
    pub dpop: DpopChoice,
    /// `assume_pkce`
    pub assume_pkce: bool,
    /// `allow_missing_iss`: an answer without `iss` where one was promised (RFC 9207 §2.4); a wrong one never passes.
    pub allow_missing_iss: bool,
    /// `token_store`: another folder for this server's sealed grant.
    pub token_store: Option<PathBuf>,
    /// `account`
    pub account: Option<String>,
    /// What the grants without a person need besides.
    pub unattended: UnattendedConfig,
}

/// `auth.type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// Sign in when the server asks for it.
    OAuth2,
    /// Never start OAuth: the credential is in the URL or the headers.
    None,
}

/// `auth.grant`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749 §4.1
    #[default]
    AuthorizationCode,
    /// RFC 8628
    DeviceCode,
    /// RFC 6749 §4.4
    ClientCredentials,
    /// RFC 7523 §2.1: the platform's own token for the workload.
    JwtBearer,
    /// Identity assertion authorization grant (enterprise-managed authorization).
    Enterprise,
}

impl GrantType {
    /// Whether no person takes part: such a server is signed in to without being asked.
    pub fn is_unattended(self) -> bool {
        matches!(self, Self::ClientCredentials | Self::JwtBearer | Self::Enterprise)
    }
}

/// A secret and where it came from, so that an error can name the variable and never the value.
#[derive(Clone)]
pub struct NamedSecret {
    /// `client_secret` or the variable's name.
    pub source: String,
    /// The value.
    pub secret: ClientSecret,
}

/// `auth.resource`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResourceChoice {
    /// `true`: what the server's metadata says, verbatim.
    #[default]
    Discovered,
    /// `false`: the provider rejects the parameter.
    Omitted,
    /// The exact string to send.
    Exact(ResourceUri),
}

/// `auth.redirect`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RedirectChoice {
    /// Deep link from the app where registered, else loopback.
    #[default]
    Auto,
    /// The private-use scheme (RFC 8252 §7.1).
    DeepLink,
    /// Loopback (RFC 8252 §7.3).
    Loopback,
    /// A full loopback redirect URI, verbatim.
    Exact(String),
}

/// `auth.refresh_scope`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshScope {
    /// Omit it, and once the other way on a scope error.
    #[default]
    Auto,
    /// Send the scope requested.
    Send,
    /// Never send it.
    Omit,
}

/// `auth.dpop` (RFC 9449)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DpopChoice {
    /// Where the server asks for it.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always; a token that is not bound is not used.
    Require,
}

impl Transport {
    /// Which one it is.
    pub fn kind(&self) -> TransportKind {
        match self {
            Self::Stdio { .. } => TransportKind::Stdio,
            Self::StreamableHttp { .. } => TransportKind::StreamableHttp,
            Self::Sse { .. } => TransportKind::Sse,
        }
    }

    /// The URL; none for stdio.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Stdio { .. } => None,
            Self::StreamableHttp { url, .. } | Self::Sse { url, .. } => Some(url),
        }
    }

    /// Whether an access token may travel this way: https, or http that never leaves the machine (OAuth 2.1 §1.5).
    pub fn may_carry_token(&self) -> bool {
        self.url()
            .is_some_and(|url| url.scheme() == "https" || is_loopback(url))
    }

    /// The static header fields; none for stdio.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Stdio { .. } => None,
            Self::StreamableHttp { headers, .. } | Self::Sse { headers, .. } => Some(headers),
        }
    }
}

/// Arguments, variables and header values may be credentials, so only names are shown.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdio {
                command,
                args,
                env,
                cwd,
            } => f
                .debug_struct("Stdio")
                .field("command", command)
                .field("args", &args.len())
                .field("env", &env.iter().map(|(name, _)| name).collect::<Vec<_>>())
                .field("cwd", cwd)
                .finish(),
            Self::StreamableHttp { url, headers } | Self::Sse { url, headers } => f
                .debug_struct(if self.kind() == TransportKind::Sse {
                    "Sse"
                } else {
                    "StreamableHttp"
                })
                .field("url", &redacted(url))
                .field("headers", &headers.keys().collect::<Vec<_>>())
                .finish(),
        }
    }
}

impl PartialEq for NamedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.secret.secret() == other.secret.secret()
    }
}

impl fmt::Debug for NamedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedSecret({}, [redacted])", self.source)
    }
}

//! What a demo is started with, and what can be changed while it runs.

use std::{collections::HashMap, fmt, time::Duration};

use serde_json::{Map, Value};

use crate::{now::Now, scope::Scope};

/// How the demo behaves when nothing is made to go wrong; every field can be changed later with
/// [`Demo::change`](crate::Demo::change), except the port.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// What stands before every path, where something that speaks TLS stands before the demo; none for
    /// `http://127.0.0.1:{port}`.
    pub origin: Option<String>,
    /// Which protocol eras `/mcp` speaks.
    pub era: Era,
    /// Which MCP requests need a token.
    pub protection: Protection,
    /// The exact resource identifier of `/mcp`; none for its URL.
    pub resource: Option<String>,
    /// Where metadata is found.
    pub discovery: Discovery,
    /// Who agrees at the authorization endpoint.
    pub consent: Consent,
    /// How tokens are issued.
    pub tokens: TokenPolicy,
    /// Whether tokens are bound to a key (RFC 9449).
    pub dpop: DpopPolicy,
    /// How devices sign in (RFC 8628).
    pub device: DevicePolicy,
    /// How clients become known.
    pub registration: RegistrationPolicy,
    /// The people with an account here; the first one signs in unless the consent page or `login_hint` says otherwise.
    pub accounts: Vec<Account>,
    /// The tools listed, and how replies are sent.
    pub tools: ToolOptions,
    /// The clock.
    pub now: Now,
}

/// Which protocol eras the MCP endpoint speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Both, told apart by each request.
    Both,
    /// 2026-07-28: no `initialize`, no sessions.
    Stateless,
    /// 2025-11-25, 2025-06-18 and 2025-03-26: `initialize` and `Mcp-Session-Id`.
    Session,
}

/// Which MCP requests need a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Protection {
    /// All of them, with a token of the authorization server.
    OAuth,
    /// Only `tools/call`; the rest answers anyone.
    ToolCalls,
    /// None.
    Open,
    /// All of them, with one fixed header field; a 401 has no challenge.
    Header {
        /// The field's name, lower case.
        name: String,
        /// The field's exact value.
        value: String,
    },
}

/// Where metadata is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Where the protected resource metadata is (RFC 9728 §3.1).
    pub resource_metadata: ResourceMetadataPlace,
    /// Whether the challenge names it (RFC 9728 §5.1).
    pub challenge_names_it: bool,
    /// The `scope` of the 401 challenge (RFC 6750 §3).
    pub challenge_scope: Option<Scope>,
    /// `scopes_supported` of the protected resource metadata.
    pub resource_scopes: Option<Scope>,
    /// What comes after the origin in the issuer: empty, `/`, or a path such as `/tenant1`.
    pub issuer_path: String,
    /// The well-known documents the authorization server has; all others answer 404.
    pub server_metadata: Vec<ServerMetadataPlace>,
}

/// Where the protected resource metadata is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceMetadataPlace {
    /// `/.well-known/oauth-protected-resource` followed by the endpoint's path.
    Path,
    /// `/.well-known/oauth-protected-resource`
    Root,
    /// Any other path; only the challenge tells.
    Elsewhere(String),
    /// Nowhere.
    Nowhere,
}

/// A well-known document of the authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerMetadataPlace {
    /// `/.well-known/oauth-authorization-server`, then the issuer's path (RFC 8414 §3.1).
    OAuth,
    /// `/.well-known/openid-configuration`, then the issuer's path (RFC 8414 §5).
    OpenIdInserted,
    /// The issuer's path, then `/.well-known/openid-configuration` (OpenID Connect Discovery §4).
    OpenIdAppended,
}

/// Who agrees at the authorization endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// A person, on the consent page.
    Ask,
    /// Nobody is asked, the answer is yes.
    Grant,
    /// Nobody is asked, the answer is no.
    Deny,
}

/// How tokens are issued.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenPolicy {
    /// How long an access token lives.
    pub access_lifetime: Duration,
    /// How long an authorization code lives.
    pub code_lifetime: Duration,
    /// Whether, and what kind of, refresh tokens are issued.
    pub refresh: RefreshTokens,
    /// What is thought of `resource` (RFC 8707).
    pub resource: ResourcePolicy,
    /// Every scope there is.
    pub scopes: Scope,
    /// Granted when a request names none, and needed to use the MCP endpoint at all.
    pub base_scope: Scope,
    /// Grant no more than these, whatever was asked.
    pub grant_only: Option<Scope>,
    /// More members of every token reply; `workspace_name` and `owner` are there anyway.
    pub extras: Map<String, Value>,
}

/// Whether, and what kind of, refresh tokens are issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokens {
    /// Single use; using one again after the grace revokes the whole family (OAuth 2.1 §4.3.1).
    Rotating {
        /// How long a spent one still works.
        grace: Duration,
    },
    /// The same one for ever.
    Reusable,
    /// None.
    Never,
}

/// What is thought of the `resource` parameter (RFC 8707 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcePolicy {
    /// Missing is `invalid_target`, at both endpoints.
    Required,
    /// Missing means this server.
    Optional,
    /// Present is `invalid_target`.
    Refused,
}

/// Whether tokens are bound to a key (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DpopPolicy {
    /// Which tokens are.
    pub binding: DpopBinding,
    /// Whether every proof needs a nonce of ours (§8, §9).
    pub nonces: bool,
}

impl DpopPolicy {
    /// Tokens are bound where a proof came along.
    pub const OFFERED: Self = Self {
        binding: DpopBinding::Offered,
        nonces: false,
    };

    /// All tokens are bound.
    pub const REQUIRED: Self = Self {
        binding: DpopBinding::Required,
        nonces: false,
    };

    /// All tokens are bound, and every proof needs a nonce.
    pub const WITH_NONCES: Self = Self {
        binding: DpopBinding::Required,
        nonces: true,
    };
}

/// Which tokens are bound to a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DpopBinding {
    /// None; proofs are ignored.
    #[default]
    Off,
    /// Those that were asked for with a proof.
    Offered,
    /// All of them.
    Required,
}

/// How devices sign in (RFC 8628).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicePolicy {
    /// The least time between two polls.
    pub interval: Duration,
    /// How long a code lives.
    pub lifetime: Duration,
}

/// How clients become known.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistrationPolicy {
    /// The `token_endpoint_auth_method`s there are, and the first one is given to who asks for another.
    pub auth_methods: Vec<String>,
    /// How long a client secret lives; none for ever.
    pub secret_lifetime: Option<Duration>,
    /// Whether the scope of a registration limits later requests.
    pub scope_limits: bool,
    /// Whether the port of a loopback redirect URI is compared, against RFC 8252 §7.3.
    pub exact_port: bool,
    /// Clients known from the start.
    pub known: Vec<KnownClient>,
    /// Client id metadata documents by URL, as if fetched; support is advertised when there is one.
    pub documents: HashMap<String, Value>,
}

/// A pre-registered client.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownClient {
    /// The client identifier.
    pub id: String,
    /// The secret, for confidential clients.
    pub secret: Option<String>,
    /// `none`, `client_secret_basic` or `client_secret_post`.
    pub auth_method: String,
    /// Its redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The grant types it may use.
    pub grant_types: Vec<String>,
}

/// Someone with an account here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `sub`
    pub subject: String,
    /// `name`
    pub name: String,
    /// `email`
    pub email: String,
    /// `workspace_name`
    pub workspace: String,
}

/// The tools listed, and how replies are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOptions {
    /// How many more tools there are, named `extra_0001` and on.
    pub extra: usize,
    /// How many tools are on a page of `tools/list`; none for all.
    pub page_size: Option<usize>,
    /// How a request is answered.
    pub reply: Reply,
    /// Whether `DELETE` ends a session; otherwise it answers 405.
    pub delete_ends_session: bool,
    /// `retry` of event streams.
    pub retry: Option<Duration>,
}

/// How an MCP request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// As a stream when there is progress to tell, else as JSON.
    AsNeeded,
    /// Always as `application/json`.
    Json,
    /// Always as `text/event-stream`.
    Stream,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            port: 0,
            origin: None,
            era: Era::Both,
            protection: Protection::OAuth,
            resource: None,
            discovery: Discovery::default(),
            consent: Consent::Ask,
            tokens: TokenPolicy::default(),
            dpop: DpopPolicy::default(),
            device: DevicePolicy::default(),
            registration: RegistrationPolicy::default(),
            accounts: Account::examples(),
            tools: ToolOptions::default(),
            now: Now::system(),
        }
    }
}

impl DemoOptions {
    /// A demo that asks nobody: what tests start from.
    pub fn headless() -> Self {
        Self {
            consent: Consent::Grant,
            ..Self::default()
        }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            resource_metadata: ResourceMetadataPlace::Path,
            challenge_names_it: true,
            challenge_scope: None,
            resource_scopes: Some(Scope::parse("mcp:tools")),
            issuer_path: String::new(),
            server_metadata: vec![ServerMetadataPlace::OAuth, ServerMetadataPlace::OpenIdInserted],
        }
    }
}

impl Discovery {
    /// No metadata at all: what a server of 2025-03-26 may do (its §2.3.3).
    pub fn none() -> Self {
        Self {
            resource_metadata: ResourceMetadataPlace::Nowhere,
            server_metadata: Vec::new(),
            ..Self::default()
        }
    }
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            access_lifetime: Duration::from_mins(5),
            code_lifetime: Duration::from_mins(1),
            refresh: RefreshTokens::Rotating {
                grace: Duration::ZERO,
            },
            resource: ResourcePolicy::Required,
            scopes: Scope::parse("mcp:tools notes:write openid profile email offline_access"),
            base_scope: Scope::parse("mcp:tools"),
            grant_only: None,
            extras: Map::new(),
        }
    }
}

impl Default for DevicePolicy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            lifetime: Duration::from_mins(10),
        }
    }
}

impl Default for RegistrationPolicy {
    fn default() -> Self {
        Self {
            auth_methods: ["none", "client_secret_basic", "client_secret_post"]
                .map(str::to_owned)
                .into(),
            secret_lifetime: None,
            scope_limits: false,
            exact_port: false,
            known: Vec::new(),
            documents: HashMap::new(),
        }
    }
}

impl Default for ToolOptions {
    fn default() -> Self {
        Self {
            extra: 0,
            page_size: None,
            reply: Reply::AsNeeded,
            delete_ends_session: true,
            retry: None,
        }
    }
}

impl fmt::Debug for KnownClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownClient({}, {})", self.id, self.auth_method)
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OAuth => f.write_str("OAuth"),
            Self::ToolCalls => f.write_str("ToolCalls"),
            Self::Open => f.write_str("Open"),
            Self::Header { name, .. } => write!(f, "Header({name})"),
        }
    }
}

impl Account {
    /// The two people every demo knows.
    pub fn examples() -> Vec<Self> {
        vec![
            Self::example("ada", "Ada Lovelace", "Analytical Engines"),
            Self::example("grace", "Grace Hopper", "Compiler Works"),
        ]
    }

    fn example(word: &str, name: &str, workspace: &str) -> Self {
        Self {
            subject: format!("demo-{word}"),
            name: name.to_owned(),
            email: format!("{word}@demo.example"),
            workspace: workspace.to_owned(),
        }
    }
}

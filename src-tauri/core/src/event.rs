//! What the outside sees: the truth as a [`Snapshot`], the news as [`Event`]s. Neither holds a secret.
//!
//! The words here are shown identically in tray, panel, `omlx mcp status` and the gateway; `--json` prints these
//! structs as they are, so a rename is a breaking change.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Action, Problem, ServerId};

/// The truth about every configured server at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Snapshot {
    /// In the order of the config file.
    pub servers: Vec<ServerSnapshot>,
    /// What is wrong with the config file; the last good one stays in force.
    pub config_problems: Vec<Problem>,
    /// What is odd in it and works all the same: nobody is needed.
    pub config_advice: Vec<Problem>,
}

impl Snapshot {
    /// The entry of `id`.
    pub fn server(&self, id: &ServerId) -> Option<&ServerSnapshot> {
        self.servers.iter().find(|server| server.id == *id)
    }
}

/// The truth about one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ServerSnapshot {
    /// The entry's name.
    pub id: ServerId,
    /// How it is reached.
    pub transport: TransportKind,
    /// Its URL without user info, query and fragment; none for stdio.
    pub url: Option<String>,
    /// Whether, and how, it is signed in.
    pub auth: AuthStatus,
    /// Whether it is reachable.
    pub connection: ConnectionStatus,
    /// Who runs the server, as far as it says.
    pub provider: Option<String>,
    /// Who is signed in, as far as the provider says.
    pub account: Option<String>,
    /// The workspace, organisation or tenant, as far as the provider says.
    pub workspace: Option<String>,
    /// The issuer identifier of the authorization server (RFC 8414 §2).
    pub issuer: Option<String>,
    /// Scopes granted.
    pub scopes: Vec<String>,
    /// Scopes the server wants on top of those granted (`insufficient_scope`).
    pub missing_scopes: Vec<String>,
    /// When the access token ends, if the server said.
    #[cfg_attr(feature = "specta", specta(type = Option<String>))]
    pub expires_at: Option<Timestamp>,
    /// When someone last signed in.
    #[cfg_attr(feature = "specta", specta(type = Option<String>))]
    pub authenticated_at: Option<Timestamp>,
    /// When the access token was last refreshed.
    #[cfg_attr(feature = "specta", specta(type = Option<String>))]
    pub refreshed_at: Option<Timestamp>,
    /// When the next attempt is made, while `waiting`.
    #[cfg_attr(feature = "specta", specta(type = Option<String>))]
    pub retry_at: Option<Timestamp>,
    /// How many tools the last discovery found.
    pub tool_count: Option<u32>,
    /// What to show while `authenticating`.
    pub prompt: Option<SignInPrompt>,
    /// What is wrong, and what mends it.
    pub problem: Option<Problem>,
}

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "kebab-case")]
pub enum TransportKind {
    /// A child process.
    Stdio,
    /// The legacy HTTP+SSE transport of 2024-11-05.
    Sse,
    /// Streamable HTTP, either era.
    StreamableHttp,
}

/// Whether, and how, a server is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum AuthStatus {
    /// Never contacted: nothing is known yet.
    Unknown,
    /// It answers without credentials, uses static headers, or is stdio.
    NotRequired,
    /// It asked for authorization and there is no grant.
    NotAuthenticated,
    /// A sign-in is under way.
    Authenticating,
    /// A request with the token succeeded, or the stored grant is still good.
    Authenticated,
    /// The refresh was rejected, or the token is over and cannot be refreshed.
    RefreshFailed,
    /// 403 `insufficient_scope` (RFC 6750 §3.1).
    InsufficientScope,
    /// The keychain exists and refuses.
    Locked,
}

impl ServerSnapshot {
    /// The product's words for whether, and how, it is signed in. A code to be entered is the server's own text.
    pub fn auth_words(&self) -> Cow<'static, str> {
        let words = match (self.auth, &self.prompt) {
            (AuthStatus::Authenticating, Some(SignInPrompt::DeviceCode { user_code, .. })) => {
                return format!("Enter code {user_code}").into();
            }
            (AuthStatus::Authenticating, Some(SignInPrompt::Browser { .. })) => "Waiting for the browser…",
            (AuthStatus::Authenticating, None) => "Preparing the sign-in…",
            (AuthStatus::Unknown, _) => "Not contacted yet",
            (AuthStatus::NotRequired, _) => "No sign-in needed",
            (AuthStatus::NotAuthenticated, _) => "Not authenticated",
            (AuthStatus::Authenticated, _) => "Authenticated",
            (AuthStatus::RefreshFailed, _) => "Token expired, refresh failed",
            (AuthStatus::InsufficientScope, _) => "More permission needed",
            (AuthStatus::Locked, _) => "Keychain locked",
        };
        words.into()
    }
}

impl AuthStatus {
    /// What the state by itself asks of a person.
    pub fn due(self) -> Option<Action> {
        match self {
            Self::NotAuthenticated => Some(Action::Connect),
            Self::RefreshFailed => Some(Action::Reauthenticate),
            Self::InsufficientScope => Some(Action::Allow),
            Self::Locked => Some(Action::Unlock),
            Self::Unknown | Self::NotRequired | Self::Authenticating | Self::Authenticated => None,
        }
    }
}

/// Whether a server is reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// `enabled: false`.
    Disabled,
    /// No process of ours holds a connection at the moment.
    Idle,
    /// Being connected.
    Connecting,
    /// Connected.
    Connected,
    /// Offline or server down; retried by itself.
    Waiting,
    /// Cannot work without a change; the problem says which.
    Failed,
}

/// What a person needs to see while a sign-in waits for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SignInPrompt {
    /// Agree in the browser at this URL.
    Browser {
        /// The authorization URL, to be copied where no browser opened.
        url: String,
    },
    /// Enter a code at a page (RFC 8628 §3.2).
    DeviceCode {
        /// What to enter.
        user_code: String,
        /// Where to enter it.
        verification_uri: String,
        /// The same with the code filled in, for a QR code.
        verification_uri_complete: Option<String>,
        /// When the code ends.
        #[cfg_attr(feature = "specta", specta(type = String))]
        expires_at: Timestamp,
    },
}

/// News about one server; the truth is the [`Snapshot`] that goes with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The transport answered; says nothing about authorization.
    TransportConnected {
        /// Which server.
        server: ServerId,
    },
    /// The tools were listed: the server is usable.
    ToolsDiscovered {
        /// Which server.
        server: ServerId,
        /// How many.
        tool_count: u32,
    },
    /// A sign-in waits for the user.
    SignInStarted {
        /// Which server.
        server: ServerId,
        /// What to show.
        prompt: SignInPrompt,
    },
    /// A sign-in came to its end.
    SignInFinished {
        /// Which server.
        server: ServerId,
        /// Why it failed; none when it succeeded.
        problem: Option<Problem>,
    },
    /// The access token was replaced, here or by another process.
    TokenRefreshed {
        /// Which server.
        server: ServerId,
    },
    /// A person is needed: sign in, agree to scopes, unlock. Sent once for one reason.
    AttentionNeeded {
        /// Which server.
        server: ServerId,
        /// Why, and what to do.
        problem: Problem,
    },
    /// A client called a server that needs a person, here or through another process. Sent once for one need, and not
    /// while the need itself is news.
    Wanted {
        /// Which server.
        server: ServerId,
    },
    /// Signed out, here or by another process.
    SignedOut {
        /// Which server.
        server: ServerId,
    },
    /// The config file was read again.
    ConfigChanged,
}

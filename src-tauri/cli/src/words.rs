//! The product's words for its states: the same in tray, panel and terminal.

use jiff::Timestamp;
use omlx_mcp::{AuthStatus, ConnectionStatus, ServerSnapshot, event::TransportKind, oauth::timeline::Stage};

use crate::{
    moment,
    output::{face::Paint, text},
};

/// Whether, and how, a server is signed in.
pub(crate) fn auth(server: &ServerSnapshot) -> String {
    text::line(&server.auth_words())
}

/// Whether a server is reachable; empty when nobody is trying.
pub(crate) fn connection(server: &ServerSnapshot, now: Timestamp) -> String {
    match server.connection {
        ConnectionStatus::Disabled => "Disabled".to_owned(),
        ConnectionStatus::Idle => String::new(),
        ConnectionStatus::Connecting => "Connecting…".to_owned(),
        ConnectionStatus::Connected => "Connected".to_owned(),
        ConnectionStatus::Waiting => waiting(server.retry_at, now),
        ConnectionStatus::Failed => "Failed".to_owned(),
    }
}

fn waiting(retry_at: Option<Timestamp>, now: Timestamp) -> String {
    match retry_at {
        Some(at) if at > now => format!("Waiting, tries again {}", moment::relative(at, now)),
        _ => "Waiting".to_owned(),
    }
}

/// The sign in front of a server, which tells its state without colour: works, wants a person, is broken, is off.
pub(crate) fn sign(server: &ServerSnapshot) -> (&'static str, Paint) {
    if server.connection == ConnectionStatus::Disabled {
        return ("–", Paint::Faint);
    }
    match server.auth {
        AuthStatus::NotAuthenticated
        | AuthStatus::RefreshFailed
        | AuthStatus::InsufficientScope
        | AuthStatus::Locked => ("!", Paint::Attention),
        AuthStatus::Authenticating => ("~", Paint::Command),
        _ if server.connection == ConnectionStatus::Failed => ("✗", Paint::Bad),
        _ if server.connection == ConnectionStatus::Waiting => ("~", Paint::Attention),
        // As an earlier process left it.
        _ if server.connection == ConnectionStatus::Idle && server.problem.is_some() => ("✗", Paint::Bad),
        AuthStatus::Unknown => ("○", Paint::Faint),
        AuthStatus::NotRequired | AuthStatus::Authenticated => ("✓", Paint::Good),
    }
}

/// Who is signed in, where: `Ada Lovelace · Analytical Engines`.
pub(crate) fn account(server: &ServerSnapshot) -> String {
    let parts = [&server.account, &server.workspace];
    let shown: Vec<String> = parts.into_iter().flatten().map(|part| text::line(part)).collect();
    shown.join(" · ")
}

/// When the access token ends.
pub(crate) fn expiry(server: &ServerSnapshot, now: Timestamp) -> String {
    match server.expires_at {
        None => String::new(),
        Some(at) if at > now => format!("ends {}", moment::relative(at, now)),
        Some(at) => format!("ended {}", moment::relative(at, now)),
    }
}

/// How a server is reached, as in the config file.
pub(crate) fn transport(kind: TransportKind) -> &'static str {
    match kind {
        TransportKind::Stdio => "stdio",
        TransportKind::Sse => "sse",
        TransportKind::StreamableHttp => "streamable-http",
    }
}

/// The part of a sign-in a step belongs to.
pub(crate) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Challenge => "challenge",
        Stage::ResourceMetadata => "resource metadata",
        Stage::ServerMetadata => "server metadata",
        Stage::Registration => "registration",
        Stage::Authorization => "authorization",
        Stage::Token => "token",
        Stage::Refresh => "refresh",
        Stage::Revocation => "revocation",
        Stage::Identity => "identity",
    }
}

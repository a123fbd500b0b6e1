//! One server in every state there is, for the tests.

use jiff::Timestamp;
use omlx_mcp::{
    Action, AuthStatus, ConnectionStatus, Problem, ServerSnapshot, Snapshot,
    event::{SignInPrompt, TransportKind},
};

use crate::{mend::Mend, output::face::Face};

/// The instant everything is told relative to.
pub(crate) fn now() -> Timestamp {
    at(0)
}

/// So many seconds after [`now`].
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_315_200 + seconds).expect("an instant")
}

/// A stream that shows everything but colours.
pub(crate) fn face(columns: Option<usize>) -> Face {
    Face {
        live: false,
        color: false,
        unicode: true,
        columns,
        rows: None,
    }
}

/// Hints as `omlx mcp` gives them.
pub(crate) fn mend() -> Mend {
    Mend {
        program: "omlx mcp".to_owned(),
        config: Some("/home/ada/.config/omlx/mcp.json".into()),
    }
}

/// A problem.
pub(crate) fn problem(code: &'static str, message: &str, action: Action) -> Problem {
    Problem {
        code: code.into(),
        message: message.to_owned(),
        action,
    }
}

/// A server nobody has contacted.
pub(crate) fn server(name: &str, auth: AuthStatus, connection: ConnectionStatus) -> ServerSnapshot {
    ServerSnapshot {
        id: name.parse().expect("a name"),
        transport: TransportKind::StreamableHttp,
        url: Some(format!("https://mcp.{}.example/mcp", name.len())),
        auth,
        connection,
        provider: None,
        account: None,
        workspace: None,
        issuer: None,
        scopes: Vec::new(),
        missing_scopes: Vec::new(),
        expires_at: None,
        authenticated_at: None,
        refreshed_at: None,
        retry_at: None,
        tool_count: None,
        prompt: None,
        problem: None,
    }
}

/// Signed in, connected, and told everything by its provider.
pub(crate) fn notion() -> ServerSnapshot {
    ServerSnapshot {
        provider: Some("Notion".to_owned()),
        account: Some("Ada Lovelace".to_owned()),
        workspace: Some("Analytical Engines".to_owned()),
        issuer: Some("https://mcp.notion.example".to_owned()),
        scopes: vec!["read".to_owned(), "write".to_owned()],
        expires_at: Some(at(58 * 60 + 3)),
        authenticated_at: Some(at(-3 * 86_400)),
        refreshed_at: Some(at(-185)),
        tool_count: Some(14),
        ..server("notion", AuthStatus::Authenticated, ConnectionStatus::Connected)
    }
}

fn asleep() -> Vec<ServerSnapshot> {
    let files = ServerSnapshot {
        transport: TransportKind::Stdio,
        url: None,
        tool_count: Some(3),
        ..server("files", AuthStatus::NotRequired, ConnectionStatus::Connected)
    };
    vec![
        files,
        server("new", AuthStatus::Unknown, ConnectionStatus::Idle),
        server("old", AuthStatus::NotAuthenticated, ConnectionStatus::Disabled),
        server("recorded", AuthStatus::NotAuthenticated, ConnectionStatus::Idle),
    ]
}

fn waiting_for_a_person() -> Vec<ServerSnapshot> {
    let browser = SignInPrompt::Browser {
        url: "https://mcp.sentry.example/authorize?state=x".to_owned(),
    };
    let code = SignInPrompt::DeviceCode {
        user_code: "ABCD-EFGH".to_owned(),
        verification_uri: "https://github.example/login/device".to_owned(),
        verification_uri_complete: None,
        expires_at: at(600),
    };
    let authenticating = |name, prompt| ServerSnapshot {
        prompt,
        ..server(name, AuthStatus::Authenticating, ConnectionStatus::Idle)
    };
    let told = |name, auth, told| ServerSnapshot {
        problem: Some(told),
        ..server(name, auth, ConnectionStatus::Idle)
    };
    let asks = problem("sign_in_needed", "linear asks for a sign-in", Action::Connect);
    let ended = "the sign-in at slack has ended: the refresh was rejected with invalid_grant";
    let ended = problem("refresh_rejected", ended, Action::Reauthenticate);
    let scope = problem(
        "insufficient_scope",
        "jira needs more permission: write:issue",
        Action::Allow,
    );
    let locked = problem(
        "keychain_locked",
        "the keychain is locked or refused access",
        Action::Unlock,
    );
    vec![
        authenticating("sentry", Some(browser)),
        authenticating("github", Some(code)),
        authenticating("stripe", None),
        told("linear", AuthStatus::NotAuthenticated, asks),
        told("slack", AuthStatus::RefreshFailed, ended),
        ServerSnapshot {
            missing_scopes: vec!["write:issue".to_owned()],
            ..told("jira", AuthStatus::InsufficientScope, scope)
        },
        told("asana", AuthStatus::Locked, locked),
    ]
}

fn in_trouble() -> Vec<ServerSnapshot> {
    let away = problem("unreachable", "mcp.6.example cannot be reached", Action::Retry);
    let broken = problem(
        "not_mcp",
        "broken answers with HTML instead of MCP",
        Action::AskProvider,
    );
    vec![
        ServerSnapshot {
            retry_at: Some(at(20)),
            problem: Some(away),
            expires_at: Some(at(-60)),
            ..server("square", AuthStatus::Authenticated, ConnectionStatus::Waiting)
        },
        ServerSnapshot {
            problem: Some(broken),
            ..server("broken", AuthStatus::Unknown, ConnectionStatus::Failed)
        },
        server("slow", AuthStatus::Unknown, ConnectionStatus::Connecting),
        ServerSnapshot {
            account: Some("\u{1b}]0;pwned\u{7}設定 太郎\u{1b}[2J".to_owned()),
            workspace: Some("\u{202e}evil\u{9b}31m\nco".to_owned()),
            tool_count: Some(1200),
            ..server(
                "設定サーバー",
                AuthStatus::Authenticated,
                ConnectionStatus::Connected,
            )
        },
    ]
}

/// All of them.
pub(crate) fn everyone() -> Snapshot {
    let invalid = "Invalid config for server 'x': 'url' is required";
    Snapshot {
        servers: [vec![notion()], asleep(), waiting_for_a_person(), in_trouble()].concat(),
        config_problems: vec![problem("server_config", invalid, Action::EditConfig)],
        config_advice: Vec::new(),
    }
}

//! One server in full.

use omlx_mcp::{ServerSnapshot, event::SignInPrompt};

use super::{View, servers};
use crate::{
    moment,
    output::{face::Paint, text},
    words,
};

/// How wide the names of the fields are, gap included.
const NAMES: usize = 16;

/// Everything that is known about one server.
pub(crate) fn lines(server: &ServerSnapshot, view: View<'_>) -> Vec<String> {
    let face = view.face;
    let (sign, paint) = words::sign(server);
    let heading = face.paint(Paint::Strong, &text::line(server.id.as_str()));
    let state = face.paint(paint, &format!("{sign} {}", words::auth(server)));
    let mut lines = vec![format!("{heading}  {state}")];
    for (name, value) in fields(server, view)
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    {
        let name = face.paint(Paint::Faint, &format!("{name:<NAMES$}"));
        lines.push(format!("  {name}{}", face.glyphs(&value)));
    }
    lines.extend(servers::wrong(server, view));
    lines
}

fn fields(server: &ServerSnapshot, view: View<'_>) -> Vec<(&'static str, String)> {
    let told = |value: &Option<String>| value.as_deref().map(text::line).unwrap_or_default();
    let when = |instant: Option<_>| {
        instant
            .map(|at| moment::relative(at, view.now))
            .unwrap_or_default()
    };
    let tools = server
        .tool_count
        .map(|count| count.to_string())
        .unwrap_or_default();
    vec![
        ("URL", told(&server.url)),
        ("Transport", words::transport(server.transport).to_owned()),
        ("Connection", words::connection(server, view.now)),
        ("Page to open", prompt(server)),
        ("Provider", told(&server.provider)),
        ("Account", told(&server.account)),
        ("Workspace", told(&server.workspace)),
        ("Issuer", told(&server.issuer)),
        ("Scopes", text::line(&server.scopes.join(" "))),
        ("Missing scopes", text::line(&server.missing_scopes.join(" "))),
        ("Token", words::expiry(server, view.now)),
        ("Signed in", when(server.authenticated_at)),
        ("Last refresh", when(server.refreshed_at)),
        ("Tools", tools),
    ]
}

fn prompt(server: &ServerSnapshot) -> String {
    match &server.prompt {
        None => String::new(),
        Some(SignInPrompt::Browser { url }) => text::line(url),
        Some(SignInPrompt::DeviceCode { verification_uri, .. }) => text::line(verification_uri),
    }
}

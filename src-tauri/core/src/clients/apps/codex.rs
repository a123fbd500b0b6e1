//! Codex: command line, editor extension and app share one file.

use serde_json::json;

use crate::clients::{
    app::{App, Syntax},
    apps::command_and_args,
};

pub(super) const APP: App = App {
    id: "codex",
    name: "Codex",
    file: |machine| machine.named("CODEX_HOME", ".codex", "config.toml"),
    locate: None,
    signs: |_| Vec::new(),
    servers: &["mcp_servers"],
    syntax: Syntax::Toml,
    program: command_and_args,
    // `headers` is ignored there.
    remote: Some(
        |url, authorization| json!({ "url": url, "http_headers": { "Authorization": authorization } }),
    ),
    adapt: None,
    keeps_sign_ins: false,
};

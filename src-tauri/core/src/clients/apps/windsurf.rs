//! Windsurf.

use serde_json::json;

use crate::clients::{
    app::{App, Syntax, application},
    apps::command_and_args,
};

pub(super) const APP: App = App {
    id: "windsurf",
    name: "Windsurf",
    file: |machine| machine.home(".codeium/windsurf/mcp_config.json"),
    locate: None,
    signs: |machine| application(machine, "Windsurf.app"),
    servers: &["mcpServers"],
    syntax: Syntax::Json,
    program: command_and_args,
    remote: Some(
        |url, authorization| json!({ "serverUrl": url, "headers": { "Authorization": authorization } }),
    ),
    adapt: None,
    keeps_sign_ins: false,
};

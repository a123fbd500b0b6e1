//! Cursor, the servers of every project.

use serde_json::json;

use crate::clients::{
    app::{App, Syntax, application},
    apps::command_and_args,
};

pub(super) const APP: App = App {
    id: "cursor",
    name: "Cursor",
    file: |machine| machine.home(".cursor/mcp.json"),
    locate: None,
    signs: |machine| application(machine, "Cursor.app"),
    servers: &["mcpServers"],
    syntax: Syntax::Json,
    program: command_and_args,
    remote: Some(|url, authorization| json!({ "url": url, "headers": { "Authorization": authorization } })),
    adapt: None,
    keeps_sign_ins: false,
};

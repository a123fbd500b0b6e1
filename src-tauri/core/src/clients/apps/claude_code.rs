//! Claude Code, in its user scope: the servers of every project.

use serde_json::json;

use crate::clients::app::{App, Syntax};

pub(super) const APP: App = App {
    id: "claude-code",
    name: "Claude Code",
    file: |machine| machine.home(".claude.json"),
    locate: None,
    signs: |machine| vec![machine.home(".claude")],
    servers: &["mcpServers"],
    syntax: Syntax::Json,
    program: |command, args| json!({ "type": "stdio", "command": command, "args": args, "env": {} }),
    remote: Some(
        |url, authorization| json!({ "type": "http", "url": url, "headers": { "Authorization": authorization } }),
    ),
    adapt: None,
    keeps_sign_ins: false,
};

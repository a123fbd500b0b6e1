//! Visual Studio Code, in the user's default profile.

use serde_json::json;

use crate::clients::app::{App, Syntax, application};

pub(super) const APP: App = App {
    id: "vscode",
    name: "VS Code",
    file: |machine| machine.support("Code/User/mcp.json"),
    locate: None,
    signs: |machine| application(machine, "Visual Studio Code.app"),
    servers: &["servers"],
    syntax: Syntax::Json,
    program: |command, args| json!({ "type": "stdio", "command": command, "args": args }),
    remote: Some(
        |url, authorization| json!({ "type": "http", "url": url, "headers": { "Authorization": authorization } }),
    ),
    adapt: None,
    keeps_sign_ins: false,
};

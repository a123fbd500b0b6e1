//! Zed, in the settings of every project; it keeps them below `~/.config` on macOS as well.

use serde_json::json;

use crate::clients::app::{App, Syntax, application};

pub(super) const APP: App = App {
    id: "zed",
    name: "Zed",
    file: |machine| machine.config("zed/settings.json"),
    locate: None,
    signs: |machine| application(machine, "Zed.app"),
    servers: &["context_servers"],
    syntax: Syntax::Json,
    program: |command, args| json!({ "command": command, "args": args, "env": {} }),
    remote: Some(|url, authorization| json!({ "url": url, "headers": { "Authorization": authorization } })),
    adapt: None,
    keeps_sign_ins: false,
};

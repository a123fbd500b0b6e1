//! Claude Desktop. Its configuration knows programs only; remote servers are entered in its settings window.

use crate::clients::{
    app::{App, Syntax, application},
    apps::command_and_args,
};

pub(super) const APP: App = App {
    id: "claude-desktop",
    name: "Claude Desktop",
    file: |machine| machine.support("Claude/claude_desktop_config.json"),
    locate: None,
    signs: |machine| application(machine, "Claude.app"),
    servers: &["mcpServers"],
    syntax: Syntax::Json,
    program: command_and_args,
    remote: None,
    adapt: None,
    keeps_sign_ins: false,
};

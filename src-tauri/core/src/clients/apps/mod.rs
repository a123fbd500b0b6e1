//! The clients there are, one file each.

mod claude_code;
mod claude_desktop;
mod codex;
mod cursor;
mod gemini;
mod omlx;
mod vscode;
mod windsurf;
mod zed;

use serde_json::{Value, json};

use super::app::App;

/// Every client, in the order in which people look for them.
pub(super) const APPS: &[&App] = &[
    &omlx::APP,
    &claude_desktop::APP,
    &claude_code::APP,
    &cursor::APP,
    &vscode::APP,
    &zed::APP,
    &codex::APP,
    &windsurf::APP,
    &gemini::APP,
];

/// What Claude Desktop began with and most have taken over.
fn command_and_args(command: &str, args: &[String]) -> Value {
    json!({ "command": command, "args": args })
}

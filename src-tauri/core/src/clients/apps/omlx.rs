//! oMLX: the file it starts MCP from, in the keys it knows. One unknown key makes it refuse the whole file.
//!
//! It may well be our own config file. Entries that lead back to this program are left out there, so that nothing
//! turns in a circle.

use serde_json::json;

use crate::{
    clients::{
        Machine,
        app::{App, Syntax, application},
    },
    config::{ConfigFile, LocateOptions, Surface},
};

pub(super) const APP: App = App {
    id: "omlx",
    name: "oMLX",
    file: |machine| locate(machine).path().to_owned(),
    locate: Some(locate),
    signs: |machine| [application(machine, "oMLX.app"), vec![machine.home(".omlx")]].concat(),
    servers: &["servers", "mcpServers"],
    syntax: Syntax::Json,
    program: |command, args| json!({ "transport": "stdio", "command": command, "args": args }),
    remote: Some(
        |url, authorization| json!({ "transport": "streamable-http", "url": url, "headers": { "Authorization": authorization } }),
    ),
    adapt: None,
    keeps_sign_ins: true,
};

/// The app's search is oMLX's own: the variable, its settings, the default place.
fn locate(machine: &Machine) -> ConfigFile {
    let options = LocateOptions {
        explicit: None,
        surface: Surface::App,
    };
    ConfigFile::locate(&options, machine.env(), &machine.home(""))
}

//! What the user wrote, and how it is found, read, watched and edited.
//!
//! The file is oMLX's own `mcp.json` (see `docs/config.md`): one bad entry never takes the others down, and an edit
//! keeps everything it does not understand.
//!
//! ```text
//! locate → read → syntax → parse → server → auth      a text becomes a Config and notes; flaw has every sentence
//! folders → watch                                     the same again after every change
//! suggestion → snippet, names → new_server            what someone typed or pasted becomes a server to add
//! edit → json | by_hand → atomic                      one entry changes, checked against omlx_rules first
//! ```

pub(crate) mod atomic;
mod auth;
mod edit;
mod entry;
mod environment;
mod expand;
mod fields;
mod flaw;
pub(crate) mod folders;
mod locate;
mod model;
mod names;
mod new_server;
mod omlx_rules;
mod parse;
mod paused;
mod read;
mod server;
mod snippet;
mod suggestion;
mod syntax;
mod unattended;
mod watch;

pub use edit::{ByHand, Change, Edit, EditError};
pub use entry::{ClientCredentials, Draft, DraftTransport, NamedValue, ServerChanges, ServerEntry};
pub use environment::Environment;
pub use locate::{ConfigFile, LocateOptions, Origin, Readers, Surface, VARIABLE};
pub use model::{
    AuthConfig, AuthType, Config, ConfigNote, DEFAULT_MAX_TOOL_CALLS, DEFAULT_TIMEOUT, DpopChoice, GrantType,
    NamedSecret, RedirectChoice, RefreshScope, ResourceChoice, ServerConfig, Transport,
};
pub use new_server::{AuthBlock, NewEndpoint, NewServer, NewTransport, Start};
pub use paused::pausable;
pub use read::{ConfigError, MAX_BYTES};
pub use suggestion::{Suggestion, SuggestionError, Suggestions};
pub use syntax::Format;
pub use unattended::{SecretSource, SigningAlgorithm, UnattendedConfig};
pub use watch::ConfigState;

pub(crate) use edit::cst_value;
pub(crate) use snippet::toml_value;
pub(crate) use syntax::{json_options, read_json, without_bom};
pub(crate) use watch::settle;

/// The sentences with which oMLX would refuse a file in JSON; none when it would load it.
pub(crate) fn omlx_refusals(text: &str) -> Vec<String> {
    omlx_rules::refusals(text, Format::Json)
}

#[cfg(test)]
mod documented;

//! What the user wrote, and how it is read, watched and edited.
//!
//! The file is oMLX's own `mcp.json` (see `docs/config.md`): one bad entry never takes the others down, and an edit
//! keeps everything it does not understand.

mod model;

pub use model::{
    AuthConfig, AuthType, Config, ConfigNote, GrantType, NamedSecret, RedirectChoice, RefreshScope,
    ResourceChoice, ServerConfig, Transport,
};

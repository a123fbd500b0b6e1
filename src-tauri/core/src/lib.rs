//! Connections to MCP servers, and the OAuth grants behind them.
//!
//! One process-wide [`Handle`](handle::Handle) starts everything and is cheap to clone. Commands go in through it, the truth comes
//! out as a watched [`Snapshot`], and news as [`Event`]s.
//!
//! ```text
//! config   → what the user wrote                    one parser for oMLX's file and its neighbours' dialects
//! handle   → supervisor → one owner task per server
//! connection → transport + bearer → 401?  → oauth   nothing above this line knows what a token is
//! oauth    → one file per RFC; refresh.rs alone may rotate a token
//! store    → sealed grants, their key, their locks
//! access   → who else may use the connections: keys, rules, approvals, a log
//! clients  → other AI clients on this machine: their servers taken over, ours written into their files
//! ```
//!
//! This crate prints nothing, opens no window, and knows no Tauri.

pub mod access;
pub mod browser;
pub mod clients;
pub mod clock;
pub mod config;
pub mod connection;
pub mod diff;
pub mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod handle;
#[cfg(feature = "specta")]
pub mod json_value;
pub mod network;
pub mod oauth;
pub mod probe;
pub mod problem;
pub mod recorded;
pub mod removal;
pub mod renaming;
pub mod server_id;
pub mod settings;
mod sign_in;
pub mod sign_out;
pub mod spelling;
pub mod store;
mod supervisor;
pub mod undo;

pub use event::{AuthStatus, ConnectionStatus, Event, ServerSnapshot, Snapshot};
pub use problem::{Action, Explain, Problem};
pub use server_id::ServerId;

/// The name clients know us by: `client_name` in registrations (RFC 7591 §2) and `clientInfo.title` in MCP.
pub const PRODUCT: &str = "oMLX Connect";

/// The bundle identifier; also the keychain service and the scheme of the deep-link redirect URI (RFC 8252 §7.1).
pub const BUNDLE_ID: &str = "ai.omlx.connect";

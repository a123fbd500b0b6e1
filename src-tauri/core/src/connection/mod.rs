//! One server's connection: how it is reached, in which era it speaks, and what its refusals say.
//!
//! | file | owns |
//! |---|---|
//! | `authorized_http` | every HTTP request to an MCP server: static headers, bearer, one refresh, no redirects |
//! | `carrier` | what requests leave by |
//! | `token_source` | the seam behind which a token is refreshed |
//! | `transport` | streamable HTTP, legacy HTTP+SSE, stdio |
//! | `era`, `open` | finding out what a server speaks, with the fewest requests |
//! | `link` | a server as it is lent to other programs |
//! | `call` | listing and calling tools on an open connection |
//! | `client_handler` | what a server may ask of us |
//! | `schema_defaults` | answering what it asks where nobody is there |
//! | `fault` | why an exchange failed, in one plain phrase |
//! | `backoff`, `server_log`, `login_path` | waiting, the server's own words, PATH for GUI starts |

mod attempt;
pub mod authorized_http;
pub mod backoff;
pub mod call;
pub mod carrier;
pub mod client_handler;
pub mod era;
pub mod fault;
mod front;
mod grant_tokens;
mod guarded;
mod link;
mod live;
pub mod login_path;
pub mod open;
mod owner;
mod process_group;
mod recorder;
mod refusals;
pub mod refused;
mod schema_defaults;
pub mod server_log;
mod signing_in;
mod state;
pub mod token_source;
pub mod transport;
mod wanted;

pub use era::Era;
pub use front::{BrowserUse, SignInOptions, SignedIn};
pub(crate) use front::{Connection, Shared};
pub use link::{Introduction, Link};
pub(crate) use login_path::LoginPath;
pub(crate) use recorder::record_name;
pub use refused::Refused;
pub use schema_defaults::SchemaDefaults;
pub use server_log::LogLine;
pub(crate) use state::State;

#[cfg(test)]
pub(crate) mod test_kit;

//! One server's connection: how it is reached, in which era it speaks, and what its refusals say.
//!
//! | file | owns |
//! |---|---|
//! | `authorized_http` | every HTTP request to an MCP server: static headers, bearer, one refresh, no redirects |
//! | `bearer` | the token on the hot path, and the seam behind which it is refreshed |
//! | `transport` | streamable HTTP, legacy HTTP+SSE, stdio |
//! | `era`, `open` | finding out what a server speaks, with the fewest requests |
//! | `call` | listing and calling tools on an open connection |
//! | `client_handler` | what a server may ask of us |
//! | `fault` | why an exchange failed, in one plain phrase |
//! | `backoff`, `server_log`, `login_path` | waiting, the server's own words, PATH for GUI starts |

pub mod authorized_http;
pub mod backoff;
pub mod bearer;
pub mod call;
pub mod client_handler;
pub mod era;
pub mod fault;
pub mod login_path;
pub mod open;
mod process_group;
pub mod server_log;
pub mod transport;

#[cfg(test)]
mod test_kit;

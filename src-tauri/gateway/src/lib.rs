//! Lends signed-in MCP servers to other programs: over stdio ([`bridge()`]) and over HTTP on loopback.
//!
//! ```text
//! client ── bridge ─┐
//!                   ├─ relay ─ upstream/{http, legacy, program} ── server
//! client ── http ───┘    └─ away, while the server is
//! ```
//!
//! A message is passed on as the bytes it came in; what is looked at is its kind, its method and its id. The client's
//! own credential never goes up, the server's never comes down (MCP "Token Passthrough").

mod away;
mod behind;
mod bridge;
mod eras;
mod events;
mod guest;
mod http;
mod lines;
mod listed;
mod merged;
mod message;
mod outlet;
mod relay;
mod scan;
#[cfg(test)]
mod test_kit;
mod upstream;

pub use bridge::bridge;
pub use http::{Gateway, GatewayError, Settings};

//! The ways to an MCP server, each an rmcp transport.
//!
//! HTTP goes through [`AuthorizedHttp`](super::authorized_http::AuthorizedHttp) only, so no request here knows what a
//! token is. Everything a server sends is bounded before it is parsed.

mod body;
pub mod ending;
mod event_stream;
pub(in crate::connection) mod probe;
pub mod sse;
pub mod stdio;
pub mod streamable_http;

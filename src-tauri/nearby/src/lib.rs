//! Requests to servers on this machine, over plain http: neither TLS nor a proxy can stand in between.
//!
//! A client for any server looks for a connection and opens one at the same time at every request, and asks for
//! proxies, redirects and retries, which on this machine costs more than the request. Here a connection is kept for the
//! next request, and used for one at a time (RFC 9112 §9.3); no redirect is followed.
//!
//! A crate of its own because it is built for speed where the rest is built for size: hyper's client is compiled in the
//! crate that says what it sends.

mod address;
mod answer;
mod pool;

pub use address::Address;
pub use pool::{Lost, Nearby};

#[cfg(test)]
mod tests;

//! The demo, driven by hand over its port.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking, like the tests"
)]

mod code_flow;
mod consent;
mod device;
mod dpop;
mod faults;
mod hand;
mod identity;
mod official_client;
mod options;
mod refresh;
mod registration;
mod session_era;
mod stateless_era;
mod wire;

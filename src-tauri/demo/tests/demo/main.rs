//! The demo, driven by hand over its port.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking, like the tests"
)]

mod code_flow;
mod hand;
mod refresh;
mod session_era;
mod stateless_era;

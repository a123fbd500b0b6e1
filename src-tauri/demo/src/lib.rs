//! An MCP server with its own authorization server on loopback, to try the product and to test against.
//!
//! [`Demo::start`] binds 127.0.0.1 and serves both on one port. Everything is in memory and ends with it. It is strict:
//! what a specification forbids is refused, so that a client which passes here did it right; and it can be told to go
//! wrong in a chosen way, for chosen requests, so many times ([`Fault`]), to stand still at a chosen point ([`Gate`]),
//! and afterwards what was asked of it ([`Demo::count`], [`Call`]).
//!
//! | part | owns |
//! |---|---|
//! | `authorization_server` | one file per RFC: metadata, registration, authorization, token, refresh, device, revocation |
//! | `proof` | proofs of possession (RFC 9449), on both sides |
//! | `resource_server` | protected resource metadata, bearer tokens and challenges |
//! | `mcp` | the protocol in both eras, the legacy HTTP+SSE transport, the tools |
//! | `service`, `misbehave`, `gate`, `record` | the way of each request, and what tests do with it |
//!
//! It refuses to serve anything but this machine, and it protects nothing of value: accounts are examples, and with
//! [`Consent::Grant`] anyone on this machine is let in.

mod authorization_server;
mod connection;
mod demo;
mod fault;
mod gate;
mod incoming;
mod mcp;
mod misbehave;
mod now;
mod options;
mod pattern;
mod proof;
mod record;
mod reply;
mod resource_server;
mod scope;
mod secret;
mod service;
mod world;

pub use demo::{Decision, Demo};
pub use fault::{Fault, FaultRule, WrongIss};
pub use gate::Gate;
pub use now::Now;
pub use options::{
    Account, Consent, DemoOptions, DevicePolicy, Discovery, DpopBinding, DpopPolicy, Era, KnownClient,
    Protection, RefreshTokens, RegistrationPolicy, Reply, ResourceMetadataPlace, ResourcePolicy,
    ServerMetadataPlace, TokenPolicy, ToolOptions,
};
pub use pattern::Pattern;
pub use record::{Call, Recorded};
pub use scope::Scope;
pub use secret::{Digest, SECRET_MARK};

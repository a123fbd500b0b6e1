//! Who may use the connections through the gateway: a key per client, what each may see, and what each has done.
//!
//! ```text
//! <home>/access/clients.json          names, hashes of keys, rules                 (ledger)
//! <home>/access/approvals/*.json      tools as a client first saw them, per server (approvals)
//! <home>/access/used/<id>             when a client was last there, to the minute  (last_use)
//! <home>/access/calls.jsonl           one line per call, rotated                   (audit)
//! ```
//!
//! Every file is its owner's alone. A change by one process is seen by every other at its next request, because each
//! request looks at the file's identity and not at a copy: a key that was revoked in a terminal opens nothing any more
//! in a gateway that has been running for a week. A file that cannot be understood lets nobody in and is never
//! overwritten.
//!
//! What is refused here: keys and arguments in any error, log line or listing; and tools whose text has changed since
//! they were approved.

mod approvals;
mod audit;
mod client;
mod compared;
mod definition;
mod desk;
mod endpoint;
mod error;
pub(crate) mod file;
mod key;
mod last_use;
mod ledger;
mod review;
mod rules;
mod stamp;
mod unambiguous;

pub use audit::{Call, LoggedCall};
pub use client::{Client, ClientId, ClientSummary};
pub use definition::{ListDigest, ToolSet};
pub use desk::{Access, AccessSnapshot, HeldMark, LogArguments, Source};
pub(crate) use endpoint::Endpoint;
pub use error::{AccessError, Refusal};
pub use key::ClientKey;
pub use review::{HeldTool, ReviewedTool};
pub use rules::{Pattern, PatternError, Patterns, Rules};

/// Where the gateway listens unless it is told otherwise.
pub const GATEWAY_PORT: u16 = 8719;

#[cfg(test)]
mod tests;

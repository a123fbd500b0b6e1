//! Other AI clients on this machine: taking their servers over, and letting them use ours.
//!
//! ```text
//! apps      one file per client: where its configuration is, how its servers are written
//! document  its servers read and changed as text: everything else stays, byte for byte (json, toml)
//! import    their servers → our config file, through config::edit
//! fork      sign-ins of the oMLX fork → our vault; take_over has both in one go
//! use_in    our entry → their file: preview, backup, write, undo
//! naming    entries of ours that name one server: they follow it to its new name
//! ```
//!
//! What is refused here: a file that cannot be parsed is never written, an entry that somebody else wrote is never
//! replaced, and no value of another client's file is shown: neither in a preview nor in an error.

mod app;
mod apps;
mod document;
mod error;
mod file;
mod fork;
mod import;
mod machine;
mod merged;
mod naming;
mod ours;
mod record;
mod take_over;
mod use_in;
mod veil;

pub use app::ClientApp;
pub use error::ClientError;
pub use fork::{SignIns, SignInsError};
pub use import::{
    Import, ImportCandidate, ImportPreview, ImportReport, ImportSource, ImportVerdict, Imported,
};
pub use machine::{Machine, Os};
pub use naming::{NamingEntry, NotRenamed, left_naming, naming};
pub use ours::leads_back;
pub use record::WriteId;
pub use take_over::{TakeOver, TakenOver};
pub use use_in::{Bridge, Done, OtherApp, Target, Undone, UseIn, UseInNote, UseInPreview, Way, Wish};

pub(crate) use naming::rename_server;

#[cfg(test)]
mod test_kit;

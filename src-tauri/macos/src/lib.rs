//! What the app asks of macOS that only Objective-C answers: notifications with a button, and the languages.
//!
//! The one crate of the workspace that may use unsafe code, and only where it says so (decision 0070). It knows nothing
//! of servers and sign-ins, and is empty elsewhere.
#![cfg(target_os = "macos")]

mod languages;
mod notices;

pub use self::{
    languages::languages,
    notices::{Answer, Notice, Notices},
};

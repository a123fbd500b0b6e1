//! How a failure is told to a person, the same on every surface.
//!
//! Every error of this crate implements [`Explain`]: a stable code to search for, one plain sentence, and the one
//! action that mends it. Surfaces show a [`Problem`] and never branch on its text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A failure as shown to a person. Holds no secret, ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Problem {
    /// Stable, `snake_case`, documented in `docs/troubleshooting.md`.
    pub code: Cow<'static, str>,
    /// One plain sentence, lower case, no full stop, naming the server or file.
    pub message: String,
    /// What mends it.
    pub action: Action,
}

/// The one thing a person can do about a failure; a button in the panel, a command in the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: it mends itself, or there is nothing to mend.
    None,
    /// Sign in for the first time.
    Connect,
    /// Sign in again.
    Reauthenticate,
    /// Agree to more scopes.
    Allow,
    /// Unlock the keychain, then try again.
    Unlock,
    /// Try again, later or now.
    Retry,
    /// Correct the config file.
    EditConfig,
    /// Enter a client id (and secret) the provider gave out.
    EnterClient,
    /// Ask whoever runs the server.
    AskProvider,
}

/// An error that says what to do next.
pub trait Explain: std::error::Error {
    /// The stable code.
    fn code(&self) -> &'static str;

    /// What mends it.
    fn action(&self) -> Action;

    /// The failure as shown to a person.
    fn problem(&self) -> Problem {
        Problem {
            code: Cow::Borrowed(self.code()),
            message: self.to_string(),
            action: self.action(),
        }
    }
}

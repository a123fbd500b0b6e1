//! From the core's structs to lines of text.

#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod server;
pub(crate) mod servers;
pub(crate) mod steps;
pub(crate) mod tools;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::{mend::Mend, output::face::Face};

/// What showing something depends on besides the thing itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The instant everything is told relative to.
    pub(crate) now: Timestamp,
    /// What the stream can show.
    pub(crate) face: &'a Face,
    /// What hints are made of.
    pub(crate) mend: &'a Mend,
}

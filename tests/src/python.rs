//! Counterparts that are not ours, from the Python package index: they run under a Python of their own.

use std::path::PathBuf;

use crate::interop_folder;

/// What to do when the counterparts' packages are not there.
const MISSING: &str = "the Python packages of tests/interop are missing: run `scripts/setup.sh python` first";

/// The counterparts' own Python, with their packages.
pub fn python() -> Result<PathBuf, &'static str> {
    let venv = interop_folder().join(".venv");
    let complete = venv.join(".installed").exists();
    complete.then(|| venv.join("bin/python")).ok_or(MISSING)
}

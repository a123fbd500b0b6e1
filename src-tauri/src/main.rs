//! The menu bar app's shell.

fn main() {}

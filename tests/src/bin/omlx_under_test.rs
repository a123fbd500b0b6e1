//! The command line, built with fault points, for the scenarios to run as a real process.

fn main() {}

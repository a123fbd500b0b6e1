//! The `omlx` command line.

fn main() {}

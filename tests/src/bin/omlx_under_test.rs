//! The command line, built with fault points, for the scenarios to run as a real process.

use std::process::ExitCode;

fn main() -> ExitCode {
    omlx_cli::main()
}

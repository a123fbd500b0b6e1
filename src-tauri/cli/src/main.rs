//! The `omlx` command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    omlx_cli::main()
}

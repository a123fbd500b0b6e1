//! One executable, two faces: called like a command line it is one, otherwise it is the app.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::{env, ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    if omlx_cli::is_command_line(&arguments) {
        return omlx_cli::main();
    }
    omlx_connect::run()
}

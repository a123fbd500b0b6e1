//! The `omlx` command line over the core.
//!
//! ```text
//! dispatch   → ours, or the next omlx's on PATH      (next_omlx)
//! arguments  → the words, and the help that explains them
//! command    → one file per command; context and core are what they stand on
//! show, words, moment → what the core says, as text; output → the two streams it is written to
//! pipes → the same two streams for MCP itself
//! failure, mend → how a command ends, and the command that mends it
//! ```
//!
//! Data goes to standard output, words go to standard error. Nothing here decides about a sign-in: the core does.

mod arguments;
mod command;
mod context;
mod core;
mod dispatch;
mod failure;
mod logging;
mod mend;
mod moment;
mod next_omlx;
mod notice;
mod output;
mod pipes;
mod show;
mod tool_arguments;
mod words;

use std::{env, ffi::OsString, io, process::ExitCode};

use arguments::Program;
use context::Context;
use dispatch::Call;
pub use dispatch::is_command_line;
use failure::{Ending, Failure};
pub use logging::log_warnings;
use output::Output;

/// Runs the command line of this process to its end.
pub fn main() -> ExitCode {
    match Call::sort(env::args_os().collect()) {
        Call::Mcp(program, words) => run(program, words),
        Call::About(words) => tell(&arguments::about(&words)),
        Call::Foreign(words) => hand_over(&words),
    }
}

fn run(program: Program, words: Vec<OsString>) -> ExitCode {
    let mcp = match arguments::parse(program, words) {
        Ok(mcp) => mcp,
        Err(error) => return tell(&error),
    };
    let mut output = Output::standard(mcp.global.color);
    logging::start(mcp.global.verbose, output.words_face());
    let context = Context::new(program, mcp.global);
    let outcome = command::run(mcp.command, &context, &mut output);
    let outcome = outcome.and_then(|ending| output.flush().map(|()| ending).map_err(Failure::from));
    outcome
        .unwrap_or_else(|failure| end(&failure, &context, &mut output))
        .into()
}

/// What a failed command still has to say. Nobody is left to tell when the streams themselves fail.
fn end(failure: &Failure, context: &Context, output: &mut Output) -> Ending {
    let mend = context.mend();
    if context.global.json {
        let _ = failure.report(output, &mend);
    }
    let _ = failure.tell(output, &mend);
    let _ = output.flush();
    failure.ending()
}

/// Help, the version, or what is wrong with the words.
fn tell(told: &clap::Error) -> ExitCode {
    let ending = if told.use_stderr() {
        Ending::Usage
    } else {
        Ending::Done
    };
    match told.print() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Ending::Failed.into(),
        _ => ending.into(),
    }
}

fn hand_over(words: &[OsString]) -> ExitCode {
    let failure = match next_omlx::find() {
        Some(program) => {
            let error = next_omlx::become_it(&program, words);
            Failure::usage(format!(
                "{} cannot be started: {}",
                program.display(),
                error.kind()
            ))
        }
        None => Failure::usage(
            "only `omlx mcp …` is ours, and there is no other omlx on PATH to hand the rest to",
        )
        .with_hint("omlx mcp --help"),
    };
    let mut output = Output::standard(output::face::ColorChoice::Auto);
    let _ = failure.tell(&mut output, &mend::Mend::default());
    failure.ending().into()
}

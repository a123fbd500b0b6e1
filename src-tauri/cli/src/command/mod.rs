//! The commands, one file each.

pub(crate) mod access;
pub(crate) mod add;
pub(crate) mod bridge;
pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod edit;
pub(crate) mod import;
pub(crate) mod login;
pub(crate) mod logout;
mod pasted;
pub(crate) mod pause;
pub(crate) mod remove;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod tools;
pub(crate) mod use_in;
mod watching;

use crate::{
    arguments::Command,
    context::Context,
    failure::{Ending, Failure},
    output::Output,
};

/// Runs a command to its end. What only reads or writes a file needs no runtime, and has none.
pub(crate) fn run(command: Command, context: &Context, output: &mut Output) -> Result<Ending, Failure> {
    match command {
        Command::Status(arguments) if arguments.lasts() => {
            lasting(status::run_lasting(&arguments, context, output))
        }
        Command::Status(arguments) => status::run(&arguments, context, output),
        Command::Login(arguments) => lasting(login::run(&arguments, context, output)),
        Command::Logout(arguments) => lasting(logout::run(&arguments, context, output)),
        Command::Tools(arguments) => lasting(tools::run(&arguments, context, output)),
        Command::Call(arguments) => lasting(call::run(&arguments, context, output)),
        Command::Bridge(arguments) => lasting(bridge::run(&arguments, context)),
        Command::Serve(arguments) => lasting(serve::run(&arguments, context, output)),
        Command::Add(arguments) => lasting(add::run(&arguments, context, output)),
        Command::Remove(arguments) => lasting(remove::run(&arguments, context, output)),
        Command::Enable(arguments) => edit::enable(&arguments, context, output),
        Command::Disable(arguments) => edit::disable(&arguments, context, output),
        Command::Pause(_) => pause::pause(context, output),
        Command::Resume(_) => pause::resume(context, output),
        Command::Import(arguments) => lasting(import::run(&arguments, context, output)),
        Command::Use(arguments) => use_in::run(&arguments, context, output),
        Command::Access(arguments) => access::run(&arguments, context, output),
        Command::Doctor(arguments) => lasting(doctor::run(&arguments, context, output)),
        Command::Demo(arguments) => lasting(demo::run(arguments, context, output)),
        Command::Completions(arguments) => completions::run(&arguments, context, output),
    }
}

/// On one thread, the gateway too: a request's way is a chain of short steps, and to hand one of them to another thread
/// takes longer than the step.
fn lasting(command: impl Future<Output = Result<Ending, Failure>>) -> Result<Ending, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)
}

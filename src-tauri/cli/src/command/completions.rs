//! `omlx mcp completions`: a script for the shell.

use clap_complete::{Shell, generate};

use crate::{
    context::Context,
    failure::{Ending, Failure},
    output::Output,
};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    omlx mcp completions bash > ~/.local/share/bash-completion/completions/omlx\n  \
    omlx mcp completions zsh > \"${fpath[1]}/_omlx\"\n  \
    omlx mcp completions fish > ~/.config/fish/completions/omlx.fish")]
pub(crate) struct CompletionsArguments {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

/// Prints it.
pub(super) fn run(
    arguments: &CompletionsArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let mut grammar = context.program.grammar();
    let name = grammar.get_name().to_owned();
    let mut script = Vec::new();
    generate(arguments.shell, &mut grammar, name, &mut script);
    output.data_as_is(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}

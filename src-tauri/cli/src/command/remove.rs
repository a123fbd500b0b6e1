//! `omlx mcp remove`: an entry out of the config file, and its sign-in with it.

use omlx_mcp::{clients::left_naming, config::Change};

use super::{
    edit::{Changes, Regard, server_id},
    logout,
};
use crate::{
    context::Context,
    failure::{Ending, Failure},
    output::{Output, face::Paint, text},
};

/// Take servers out of the config file, and sign out of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything else in the file stays as it is. What is stored for the server is revoked and wiped, as by logout. Clients that were \
given the server by `omlx mcp use` are named.

Examples:
  omlx mcp remove notion
  omlx mcp remove notion --keep-sign-in    for an entry that will come back")]
pub(crate) struct RemoveArguments {
    /// Their names in the config file
    #[arg(value_name = "SERVER", required = true)]
    servers: Vec<String>,
    /// Leave what is stored where it is
    #[arg(long)]
    keep_sign_in: bool,
}

/// Removes them.
pub(super) async fn run(
    arguments: &RemoveArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let home = context.home()?;
    let config = context.config_file().path().to_owned();
    let config = std::path::absolute(&config).unwrap_or(config);
    let mut changes = Changes::new(context);
    for name in &arguments.servers {
        let id = server_id(name)?;
        // Found while the entry is still there, whose `token_store` may name the folder; an entry that cannot be used
        // has nothing stored.
        let stored = logout::stored_for(name, context).unwrap_or_default();
        changes.make(&Change::Remove(id.clone()), Regard::ForOmlx, output)?;
        output.say(
            Paint::Good,
            &format!("✓ Removed {} from {}", text::line(name), changes.path()),
        )?;
        changes.note(left_naming((&home, &config), &id), output)?;
        if !arguments.keep_sign_in {
            logout::sign_out_of(stored, context, output).await?;
        }
    }
    changes.report(context, output)
}

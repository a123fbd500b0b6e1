//! `omlx mcp pause` and `resume`: the app's own "Pause", from a terminal.

use omlx_mcp::settings::SettingsFile;
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Ending, Failure},
    output::{Output, face::Paint},
};

/// Let all servers rest until they are resumed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
As \"Pause\" in the app's menu: the app disconnects every server, and nothing is lent by bridges, by the app's \
gateway or by `omlx mcp serve`, until somebody resumes. Entries and sign-ins stay as they are, and a command that you \
type still does what you ask for. Programs that use a server keep their list of tools; a call says that all servers \
are paused.

Examples:
  omlx mcp pause
  omlx mcp resume")]
pub(crate) struct PauseArguments {}

/// Use the servers again after a pause
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever paused them, here or in the app: it connects again, and bridges and gateways go on without a restart.

Examples:
  omlx mcp resume")]
pub(crate) struct ResumeArguments {}

/// What the servers are to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Rest,
    Use,
}

/// `--json`
#[derive(Debug, Serialize)]
struct Paused {
    paused: bool,
    /// False when it was so already.
    changed: bool,
}

/// Lets all servers rest.
pub(super) fn pause(context: &Context, output: &mut Output) -> Result<Ending, Failure> {
    if set(Wanted::Rest, (context, output))? {
        output.say(
            Paint::Good,
            "✓ Paused: no server is used or lent until you resume",
        )?;
    } else {
        output.say(Paint::Good, "✓ Paused already")?;
    }
    Ok(Ending::Done)
}

/// Ends the rest.
pub(super) fn resume(context: &Context, output: &mut Output) -> Result<Ending, Failure> {
    if set(Wanted::Use, (context, output))? {
        output.say(Paint::Good, "✓ Resumed")?;
    } else {
        output.say(Paint::Good, "✓ Nothing is paused")?;
    }
    Ok(Ending::Done)
}

/// Whether that is news.
fn set(wanted: Wanted, (context, output): (&Context, &mut Output)) -> Result<bool, Failure> {
    let file = SettingsFile::of(&context.home()?);
    let mut settings = file.read();
    let paused = wanted == Wanted::Rest;
    let changed = settings.paused != paused;
    if changed {
        settings.paused = paused;
        file.write(settings).map_err(|error| Failure::told(&error))?;
    }
    if context.global.json {
        output.json(&Paused { paused, changed })?;
    }
    Ok(changed)
}

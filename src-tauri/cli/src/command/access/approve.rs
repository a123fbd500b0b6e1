//! Agreeing to tools that changed, as they were shown.

use std::io::{self, BufRead, IsTerminal as _, Read as _};

use jiff::Timestamp;
use omlx_mcp::{
    ServerId,
    access::{Access, AccessError, HeldTool, ReviewedTool},
};
use serde::Serialize;

use super::{To, review};
use crate::{
    command::edit::server_id,
    context::Context,
    failure::{Ending, Failure},
    output::{
        Output,
        face::Paint,
        text::{self, counted},
    },
};

/// The longest answer taken, in bytes.
const MAX_ANSWER: u64 = 1024;

/// Let a client have tools as they were reviewed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`review` prints the command for each tool. The version in it stands for the text that was shown: if the tool has changed again since, \
nothing is approved. Without a version, what would be approved is shown first, and asked for; that needs a terminal.

Examples:
  omlx mcp access approve cursor notion search --version 5f1c…   as review printed it
  omlx mcp access approve cursor notion                          shows everything that notion changed, and asks")]
pub(super) struct ApproveArguments {
    /// The client's name; the stdio bridge is called `bridge`
    #[arg(value_name = "CLIENT")]
    client: String,
    /// The server's name
    #[arg(value_name = "SERVER")]
    server: String,
    /// The tools, without the server's name; all that are held back, when none is named
    #[arg(value_name = "TOOL")]
    tools: Vec<String>,
    /// The version of the one tool named, as `review` showed it
    #[arg(long, value_name = "VERSION", requires = "tools")]
    version: Option<String>,
}

/// `--json`
#[derive(Debug, Serialize)]
struct Approved {
    approved: usize,
}

/// Approves what was reviewed before, or what is shown now and agreed to.
pub(super) fn run(
    arguments: &ApproveArguments,
    access: &Access,
    (context, output): To<'_>,
) -> Result<Ending, Failure> {
    let server = server_id(&arguments.server)?;
    let reviewed = match (&arguments.version, arguments.tools.as_slice()) {
        (Some(version), [tool]) => vec![ReviewedTool {
            tool: tool.clone(),
            version: version.clone(),
        }],
        (Some(_), _) => return Err(Failure::usage("a version is that of one tool; name it alone")),
        (None, tools) => {
            let held = held(access, (&arguments.client, &server), tools)?;
            if !is_agreed(&held, (context, output))? {
                output.say(Paint::Plain, "Nothing was approved.")?;
                return Ok(Ending::Failed);
            }
            held.iter().map(HeldTool::reviewed).collect()
        }
    };
    let approved = access
        .approve(&arguments.client, &server, &reviewed)
        .map_err(|error| Failure::told(&error))?;
    let (count, client) = (counted(approved, "tool"), text::line(&arguments.client));
    let done = format!(
        "✓ Approved {count} of {} for {client}",
        text::line(server.as_str())
    );
    output.say(Paint::Good, &done)?;
    if context.global.json {
        output.json(&Approved { approved })?;
    }
    Ok(Ending::Done)
}

/// What is held back from the client at the server: these tools, or all.
fn held(
    access: &Access,
    (client, server): (&str, &ServerId),
    tools: &[String],
) -> Result<Vec<HeldTool>, Failure> {
    let told = |error: AccessError| Failure::told(&error);
    let client = access.named(client).map_err(told)?;
    let mut held = access.held().map_err(told)?;
    held.retain(|tool| tool.client == client.name() && tool.server == *server);
    let missing = |tool: &&String| held.iter().all(|held| held.tool != **tool);
    let missing = tools.iter().find(missing).cloned();
    if held.is_empty() || missing.is_some() {
        return Err(told(AccessError::NothingHeld {
            client: client.name().to_owned(),
            server: server.clone(),
            tool: missing,
        }));
    }
    held.retain(|held| tools.is_empty() || tools.contains(&held.tool));
    Ok(held)
}

/// Shows them, and asks whoever sits at the terminal.
fn is_agreed(held: &[HeldTool], (context, output): (&Context, &mut Output)) -> Result<bool, Failure> {
    let input = io::stdin();
    if !input.is_terminal() {
        let program = context.command();
        let missing =
            Failure::usage("nobody is there to be shown what would be approved; say what was reviewed");
        return Err(missing.with_hint(format!(
            "{program} access review prints the command, with its --version"
        )));
    }
    let now = Timestamp::now();
    for tool in held {
        for line in review::lines(tool, now, output.words_face()) {
            output.say(Paint::Plain, &line)?;
        }
    }
    let question = format!("Approve {} as shown? [y/N] ", counted(held.len(), "tool"));
    output.draw(&question)?;
    Ok(says_yes(&mut input.lock()))
}

/// Everything but a clear yes is a no.
fn says_yes(input: &mut impl BufRead) -> bool {
    let mut answer = String::new();
    let read = input.take(MAX_ANSWER).read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, yes) in [
            ("y\n", true),
            (" YES \r\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yesterday\n", false),
        ] {
            assert_eq!(says_yes(&mut answer.as_bytes()), yes, "{answer:?}");
        }
    }
}

//! Tools that are held back because they changed: what they were, what they are, and agreeing to it.

use jiff::Timestamp;
use omlx_mcp::{
    access::{Access, HeldTool},
    diff::{DiffKind, DiffLine},
};
use serde::Serialize;

use super::To;
use crate::{
    command::edit::server_id,
    failure::{Ending, Failure},
    mend::quoted,
    moment, notice,
    output::{
        face::{Face, Paint},
        text::{self, counted},
    },
};

/// Compare tools that are held back with what was approved
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tool's description is read by the model as if you had written it. One that changes after it was approved may say something \
you did not agree to, so it is held back: not listed, and not called. Lines with - are what was approved, lines with + are \
what the server says now; signs that hide themselves are spelled out as \\u{...}.

The exit code is 0 when nothing is held back, and 1 otherwise.

Examples:
  omlx mcp access review
  omlx mcp access review cursor")]
pub(super) struct ReviewArguments {
    /// Only what is held back from this client; the stdio bridge is called `bridge`
    #[arg(value_name = "CLIENT")]
    client: Option<String>,
}

/// Let a client have tools as they are described now
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is approved is what `review` shows. A tool that has changed again since is held back again.

Examples:
  omlx mcp access approve cursor notion search
  omlx mcp access approve cursor notion          everything that notion changed")]
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
}

/// `--json` of `review`
#[derive(Debug, Serialize)]
struct Review {
    held: Vec<HeldTool>,
}

/// `--json` of `approve`
#[derive(Debug, Serialize)]
struct Approved {
    approved: usize,
}

/// Shows them.
pub(super) fn run(
    arguments: &ReviewArguments,
    access: &Access,
    (context, output): To<'_>,
) -> Result<Ending, Failure> {
    let mut held = access.held().map_err(|error| Failure::told(&error))?;
    if let Some(client) = &arguments.client {
        held.retain(|tool| tool.client.eq_ignore_ascii_case(client));
    }
    let ending = if held.is_empty() {
        Ending::Done
    } else {
        Ending::Failed
    };
    if context.global.json {
        output.json(&Review { held })?;
        return Ok(ending);
    }
    if held.is_empty() {
        output.say(Paint::Good, "✓ No tool is held back")?;
        return Ok(ending);
    }
    let now = Timestamp::now();
    for (at, tool) in held.iter().enumerate() {
        if at > 0 {
            output.data("")?;
        }
        let lines = lines(tool, now, output.face());
        output.lines(&lines)?;
        let [client, server, name] = [&tool.client, tool.server.as_str(), &tool.tool].map(quoted);
        let approve = format!(
            "{} access approve {client} {server} {name}",
            context.program.words()
        );
        notice::tell_hint(Some(&approve), output)?;
    }
    Ok(ending)
}

fn lines(held: &HeldTool, now: Timestamp, face: &Face) -> Vec<String> {
    let name = text::line(&format!("{}__{}", held.server, held.tool));
    let first = format!(
        "{} {} for {}",
        face.paint(Paint::Attention, "!"),
        face.paint(Paint::Strong, &name),
        text::line(&held.client)
    );
    let when = format!(
        "approved {}, changed {}",
        moment::relative(held.approved_at, now),
        moment::relative(held.changed_at, now)
    );
    let diff = held.diff.iter().map(|line| diff_line(line, face));
    [first, format!("  {}", face.paint(Paint::Faint, &when))]
        .into_iter()
        .chain(diff)
        .collect()
}

/// A line of a difference, with its sign, indented as part of a picture.
pub(in crate::command) fn diff_line(line: &DiffLine, face: &Face) -> String {
    let (sign, paint) = match line.kind {
        DiffKind::Context => (' ', Paint::Faint),
        DiffKind::Added => ('+', Paint::Good),
        DiffKind::Removed => ('-', Paint::Bad),
    };
    let text = format!("{sign} {}", text::block(&line.text));
    format!("  {}", face.paint(paint, text.trim_end()))
}

/// Agrees to them.
pub(super) fn approve(
    arguments: &ApproveArguments,
    access: &Access,
    (context, output): To<'_>,
) -> Result<(), Failure> {
    let server = server_id(&arguments.server)?;
    let ask = |tool: Option<&str>| {
        access
            .approve(&arguments.client, &server, tool)
            .map_err(|error| Failure::told(&error))
    };
    let mut approved = 0;
    match arguments.tools.as_slice() {
        [] => approved = ask(None)?,
        tools => {
            for tool in tools {
                approved += ask(Some(tool))?;
            }
        }
    }
    let (count, client) = (counted(approved, "tool"), text::line(&arguments.client));
    let done = format!(
        "✓ Approved {count} of {} for {client}",
        text::line(server.as_str())
    );
    output.say(Paint::Good, &done)?;
    if context.global.json {
        output.json(&Approved { approved })?;
    }
    Ok(())
}

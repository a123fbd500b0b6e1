//! Tools that are held back because they changed: what they were, and what they are.

use jiff::Timestamp;
use omlx_mcp::{
    access::{Access, HeldTool},
    diff::{DiffKind, DiffLine},
};
use serde::Serialize;

use super::To;
use crate::{
    failure::{Ending, Failure},
    mend::quoted,
    moment, notice,
    output::{
        face::{Face, Paint},
        text,
    },
};

/// Compare tools that are held back with what was approved
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tool's description is read by the model as if you had written it. One that changes after it was approved may say something \
you did not agree to, so it is held back: not listed, and not called. Lines with - are what was approved, lines with + are \
what the server says now; signs that hide themselves are spelled out as \\u{...}. The command under each approves what is shown \
there and nothing newer.

The exit code is 0 when nothing is held back, and 1 otherwise.

Examples:
  omlx mcp access review
  omlx mcp access review cursor")]
pub(super) struct ReviewArguments {
    /// Only what is held back from this client; the stdio bridge is called `bridge`
    #[arg(value_name = "CLIENT")]
    client: Option<String>,
}

/// `--json` of `review`
#[derive(Debug, Serialize)]
struct Review {
    held: Vec<HeldTool>,
}

/// Shows them.
pub(super) fn run(
    arguments: &ReviewArguments,
    access: &Access,
    (context, output): To<'_>,
) -> Result<Ending, Failure> {
    let told = |error| Failure::told(&error);
    let mut held = access.held().map_err(told)?;
    if let Some(client) = &arguments.client {
        // A name nobody has must not read as all clear.
        let client = access.named(client).map_err(told)?;
        held.retain(|tool| tool.client == client.name());
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
            "{} access approve {client} {server} {name} --version {}",
            context.command(),
            tool.version
        );
        notice::tell_hint(Some(&approve), output)?;
    }
    Ok(ending)
}

/// One tool: whose it is, since when, and what became of it.
pub(super) fn lines(held: &HeldTool, now: Timestamp, face: &Face) -> Vec<String> {
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

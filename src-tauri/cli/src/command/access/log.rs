//! What the clients have called.

use omlx_mcp::access::{Access, LogArguments as Switch, LoggedCall};
use serde::Serialize;

use super::To;
use crate::{
    context::Context,
    failure::Failure,
    output::{
        face::Paint,
        table::{Cell, Column, Room, Side, Table},
    },
};

/// Show what the clients have called
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One line per call: when (UTC), which client, what it called, how long it took, how it ended. Results are never kept. Arguments \
are kept only after --arguments on, and shown with --json.

Examples:
  omlx mcp access log
  omlx mcp access log --client cursor --failed
  omlx mcp access log --limit 1000 --json | jq -r '.calls[].tool' | sort | uniq -c")]
pub(super) struct LogArguments {
    /// Only calls of this client
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Only calls to this server
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// Only calls that did not end well
    #[arg(long)]
    failed: bool,
    /// The last so many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Keep the arguments of calls from now on, or no longer
    #[arg(
        long,
        value_name = "on|off",
        hide_possible_values = true,
        conflicts_with_all = ["client", "server", "failed", "limit"]
    )]
    arguments: Option<OnOff>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OnOff {
    On,
    Off,
}

/// `--json`
#[derive(Debug, Serialize)]
struct Listing {
    path: std::path::PathBuf,
    arguments: bool,
    calls: Vec<LoggedCall>,
}

impl LogArguments {
    fn is_narrowed(&self) -> bool {
        self.client.is_some() || self.server.is_some() || self.failed
    }

    fn wants(&self, call: &LoggedCall) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        is(&self.client, &call.client)
            && is(&self.server, call.server.as_str())
            && !(self.failed && call.outcome == "ok")
    }
}

/// Shows them, or sets what is kept.
pub(super) fn run(
    arguments: &LogArguments,
    access: &Access,
    (context, output): To<'_>,
) -> Result<(), Failure> {
    let told = |error| Failure::told(&error);
    let mut limit = arguments.limit;
    if let Some(wanted) = arguments.arguments {
        let (switch, done) = match wanted {
            OnOff::On => (
                Switch::Yes,
                "✓ Arguments are kept from now on, readable by you alone",
            ),
            OnOff::Off => (
                Switch::No,
                "✓ Arguments are not kept any more; what was kept stays until the file is removed",
            ),
        };
        access.set_log_arguments(switch).map_err(told)?;
        output.say(Paint::Good, done)?;
        limit = 0;
    }
    let calls = access.calls(limit, |call| arguments.wants(call)).map_err(told)?;
    if let Some(client) = arguments.client.as_deref().filter(|_| calls.is_empty()) {
        check_name(client, access)?;
    }
    if let Some(server) = arguments.server.as_deref().filter(|_| calls.is_empty()) {
        check_server(server, access, context)?;
    }
    let path = access.log_path();
    if context.global.json {
        let arguments = access.logs_arguments();
        return Ok(output.json(&Listing {
            path,
            arguments,
            calls,
        })?);
    }
    if calls.is_empty() && arguments.arguments.is_none() {
        let none = if arguments.is_narrowed() {
            "No such call is in the log."
        } else {
            "No call is in the log."
        };
        output.say(Paint::Plain, none)?;
    }
    let lines = table(&calls).lines(output.face());
    if !calls.is_empty() {
        output.lines(&lines)?;
    }
    Ok(output.say(Paint::Faint, &path.display().to_string())?)
}

/// A name that no client has must not read as one that called nothing. One that was revoked is in the log by its name.
fn check_name(client: &str, access: &Access) -> Result<(), Failure> {
    let told = |error| Failure::told(&error);
    let theirs = access.calls(1, |call| call.client.eq_ignore_ascii_case(client));
    if theirs.map_err(told)?.is_empty() {
        access.named(client).map_err(told)?;
    }
    Ok(())
}

/// The same for a server. One that was removed is in the log by its name.
fn check_server(server: &str, access: &Access, context: &Context) -> Result<(), Failure> {
    let its = access.calls(1, |call| call.server.as_str().eq_ignore_ascii_case(server));
    if its.map_err(|error| Failure::told(&error))?.is_empty() {
        context.config().server(server)?;
    }
    Ok(())
}

fn table(calls: &[LoggedCall]) -> Table {
    let column = |title, side, room| Column { title, side, room };
    let mut table = Table::new(vec![
        column("AT", Side::Left, Room::Whole),
        column("CLIENT", Side::Left, Room::Least(10)),
        column("TOOL", Side::Left, Room::Least(16)),
        column("TOOK", Side::Right, Room::Whole),
        column("OUTCOME", Side::Left, Room::Least(12)),
    ]);
    for call in calls {
        let is_good = call.outcome == "ok";
        table.push(vec![
            Cell::new(Paint::Faint, &call.at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            Cell::new(Paint::Strong, &call.client),
            Cell::plain(&format!("{}__{}", call.server, call.tool)),
            Cell::plain(&took(call.duration_ms)),
            Cell::new(
                if is_good { Paint::Good } else { Paint::Attention },
                &call.outcome,
            ),
        ]);
    }
    table
}

fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        _ => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
    }
}

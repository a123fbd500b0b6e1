//! The clients that are let in, at a glance.

use jiff::Timestamp;
use omlx_mcp::access::{Access, ClientSummary, Patterns, Rules};
use serde::Serialize;

use crate::{
    context::Context,
    failure::Failure,
    mend::quoted,
    moment, notice,
    output::{
        Output,
        face::Paint,
        table::{Cell, Column, Room, Side, Table},
        text::{self, counted},
    },
};

/// `--json`
#[derive(Debug, Serialize)]
struct Listing {
    clients: Vec<ClientSummary>,
}

/// Lists them.
pub(super) fn run(access: &Access, context: &Context, output: &mut Output) -> Result<(), Failure> {
    let told = |error| Failure::told(&error);
    let mut clients = access.clients().map_err(told)?;
    clients.extend(access.nameless().map_err(told)?);
    if context.global.json {
        return Ok(output.json(&Listing { clients })?);
    }
    let program = context.command();
    if clients.is_empty() {
        output.say(Paint::Plain, "No client is let in yet.")?;
        let how = format!("{program} use CLIENT, or {program} access add NAME");
        return Ok(notice::tell_hint(Some(&how), output)?);
    }
    let now = Timestamp::now();
    let mut table = Table::new(columns());
    for client in &clients {
        table.push(row(client, now));
    }
    let lines = table.lines(output.face());
    output.lines(&lines)?;
    for client in clients.iter().filter(|client| client.held_tools > 0) {
        let count = usize::try_from(client.held_tools).unwrap_or(usize::MAX);
        let name = text::line(&client.name);
        let held = format!(
            "! {} held back from {name}: changed since approved",
            counted(count, "tool")
        );
        output.say(Paint::Attention, &held)?;
        notice::tell_hint(
            Some(&format!("{program} access review {}", quoted(&client.name))),
            output,
        )?;
    }
    Ok(())
}

fn columns() -> Vec<Column> {
    let left = |title, room| Column {
        title,
        side: Side::Left,
        room,
    };
    vec![
        left("CLIENT", Room::Least(12)),
        left("SERVERS", Room::Least(10)),
        left("TOOLS", Room::Least(10)),
        left("LAST USED", Room::Whole),
        left("SINCE", Room::Spare(10)),
    ]
}

fn row(client: &ClientSummary, now: Timestamp) -> Vec<Cell> {
    let last = client.last_used_at.map(|at| moment::relative(at, now));
    vec![
        Cell::new(Paint::Strong, &client.name),
        Cell::plain(&listed(&client.rules.servers)),
        Cell::plain(&listed(&client.rules.tools)),
        Cell::new(
            if last.is_some() {
                Paint::Plain
            } else {
                Paint::Faint
            },
            last.as_deref().unwrap_or("never"),
        ),
        Cell::new(Paint::Faint, &moment::relative(client.created_at, now)),
    ]
}

fn listed(patterns: &Patterns) -> String {
    if patterns.are_all() {
        return "all".to_owned();
    }
    patterns.iter().collect::<Vec<_>>().join(", ")
}

/// Rules in words: `all servers`, `notion and linear, of their tools only *__search`.
pub(super) fn told(rules: &Rules) -> String {
    let servers = if rules.servers.are_all() {
        "all servers".to_owned()
    } else {
        text::line(&listed(&rules.servers))
    };
    if rules.tools.are_all() {
        return servers;
    }
    format!("{servers}, and there only {}", text::line(&listed(&rules.tools)))
}

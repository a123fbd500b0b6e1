//! All servers at a glance: a table, and below it what is wrong and what mends it.

use omlx_mcp::{ConnectionStatus, ServerSnapshot, Snapshot};

use super::View;
use crate::{
    notice::{self, Notice},
    output::{
        face::Paint,
        table::{Cell, Column, Room, Side, Table},
        text,
    },
    words,
};

/// The whole truth in a few lines; empty when there is nothing to tell.
pub(crate) fn lines(snapshot: &Snapshot, view: View<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if !snapshot.servers.is_empty() {
        lines.extend(table(&snapshot.servers, view));
    }
    let problems = problems(snapshot, view);
    if !lines.is_empty() && !problems.is_empty() {
        lines.push(String::new());
    }
    lines.extend(problems);
    lines
}

/// That all of them rest, and what ends it, on one line: nothing is wrong.
pub(crate) fn paused(view: View<'_>) -> Vec<String> {
    let View { face, mend, .. } = view;
    let sign = face.paint(Paint::Attention, "!");
    let resume = format!("{} resume", mend.program);
    vec![format!(
        "{sign} {}",
        face.glyphs(&format!("All servers are paused; to use them again: {resume}"))
    )]
}

fn table(servers: &[ServerSnapshot], view: View<'_>) -> Vec<String> {
    let left = |title, room| Column {
        title,
        side: Side::Left,
        room,
    };
    let mut table = Table::new(vec![
        left("SERVER", Room::Least(12)),
        left("SIGN-IN", Room::Whole),
        left("CONNECTION", Room::Least(12)),
        Column {
            title: "TOOLS",
            side: Side::Right,
            room: Room::Whole,
        },
        left("ACCOUNT", Room::Spare(10)),
        left("TOKEN", Room::Spare(18)),
    ]);
    for server in servers {
        table.push(row(server, view));
    }
    table.lines(view.face)
}

fn row(server: &ServerSnapshot, view: View<'_>) -> Vec<Cell> {
    let (sign, paint) = words::sign(server);
    let tools = server
        .tool_count
        .map(|count| count.to_string())
        .unwrap_or_default();
    vec![
        Cell::new(Paint::Strong, server.id.as_str()),
        Cell::new(paint, &format!("{sign} {}", words::auth(server))),
        Cell::plain(&words::connection(server, view.now)),
        Cell::plain(&tools),
        Cell::plain(&words::account(server)),
        Cell::new(Paint::Faint, &words::expiry(server, view.now)),
    ]
}

fn problems(snapshot: &Snapshot, view: View<'_>) -> Vec<String> {
    let View { face, mend, .. } = view;
    let of_servers = snapshot.servers.iter().flat_map(|server| wrong(server, view));
    let of_config = snapshot.config_problems.iter().chain(&snapshot.config_advice);
    let of_config = of_config.flat_map(|problem| {
        let server = None;
        Notice {
            problem,
            server,
            mend,
        }
        .lines(face)
    });
    of_servers.chain(of_config).collect()
}

/// What is wrong with one server and what mends it. A state that a person must mend has a mend, whether or not anyone
/// recorded why it came about.
pub(crate) fn wrong(server: &ServerSnapshot, view: View<'_>) -> Vec<String> {
    let View { face, mend, .. } = view;
    let due = || {
        server
            .auth
            .due()
            .filter(|_| server.connection != ConnectionStatus::Disabled)
    };
    if let Some(problem) = &server.problem {
        let server = Some(&server.id);
        return Notice {
            problem,
            server,
            mend,
        }
        .lines(face);
    }
    let Some(action) = due() else { return Vec::new() };
    let sign = face.paint(Paint::Attention, "!");
    let first = format!(
        "{sign} {}: {}",
        text::line(server.id.as_str()),
        face.glyphs(&words::auth(server))
    );
    let hint = mend.of_action(action, Some(&server.id));
    std::iter::once(first)
        .chain(hint.map(|hint| notice::hint_line(&hint, face)))
        .collect()
}

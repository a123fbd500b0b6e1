//! The tools of servers, under the names they are called by.

use omlx_mcp::ServerId;
use serde::Serialize;
use serde_json::Value;

use crate::output::{
    face::{Face, Paint},
    json,
    table::{Cell, Column, Room, Side, Table},
    text,
};

/// One tool, in the shape of oMLX's `GET /v1/mcp/tools`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Tool {
    /// `server__tool`
    pub(crate) name: String,
    /// What it does, in its server's words.
    pub(crate) description: Option<String>,
    /// Whose it is.
    pub(crate) server: ServerId,
    /// The JSON Schema of its arguments.
    pub(crate) parameters: Value,
}

/// One line per tool.
pub(crate) fn table(tools: &[Tool], face: &Face) -> Vec<String> {
    let left = |title, room| Column {
        title,
        side: Side::Left,
        room,
    };
    let mut table = Table::new(vec![
        left("TOOL", Room::Whole),
        left("DESCRIPTION", Room::Spare(20)),
    ]);
    for tool in tools {
        let description = tool.description.as_deref().unwrap_or_default();
        table.push(vec![
            Cell::new(Paint::Strong, &tool.name),
            Cell::plain(first_line(description)),
        ]);
    }
    table.lines(face)
}

/// Each tool with its whole description and the schema of its arguments.
pub(crate) fn with_schemas(tools: &[Tool], face: &Face) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for tool in tools {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(face.paint(Paint::Strong, &text::line(&tool.name)));
        let description = text::block(tool.description.as_deref().unwrap_or_default());
        lines.extend(
            description
                .trim()
                .lines()
                .map(|line| format!("  {line}").trim_end().to_owned()),
        );
        let schema = json::pretty(&tool.parameters)?;
        lines.extend(
            schema
                .lines()
                .map(|line| format!("  {}", face.paint(Paint::Faint, line))),
        );
    }
    Ok(lines)
}

fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or_default()
}

//! The timeline of a sign-in: which URL answered what, what was decided, and by which rule.

use omlx_mcp::oauth::timeline::{Stage, Step};

use crate::{
    moment,
    output::{
        face::{Face, Paint},
        text,
    },
    words,
};

/// How wide the names of the stages are, gap included.
const STAGES: usize = 19;

/// How far what happened is indented: time of day, gap, stage.
const INDENT: usize = 10 + STAGES;

/// One step per line, longer ones continued below themselves.
pub(crate) fn lines(steps: &[Step], face: &Face) -> Vec<String> {
    steps.iter().flat_map(|step| step_lines(step, face)).collect()
}

fn step_lines(step: &Step, face: &Face) -> Vec<String> {
    let columns = face
        .columns
        .map_or(usize::MAX, |columns| columns.saturating_sub(INDENT).max(20));
    let told = face.glyphs(&told(step)).into_owned();
    let stage = face.paint(Paint::Faint, &format!("{:<STAGES$}", words::stage(step.stage)));
    let mut lines = text::wrapped(&told, columns)
        .into_iter()
        .map(|line| face.paint(paint(step), &line));
    let first = lines.next().unwrap_or_default();
    let mut shown = vec![format!(
        "{}  {stage}{first}",
        face.paint(Paint::Faint, &moment::of_day(step.at))
    )];
    shown.extend(lines.map(|line| format!("{:INDENT$}{line}", "")));
    shown
}

fn told(step: &Step) -> String {
    let request = step
        .request
        .as_deref()
        .map(|request| format!("{} → ", text::line(request)));
    let status = step.status.map(|status| format!("{status} "));
    let rule = step
        .rule
        .as_deref()
        .map(|rule| format!(" ({})", text::line(rule)));
    [
        request.unwrap_or_default(),
        status.unwrap_or_default(),
        text::line(decision(step)),
        rule.unwrap_or_default(),
    ]
    .concat()
}

/// A failure begins with its address, which the request has named already.
fn decision(step: &Step) -> &str {
    let url = step
        .request
        .as_deref()
        .and_then(|request| request.split(' ').nth(1));
    let rest = url.and_then(|url| step.decision.strip_prefix(url));
    rest.unwrap_or(&step.decision)
}

/// A refused request stands out; a 401 is what a challenge is made of.
fn paint(step: &Step) -> Paint {
    match step.status {
        _ if step.stage == Stage::Challenge => Paint::Plain,
        Some(200..=399) => Paint::Plain,
        Some(_) => Paint::Attention,
        None if step.request.is_some() => Paint::Bad,
        None => Paint::Plain,
    }
}

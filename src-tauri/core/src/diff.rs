//! Two texts side by side, line by line, for a person to agree to.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;

/// How long the shortest difference is looked for; after that it is a longer one.
const PATIENCE: Duration = Duration::from_millis(500);

/// Stands for the unchanged lines between two changes.
const LEFT_OUT: &str = "…";

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct DiffLine {
    /// Where it stands.
    pub kind: DiffKind,
    /// The line without its end.
    pub text: String,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    /// In both.
    Context,
    /// In the new text only.
    Added,
    /// In the old text only.
    Removed,
}

/// What makes `new` of `old`, with a few lines around each change; nothing when they are the same.
pub fn diff(old: &str, new: &str) -> Vec<DiffLine> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        if !lines.is_empty() {
            lines.push(DiffLine {
                kind: DiffKind::Context,
                text: LEFT_OUT.to_owned(),
            });
        }
        let changes = group.iter().flat_map(|op| diff.iter_changes(op));
        lines.extend(changes.map(|change| DiffLine {
            kind: kind(change.tag()),
            text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
        }));
    }
    lines
}

fn kind(tag: ChangeTag) -> DiffKind {
    match tag {
        ChangeTag::Equal => DiffKind::Context,
        ChangeTag::Insert => DiffKind::Added,
        ChangeTag::Delete => DiffKind::Removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let sign = |kind| match kind {
            DiffKind::Context => ' ',
            DiffKind::Added => '+',
            DiffKind::Removed => '-',
        };
        let lines = diff(old, new);
        let lines: Vec<_> = lines
            .iter()
            .map(|line| format!("{}{}", sign(line.kind), line.text))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        assert_eq!(
            shown("1\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n"),
            " 2\n 3\n 4\n-5\n+five"
        );
        assert_eq!(shown("", "{\r\n}"), "+{\n+}");
        assert_eq!(shown("a\n", "a\n"), "");
    }

    #[test]
    fn what_lies_between_two_changes_is_left_out() {
        let old = "first\n".to_owned() + &"same\n".repeat(20) + "last\n";
        let new = old.replace("first", "zeroth").replace("last", "end");
        assert!(shown(&old, &new).contains("\n …\n"));
    }
}

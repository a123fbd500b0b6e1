//! A tool that is held back, as a person compares what it was with what it is.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approvals::{Approval, Approvals};
use crate::{
    ServerId,
    diff::{DiffLine, diff},
};

/// The most of one definition that is shown, in characters.
const MAX_SHOWN: usize = 20_000;

/// A tool whose description or schema is not what was approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct HeldTool {
    /// The client it is held back from, as it is called now.
    pub client: String,
    /// Whose tool it is.
    pub server: ServerId,
    /// Its name.
    pub tool: String,
    /// Which state of the tool this is, for it to be approved and no later one: the fingerprint of its definition. Whole,
    /// because a server that chooses both texts could make two whose first digits are the same.
    pub version: String,
    /// When it was approved as it was.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub approved_at: Timestamp,
    /// When the change was first seen.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub changed_at: Timestamp,
    /// What became of it, line by line; signs that hide themselves are written out.
    pub diff: Vec<DiffLine>,
}

/// A tool that somebody has looked at, in the state that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ReviewedTool {
    /// Its name, without the server's.
    pub tool: String,
    /// The version that was shown ([`HeldTool::version`]).
    pub version: String,
}

impl HeldTool {
    /// The tool as it was shown here.
    pub fn reviewed(&self) -> ReviewedTool {
        ReviewedTool {
            tool: self.tool.clone(),
            version: self.version.clone(),
        }
    }

    /// Everything that is held back from a client in one file.
    pub(super) fn all_of(client: &str, approvals: &Approvals) -> Vec<Self> {
        let held = approvals.tools.iter();
        held.filter_map(|(tool, approval)| Self::of((client, approvals), tool, approval))
            .collect()
    }

    fn of((client, approvals): (&str, &Approvals), tool: &str, approval: &Approval) -> Option<Self> {
        let changed = approval.changed.as_ref()?;
        Some(Self {
            client: client.to_owned(),
            server: approvals.server.clone(),
            tool: tool.to_owned(),
            version: changed.fingerprint.as_str().to_owned(),
            approved_at: approval.approved.at,
            changed_at: changed.at,
            diff: diff(
                &readable(&approval.approved.definition),
                &readable(&changed.definition),
            ),
        })
    }
}

/// A definition as text: a description in its own lines, a schema indented.
fn readable(definition: &Value) -> String {
    let mut text = String::new();
    let keys = definition.as_object().into_iter().flatten();
    for (key, value) in keys.filter(|(key, _)| *key != "name") {
        let shown = match value {
            Value::String(words) => words.clone(),
            value => serde_json::to_string_pretty(value).unwrap_or_default(),
        };
        text.push_str(key);
        text.push('\n');
        for line in shown.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    spelled_out(&text)
}

/// The text with everything that would not be seen written as its number: a hidden instruction is what one looks for.
fn spelled_out(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, letter) in text.chars().enumerate() {
        if at >= MAX_SHOWN {
            shown.push_str("\n… (the rest is too long to be shown)\n");
            break;
        }
        if hides(letter) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Controls, zero widths, turns of the reading direction, and the tag characters that look like nothing at all.
fn hides(letter: char) -> bool {
    let is_control = letter.is_control() && letter != '\n' && letter != '\t';
    is_control
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_description_is_read_in_its_own_lines_and_what_hides_is_spelled_out() {
        let definition = json!({"description": "Finds pages.\nObey:\u{e0041}\u{200b}x", "name": "search", "inputSchema": {"a": 1}});
        assert_eq!(
            readable(&definition),
            "description\n  Finds pages.\n  Obey:\\u{e0041}\\u{200b}x\ninputSchema\n  {\n    \"a\": 1\n  }\n"
        );
    }

    #[test]
    fn a_definition_without_end_is_cut() {
        assert!(spelled_out(&"x".repeat(1_000_000)).len() < MAX_SHOWN + 100);
    }
}

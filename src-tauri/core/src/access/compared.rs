//! Two definitions of a tool as texts side by side.
//!
//! The whole texts are compared, and only what is shown of the difference is bounded: a change must not hide behind a
//! long beginning, at the end of a long line, or in signs that are not seen.

use std::fmt::Write as _;

use serde_json::Value;

use crate::diff::{DiffKind, DiffLine, diff};

/// The most that is shown of what was there, and of what is there now, in characters.
const MAX_SHOWN: usize = 20_000;

/// From here on a line is taken apart at the ends of its sentences, in characters.
const LONG: usize = 200;

/// The most of one line that stays in one piece, in characters.
const PIECE: usize = 400;

/// What each line of a value begins with.
const INDENT: &str = "  ";

/// What stands in its place where a long line goes on; no line begins so by itself.
const GOES_ON: &str = "↪ ";

/// What became of a definition, line by line; never nothing, as long as they are not the same.
pub(super) fn compared(before: &Value, after: &Value) -> Vec<DiffLine> {
    let lines = diff(&readable(before), &readable(after));
    if lines.is_empty() {
        return bounded(diff(&exact(before), &exact(after)));
    }
    bounded(lines)
}

/// As much as can be looked at, and how much is missing. What was there before takes no room from what is there now.
fn bounded(mut lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let (mut before, mut now, mut left_out) = (MAX_SHOWN, MAX_SHOWN, 0_usize);
    lines.retain(|line| {
        let room = if line.kind == DiffKind::Removed {
            &mut before
        } else {
            &mut now
        };
        let rest = room.checked_sub(line.text.chars().count() + 1);
        *room = rest.unwrap_or_default();
        left_out += usize::from(rest.is_none() && line.kind != DiffKind::Context);
        rest.is_some()
    });
    if left_out > 0 {
        lines.push(DiffLine {
            kind: DiffKind::Context,
            text: format!("… ({left_out} more changed lines are too long to be shown)"),
        });
    }
    lines
}

/// A definition as people read it: a description in its own lines, a schema indented.
fn readable(definition: &Value) -> String {
    let mut text = String::new();
    let keys = definition.as_object().into_iter().flatten();
    for (key, value) in keys.filter(|(key, _)| *key != "name") {
        text.push_str(key);
        text.push('\n');
        match value {
            Value::String(words) => write_lines(&mut text, words),
            value => write_lines(&mut text, &pretty(value)),
        }
    }
    text
}

/// The same to the letter, where what people read is the same.
fn exact(definition: &Value) -> String {
    let mut text = String::new();
    write_lines(&mut text, &pretty(definition));
    text
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn write_lines(text: &mut String, value: &str) {
    for line in value.split('\n') {
        let mut begin = INDENT;
        for piece in pieces(&spelled_out(line)) {
            let _ = writeln!(text, "{begin}{piece}");
            begin = GOES_ON;
        }
    }
}

/// A line in pieces that can be compared one by one. They end where sentences do, so that those after a change stay what
/// they are.
fn pieces(line: &str) -> Vec<&str> {
    if line.chars().nth(LONG).is_none() {
        return vec![line];
    }
    let (mut pieces, mut start, mut length) = (Vec::new(), 0, 0);
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        let ends_sentence = letter == ' ' && matches!(before, '.' | '!' | '?' | ';' | ':');
        length += 1;
        before = letter;
        if ends_sentence || matches!(letter, '。' | '！' | '？') || length == PIECE {
            let end = at + letter.len_utf8();
            pieces.push(&line[start..end]);
            (start, length) = (end, 0);
        }
    }
    if start < line.len() {
        pieces.push(&line[start..]);
    }
    pieces
}

/// The text with everything that would not be seen written as its number: a hidden instruction is what one looks for.
fn spelled_out(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
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

    fn described(words: &str) -> Value {
        json!({"description": words, "name": "search"})
    }

    fn changed(before: &str, after: &str) -> Vec<String> {
        let lines = compared(&described(before), &described(after));
        let changed = lines.into_iter().filter(|line| line.kind != DiffKind::Context);
        changed.map(|line| line.text).collect()
    }

    #[test]
    fn a_description_is_read_in_its_own_lines_and_what_hides_is_spelled_out() {
        let definition = json!({"description": "Finds pages.\nObey:\u{e0041}\u{200b}x", "name": "search", "inputSchema": {"a": 1}});
        assert_eq!(
            readable(&definition),
            "description\n  Finds pages.\n  Obey:\\u{e0041}\\u{200b}x\ninputSchema\n  {\n    \"a\": 1\n  }\n"
        );
    }

    #[test]
    fn a_change_behind_a_long_beginning_is_shown_in_many_lines_and_in_one() {
        for end in ["\n", " "] {
            let long = format!("Line without end.{end}").repeat(2_000);
            let shown = changed(&format!("{long}Good."), &format!("{long}Evil."));
            assert_eq!(shown.len(), 2, "{shown:?}");
            assert!(
                shown[0].ends_with("Good.") && shown[1].ends_with("Evil."),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn a_difference_without_end_is_cut_and_says_so() {
        let lines = compared(&described(""), &described(&"x\n".repeat(100_000)));
        let length: usize = lines.iter().map(|line| line.text.len()).sum();
        assert!(length < MAX_SHOWN + 100, "{length}");
        let last = lines.last().expect("a line");
        assert!(
            last.text
                .ends_with("more changed lines are too long to be shown)"),
            "{last:?}"
        );
    }

    #[test]
    fn what_was_there_leaves_room_for_what_is_there_now() {
        let shown = changed(&"x\n".repeat(100_000), "Evil.");
        assert!(shown.iter().any(|line| line.ends_with("Evil.")));
    }

    #[test]
    fn a_change_that_is_the_same_to_a_reader_is_shown_to_the_letter() {
        for (before, after) in [
            (json!({"description": "{}"}), json!({"description": {}})),
            (json!({"title": "a\u{200b}"}), json!({"title": "a\\u{200b}"})),
        ] {
            let lines = compared(&before, &after);
            assert!(lines.iter().any(|line| line.kind == DiffKind::Added), "{lines:?}");
        }
        assert_eq!(changed("a\r\nb", "a\nb").len(), 2);
        assert_eq!(changed("a", "a\n").len(), 1);
    }

    #[test]
    fn a_line_break_in_a_long_line_is_a_change() {
        let long = "One. ".repeat(100);
        assert!(!changed(&format!("{long}Two. Three."), &format!("{long}Two. \nThree.")).is_empty());
    }
}

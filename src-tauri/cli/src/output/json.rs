//! JSON that is safe on a terminal, too.

use std::{fmt::Write as _, io};

use serde::Serialize;

/// Indented.
pub(crate) fn pretty(document: &impl Serialize) -> io::Result<String> {
    Ok(escaped(serde_json::to_string_pretty(document)?))
}

/// On one line.
pub(crate) fn compact(document: &impl Serialize) -> io::Result<String> {
    Ok(escaped(serde_json::to_string(document)?))
}

/// JSON leaves DEL, the C1 controls and the direction marks as they are, and a terminal obeys them. They can only stand
/// in strings, where an escape means the same (RFC 8259 §7).
fn escaped(text: String) -> String {
    let obeyed = |letter: char| letter != '\n' && (letter.is_control() || is_direction_mark(letter));
    if !text.chars().any(obeyed) {
        return text;
    }
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if obeyed(letter) {
            // Writing to a string cannot fail; all of these are in the basic multilingual plane.
            let _ = write!(safe, "\\u{:04x}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

fn is_direction_mark(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped_and_the_document_stays_the_same() {
        let value = serde_json::json!({"text": "a\u{1b}[31m\u{9b}2J\u{7f}\u{202e}\nb"});
        for text in [pretty(&value), compact(&value)].map(|text| text.expect("writes")) {
            assert!(
                text.chars().all(|letter| letter == '\n' || !letter.is_control()),
                "{text}"
            );
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&text).expect("JSON"),
                value
            );
        }
    }
}

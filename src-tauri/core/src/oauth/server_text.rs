//! Text written by a server and shown to a person: error descriptions, names of people, workspaces and providers.
//!
//! Such text is not trusted to be short, to be text, or to read in the direction it seems to: it is cut, and freed of
//! everything that could move a terminal's cursor or turn the reading direction around.

/// The longest sentence shown, in characters.
const MAX_SENTENCE: usize = 300;

/// The longest name shown, in characters.
const MAX_NAME: usize = 120;

/// The longest error code kept, in characters.
const MAX_CODE: usize = 64;

/// An error code fit to stand in any sentence, log line or file; none when nothing is left.
///
/// RFC 6749 allows more characters in it, but nobody uses them.
pub fn code(text: &str) -> Option<String> {
    let code: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(*c))
        .take(MAX_CODE)
        .collect();
    (!code.is_empty()).then_some(code)
}

/// A sentence fit to be shown: one line of at most 300 characters; none when nothing is left.
pub fn sentence(text: &str) -> Option<String> {
    shown(text, MAX_SENTENCE)
}

/// A name fit to be shown: one line of at most 120 characters; none when nothing is left.
pub fn name(text: &str) -> Option<String> {
    shown(text, MAX_NAME)
}

fn shown(text: &str, most: usize) -> Option<String> {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut letters = word.chars().filter(|c| !is_invisible(*c)).peekable();
        if letters.peek().is_none() {
            continue;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for letter in letters {
            if length >= most {
                line.push('…');
                return Some(line);
            }
            line.push(letter);
            length += 1;
        }
    }
    (!line.is_empty()).then_some(line)
}

/// Zero-width characters, and those that turn the reading direction (Unicode UAX #9).
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_move_the_cursor_or_turn_the_text_around() {
        assert_eq!(
            sentence("no\u{1b}[2Jway\r\n\u{202e}txet \u{200b} ok").as_deref(),
            Some("no [2Jway txet ok")
        );
        assert_eq!(name(" \n\u{200b}"), None);
    }

    #[test]
    fn an_error_code_is_made_of_harmless_characters() {
        assert_eq!(
            code("invalid_grant\u{1b}[0m <b>").as_deref(),
            Some("invalid_grant0mb")
        );
        assert_eq!(code("\u{202e} !").as_deref(), None);
    }

    #[test]
    fn a_server_cannot_fill_the_screen() {
        let shown = sentence(&"é".repeat(5_000)).expect("something is left");
        assert_eq!(shown.chars().count(), MAX_SENTENCE + 1);
    }
}

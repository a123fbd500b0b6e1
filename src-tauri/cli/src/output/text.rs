//! Text as a terminal gets it: text of servers without escape sequences, and widths in columns.
//!
//! Names, descriptions and tool results are written by strangers. Whatever could move the cursor, set a title, write
//! to the clipboard or turn the reading direction around is taken out here, on every way to the screen.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const ESCAPE: char = '\u{1b}';

/// One line fit for a terminal: without escape sequences, runs of white space as one space.
pub(crate) fn line(text: &str) -> String {
    let block = block(text);
    let mut words = block.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// Several lines fit for a terminal: without escape sequences; line breaks and tabs stay.
pub(crate) fn block(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ESCAPE => skip_escape(&mut letters),
            '\u{9b}' => skip_parameters(&mut letters),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut letters),
            '\n' | '\t' => clean.push(letter),
            _ if letter.is_control() || turns_direction(letter) => {}
            _ => clean.push(letter),
        }
    }
    clean
}

/// How many columns a text takes; East Asian wide characters take two.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text in at most `columns` columns, its end replaced by `mark` when it has to be cut.
pub(crate) fn cut<'a>(text: &'a str, columns: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(width(mark));
    let mut short = String::new();
    let mut taken = 0;
    for letter in text.chars() {
        taken += letter.width().unwrap_or(0);
        if taken > room {
            break;
        }
        short.push(letter);
    }
    short.truncate(short.trim_end().len());
    short.push_str(mark);
    Cow::Owned(short)
}

/// A text broken into lines of at most `columns` columns; a longer word gets a line of its own.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if width(last) + 1 + width(word) <= columns => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `1 tool`, `14 tools`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// ECMA-48 §5.4 (control sequences) and §5.6 (control strings), in their 7-bit forms.
fn skip_escape(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.peek() {
        Some('[') => {
            letters.next();
            skip_parameters(letters);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            letters.next();
            skip_string(letters);
        }
        // A two-character sequence, possibly with intermediates: `ESC ( B`.
        Some('\u{20}'..='\u{7e}') => {
            while letters
                .next_if(|letter| ('\u{20}'..='\u{2f}').contains(letter))
                .is_some()
            {}
            letters.next_if(|letter| ('\u{30}'..='\u{7e}').contains(letter));
        }
        _ => {}
    }
}

/// Up to and with the final byte of a control sequence.
fn skip_parameters(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while letters
        .next_if(|letter| ('\u{20}'..='\u{3f}').contains(letter))
        .is_some()
    {}
    letters.next_if(|letter| ('\u{40}'..='\u{7e}').contains(letter));
}

/// Up to and with the terminator of a control string; an open one ends with its line, lest it swallow everything.
fn skip_string(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(letter) = letters.next_if(|letter| *letter != '\n') {
        match letter {
            '\u{7}' | '\u{9c}' => return,
            ESCAPE => {
                letters.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Characters that turn the reading direction (Unicode UAX #9), and the byte order mark.
fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_leave_nothing_behind() {
        for (hostile, clean) in [
            ("a\u{1b}[31mred\u{1b}[0m", "ared"),
            ("a\u{1b}]0;title\u{7}b", "ab"),
            ("a\u{1b}]52;c;aGk=\u{1b}\\b", "ab"),
            ("a\u{9b}2Jb", "ab"),
            ("a\u{9d}8;;http://evil\u{9c}b", "ab"),
            ("a\u{1b}(Bb\u{1b}cd", "abd"),
            ("a\rb\u{8}c\u{7f}", "abc"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("a\u{1b}", "a"),
            ("a\u{1b}[", "a"),
        ] {
            assert_eq!(block(hostile), clean, "{hostile:?}");
        }
    }

    #[test]
    fn an_open_control_string_swallows_its_line_only() {
        assert_eq!(block("a\u{1b}]0;never ends\nnext"), "a\nnext");
    }

    #[test]
    fn nothing_a_terminal_obeys_survives_in_any_text() {
        let pieces = [
            "\u{1b}", "[", "]", "0", "m", "\u{9b}", "\u{7}", "\u{9c}", "é", "\n", "(", "P", "\\",
        ];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    let clean = block(&[a, b, c, "x"].concat());
                    assert!(
                        clean.chars().all(|letter| letter == '\n' || !letter.is_control()),
                        "{a:?}{b:?}{c:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\n\tb \u{1b}[2J  c "), "a b c");
    }

    #[test]
    fn wide_characters_are_never_cut_in_half() {
        assert_eq!(width("設定"), 4);
        assert_eq!(cut("設定ファイル", 5, "…"), "設定…");
        assert_eq!(cut("設定", 4, "…"), "設定");
        assert_eq!(cut("ab cdef", 4, "…"), "ab…");
    }

    #[test]
    fn words_are_wrapped_and_long_ones_stand_alone() {
        assert_eq!(wrapped("aa bb cccccccc d", 5), ["aa bb", "cccccccc", "d"]);
    }
}

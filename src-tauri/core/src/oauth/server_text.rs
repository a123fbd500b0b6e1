//! Text written by a server and shown to a person: error descriptions, names of people, workspaces and providers.
//!
//! Such text is not trusted to be short, to be text, or to read in the direction it seems to: it is cut, and freed of
//! everything that could move a terminal's cursor or turn the reading direction around. Nor is it trusted to keep a
//! secret: servers repeat the token or the code they refuse, so what looks like one is left out of codes and sentences.

/// The longest sentence shown, in characters.
const MAX_SENTENCE: usize = 300;

/// The longest name shown, in characters.
const MAX_NAME: usize = 120;

/// The longest error code kept, in characters.
const MAX_CODE: usize = 64;

/// From here on a run of letters and digits may be a credential, in characters: 128 bits, which RFC 6749 §10.10 asks
/// for, take 22 in Base64.
const MIN_CREDENTIAL: usize = 20;

/// What stands in the place of a credential.
const LEFT_OUT: &str = "[redacted]";

/// An error code fit to stand in any sentence, log line or file; none when nothing is left.
///
/// RFC 6749 allows more characters in it, but nobody uses them.
pub fn code(text: &str) -> Option<String> {
    let harmless: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(*c))
        .collect();
    let code: String = without_credentials(&harmless, "")
        .chars()
        .take(MAX_CODE)
        .collect();
    (!code.is_empty()).then_some(code)
}

/// A sentence fit to be shown: one line of at most 300 characters; none when nothing is left.
pub fn sentence(text: &str) -> Option<String> {
    // Made harmless first: an invisible character inside a token must not hide it.
    let whole = shown(text, usize::MAX)?;
    shown(&without_credentials(&whole, LEFT_OUT), MAX_SENTENCE)
}

/// The text with `instead` in the place of everything that looks like a credential.
fn without_credentials(text: &str, instead: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_credential) {
        let (before, run) = rest.split_at(start);
        let length = run.find(|c| !in_credential(c)).unwrap_or(run.len());
        let (run, after) = run.split_at(length);
        kept.push_str(before);
        kept.push_str(if is_credential(run) { instead } else { run });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// The characters of Base64 and its kin; a dot or a slash only parts one credential into several.
fn in_credential(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_~+=%".contains(letter)
}

/// Long, and made of letters and digits, as neither words nor numbers are.
fn is_credential(run: &str) -> bool {
    run.len() >= MIN_CREDENTIAL
        && run.contains(|c: char| c.is_ascii_digit())
        && run.contains(|c: char| c.is_ascii_alphabetic())
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
    fn a_token_that_a_server_repeats_is_left_out() {
        for (said, shown) in [
            (
                "refresh token 'v1.MfGq0Xr7aVbE9cTzKd2s' has expired",
                "refresh token 'v1.[redacted]' has expired",
            ),
            ("code=4%2F0AX4XfWh-k2z_9q0aLmN", "[redacted]"),
            (
                "tok\u{200b}en9tok\u{7}en9token9token9token9",
                "token9tok [redacted]",
            ),
            (
                "AADSTS70011: scope https://graph.microsoft.com/.default at 2026-11-23 10:00",
                "AADSTS70011: scope https://graph.microsoft.com/.default at 2026-11-23 10:00",
            ),
        ] {
            assert_eq!(sentence(said).as_deref(), Some(shown));
        }
        assert_eq!(code("at_MfGq0Xr7aVbE9cTzKd2s"), None);
        assert_eq!(
            code("invalid_authorization_details").as_deref(),
            Some("invalid_authorization_details")
        );
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

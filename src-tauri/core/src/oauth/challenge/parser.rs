//! The grammar of RFC 9110 §11.6.1 and §5.6, read forgivingly.
//!
//! ```text
//! WWW-Authenticate = [ challenge *( OWS "," OWS challenge ) ]
//! challenge        = auth-scheme [ 1*SP ( token68 / [ auth-param *( OWS "," OWS auth-param ) ] ) ]
//! auth-param       = token BWS "=" BWS ( token / quoted-string )
//! ```
//!
//! A token followed by `=` is a parameter, any other token is a scheme. Beyond the grammar: values without quotes run
//! to the next space or comma (URLs), commas may be missing, a quote may stay open, and a `scope` without quotes may
//! have spaces.

use super::Challenge;

/// The longest field read, in bytes; the rest of a longer one is dropped.
const MAX_FIELD: usize = 8 * 1024;

/// The most parameters kept of one challenge.
const MAX_PARAMETERS: usize = 32;

/// Reads one field value.
pub(super) fn parse(field: &str) -> Vec<Challenge> {
    let mut reader = Reader {
        rest: &field[..field.floor_char_boundary(MAX_FIELD)],
        challenges: Vec::new(),
        open_scope: false,
    };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.challenges
}

struct Reader<'a> {
    /// What is left; every step makes it shorter.
    rest: &'a str,
    challenges: Vec<Challenge>,
    /// Whether the last thing read was a `scope` value without quotes, which the next word may belong to.
    open_scope: bool,
}

impl<'a> Reader<'a> {
    fn step(&mut self) {
        let comma = self.skip_separators();
        self.open_scope &= !comma;
        let word = self.take(is_token);
        if word.is_empty() {
            return self.skip_garbage();
        }
        let after = self.rest.trim_start_matches(is_space);
        match after.strip_prefix('=') {
            Some(value) => {
                self.rest = value.trim_start_matches(is_space);
                self.parameter(word);
            }
            None if self.open_scope => self.more_scope(word),
            None => self.scheme(word),
        }
    }

    fn scheme(&mut self, scheme: &str) {
        self.open_scope = false;
        let blob = self.token68();
        self.challenges.push(Challenge {
            scheme: scheme.to_owned(),
            token68: blob.map(str::to_owned),
            parameters: Vec::new(),
        });
    }

    /// The blob after a scheme: only when nothing but a comma or the end follows it.
    fn token68(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start_matches(is_space);
        let end = text.find(|c| !is_token68(c)).unwrap_or(text.len());
        let (blob, rest) = text.split_at(end);
        let padded = rest.trim_start_matches('=');
        let after = padded.trim_start_matches(is_space);
        if blob.is_empty() || !(after.is_empty() || after.starts_with(',')) {
            return None;
        }
        self.rest = after;
        Some(&text[..text.len() - padded.len()])
    }

    fn parameter(&mut self, name: &str) {
        let quoted = self.rest.strip_prefix('"');
        let value = match quoted {
            Some(text) => self.quoted(text),
            None => self.take(|c| !is_space(c) && c != ',').to_owned(),
        };
        self.open_scope = quoted.is_none() && name.eq_ignore_ascii_case("scope");
        // A parameter before any scheme belongs to nobody.
        if let Some(challenge) = self.challenges.last_mut()
            && challenge.parameters.len() < MAX_PARAMETERS
        {
            challenge.parameters.push((name.to_owned(), value));
        }
    }

    /// The text up to the closing quote, with `\` before a character standing for that character (RFC 9110 §5.6.4).
    fn quoted(&mut self, text: &'a str) -> String {
        let mut value = String::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => break,
                '\\' => value.extend(letters.next()),
                other => value.push(other),
            }
        }
        self.rest = letters.as_str();
        value
    }

    fn more_scope(&mut self, word: &str) {
        let parameters = self
            .challenges
            .last_mut()
            .map(|challenge| &mut challenge.parameters);
        if let Some((_, value)) = parameters.and_then(|parameters| parameters.last_mut()) {
            value.push(' ');
            value.push_str(word);
        }
    }

    /// Whether there was a comma.
    fn skip_separators(&mut self) -> bool {
        self.take(|c| is_space(c) || c == ',').contains(',')
    }

    /// Drops one thing that is no token, a whole quoted string if it is one.
    fn skip_garbage(&mut self) {
        let mut letters = self.rest.chars();
        match letters.next() {
            Some('"') => drop(self.quoted(letters.as_str())),
            _ => self.rest = letters.as_str(),
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// `tchar` (RFC 9110 §5.6.2)
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// The characters of a token68 before its padding (RFC 9110 §11.2).
fn is_token68(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/".contains(c)
}

//! What a client may see: patterns over server names, and over tool names as clients know them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ServerId;

/// The longest pattern, in bytes: a server's name, the two underscores and a tool's name fit.
const MAX_BYTES: usize = 512;

/// A name in which `*` stands for any run of characters and `?` for any one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty, and would match nothing.
    #[error("a pattern must not be empty; '*' stands for everything")]
    Empty,
    /// It is longer than any name.
    #[error("a pattern must be at most {MAX_BYTES} bytes long")]
    TooLong,
    /// No name has control characters.
    #[error("a pattern must not contain control characters")]
    Control,
}

/// Patterns of which one must match; without any, nothing matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(transparent)]
pub struct Patterns(Vec<Pattern>);

/// What one client may see. Everything, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Rules {
    /// Names of servers.
    #[serde(default)]
    pub servers: Patterns,
    /// Names of tools as clients know them: `server__tool`.
    #[serde(default)]
    pub tools: Patterns,
}

impl Rules {
    /// Whether the client may know of this server.
    pub fn allows_server(&self, server: &ServerId) -> bool {
        self.servers.matches(server.as_str())
    }

    /// Whether the client may list and call this tool of this server.
    pub fn allows_tool(&self, server: &ServerId, tool: &str) -> bool {
        self.allows_server(server)
            && (self.tools.are_all() || self.tools.matches(&format!("{server}__{tool}")))
    }
}

impl Patterns {
    /// These patterns.
    pub fn of(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        Self(patterns.into_iter().collect())
    }

    /// Whether one of them matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// Has another pattern stand where `other` has one for it; what would be none stays.
    pub(super) fn replace(&mut self, other: impl Fn(&str) -> Option<String>) {
        for pattern in &mut self.0 {
            if let Some(Ok(new)) = other(&pattern.0).map(Pattern::try_from) {
                *pattern = new;
            }
        }
    }

    /// Whether they say `*`.
    pub fn are_all(&self) -> bool {
        self.0.iter().any(|pattern| pattern.0 == "*")
    }

    /// Each of them.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// Each of them, as written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pattern| pattern.0.as_str())
    }
}

/// Everything.
impl Default for Patterns {
    fn default() -> Self {
        Self(vec![Pattern("*".to_owned())])
    }
}

impl Pattern {
    /// Whether a name is as it says, in linear memory and at worst the product of both lengths in time.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut here) = (0, 0);
        // Where the last `*` was, and how much of the name it has taken so far.
        let mut star: Option<(usize, usize)> = None;
        while here < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, here));
                    at += 1;
                }
                Some(b'?') => {
                    at += 1;
                    here += character(&name[here..]);
                }
                Some(letter) if *letter == name[here] => {
                    at += 1;
                    here += 1;
                }
                _ => match &mut star {
                    Some((back, taken)) => {
                        *taken += 1;
                        (at, here) = (*back + 1, *taken);
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|letter| *letter == b'*')
    }
}

/// How many bytes the first character of UTF-8 takes.
fn character(rest: &[u8]) -> usize {
    let continued = rest.iter().skip(1).take_while(|byte| **byte & 0xc0 == 0x80);
    1 + continued.count()
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            Err(PatternError::Empty)
        } else if text.len() > MAX_BYTES {
            Err(PatternError::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(PatternError::Control)
        } else {
            Ok(Self(text))
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<Pattern>().expect("a pattern").matches(name)
    }

    #[test]
    fn a_star_stands_for_anything_and_a_question_mark_for_one_character() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "notion", true),
            ("notion", "notion", true),
            ("notion", "notion2", false),
            ("notion__*", "notion__search", true),
            ("notion__*", "notion", false),
            ("*__search*", "notion__search_pages", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
            ("no?ion", "notion", true),
            ("?", "ü", true),
            ("??", "ü", false),
            ("Notion", "notion", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} over {name}");
        }
    }

    #[test]
    fn a_pattern_made_to_take_long_does_not() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(5_000)));
    }

    #[test]
    fn a_tool_needs_its_server() {
        let rules = Rules {
            servers: Patterns::of(["notion".parse().expect("a pattern")]),
            tools: Patterns::of(["*__search".parse().expect("a pattern")]),
        };
        let server = |name: &str| name.parse::<ServerId>().expect("a name");
        assert!(rules.allows_tool(&server("notion"), "search"));
        assert!(!rules.allows_tool(&server("notion"), "delete"));
        assert!(!rules.allows_tool(&server("linear"), "search"));
        assert!(Rules::default().allows_tool(&server("linear"), "delete"));
        assert!(
            !Patterns::of([]).matches("notion"),
            "an empty list lets nothing through"
        );
    }

    proptest! {
        #[test]
        fn it_says_what_the_plain_definition_says(pattern in "[ab*?]{1,8}", name in "[ab]{0,8}") {
            fn plain(pattern: &[u8], name: &[u8]) -> bool {
                match pattern.split_first() {
                    None => name.is_empty(),
                    Some((b'*', rest)) => (0..=name.len()).any(|taken| plain(rest, &name[taken..])),
                    Some((b'?', rest)) => !name.is_empty() && plain(rest, &name[1..]),
                    Some((letter, rest)) => name.first() == Some(letter) && plain(rest, &name[1..]),
                }
            }
            prop_assert_eq!(matches(&pattern, &name), plain(pattern.as_bytes(), name.as_bytes()));
        }
    }
}

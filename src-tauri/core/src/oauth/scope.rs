//! Scope lists (RFC 6749 §3.3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// An ordered set of scope tokens; never holds a token twice, nor a text RFC 6749 §3.3 would not call one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads a space-delimited list; what is no scope token is left out.
    pub fn parse(text: &str) -> Self {
        text.split_ascii_whitespace().collect()
    }

    /// Whether there is none; the `scope` parameter is then omitted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether `scope` is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// Both sets, ours first (MCP "Step-Up Authorization Flow": the union of requested and challenged scopes).
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }

    /// What is here and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.iter().filter(|scope| !other.contains(scope)).collect()
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(tokens: I) -> Self {
        let mut scopes = Self::default();
        for token in tokens {
            if is_token(token) && !scopes.contains(token) {
                scopes.0.push(token.to_owned());
            }
        }
        scopes
    }
}

impl From<String> for Scopes {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order_and_drops_doubles_and_what_is_no_token() {
        assert_eq!(Scopes::parse("b a  b \"x\" c\\d").to_string(), "b a");
    }

    #[test]
    fn a_union_asks_for_what_was_asked_before_first() {
        let union = Scopes::parse("mcp:basic").union(&Scopes::parse("mcp:write mcp:basic"));
        assert_eq!(union.to_string(), "mcp:basic mcp:write");
        assert_eq!(
            union.difference(&Scopes::parse("mcp:basic")).to_string(),
            "mcp:write"
        );
    }
}

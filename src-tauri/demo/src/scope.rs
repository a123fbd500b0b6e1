//! Scopes (RFC 6749 §3.3): a list of words, kept in the order given.

use std::fmt;

/// A list of scope tokens without doubles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    /// Splits at spaces.
    pub fn parse(text: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        Self(words)
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `word` is among them.
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|own| own == word)
    }

    /// Whether all of these are among `others`.
    pub fn within(&self, others: &Self) -> bool {
        self.0.iter().all(|word| others.has(word))
    }

    /// Those of these that are among `others` too.
    #[must_use]
    pub fn only(&self, others: &Self) -> Self {
        Self(self.0.iter().filter(|word| others.has(word)).cloned().collect())
    }
}

impl From<&str> for Scope {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

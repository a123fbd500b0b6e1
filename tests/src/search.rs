//! A search for secrets: everything a run has said is hauled in, and every value that must not be in there is looked for.

use std::{
    collections::BTreeSet,
    error::Error,
    fmt::{Debug, Write as _},
    fs, io,
    path::Path,
};

use omlx_demo::{Call, Recorded, SECRET_MARK};
use serde::Serialize;
use url::form_urlencoded;

/// The shortest word that could be a secret.
const SHORTEST: usize = 20;

/// What a run has said, each piece with where it was said.
#[derive(Debug, Default)]
pub struct Haul(Vec<(String, String)>);

impl Haul {
    /// Text.
    pub fn text(&mut self, place: &str, text: impl Into<String>) {
        self.0.push((place.to_owned(), text.into()));
    }

    /// A value's `Debug`, on one line and on many.
    pub fn debug(&mut self, place: &str, value: &impl Debug) {
        self.text(&format!("Debug of {place}"), format!("{value:?}\n{value:#?}"));
    }

    /// A value's JSON.
    pub fn json(&mut self, place: &str, value: &impl Serialize) {
        let json = serde_json::to_string(value).unwrap_or_default();
        self.text(&format!("JSON of {place}"), json);
    }

    /// An error with all of its causes.
    pub fn error(&mut self, place: &str, error: &(impl Error + 'static)) {
        let mut said = format!("{error}\n{error:?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            // Writing to a string cannot fail.
            let _ = write!(said, "\n{error}\n{error:?}");
            cause = error.source();
        }
        self.text(&format!("error of {place}"), said);
    }

    /// Every file below a folder, and its name; the key file excepted, which is there to hold the key.
    pub fn files(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.files(&path)?;
            } else if path.file_name().is_none_or(|name| name != "vault.key") {
                let bytes = fs::read(&path)?;
                let place = path.display().to_string();
                self.text(&place, format!("{place}\n{}", String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(())
    }

    /// Takes the authorization URL out, which is shown to the person on purpose: with `state` and `code_challenge`.
    pub fn without_authorization_urls(&mut self) {
        for (_, text) in &mut self.0 {
            while let Some((start, end)) = authorization_url(text) {
                text.replace_range(start..end, "");
            }
        }
    }

    /// Where which of `planted` is, anything the demo minted, or anything that was sent to it in confidence.
    pub fn leaks(&self, planted: &[&str], calls: &[Call]) -> Vec<String> {
        let confided: Vec<_> = calls.iter().flat_map(confided).collect();
        let mut leaks = BTreeSet::new();
        for (place, text) in &self.0 {
            let needles = planted.iter().copied().chain([SECRET_MARK]).flat_map(forms);
            for needle in needles.filter(|needle| text.contains(needle.as_str())) {
                leaks.insert(format!("{place}: {}", surroundings(text, &needle)));
            }
            for word in words(text) {
                if let Some((name, _)) = confided.iter().find(|(_, value)| value.is(word)) {
                    leaks.insert(format!("{place}: {name} {}", surroundings(text, word)));
                }
            }
        }
        leaks.into_iter().collect()
    }

    /// Whether anything said contains `text`: that the haul is not empty.
    pub fn contains(&self, text: &str) -> bool {
        self.0.iter().any(|(_, said)| said.contains(text))
    }
}

/// What of a request is between the two ends.
fn confided(call: &Call) -> Vec<(String, Recorded)> {
    let parameters = [
        "state",
        "code",
        "code_verifier",
        "refresh_token",
        "token",
        "client_secret",
    ];
    let found = parameters
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), call.parameter(name)?.clone())));
    let credentials = call.credentials().cloned();
    found
        .chain(credentials.map(|value| ("credentials".to_owned(), value)))
        .collect()
}

/// A secret as it is, in a URL, and in hexadecimal; what is sent in Base64 is among the words that were confided.
fn forms(secret: &str) -> [String; 3] {
    let mut hex = String::new();
    for byte in secret.bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    let encoded = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), encoded, hex]
}

/// Everything between characters that no secret has, once each.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-._~+/=".contains(letter))
        .flat_map(|word| [word, word.rsplit('=').next().unwrap_or(word)])
        .filter(|word| word.len() >= SHORTEST)
        .collect()
}

fn authorization_url(text: &str) -> Option<(usize, usize)> {
    let inside = text.find("code_challenge=")?;
    let start = text[..inside].rfind("http")?;
    let length = text[start..].find(|letter: char| letter.is_whitespace() || "\"'`\\".contains(letter));
    Some((start, length.map_or(text.len(), |length| start + length)))
}

/// The line a secret is in, so that its writer is found.
fn surroundings(text: &str, needle: &str) -> String {
    let line = text.lines().find(|line| line.contains(needle)).unwrap_or(text);
    let at = line.find(needle).unwrap_or_default();
    let start = line.floor_char_boundary(at.saturating_sub(160));
    let end = line.floor_char_boundary((at + needle.len() + 80).min(line.len()));
    line[start..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_is_found_in_every_form_and_place() {
        let mut haul = Haul::default();
        haul.text("plain", "the word is open sesame!");
        haul.text("a URL", "https://x.example/?key=open+sesame&b");
        haul.text("bytes", "6f70656e20736573616d65");
        haul.text("nothing", "closed");
        haul.text("minted", format!("Bearer {SECRET_MARK}at-x"));
        let leaks = haul.leaks(&["open sesame"], &[]);
        assert_eq!(leaks.len(), 4, "{leaks:?}");
    }

    #[test]
    fn only_the_authorization_url_may_be_shown() {
        let mut haul = Haul::default();
        haul.text(
            "a",
            r#"{"url":"http://as/authorize?state=s1&code_challenge=c"} s1"#,
        );
        haul.without_authorization_urls();
        assert!(haul.contains(r#"{"url":""} s1"#), "{haul:?}");
    }
}

//! Lines of another client's file, fit to be shown: keys stay, values go.
//!
//! Any value may be a credential, a short password as well as a long token, and the lines around a change are shown
//! only to say where it is.

use std::collections::HashSet;

use super::app::Syntax;
use crate::diff::{DiffKind, DiffLine};

/// Stands for a value.
const HIDDEN: &str = "…";

/// The difference with everything hidden that is not in `ours`. A line of somebody else's that only gets a comma counts as
/// added as well.
pub(super) fn veiled(lines: Vec<DiffLine>, ours: &str, syntax: Syntax) -> Vec<DiffLine> {
    let bare = |line: &str| line.trim().trim_end_matches(',').to_owned();
    let ours: HashSet<String> = ours.lines().map(bare).collect();
    let veil = |line: DiffLine| {
        if line.kind == DiffKind::Added && ours.contains(&bare(&line.text)) {
            return line;
        }
        DiffLine {
            text: without_values(&line.text, syntax),
            ..line
        }
    };
    lines.into_iter().map(veil).collect()
}

fn without_values(line: &str, syntax: Syntax) -> String {
    let inside = line.trim_start();
    let indent = &line[..line.len() - inside.len()];
    let shown = match syntax {
        Syntax::Json => json(inside),
        Syntax::Toml => toml(inside),
    };
    format!("{indent}{shown}")
}

/// Everything in quotation marks that no colon follows, and every comment.
fn json(line: &str) -> String {
    if line.starts_with("//") || line.starts_with("/*") || line.starts_with('*') {
        return HIDDEN.to_owned();
    }
    let mut shown = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('"') {
        let (before, quoted) = rest.split_at(start);
        shown.push_str(&bare(before));
        let length = 1 + closing(&quoted[1..]);
        let (quoted, after) = quoted.split_at(length.min(quoted.len()));
        if after.trim_start().starts_with(':') {
            shown.push_str(quoted);
        } else {
            shown.extend(["\"", HIDDEN, "\""]);
        }
        rest = after;
    }
    shown.push_str(&bare(rest));
    shown
}

/// What stands outside quotation marks: punctuation stays, and so do true, false and null; a comment or a number goes.
fn bare(text: &str) -> String {
    let comment = text.find("//").or_else(|| text.find("/*"));
    let text = comment.map_or(text, |at| &text[..at]);
    let is_harmless = |word: &str| matches!(word, "true" | "false" | "null");
    let mut shown = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(std::iter::once(' ')) {
        if letter.is_alphanumeric() || "_-.+".contains(letter) {
            word.push(letter);
            continue;
        }
        if !word.is_empty() {
            shown.push_str(if is_harmless(&word) { &word } else { HIDDEN });
            word.clear();
        }
        shown.push(letter);
    }
    shown.pop();
    shown
}

/// How far it is to the end of a string, with its quotation mark.
fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

/// A table's name and a key stay.
fn toml(line: &str) -> String {
    if line.is_empty() || (line.starts_with('[') && line.ends_with(']') && !line.contains([',', '{'])) {
        return line.to_owned();
    }
    match line.split_once('=') {
        Some((key, _)) if is_key(key) => format!("{key}= {HIDDEN}"),
        _ => HIDDEN.to_owned(),
    }
}

/// Bare or quoted, and no line of a text that happens to have an equals sign in it.
fn is_key(text: &str) -> bool {
    text.ends_with(' ')
        && text
            .trim()
            .chars()
            .all(|c| c.is_alphanumeric() || "_-.\"".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_keys_are_not() {
        for (line, shown) in [
            (r#"    "GITHUB_TOKEN": "hunter2","#, r#"    "GITHUB_TOKEN": "…","#),
            (r#"  "args": ["-y", "a\"b", 12],"#, r#"  "args": ["…", "…", …],"#),
            (r#""enabled": true, // sk-123"#, r#""enabled": true, "#),
            ("// sk-123", "…"),
            (r#"  "mcpServers": {"#, r#"  "mcpServers": {"#),
            (r#"  "never closed"#, r#"  "…""#),
            ("  },", "  },"),
        ] {
            assert_eq!(without_values(line, Syntax::Json), shown);
        }
        for (line, shown) in [
            ("[mcp_servers.github]", "[mcp_servers.github]"),
            ("env = { TOKEN = \"hunter2\" }", "env = …"),
            ("\"hunter2\",", "…"),
            ("hunter2=x", "…"),
            ("# hunter2", "…"),
            ("", ""),
        ] {
            assert_eq!(without_values(line, Syntax::Toml), shown);
        }
    }
}

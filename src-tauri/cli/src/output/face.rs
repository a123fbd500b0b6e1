//! What one of the two streams can show: colour, width, glyphs.

use std::{borrow::Cow, env, io::IsTerminal};

use terminal_size::{Height, Width, terminal_size};

use super::text;

/// What one stream can show.
#[derive(Clone, Debug)]
pub(crate) struct Face {
    /// Whether a person looks at it: a terminal that can move its cursor.
    pub(crate) live: bool,
    /// Whether it shows colours.
    pub(crate) color: bool,
    /// Whether it shows more than ASCII.
    pub(crate) unicode: bool,
    /// Its columns; none where lines may be as long as they are.
    pub(crate) columns: Option<usize>,
    /// Its rows, where it has any.
    pub(crate) rows: Option<usize>,
}

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// The role a piece of text plays; the only way colours are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it is.
    #[default]
    Plain,
    /// Names and headings.
    Strong,
    /// What may be overlooked.
    Faint,
    /// Works.
    Good,
    /// Wants a person.
    Attention,
    /// Broken.
    Bad,
    /// To be typed.
    Command,
}

impl Paint {
    fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\u{1b}[1m",
            Self::Faint => "\u{1b}[2m",
            Self::Good => "\u{1b}[32m",
            Self::Attention => "\u{1b}[33m",
            Self::Bad => "\u{1b}[1;31m",
            Self::Command => "\u{1b}[36m",
        }
    }
}

impl Face {
    /// Looks at a stream and its surroundings.
    pub(crate) fn of(stream: &impl IsTerminal, choice: ColorChoice) -> Self {
        let terminal = stream.is_terminal();
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !dumb && variable("NO_COLOR").is_none(),
        };
        let size = terminal.then(terminal_size).flatten();
        Self {
            live: terminal && !dumb,
            color,
            unicode: speaks_unicode(),
            columns: size.map(|(Width(columns), _)| columns.into()),
            rows: size.map(|(_, Height(rows))| rows.into()),
        }
    }

    /// The text in its colour, in the characters there are.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        let text = self.glyphs(text);
        if !self.color || paint == Paint::Plain || text.is_empty() {
            return text.into_owned();
        }
        format!("{}{text}\u{1b}[0m", paint.codes())
    }

    /// Our own signs in ASCII where nothing else is shown; everything else stays as it is.
    pub(crate) fn glyphs<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        for letter in text.chars() {
            match ascii(letter) {
                Some(sign) => plain.push_str(sign),
                None => plain.push(letter),
            }
        }
        Cow::Owned(plain)
    }

    /// The same stream, narrower: for lines that will be indented.
    pub(crate) fn within(&self, indent: usize) -> Self {
        Self {
            columns: self.columns.map(|columns| columns.saturating_sub(indent)),
            ..self.clone()
        }
    }

    /// What stands for the rest of a text that was cut.
    pub(crate) fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// The text cut to what is left of a line after `indent` columns.
    pub(crate) fn fit<'a>(&self, text: &'a str, indent: usize) -> Cow<'a, str> {
        match self.columns {
            Some(columns) => text::cut(text, columns.saturating_sub(indent).max(8), self.ellipsis()),
            None => Cow::Borrowed(text),
        }
    }
}

fn ascii(letter: char) -> Option<&'static str> {
    Some(match letter {
        '…' => "...",
        '·' | '–' | '—' => "-",
        '→' => "->",
        '✓' => "+",
        '✗' => "x",
        '○' | '●' => "o",
        '’' => "'",
        '⠋' | '⠙' | '⠹' | '⠸' | '⠼' | '⠴' | '⠦' | '⠧' | '⠇' | '⠏' => "*",
        _ => return None,
    })
}

/// POSIX: the first of these that is set decides.
fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    match locale {
        Some(locale) => {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        // Terminals of macOS speak UTF-8 whatever the variables say.
        None => cfg!(target_os = "macos"),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_only_ascii_is_shown_our_signs_become_ascii_and_names_stay() {
        let face = Face {
            live: false,
            color: false,
            unicode: false,
            columns: Some(80),
            rows: None,
        };
        assert_eq!(face.paint(Paint::Good, "✓ Zoë · 3 tools…"), "+ Zoë - 3 tools...");
    }

    #[test]
    fn colour_is_closed_again_and_never_put_around_nothing() {
        let face = Face {
            live: true,
            color: true,
            unicode: true,
            columns: None,
            rows: None,
        };
        assert_eq!(face.paint(Paint::Good, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(face.paint(Paint::Good, ""), "");
    }
}

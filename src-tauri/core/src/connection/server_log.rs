//! What a server itself had to say lately: its standard error and its log messages, bounded in lines and bytes.
//!
//! Kept in memory for the user to look at; never repeated in our own log, because a server may print anything.

use std::{
    collections::VecDeque,
    iter::Peekable,
    str::Chars,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::clock::Clock;

/// How many lines are kept.
const LINES: usize = 500;

/// How many bytes of a line are kept.
const LINE_BYTES: usize = 2 * 1024;

/// One line of a server's own output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct LogLine {
    /// When it arrived.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub at: Timestamp,
    /// Where it came from.
    pub source: LogSource,
    /// At most 2 KiB, without control characters.
    pub text: String,
}

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The child process's standard error.
    Stderr,
    /// A `notifications/message` (MCP "Logging").
    Message,
}

/// The last lines of one server; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerLog {
    clock: Clock,
    lines: Arc<Mutex<VecDeque<LogLine>>>,
}

impl ServerLog {
    /// An empty log.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            lines: Arc::default(),
        }
    }

    /// Adds a line, dropping the oldest one when full; blank lines are not kept.
    pub fn push(&self, source: LogSource, text: &str) {
        let text = clean(text);
        if text.is_empty() {
            return;
        }
        let at = self.clock.now();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(LogLine { at, source, text });
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// The last line of a source.
    pub fn last(&self, source: LogSource) -> Option<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .rev()
            .find(|line| line.source == source)
            .map(|line| line.text.clone())
    }

    /// Reads a stream to its end, line by line; what a line has above 2 KiB is skipped, not held.
    pub async fn drain(self, stream: impl AsyncRead + Unpin) {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::with_capacity(LINE_BYTES);
        while let Ok(available) = stream.fill_buf().await {
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = &available[..end.unwrap_or(available.len())];
            let room = LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(&taken[..taken.len().min(room)]);
            let used = taken.len() + usize::from(end.is_some());
            stream.consume(used);
            if end.is_some() {
                self.push(LogSource::Stderr, &String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        self.push(LogSource::Stderr, &String::from_utf8_lossy(&line));
    }
}

/// Without ANSI sequences and control characters, which could rewrite a terminal that shows the line.
fn clean(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(LINE_BYTES));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if kept.len() + c.len_utf8() > LINE_BYTES {
            break;
        }
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\t' => kept.push(' '),
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    kept.trim_end().to_owned()
}

/// Steps over what follows an escape, up to its final byte (ECMA-48 §5.4).
fn skip_sequence(chars: &mut Peekable<Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        chars.find(|c| ('\u{40}'..='\u{7e}').contains(c));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log() -> ServerLog {
        ServerLog::new(Clock::manual(Timestamp::UNIX_EPOCH).0)
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let log = log();
        for number in 0..LINES + 3 {
            log.push(LogSource::Stderr, &number.to_string());
        }
        let lines = log.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0].text, "3");
        assert_eq!(log.last(LogSource::Stderr).as_deref(), Some("502"));
        assert_eq!(log.last(LogSource::Message), None);
    }

    #[tokio::test]
    async fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let log = log();
        let text = format!("{}\r\nsecond\n\nlast", "x".repeat(100_000));
        log.clone().drain(text.as_bytes()).await;
        let lines: Vec<_> = log.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(lines[0].len(), LINE_BYTES);
        assert_eq!(lines[1..], ["second", "last"]);
    }

    #[test]
    fn colours_and_control_characters_are_taken_out() {
        assert_eq!(clean("\u{1b}[1;31merror\u{1b}[0m:\tno\u{7}\r\n"), "error: no");
    }

    proptest! {
        #[test]
        fn whatever_a_server_prints_stays_bounded_and_harmless(text in "\\PC{0,50}[\u{1b}\\[\u{0}-\u{20}m]{0,20}\\PC*") {
            let kept = clean(&text);
            prop_assert!(kept.len() <= LINE_BYTES);
            prop_assert!(!kept.chars().any(char::is_control));
        }
    }
}

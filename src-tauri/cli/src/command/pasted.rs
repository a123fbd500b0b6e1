//! Lines on standard input while something else is awaited.

use std::{
    io::{self, BufRead},
    thread,
};

use tokio::sync::mpsc;

/// The longest line taken, in bytes; an authorization response has a few hundred.
const MAX_LINE: u64 = 16 * 1024;

/// Lines as they come. Nothing, for ever, when they are not asked for or there are no more.
#[derive(Debug)]
pub(super) struct Pasted(Option<mpsc::Receiver<String>>);

impl Pasted {
    /// Starts to read.
    pub(super) fn start() -> Self {
        let (lines, received) = mpsc::channel(1);
        // A thread of its own: the runtime would wait for a blocking read that may never end.
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            while let Some(line) = next_line(&mut input) {
                if !line.is_empty() && lines.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(Some(received))
    }

    /// Never gives a line.
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> String {
        if let Some(lines) = &mut self.0 {
            if let Some(line) = lines.recv().await {
                return line;
            }
            self.0 = None;
        }
        std::future::pending().await
    }
}

fn next_line(input: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let read = io::Read::take(input, MAX_LINE)
        .read_until(b'\n', &mut line)
        .ok()?;
    (read > 0).then(|| String::from_utf8_lossy(&line).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_end_with_the_input() {
        let mut input = io::Cursor::new("  http://127.0.0.1/?code=x \r\n\nlast");
        let lines: Vec<_> = std::iter::from_fn(|| next_line(&mut input)).collect();
        assert_eq!(lines, ["http://127.0.0.1/?code=x", "", "last"]);
    }
}

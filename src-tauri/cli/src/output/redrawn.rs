//! Lines that are drawn again in their place.

use std::io;

use super::Output;

/// What stands on the terminal at the moment.
#[derive(Debug, Default)]
pub(crate) struct Redrawn {
    lines: usize,
    times: usize,
}

impl Redrawn {
    /// Draws the lines in the place of those before; where nothing can be drawn anew they follow, after an empty line.
    pub(crate) fn draw(&mut self, lines: &[String], output: &mut Output) -> io::Result<()> {
        if output.face().live {
            let text = self.over(lines, output.face().rows);
            output.data_as_is(&text)?;
        } else {
            if self.times > 0 {
                output.data("")?;
            }
            output.lines(lines)?;
        }
        self.times += 1;
        output.flush()
    }

    /// Cursor to the first of the old lines, everything below cleared, and no line broken by the terminal, or the next
    /// count would be wrong (ECMA-48 §8.3.13, §8.3.39; DECAWM).
    fn over(&mut self, lines: &[String], rows: Option<usize>) -> String {
        let room = rows.map_or(usize::MAX, |rows| rows.saturating_sub(1).max(1));
        let shown = &lines[..lines.len().min(room)];
        let back = match self.lines {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}F\u{1b}[J"),
        };
        self.lines = shown.len();
        let text: String = shown.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        format!("{back}\u{1b}[?7l{text}\u{1b}[?7h")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_picture_stands_where_the_last_one_stood() {
        let lines = |count: usize| vec!["x".to_owned(); count];
        let mut redrawn = Redrawn::default();
        assert_eq!(redrawn.over(&lines(2), Some(24)), "\u{1b}[?7lx\nx\n\u{1b}[?7h");
        assert!(
            redrawn
                .over(&lines(30), Some(10))
                .starts_with("\u{1b}[2F\u{1b}[J")
        );
        assert!(
            redrawn.over(&lines(1), None).starts_with("\u{1b}[9F"),
            "only what fitted was drawn"
        );
    }
}

//! The line that says something is still awaited.

use std::{io, time::Duration};

use super::{Output, face::Paint};

/// How long one picture stands.
pub(crate) const BEAT: Duration = Duration::from_millis(100);

const PICTURES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const PLAIN_PICTURES: [&str; 4] = ["|", "/", "-", "\\"];

/// Return to the first column and clear the line (ECMA-48 §8.3.41).
const CLEAR_LINE: &str = "\r\u{1b}[2K";

/// A moving line on a terminal; elsewhere the text once, and then nothing.
#[derive(Debug)]
pub(crate) struct Spinner {
    text: String,
    beats: usize,
}

impl Spinner {
    /// Starts; the text is ours.
    pub(crate) fn start(output: &mut Output, text: &str) -> io::Result<Self> {
        let mut spinner = Self {
            text: text.to_owned(),
            beats: 0,
        };
        if output.words_face().live {
            spinner.beat(output)?;
        } else {
            output.say(Paint::Plain, text)?;
        }
        Ok(spinner)
    }

    /// Draws the next picture.
    pub(crate) fn beat(&mut self, output: &mut Output) -> io::Result<()> {
        let face = output.words_face();
        if !face.live {
            return Ok(());
        }
        let picture = if face.unicode {
            PICTURES[self.beats % PICTURES.len()]
        } else {
            PLAIN_PICTURES[self.beats % PLAIN_PICTURES.len()]
        };
        let text = face.fit(&self.text, 2);
        let line = format!(
            "{CLEAR_LINE}{} {}",
            face.paint(Paint::Command, picture),
            face.glyphs(&text)
        );
        self.beats += 1;
        output.draw(&line)
    }

    /// Takes the line away, for other lines to be written or for good.
    pub(crate) fn clear(&mut self, output: &mut Output) -> io::Result<()> {
        self.beats = 0;
        if output.words_face().live {
            output.draw(CLEAR_LINE)
        } else {
            Ok(())
        }
    }
}

//! The two streams: data on standard output, words on standard error.
//!
//! Nothing else in this crate writes to a stream, so that a test can read what a user would see.

pub(crate) mod face;
pub(crate) mod json;
pub(crate) mod qr;
pub(crate) mod redrawn;
pub(crate) mod spinner;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use face::{ColorChoice, Face, Paint};

/// Where everything is written.
pub(crate) struct Output {
    data: Stream,
    words: Stream,
}

struct Stream {
    sink: Box<dyn Write + Send>,
    face: Face,
}

impl Output {
    /// The process's own streams.
    pub(crate) fn standard(choice: ColorChoice) -> Self {
        let (data, words) = (io::stdout(), io::stderr());
        Self {
            data: Stream {
                face: Face::of(&data, choice),
                sink: Box::new(BufWriter::new(data)),
            },
            words: Stream {
                face: Face::of(&words, choice),
                sink: Box::new(words),
            },
        }
    }

    /// Streams that a test reads.
    #[cfg(test)]
    pub(crate) fn captured(face: &Face) -> (Self, tests::Captured, tests::Captured) {
        let (data, words) = (tests::Captured::default(), tests::Captured::default());
        let stream = |sink: &tests::Captured| Stream {
            sink: Box::new(sink.clone()),
            face: face.clone(),
        };
        let output = Self {
            data: stream(&data),
            words: stream(&words),
        };
        (output, data, words)
    }

    /// What data is shown on.
    pub(crate) fn face(&self) -> &Face {
        &self.data.face
    }

    /// What words are shown on.
    pub(crate) fn words_face(&self) -> &Face {
        &self.words.face
    }

    /// One line of data.
    pub(crate) fn data(&mut self, line: &str) -> io::Result<()> {
        self.data.line(line)
    }

    /// Lines of data.
    pub(crate) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.data(line))
    }

    /// Data that brings its own line ends.
    pub(crate) fn data_as_is(&mut self, text: &str) -> io::Result<()> {
        self.data.sink.write_all(text.as_bytes())
    }

    /// One document of data, indented, on a terminal and in a file alike.
    pub(crate) fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        let text = json::pretty(document)?;
        self.data(&text)
    }

    /// One document of data on one line, for what keeps coming.
    pub(crate) fn json_line(&mut self, document: &impl Serialize) -> io::Result<()> {
        let text = json::compact(document)?;
        self.data(&text)?;
        self.flush()
    }

    /// One line of words, in one colour. What was written as data before comes first.
    pub(crate) fn say(&mut self, paint: Paint, line: &str) -> io::Result<()> {
        self.flush()?;
        let painted = self.words.face.paint(paint, line);
        self.words.line(&painted)
    }

    /// Writes to the words as it is: for lines that are drawn anew, and lines in several colours.
    pub(crate) fn draw(&mut self, text: &str) -> io::Result<()> {
        self.words.sink.write_all(text.as_bytes())?;
        self.words.sink.flush()
    }

    /// Hands over what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.data.sink.flush()
    }
}

impl Stream {
    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.sink, "{line}")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    /// A sink that can be read.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

//! Lines from a stream, each a message, none of them held beyond a limit.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// Reads lines.
pub(crate) struct Lines<R> {
    stream: R,
    held: BytesMut,
    /// How far `held` has been searched.
    searched: usize,
    limit: usize,
    skipping: bool,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its end; never empty.
    Whole(Bytes),
    /// One that was longer than accepted; it has been skipped.
    TooLong,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            held: BytesMut::new(),
            searched: 0,
            limit,
            skipping: false,
        }
    }

    /// The next line; none at the end. What is left without a line end at the end is a line, too.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.ready() {
                return Ok(Some(line));
            }
            self.held.reserve(CHUNK);
            if self.stream.read_buf(&mut self.held).await? == 0 {
                let last = self.held.split().freeze();
                let blank = self.skipping || last.trim_ascii().is_empty();
                self.searched = 0;
                return Ok((!blank).then_some(Line::Whole(last)));
            }
        }
    }

    fn ready(&mut self) -> Option<Line> {
        while let Some(at) = memchr::memchr(b'\n', &self.held[self.searched..]) {
            let mut line = self.held.split_to(self.searched + at + 1);
            self.searched = 0;
            line.truncate(line.len() - 1);
            if std::mem::take(&mut self.skipping) || line.len() > self.limit {
                return Some(Line::TooLong);
            }
            if !line.trim_ascii().is_empty() {
                return Some(Line::Whole(line.freeze()));
            }
        }
        self.searched = self.held.len();
        if self.held.len() > self.limit {
            self.skipping = true;
            self.held.clear();
            self.searched = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &str, limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(text.as_bytes(), limit);
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.expect("memory") {
            read.push(line);
        }
        read
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn lines_are_read_and_blank_ones_are_none() {
        assert_eq!(
            all("a\n\n  \r\nb\nc", 10).await,
            [whole("a"), whole("b"), whole("c")]
        );
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_told_and_the_next_one_counts() {
        let text = format!("{}\nb\n", "x".repeat(100_000));
        assert_eq!(all(&text, 1000).await, [Line::TooLong, whole("b")]);
    }
}

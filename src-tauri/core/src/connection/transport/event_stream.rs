//! Server-sent events (HTML Living Standard §9.2), read tolerantly and bounded.
//!
//! A line that is not understood is skipped, as the standard says; a single event larger than the limit ends the
//! stream with [`EventTooLarge`] before it is held in memory.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use sse_stream::{Error as SseError, Sse};

/// An event is larger than accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {limit} bytes")]
pub(crate) struct EventTooLarge {
    pub(crate) limit: usize,
}

/// The events of a response body; ends after the first error.
pub(crate) fn events(
    response: reqwest::Response,
    limit: usize,
) -> impl Stream<Item = Result<Sse, SseError>> + Send + 'static {
    read(response.bytes_stream().boxed(), limit)
}

fn read<S, E>(chunks: S, limit: usize) -> impl Stream<Item = Result<Sse, SseError>> + Send + 'static
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    stream::unfold(
        (Some(chunks), Reader::new(limit)),
        async move |(mut source, mut reader)| {
            loop {
                if let Some(event) = reader.ready.pop_front() {
                    return Some((Ok(event), (source, reader)));
                }
                let error: SseError = match source.as_mut()?.next().await {
                    Some(Ok(chunk)) => match reader.push(&chunk) {
                        Ok(()) => continue,
                        Err(error) => SseError::Body(Box::new(error)),
                    },
                    Some(Err(error)) => SseError::Body(Box::new(error)),
                    None => {
                        source = None;
                        reader.finish();
                        continue;
                    }
                };
                return Some((Err(error), (None, reader)));
            }
        },
    )
}

/// Whether a stream ended because of [`EventTooLarge`].
pub(crate) fn too_large(error: &SseError) -> Option<EventTooLarge> {
    match error {
        SseError::Body(error) => error.downcast_ref().copied(),
        _ => None,
    }
}

/// Turns chunks into events. `buffer` holds the unfinished line, `event` the unfinished event.
struct Reader {
    limit: usize,
    buffer: BytesMut,
    scanned: usize,
    after_cr: bool,
    first_line: bool,
    event: Sse,
    size: usize,
    ready: VecDeque<Sse>,
}

impl Reader {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: BytesMut::new(),
            scanned: 0,
            after_cr: false,
            first_line: true,
            event: Sse::default(),
            size: 0,
            ready: VecDeque::new(),
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), EventTooLarge> {
        self.buffer.extend_from_slice(chunk);
        while let Some(end) = self.line_end() {
            let line = self.buffer.split_to(end);
            self.after_cr = self.buffer[0] == b'\r';
            self.buffer.advance(1);
            self.scanned = 0;
            self.line(&line);
            self.check()?;
        }
        self.check()
    }

    /// Where the next line ends; a line feed right after a carriage return belongs to the line before.
    fn line_end(&mut self) -> Option<usize> {
        if self.after_cr && !self.buffer.is_empty() {
            self.after_cr = false;
            if self.buffer[0] == b'\n' {
                self.buffer.advance(1);
            }
        }
        let found = self.buffer[self.scanned..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'));
        let end = found.map(|at| self.scanned + at);
        self.scanned = self.buffer.len();
        end
    }

    fn check(&self) -> Result<(), EventTooLarge> {
        if self.size + self.buffer.len() > self.limit {
            return Err(EventTooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) {
        let mark: &[u8] = if std::mem::take(&mut self.first_line) {
            b"\xEF\xBB\xBF"
        } else {
            b""
        };
        let line = line.strip_prefix(mark).unwrap_or(line);
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        self.field(name, value);
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b"data" => {
                self.size += value.len() + 1;
                match &mut self.event.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&String::from_utf8_lossy(value));
                    }
                    none => *none = Some(text()),
                }
            }
            b"event" => self.event.event = Some(text()),
            b"id" if !value.contains(&0) => self.event.id = Some(text()),
            b"retry" => self.event.retry = text().parse().ok().or(self.event.retry),
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.size = 0;
        let event = std::mem::take(&mut self.event);
        if event != Sse::default() {
            self.ready.push_back(event);
        }
    }

    /// At the end of the stream: the standard drops an event without its blank line, but servers forget it, and a
    /// body that was cut off ends in an error, not here.
    fn finish(&mut self) {
        let line = self.buffer.split();
        if !line.is_empty() {
            self.line(&line);
        }
        self.dispatch();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &[u8], chunk: usize, limit: usize) -> Result<Vec<Sse>, EventTooLarge> {
        let mut reader = Reader::new(limit);
        for chunk in text.chunks(chunk.max(1)) {
            reader.push(chunk)?;
        }
        reader.finish();
        Ok(reader.ready.into())
    }

    fn whole(text: &str) -> Vec<Sse> {
        parse(text.as_bytes(), usize::MAX, usize::MAX).expect("no limit")
    }

    #[test]
    fn the_standards_own_examples_are_read() {
        assert_eq!(
            whole("data: YHOO\ndata: +2\ndata: 10\n\n"),
            [Sse::default().data("YHOO\n+2\n10")]
        );
        assert_eq!(
            whole(
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
            ),
            [
                Sse::default().data("first event").id("1"),
                Sse::default().data("second event").id(""),
                Sse::default().data(" third event"),
            ]
        );
        assert_eq!(
            whole("data\n\ndata\ndata\n\n"),
            [Sse::default().data(""), Sse::default().data("\n")]
        );
    }

    #[test]
    fn a_byte_order_mark_and_all_line_ends_are_accepted() {
        let expected = [
            Sse::default().event("endpoint").data("/m"),
            Sse::default().data("x"),
        ];
        for end in ["\n", "\r\n", "\r"] {
            let text = "\u{feff}event: endpoint|data: /m||data: x||".replace('|', end);
            assert_eq!(whole(&text), expected, "{end:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_skipped() {
        let text = "retry: soon\nfoo: bar\nevent: a\nevent: b\nid: 1\0\ndata: x\nretry: 500\n\n";
        assert_eq!(whole(text), [Sse::default().event("b").data("x").retry(500)]);
    }

    #[test]
    fn a_last_event_without_its_blank_line_still_counts() {
        assert_eq!(whole("data: x"), [Sse::default().data("x")]);
    }

    #[test]
    fn an_event_above_the_limit_is_refused_before_it_is_whole() {
        let endless = format!("data: {}", "x".repeat(200));
        assert_eq!(
            parse(endless.as_bytes(), 10, 100),
            Err(EventTooLarge { limit: 100 })
        );
        let many = "data: xxxxxxxxxx\n".repeat(20);
        assert_eq!(parse(many.as_bytes(), 7, 100), Err(EventTooLarge { limit: 100 }));
        let separate = "data: xxxxxxxxxx\n\n".repeat(20);
        assert_eq!(
            parse(separate.as_bytes(), 7, 100).map(|events| events.len()),
            Ok(20)
        );
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_does_not_matter(
            text in "(data|event|id|retry|:)?(: )?[a-z0-9]{0,6}(\n|\r|\r\n){1,2}([a-z: \r\n]{0,40})",
            chunk in 1usize..9,
        ) {
            prop_assert_eq!(parse(text.as_bytes(), chunk, 1000), parse(text.as_bytes(), usize::MAX, 1000));
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200), chunk in 1usize..9) {
            prop_assert!(parse(&bytes, chunk, 10_000).is_ok());
        }
    }
}

//! Server-sent events (HTML Living Standard §9.2), taken apart as they arrive: the data of an event is passed on in the
//! pieces it came in, so that a large message is never held whole.

use bytes::Bytes;

/// The longest value of a field other than `data` that is kept, in bytes.
const MAX_FIELD: usize = 4 * 1024;

/// A part of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// More data of the event under way.
    Data(&'a [u8]),
    /// The event has ended; what its data was is complete.
    End,
    /// `event`, which names what follows.
    Kind(String),
    /// `id`
    Id(String),
    /// `retry`, in milliseconds.
    Retry(u64),
}

/// Where the splitter is.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    /// The field's name, or the value of a field that is not data.
    held: Vec<u8>,
    lines_of_data: usize,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    returned: bool,
    begun: bool,
    /// An event has begun, and not ended.
    open: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Name,
    /// After the colon of `data`: one space is no data.
    BeforeData,
    Data,
    Other(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Event,
    Id,
    Retry,
    Unknown,
}

impl Splitter {
    /// Takes the next bytes apart.
    pub(crate) fn push<'a>(&mut self, chunk: &'a [u8], parts: &mut Vec<Part<'a>>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = self.push_event(rest, parts);
        }
    }

    /// Takes the next bytes apart up to the end of an event; what is left of them.
    pub(crate) fn push_event<'a>(&mut self, chunk: &'a [u8], parts: &mut Vec<Part<'a>>) -> &'a [u8] {
        let mut rest = chunk;
        while !rest.is_empty() {
            if std::mem::take(&mut self.returned) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let told = parts.len();
            rest = match self.state {
                State::Name => self.name(rest, parts),
                State::BeforeData => {
                    self.state = State::Data;
                    self.lines_of_data += 1;
                    if self.lines_of_data > 1 {
                        parts.push(Part::Data(b"\n"));
                    }
                    rest.strip_prefix(b" ").unwrap_or(rest)
                }
                State::Data => self.data(rest, parts),
                State::Other(field) => self.other(field, rest, parts),
            };
            if parts[told..].contains(&Part::End) {
                break;
            }
        }
        rest
    }

    /// Whether another event may be put in here: none is under way, and no line.
    pub(crate) fn is_between(&self) -> bool {
        self.is_between_lines() && !self.open
    }

    /// Whether the last byte ended a line, or there was none.
    pub(crate) fn is_between_lines(&self) -> bool {
        self.state == State::Name && self.held.is_empty()
    }

    fn name<'a>(&mut self, rest: &'a [u8], parts: &mut Vec<Part<'a>>) -> &'a [u8] {
        let Some(at) = memchr::memchr3(b':', b'\n', b'\r', rest) else {
            self.hold(rest);
            return &[];
        };
        self.hold(&rest[..at]);
        let held = std::mem::take(&mut self.held);
        // A byte order mark at the very start is no part of the first line.
        let mark: &[u8] = if std::mem::replace(&mut self.begun, true) {
            b""
        } else {
            b"\xef\xbb\xbf"
        };
        let name = held.strip_prefix(mark).unwrap_or(&held);
        if rest[at] == b':' {
            // Nothing before the colon: a comment.
            self.open |= !name.is_empty();
            self.state = match name {
                b"data" => State::BeforeData,
                b"event" => State::Other(Field::Event),
                b"id" => State::Other(Field::Id),
                b"retry" => State::Other(Field::Retry),
                _ => State::Other(Field::Unknown),
            };
            return &rest[at + 1..];
        }
        self.open = !name.is_empty();
        if name.is_empty() {
            self.lines_of_data = 0;
            parts.push(Part::End);
        }
        self.line_ended(rest, at)
    }

    fn data<'a>(&mut self, rest: &'a [u8], parts: &mut Vec<Part<'a>>) -> &'a [u8] {
        let Some(at) = memchr::memchr2(b'\n', b'\r', rest) else {
            parts.push(Part::Data(rest));
            return &[];
        };
        if at > 0 {
            parts.push(Part::Data(&rest[..at]));
        }
        self.line_ended(rest, at)
    }

    fn other<'a>(&mut self, field: Field, rest: &'a [u8], parts: &mut Vec<Part<'a>>) -> &'a [u8] {
        let Some(at) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.hold(rest);
            return &[];
        };
        self.hold(&rest[..at]);
        let held = std::mem::take(&mut self.held);
        let value = String::from_utf8_lossy(held.strip_prefix(b" ").unwrap_or(&held)).into_owned();
        match field {
            Field::Event => parts.push(Part::Kind(value)),
            Field::Id if !value.contains('\0') => parts.push(Part::Id(value)),
            Field::Retry => parts.extend(value.parse().ok().map(Part::Retry)),
            Field::Id | Field::Unknown => {}
        }
        self.line_ended(rest, at)
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = MAX_FIELD.saturating_sub(self.held.len());
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line_ended<'a>(&mut self, rest: &'a [u8], at: usize) -> &'a [u8] {
        self.state = State::Name;
        self.returned = rest[at] == b'\r';
        &rest[at + 1..]
    }
}

/// The messages of a whole stream.
pub(crate) fn messages(body: &[u8]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut splitter = Splitter::default();
    splitter.push(body, &mut parts);
    // A stream that ends without the blank line has said what it had to say all the same.
    splitter.push(b"\n\n", &mut parts);
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Data(bytes) => message.extend_from_slice(bytes),
            Part::End if !message.is_empty() => messages.push(std::mem::take(&mut message).into()),
            _ => {}
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything that is said, with neighbouring data joined.
    fn read(text: &[u8], chunk: usize) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut told: Vec<String> = Vec::new();
        let mut data = Vec::new();
        for chunk in text.chunks(chunk.max(1)) {
            let mut parts = Vec::new();
            splitter.push(chunk, &mut parts);
            for part in parts {
                match part {
                    Part::Data(bytes) => data.extend_from_slice(bytes),
                    Part::End => told.push(format!(
                        "data {:?}",
                        String::from_utf8_lossy(&std::mem::take(&mut data))
                    )),
                    Part::Kind(kind) => told.push(format!("event {kind}")),
                    Part::Id(id) => told.push(format!("id {id}")),
                    Part::Retry(wait) => told.push(format!("retry {wait}")),
                }
            }
        }
        told
    }

    #[test]
    fn fields_are_read_in_any_line_ending() {
        for end in ["\n", "\r\n", "\r"] {
            let text =
                "\u{feff}event: message|id: 3|data: {\"a\":|data:1}|retry: 500|| : note||".replace('|', end);
            assert_eq!(
                read(text.as_bytes(), usize::MAX),
                [
                    "event message",
                    "id 3",
                    "retry 500",
                    "data \"{\\\"a\\\":\\n1}\"",
                    "data \"\""
                ],
                "{end:?}"
            );
        }
    }

    #[test]
    fn another_event_may_be_put_in_where_nothing_is_under_way() {
        let marked =
            "|: hello\n|\n|: note\n|id: 3\ndata: a\n: note\ndata: b\n\n|retry\n\n|event: c\r\n\r|\n|data";
        let mut splitter = Splitter::default();
        let mut found = String::from("|");
        for byte in marked.replace('|', "").chars() {
            splitter.push(byte.to_string().as_bytes(), &mut Vec::new());
            found.push(byte);
            found.extend(splitter.is_between().then_some('|'));
        }
        assert_eq!(found, marked);
    }

    #[test]
    fn a_field_without_an_end_is_not_held_whole() {
        let mut splitter = Splitter::default();
        for _ in 0..100 {
            splitter.push(&[b'x'; 1024], &mut Vec::new());
        }
        assert!(splitter.held.len() <= MAX_FIELD);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_does_not_matter(text in "(\u{feff})?(data|event|id|retry|:|x)?(: ?)?[a-z0-9]{0,5}(\n|\r|\r\n){1,3}[a-z: \r\n]{0,30}", cut in 1usize..7) {
            prop_assert_eq!(read(text.as_bytes(), cut), read(text.as_bytes(), usize::MAX));
        }
    }
}

//! A stream of events on its way back to a client: passed back as it comes, but for answers that nobody waits for on it.
//! What a server holds back in one place and slips in at another would come by what is held back from a client, a list of
//! tools above all.
//!
//! A short event is looked at before any of its data is passed back. Of a longer one it is the blank line at its end that
//! waits until it is known what it was: without that, no client takes it for a message.

use bytes::{Bytes, BytesMut};

use super::{reply, unfinished::Unfinished};
use crate::{
    events::{Part, Splitter, messages},
    outlet::MAX_WHOLE,
    scan::Scan,
};

/// Up to here an event is held, in bytes.
const SHORT: usize = 64 * 1024;

/// Ends an event that was cut off: a client drops one of a kind it does not know.
const CUT_OFF: &[u8] = b"event: cut-off\n\n";

/// Takes from an answer what its client may not see.
pub(super) type Sieve = Box<dyn Fn(Bytes) -> Bytes + Send>;

/// What is waited for on a stream.
pub(super) enum Awaited {
    /// The answer to one request.
    Answer(Unfinished),
    /// No answer.
    Nothing,
    /// What had been under way on a stream that broke off: any answer may be among it.
    Rest(Sieve),
}

/// A stream that is passed back.
pub(super) struct Passage {
    awaited: Awaited,
    splitter: Splitter,
    event: Event,
    /// The answer was said, and is an error.
    refused: bool,
}

/// The event under way.
#[derive(Default)]
struct Event {
    /// What of it is not passed back yet.
    held: BytesMut,
    course: Course,
    /// Looks at its data, once there is any.
    scan: Option<Scan>,
    id: Option<String>,
}

/// What becomes of an event before it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    /// It is held.
    #[default]
    Held,
    /// It is passed back; whether a line of it is open.
    Passed { within: bool },
    /// It is too long to be held, and may not be passed back.
    Lost,
}

impl Passage {
    /// A stream that begins.
    pub(super) fn new(awaited: Awaited) -> Self {
        Self {
            awaited,
            splitter: Splitter::default(),
            event: Event::default(),
            refused: false,
        }
    }

    /// Whether the answer was passed back, and is an error.
    pub(super) fn is_refusal(&self) -> bool {
        self.refused
    }

    /// What is passed back now that this has come.
    pub(super) fn push(&mut self, chunk: &Bytes) -> Bytes {
        let (mut out, mut parts) = (Out::of(chunk), Vec::new());
        while out.looked < chunk.len() {
            let begun = out.looked;
            let rest = self.splitter.push_event(&chunk[begun..], &mut parts);
            out.looked = chunk.len() - rest.len();
            if self.look(parts.drain(..)) {
                let mut event = std::mem::take(&mut self.event);
                self.ended(&mut event, &chunk[begun..out.looked], &mut out);
            } else {
                self.goes_on(&chunk[begun..], &mut out);
            }
        }
        out.taken()
    }

    /// Takes note of what an event says; whether it has ended.
    fn look<'a>(&mut self, parts: impl Iterator<Item = Part<'a>>) -> bool {
        let mut is_over = false;
        for part in parts {
            match part {
                Part::Data(bytes) => {
                    let scan = self.event.scan.get_or_insert_with(|| self.awaited.scan());
                    scan.push(bytes);
                }
                Part::Id(id) => {
                    self.awaited.named(&id);
                    self.event.id = Some(id);
                }
                Part::End => is_over = true,
                Part::Kind(_) | Part::Retry(_) => {}
            }
        }
        is_over
    }

    /// An event has ended with `last`, the rest of it.
    fn ended(&mut self, event: &mut Event, last: &[u8], out: &mut Out<'_>) {
        let may_pass = event.scan.as_ref().is_none_or(Scan::may_end);
        let is_answer = event.scan.as_ref().is_some_and(Scan::is_answer);
        match (event.course, &self.awaited) {
            (Course::Held, Awaited::Rest(sieve)) if may_pass && is_answer => {
                event.held.extend_from_slice(last);
                let sieved = sieved(event, sieve);
                out.replace(last.len(), &sieved);
            }
            (Course::Held, _) if may_pass => out.pass_after(&event.held),
            (Course::Passed { .. }, _) if may_pass => {}
            (course, _) => {
                tracing::debug!("the server sent an answer that nobody waits for");
                out.replace(last.len(), course.broken_off());
            }
        }
        if may_pass && is_answer {
            self.refused |= event.scan.as_ref().is_some_and(Scan::is_refusal);
            self.awaited.answered();
        }
    }

    /// An event is not over with `piece`.
    fn goes_on(&mut self, piece: &[u8], out: &mut Out<'_>) {
        let event = &mut self.event;
        let within = !self.splitter.is_between_lines();
        if event.scan.is_none() && !within && event.course == Course::Held {
            // Nothing is said yet, as by a comment that says no more than that the server is there.
            out.pass_after(&event.held);
            event.held.clear();
            return;
        }
        match event.course {
            Course::Passed { .. } => event.course = Course::Passed { within },
            Course::Lost => out.replace(piece.len(), b""),
            Course::Held => {
                event.held.extend_from_slice(piece);
                out.replace(piece.len(), b"");
                let must_be_whole = matches!(self.awaited, Awaited::Rest(_))
                    && !event.scan.as_ref().is_some_and(Scan::is_asking);
                let limit = if must_be_whole { MAX_WHOLE } else { SHORT };
                if event.held.len() > limit {
                    let held = std::mem::take(&mut event.held);
                    event.course = if must_be_whole {
                        Course::Lost
                    } else {
                        out.add(&held);
                        Course::Passed { within }
                    };
                }
            }
        }
    }

    /// What is said now that nothing more will come; none when nothing is owed.
    pub(super) fn ending(&mut self) -> Option<Bytes> {
        let Awaited::Answer(owed) = &mut self.awaited else {
            return None;
        };
        let event = std::mem::take(&mut self.event);
        let mut ending = BytesMut::new();
        if !owed.is_settled() && event.scan.as_ref().is_some_and(Scan::is_answer) {
            // It lacks nothing but the blank line that ends it.
            owed.settle();
            ending.extend_from_slice(&event.held);
            ending.extend_from_slice(b"\n\n");
            return Some(ending.freeze());
        }
        let answer = owed.broken_off()?;
        ending.extend_from_slice(event.course.broken_off());
        ending.extend_from_slice(&reply::event(&answer));
        Some(ending.freeze())
    }
}

impl Awaited {
    fn scan(&self) -> Scan {
        match self {
            Self::Answer(owed) => Scan::against_others(Some(owed.id())),
            Self::Nothing => Scan::against_others(None),
            Self::Rest(_) => Scan::against_doubt(),
        }
    }

    fn answered(&mut self) {
        if let Self::Answer(owed) = self {
            owed.settle();
        }
    }

    fn named(&mut self, id: &str) {
        if let Self::Answer(owed) = self
            && !id.is_empty()
        {
            owed.settle();
        }
    }
}

impl Course {
    /// What an event ends with that is not passed back, or not any more.
    fn broken_off(self) -> &'static [u8] {
        const WITHIN: &[u8] = b"\nevent: cut-off\n\n";
        match self {
            // Of what stood before its data something may have been passed back.
            Self::Held | Self::Lost => b"\n\n",
            Self::Passed { within: true } => WITHIN,
            // A line end more would be the blank line itself.
            Self::Passed { within: false } => CUT_OFF,
        }
    }
}

/// An event whose answer is passed back without what its client may not see.
fn sieved(event: &Event, sieve: &Sieve) -> Bytes {
    let whole = event.held.clone().freeze();
    let Some(message) = messages(&whole).pop() else {
        return whole;
    };
    let sieved = sieve(message.clone());
    if sieved == message {
        return whole;
    }
    let id = event.id.as_ref().map(|id| format!("id: {id}\n"));
    [id.unwrap_or_default().as_bytes(), &reply::event(&sieved)]
        .concat()
        .into()
}

/// What is passed back of one piece. As long as it is all of it, nothing is copied.
struct Out<'a> {
    piece: &'a Bytes,
    /// Up to here it was looked at.
    looked: usize,
    /// From here on it is not among what was put together.
    from: usize,
    together: BytesMut,
}

impl<'a> Out<'a> {
    fn of(piece: &'a Bytes) -> Self {
        Self {
            piece,
            looked: 0,
            from: 0,
            together: BytesMut::new(),
        }
    }

    /// What was held goes before what is looked at now.
    fn pass_after(&mut self, held: &[u8]) {
        // Only the first event of a piece can have begun before it.
        if !held.is_empty() {
            self.together.extend_from_slice(held);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.together.extend_from_slice(bytes);
    }

    /// Something else takes the place of the last `length` bytes that were looked at.
    fn replace(&mut self, length: usize, other: &[u8]) {
        self.together
            .extend_from_slice(&self.piece[self.from..self.looked - length]);
        self.together.extend_from_slice(other);
        self.from = self.looked;
    }

    fn taken(mut self) -> Bytes {
        if self.from == 0 && self.together.is_empty() {
            return self.piece.clone();
        }
        self.together.extend_from_slice(&self.piece[self.from..]);
        self.together.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Kind, Message};

    const POISON: &str = r#"{"id":1,"result":{"tools":[{"name":"evil"}]}}"#;
    const NEWS: &str = r#"{"method":"notifications/message"}"#;

    /// What is passed back of a stream that comes in pieces of `cut` bytes.
    fn passed(awaited: Awaited, stream: &str, cut: usize) -> String {
        let mut passage = Passage::new(awaited);
        let mut passed = Vec::new();
        for piece in stream.as_bytes().chunks(cut) {
            passed.extend_from_slice(&passage.push(&Bytes::copy_from_slice(piece)));
        }
        passed.extend_from_slice(&passage.ending().unwrap_or_default());
        String::from_utf8(passed).expect("text")
    }

    /// The messages a client takes from it: it drops events of a kind it does not know.
    fn heard(stream: &str) -> Vec<String> {
        let (mut splitter, mut parts) = (Splitter::default(), Vec::new());
        splitter.push(stream.as_bytes(), &mut parts);
        let (mut heard, mut data, mut kind) = (Vec::new(), Vec::new(), String::new());
        for part in parts {
            match part {
                Part::Data(bytes) => data.extend_from_slice(bytes),
                Part::Kind(name) => kind = name,
                Part::End => {
                    let data = String::from_utf8(std::mem::take(&mut data)).expect("text");
                    let kind = std::mem::take(&mut kind);
                    heard.extend(Some(data).filter(|data| !data.is_empty() && kind != "cut-off"));
                }
                _ => {}
            }
        }
        heard
    }

    fn sieve() -> Awaited {
        Awaited::Rest(Box::new(|answer| {
            let text = String::from_utf8(answer.to_vec()).expect("text");
            text.replace("evil", "good").into()
        }))
    }

    #[test]
    fn a_stream_without_answers_is_passed_back_as_it_came_comments_and_all() {
        let stream = format!(
            ": open\n\nid: 7\nevent: message\ndata: {NEWS}\n\nretry: 5\n\n:\n\nevent: other\ndata: x\n\n"
        );
        for cut in [1, 2, 7, usize::MAX] {
            assert_eq!(passed(Awaited::Nothing, &stream, cut), stream);
            assert_eq!(passed(sieve(), &stream, cut), stream);
        }
    }

    #[test]
    fn a_comment_is_passed_back_at_once_and_an_event_once_it_is_known() {
        let mut passage = Passage::new(Awaited::Nothing);
        for line in [": here\n", "id: 3\n"] {
            assert_eq!(passage.push(&line.into()), line);
        }
        assert_eq!(passage.push(&"data: {\"method\":\"x\"}\n".into()), "");
        assert_eq!(passage.push(&"\n".into()), "data: {\"method\":\"x\"}\n\n");
    }

    #[test]
    fn an_answer_that_nobody_waits_for_is_not_heard_however_it_is_cut_and_written() {
        let long = format!("{{\"x\":\"{}\",{}", "x".repeat(3 * SHORT), &POISON[1..]);
        let spread = POISON.replace(',', ",\ndata:");
        for end in ["\n", "\r\n", "\r"] {
            for poison in [
                POISON,
                &spread,
                &long,
                &format!("[{POISON}]"),
                &POISON.replace("result", "Result"),
            ] {
                let stream = format!(
                    "data: {NEWS}\n\n\u{feff}id: 4\ndata: {poison}\n\nevent: message\ndata:{NEWS}\n\n"
                );
                let stream = format!("\u{feff}data: {poison}\n\n{stream}").replace('\n', end);
                for cut in [1, 3, 64, SHORT, SHORT + 1, stream.len() - 1, usize::MAX] {
                    let passed = passed(Awaited::Nothing, &stream, cut);
                    assert_eq!(heard(&passed), [NEWS, NEWS], "{end:?} {cut} {}", &poison[..20]);
                }
            }
        }
    }

    #[test]
    fn a_long_message_is_passed_back_before_it_has_ended() {
        let mut passage = Passage::new(Awaited::Nothing);
        let begun = format!("data: {{\"method\":\"m\",\"params\":\"{}", "x".repeat(SHORT));
        assert_eq!(passage.push(&Bytes::from(begun.clone())), begun);
        assert_eq!(passage.push(&"y".into()), "y");
        assert_eq!(passage.push(&"\"}\n\n".into()), "\"}\n\n");
    }

    #[test]
    fn on_a_stream_that_is_taken_up_again_lists_of_tools_are_sieved_and_the_place_in_it_is_kept() {
        let other = r#"{"id":2,"result":{"content":[]}}"#;
        let stream = format!("id: a\ndata: {other}\n\nid: b\ndata: {POISON}\n\ndata: {NEWS}\n\n");
        let good = POISON.replace("evil", "good");
        for cut in [1, 5, usize::MAX] {
            let passed = passed(sieve(), &stream, cut);
            assert_eq!(heard(&passed), [other, &good, NEWS]);
            assert!(passed.contains("id: b"), "{passed}");
        }
        let long = format!("{{\"x\":\"{}\",{}", "x".repeat(3 * SHORT), &POISON[1..]);
        let heard = heard(&passed(sieve(), &format!("data: {long}\n\n"), SHORT));
        assert_eq!(heard, [long.replace("evil", "good")]);
    }

    proptest! {
        #[test]
        fn how_a_stream_is_cut_does_not_matter(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just(format!("data: {POISON}")), Just(format!("data:{NEWS}")), Just("data: {\"id\":1,".to_owned()),
                    Just("data: \"result\":{}}".to_owned()), Just("id: 1".to_owned()), Just(": x".to_owned()),
                    Just("event: message".to_owned()), Just(String::new()), Just(String::new()),
                ],
                0..16,
            ),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cut in 1usize..40,
        ) {
            let stream = lines.join(end) + end;
            let whole = passed(Awaited::Nothing, &stream, usize::MAX);
            let in_pieces = passed(Awaited::Nothing, &stream, cut);
            prop_assert_eq!(heard(&in_pieces), heard(&whole));
            let is_answer = |text: &String| {
                Message::peek(text.as_bytes()).is_ok_and(|seen| seen.kind() == Some(Kind::Response))
            };
            prop_assert!(!heard(&whole).iter().any(is_answer));
        }
    }
}

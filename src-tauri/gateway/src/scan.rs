//! One JSON-RPC message that is passed on while it still arrives: what it is, by the members of its outermost object,
//! before its last brace is passed on. One that is not what is waited for never becomes a message.

use memchr::memchr2;

use omlx_mcp::spelling::is_near_miss;

use crate::message::{Id, MEMBERS};

/// The longest name that is looked for, in bytes.
const MAX_NAME: usize = 16;

/// Looks at one message as it arrives.
pub(crate) struct Scan {
    wanted: Wanted,
    /// The id that is waited for, as written; none where there is no such.
    id: Vec<u8>,
    depth: usize,
    text: Text,
    place: Place,
    /// The name or the id under way.
    word: Vec<u8>,
    seen: Seen,
    over: bool,
}

/// What is let through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The answer, and what the server asks or tells.
    Messages,
    /// Anything but what some reader would take for an answer to another request.
    NoOtherAnswer,
    /// Anything that all readers take for the same.
    Anything,
}

/// Whether it is within a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Within,
    Escaped,
}

/// Where in the outermost object it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Name,
    Id,
    Value,
}

/// What was seen of it.
#[derive(Default)]
struct Seen {
    id: Option<Vec<u8>>,
    method: bool,
    outcome: Option<Outcome>,
    /// A member came twice, or its name is written so that readers may differ.
    doubtful: bool,
}

/// What kind of answer it is; one that could be both is a result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Error,
    Result,
}

impl Scan {
    /// Waits for the answer to this id; what the server asks or tells is let through, too.
    pub(crate) fn of(id: &Id) -> Self {
        Self::new(Wanted::Messages, Some(id))
    }

    /// Lets everything through but what is, or would be to some reader, an answer to another request than this; or to any,
    /// where there is none.
    pub(crate) fn against_others(id: Option<&Id>) -> Self {
        Self::new(Wanted::NoOtherAnswer, id)
    }

    /// Lets everything through that all readers take for the same.
    pub(crate) fn against_doubt() -> Self {
        Self::new(Wanted::Anything, None)
    }

    fn new(wanted: Wanted, id: Option<&Id>) -> Self {
        Self {
            wanted,
            id: id
                .map(|id| id.raw().get().as_bytes().to_vec())
                .unwrap_or_default(),
            depth: 0,
            text: Text::Outside,
            place: Place::Value,
            word: Vec::new(),
            seen: Seen::default(),
            over: false,
        }
    }

    /// How many of the next bytes may be passed on.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.over {
            if self.text == Text::Within && !self.is_noted() {
                let next = memchr2(b'"', b'\\', &bytes[at..]);
                at += next.unwrap_or(bytes.len() - at);
                if at == bytes.len() {
                    break;
                }
            }
            if self.step(bytes[at]) {
                return at;
            }
            at += 1;
        }
        if self.over { self.blank(bytes, at) } else { at }
    }

    /// Whether it came to its end, and was the answer.
    pub(crate) fn is_answer(&self) -> bool {
        self.over && self.seen.outcome.is_some() && self.may_end()
    }

    /// Whether it came to its end, and was the answer that it failed.
    pub(crate) fn is_refusal(&self) -> bool {
        self.seen.outcome == Some(Outcome::Error) && self.is_answer()
    }

    /// Whether it is, so far, something that the server asks or tells.
    pub(crate) fn is_asking(&self) -> bool {
        self.seen.method
    }

    /// After the end there may be blanks, and nothing else.
    fn blank(&self, bytes: &[u8], from: usize) -> usize {
        let rest = bytes[from..].iter();
        let blanks = rest.take_while(|byte| byte.is_ascii_whitespace());
        if self.may_end() {
            from + blanks.count()
        } else {
            from
        }
    }

    /// True where the message must not go on, because it would be whole.
    fn step(&mut self, byte: u8) -> bool {
        match self.text {
            Text::Escaped => self.text = Text::Within,
            Text::Within if byte == b'\\' => {
                self.seen.doubtful |= self.depth == 1 && self.place == Place::Name;
                self.text = Text::Escaped;
            }
            Text::Within if byte == b'"' => self.text = Text::Outside,
            Text::Within => {}
            Text::Outside => return self.structure(byte),
        }
        self.note(byte);
        false
    }

    fn structure(&mut self, byte: u8) -> bool {
        match byte {
            b'"' => {
                self.text = Text::Within;
                self.note(byte);
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 1 {
                    // Of a list, each member may be a message to some.
                    self.seen.doubtful |= byte == b'[';
                    self.place = Place::Name;
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.ended();
                    self.over = true;
                    return !self.may_end();
                }
            }
            b':' if self.depth == 1 => self.named(),
            b',' if self.depth == 1 => self.ended(),
            byte if byte.is_ascii_whitespace() => {}
            byte => self.note(byte),
        }
        false
    }

    fn is_noted(&self) -> bool {
        self.depth == 1 && self.place != Place::Value
    }

    fn note(&mut self, byte: u8) {
        if self.is_noted() && self.word.len() <= self.id.len().max(MAX_NAME) {
            self.word.push(byte);
        }
    }

    /// A name is over, and its value begins.
    fn named(&mut self) {
        let (name, seen) = (std::mem::take(&mut self.word), &mut self.seen);
        seen.doubtful |= is_doubtful(&name);
        self.place = match name.as_slice() {
            b"\"id\"" => Place::Id,
            b"\"method\"" => {
                seen.method = true;
                Place::Value
            }
            b"\"result\"" => {
                seen.outcome = Some(Outcome::Result);
                Place::Value
            }
            b"\"error\"" => {
                seen.outcome = seen.outcome.max(Some(Outcome::Error));
                Place::Value
            }
            _ => Place::Value,
        };
    }

    /// A value is over.
    fn ended(&mut self) {
        if self.place == Place::Id {
            self.seen.doubtful |= self.seen.id.is_some();
            self.seen.id = Some(std::mem::take(&mut self.word));
        }
        self.place = Place::Name;
        self.word.clear();
    }

    /// Whether it may become whole.
    pub(crate) fn may_end(&self) -> bool {
        let seen = &self.seen;
        let is_own = seen.id.as_ref() == Some(&self.id);
        match (self.wanted, seen.outcome) {
            _ if seen.doubtful => false,
            (_, Some(_)) if seen.method => false,
            (Wanted::Messages, None) => seen.method,
            (Wanted::Anything, _) | (Wanted::NoOtherAnswer, None) => true,
            (Wanted::Messages, Some(_)) | (_, Some(Outcome::Result)) => is_own,
            // One to nobody in particular is to whoever asked.
            (_, Some(Outcome::Error)) => is_own || self.is_to_nobody(),
        }
    }

    fn is_to_nobody(&self) -> bool {
        self.seen.id.as_ref().is_none_or(|id| id == b"null")
    }
}

/// Whether some readers take a name, as written, for one that counts.
fn is_doubtful(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
    // A longer one was cut off, and is none of them.
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    name.is_some_and(|name| is_near_miss(name, &MEMBERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of a message is passed on, and whether it was the answer to 7, however it is cut.
    fn passed(text: &str) -> (String, bool) {
        let seven = serde_json::value::to_raw_value(&7).expect("JSON");
        let read = |cut: usize| {
            let (mut scan, mut passed) = (Scan::of(&Id::of(&seven)), Vec::new());
            for piece in text.as_bytes().chunks(cut) {
                passed.extend_from_slice(&piece[..scan.push(piece)]);
            }
            (String::from_utf8(passed).expect("text"), scan.is_answer())
        };
        let whole = read(usize::MAX);
        for cut in 1..9 {
            assert_eq!(read(cut), whole, "{cut}");
        }
        whole
    }

    #[test]
    fn the_answer_is_passed_on_wherever_its_id_stands() {
        for text in [
            r#"{"jsonrpc":"2.0","id":7,"result":{"id":8,"a":"}\"{"}}"#,
            r#" {"result":{"tools":[{"id":1}]}, "jsonrpc":"2.0", "id": 7 } "#,
            r#"{"error":{"code":1},"id":7}"#,
        ] {
            assert_eq!(passed(text), (text.to_owned(), true));
        }
    }

    #[test]
    fn what_the_server_asks_or_tells_is_passed_on_and_is_no_answer() {
        for text in [
            r#"{"id":"x","method":"sampling/createMessage","params":{"result":1}}"#,
            r#"{"method":"notifications/message","params":{}}"#,
        ] {
            assert_eq!(passed(text), (text.to_owned(), false));
        }
    }

    #[test]
    fn where_only_answers_to_others_are_held_back_all_else_is_passed_on() {
        let seven = Id::of(&serde_json::value::to_raw_value(&7).expect("JSON"));
        let may_end = |id: Option<&Id>, text: &str| {
            let mut scan = Scan::against_others(id);
            scan.push(text.as_bytes()) == text.len() && scan.may_end()
        };
        for (text, is_for_seven, is_for_any) in [
            (r#"{"id":7,"result":{"tools":[]}}"#, true, false),
            (r#"{"id":8,"result":{"tools":[]}}"#, false, false),
            (r#"{"result":{"tools":[]}}"#, false, false),
            (r#"{"id":null,"result":{}}"#, false, false),
            (r#"[{"id":8,"result":{"tools":[]}}]"#, false, false),
            (r#"{"id":8,"method":"x","result":{}}"#, false, false),
            (r#"{"id":8,"Result":{}}"#, false, false),
            (r#"{"id":8,"error":{}}"#, false, false),
            (r#"{"id":null,"error":{}}"#, true, true),
            (r#"{"error":{}}"#, true, true),
            (r#"{"id":8,"method":"roots/list"}"#, true, true),
            (
                r#"{"method":"notifications/message","params":{"result":1}}"#,
                true,
                true,
            ),
            ("not JSON", true, true),
        ] {
            assert_eq!(may_end(Some(&seven), text), is_for_seven, "{text}");
            assert_eq!(may_end(None, text), is_for_any, "{text}");
        }
    }

    #[test]
    fn anything_else_never_becomes_whole() {
        for text in [
            r#"{"id":8,"result":{}}"#,
            r#"{"result":{},"id":"7"}"#,
            r#"{"result":{}}"#,
            r#"{"id":7,"result":{},"id":8}"#,
            r#"{"id":7,"result":{},"\u0069d":8}"#,
            r#"{"id":7,"result":{},"ID":8}"#,
            r#"{"id":7,"result":{},"reſult":{"tools":[]}}"#,
            r#"{"id":8,"method":"x","result":{}}"#,
            r#"[{"id":7,"result":{}}]"#,
        ] {
            assert_eq!(passed(text), (text[..text.len() - 1].to_owned(), false), "{text}");
        }
        let two = r#"{"id":7,"result":{}}{"id":8,"result":{}}"#;
        assert_eq!(passed(two).0, r#"{"id":7,"result":{}}"#);
    }
}

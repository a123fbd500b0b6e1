//! One JSON-RPC message that is passed on while it still arrives: what it is, by the members of its outermost object,
//! before its last brace is passed on. One that is not what is waited for never becomes a message.

use memchr::memchr2;

use omlx_mcp::spelling::is_near_miss;

use crate::message::{Id, MEMBERS};

/// The longest name that is looked for, in bytes.
const MAX_NAME: usize = 16;

/// Looks at one message as it arrives.
pub(crate) struct Scan {
    /// The id that is waited for, as written.
    id: Vec<u8>,
    depth: usize,
    text: Text,
    place: Place,
    /// The name or the id under way.
    word: Vec<u8>,
    seen: Seen,
    over: bool,
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
    outcome: bool,
    /// A member came twice, or its name is written so that readers may differ.
    doubtful: bool,
}

impl Scan {
    /// Waits for the answer to this id; what the server asks or tells is let through, too.
    pub(crate) fn of(id: &Id) -> Self {
        Self {
            id: id.raw().get().as_bytes().to_vec(),
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
        self.over && self.seen.outcome && self.may_end()
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
            b"\"result\"" | b"\"error\"" => {
                seen.outcome = true;
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

    fn may_end(&self) -> bool {
        let seen = &self.seen;
        match (seen.doubtful, seen.method, seen.outcome) {
            (false, false, true) => seen.id.as_ref() == Some(&self.id),
            (false, true, false) => true,
            _ => false,
        }
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

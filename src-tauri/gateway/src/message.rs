//! One JSON-RPC message, looked at without being taken apart: what is passed on is the bytes as they came.

use std::{borrow::Cow, fmt, sync::OnceLock};

use bytes::Bytes;
use omlx_mcp::spelling::is_near_miss;
use serde::{
    Deserialize, Deserializer as _, Serialize,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, de::Read, json, value::RawValue};

/// JSON-RPC: the text is not JSON.
pub(crate) const PARSE_ERROR: i32 = -32700;
/// JSON-RPC: the JSON is no message.
pub(crate) const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC: it went wrong on our side of the server.
pub(crate) const INTERNAL_ERROR: i32 = -32603;

/// JSON-RPC: the method does not exist.
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;

/// JSON-RPC: the parameters are not as they must be.
pub(crate) const INVALID_PARAMS: i32 = -32602;

/// The member of `_meta` by which a request says that it is of the stateless era (MCP 2026-07-28).
pub(crate) const VERSION_MEMBER: &str = "io.modelcontextprotocol/protocolVersion";
/// The member by which it says what its client can do.
pub(crate) const CAPABILITIES_MEMBER: &str = "io.modelcontextprotocol/clientCapabilities";
/// The member by which it says what its client is.
pub(crate) const CLIENT_MEMBER: &str = "io.modelcontextprotocol/clientInfo";
/// The member by which it asks for log messages.
pub(crate) const LEVEL_MEMBER: &str = "io.modelcontextprotocol/logLevel";
/// The member by which an answer says what its server is.
pub(crate) const SERVER_MEMBER: &str = "io.modelcontextprotocol/serverInfo";
/// The member by which a notification says to which subscription it belongs.
pub(crate) const SUBSCRIPTION_MEMBER: &str = "io.modelcontextprotocol/subscriptionId";

/// What is looked at of a message.
pub(crate) const MEMBERS: [&str; 5] = ["id", "method", "params", "result", "error"];

/// What is looked at of the parameters of a request.
const PARAMS: [&str; 6] = [
    "name",
    "uri",
    "requestId",
    "protocolVersion",
    "arguments",
    "_meta",
];

/// What is seen of a message.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Option<Cow<'a, str>>,
    pub(crate) params: Option<&'a RawValue>,
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error: Option<&'a RawValue>,
    /// The parameters once they were looked at: several ask for them on a message's way. None when they cannot be read.
    read: OnceLock<Option<Params<'a>>>,
}

/// What is seen of the parameters of a request.
#[derive(Debug)]
pub(crate) struct Params<'a> {
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) uri: Option<Cow<'a, str>>,
    pub(crate) request_id: Option<&'a RawValue>,
    pub(crate) protocol_version: Option<Cow<'a, str>>,
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) meta: Option<&'a RawValue>,
    /// Another member would be read as one of these by some.
    is_ambiguous: bool,
}

/// What kind of message it is (JSON-RPC 2.0 §4, §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Notification,
    /// An answer, of either outcome.
    Response,
}

/// Why a text is no message that is passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoMessage {
    #[error("this is not JSON")]
    NotJson,
    #[error("batches are not part of MCP any more: send one message at a time")]
    Batch,
    #[error("this is JSON, and no JSON-RPC message")]
    NotRpc,
    /// The same, whatever it is.
    #[error(
        "a member is spelled almost as JSON-RPC spells it, and some would read it as that: write names as they are, in lower case"
    )]
    Ambiguous(Option<Id>),
    /// What a server may understand in another way than we do would pass by the rules of its client.
    #[error("a call has an id, and its parameters name one tool: {{\"name\": \"…\", \"arguments\": {{…}}}}")]
    UnclearCall(Option<Id>),
}

impl NoMessage {
    /// The JSON-RPC error that says so, under the id of the request where there is one.
    pub(crate) fn answer(&self) -> Bytes {
        let (code, id) = match self {
            Self::NotJson => (PARSE_ERROR, None),
            Self::Batch | Self::NotRpc => (INVALID_REQUEST, None),
            Self::Ambiguous(id) => (INVALID_REQUEST, id.as_ref().map(Id::raw)),
            Self::UnclearCall(id) => (INVALID_PARAMS, id.as_ref().map(Id::raw)),
        };
        error(id.as_deref(), code, &self.to_string())
    }
}

impl<'a> Message<'a> {
    /// Looks at one message.
    pub(crate) fn peek(text: &'a [u8]) -> Result<Self, NoMessage> {
        if text.trim_ascii_start().starts_with(b"[") {
            let is_json = serde_json::from_slice::<IgnoredAny>(text).is_ok();
            return Err(if is_json {
                NoMessage::Batch
            } else {
                NoMessage::NotJson
            });
        }
        let read = Members::read(serde_json::Deserializer::from_slice(text), MEMBERS);
        let is_ambiguous = read.as_ref().is_ok_and(|members| members.is_ambiguous);
        match read.and_then(Self::of) {
            Ok(message) if is_ambiguous => Err(NoMessage::Ambiguous(message.id.map(Id::of))),
            Ok(message) if message.is_unclear_call() => Err(NoMessage::UnclearCall(message.id.map(Id::of))),
            Ok(message) if message.kind().is_some() => Ok(message),
            Ok(_) => Err(NoMessage::NotRpc),
            Err(error) if error.is_data() => Err(NoMessage::NotRpc),
            Err(_) => Err(NoMessage::NotJson),
        }
    }

    fn of(members: Members<'a, 5>) -> serde_json::Result<Self> {
        let [id, method, params, result, error] = members.found;
        Ok(Self {
            id,
            method: method.map(text_of).transpose()?,
            params,
            result,
            error,
            read: OnceLock::new(),
        })
    }

    /// Its kind; none when it is none of them.
    pub(crate) fn kind(&self) -> Option<Kind> {
        let answers = self.result.is_some() || self.error.is_some();
        match (&self.method, self.id) {
            // A question to some, and an answer to others.
            (Some(_), _) if answers => None,
            (Some(_), Some(_)) => Some(Kind::Request),
            (Some(_), None) => Some(Kind::Notification),
            (None, _) => answers.then_some(Kind::Response),
        }
    }

    /// The method; empty for a response.
    pub(crate) fn method(&self) -> &str {
        self.method.as_deref().unwrap_or_default()
    }

    /// The parameters, as far as they are looked at; what cannot be read has none.
    pub(crate) fn params(&self) -> &Params<'a> {
        static NONE: Params<'static> = Params::none();
        self.readable().unwrap_or(&NONE)
    }

    fn readable(&self) -> Option<&Params<'a>> {
        let read = || Params::read(self.params?.get()).ok();
        self.read.get_or_init(read).as_ref()
    }

    /// A call of which it is not certain which tool it is of, or to whom its answer goes. Of two members of one name
    /// some take the first and some the last.
    fn is_unclear_call(&self) -> bool {
        let is_clear = |params: &Params<'_>| params.name.is_some() && !params.is_ambiguous;
        self.method() == "tools/call" && (self.id.is_none() || !self.readable().is_some_and(is_clear))
    }
}

impl<'a> Params<'a> {
    fn read(text: &'a str) -> serde_json::Result<Self> {
        let members = Members::read(serde_json::Deserializer::from_str(text), PARAMS)?;
        let [name, uri, request_id, protocol_version, arguments, meta] = members.found;
        Ok(Self {
            name: name.map(text_of).transpose()?,
            uri: uri.map(text_of).transpose()?,
            request_id,
            protocol_version: protocol_version.map(text_of).transpose()?,
            arguments,
            meta,
            is_ambiguous: members.is_ambiguous,
        })
    }

    const fn none() -> Self {
        Self {
            name: None,
            uri: None,
            request_id: None,
            protocol_version: None,
            arguments: None,
            meta: None,
            is_ambiguous: false,
        }
    }

    /// The protocol version a request of the stateless era names; none in the session era.
    pub(crate) fn stateless_version(&self) -> Option<String> {
        let meta: Value = serde_json::from_str(self.meta?.get()).ok()?;
        meta.get(VERSION_MEMBER)?.as_str().map(str::to_owned)
    }

    /// What a request of the stateless era says its client is and can do, as one text.
    pub(crate) fn capabilities(&self) -> String {
        let meta: Option<Value> = self.meta.and_then(|meta| serde_json::from_str(meta.get()).ok());
        let meta = meta.unwrap_or_default();
        json!([meta[CAPABILITIES_MEMBER], meta[CLIENT_MEMBER]]).to_string()
    }

    /// What an operation is called in refusals and audit lines.
    pub(crate) fn operation(&self, method: &str) -> String {
        match &self.name {
            Some(name) if method == "tools/call" => format!("{method} {name}"),
            _ => method.to_owned(),
        }
    }
}

/// The members of an object that are called exactly so, each at most once.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a, const N: usize> {
    pub(crate) found: [Option<&'a RawValue>; N],
    /// Another one would be read as one of them by some.
    pub(crate) is_ambiguous: bool,
}

/// What the members are called.
struct Names<const N: usize>([&'static str; N]);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text_of(value: &RawValue) -> serde_json::Result<Cow<'_, str>> {
    serde_json::from_str(value.get()).map(|Text(text)| text)
}

impl<'a, const N: usize> Members<'a, N> {
    pub(crate) fn read(
        mut text: serde_json::Deserializer<impl Read<'a>>,
        names: [&'static str; N],
    ) -> serde_json::Result<Self> {
        let members = text.deserialize_map(Names(names))?;
        text.end()?;
        Ok(members)
    }
}

impl<'de, const N: usize> Visitor<'de> for Names<N> {
    type Value = Members<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut is_ambiguous) = ([None; N], false);
        while let Some(Text(name)) = map.next_key()? {
            match self.0.iter().position(|known| *known == name) {
                Some(at) if found[at].is_some() => return Err(A::Error::duplicate_field(self.0[at])),
                Some(at) => found[at] = Some(map.next_value()?),
                None => {
                    is_ambiguous |= is_near_miss(&name, &self.0);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let found = found.map(Option::flatten);
        Ok(Members { found, is_ambiguous })
    }
}

/// An id that outlives its message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(Box<str>);

impl Id {
    /// As written: a string and a number are never the same.
    pub(crate) fn of(id: &RawValue) -> Self {
        Self(id.get().into())
    }

    /// One of ours.
    pub(crate) fn own(name: &str) -> Self {
        Self(Value::from(name).to_string().into())
    }

    /// As it stands in a message.
    pub(crate) fn raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.0.clone().into()).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Answer<'a, T> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: Outcome<'a, T>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<'a, T> {
    Result(&'a T),
    Error(&'a T),
}

/// A result.
pub(crate) fn result<T: Serialize>(id: &RawValue, result: &T) -> Bytes {
    text(&Answer {
        jsonrpc: "2.0",
        id: Some(id),
        outcome: Outcome::Result(result),
    })
}

/// An error; without an id where the message could not be understood that far.
pub(crate) fn error(id: Option<&RawValue>, code: i32, message: &str) -> Bytes {
    error_with(id, &json!({ "code": code, "message": message }))
}

/// An error whose object is there already.
pub(crate) fn error_with<T: Serialize>(id: Option<&RawValue>, error: &T) -> Bytes {
    text(&Answer {
        jsonrpc: "2.0",
        id,
        outcome: Outcome::Error(error),
    })
}

/// A request of ours.
pub(crate) fn request<T: Serialize>(id: &RawValue, method: &str, params: &T) -> Bytes {
    text(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// A notification without parameters.
pub(crate) fn notification(method: &str) -> Bytes {
    text(&json!({ "jsonrpc": "2.0", "method": method }))
}

/// The same as text.
pub(crate) fn json_of<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// JSON of what cannot fail to be JSON: maps with text keys.
pub(crate) fn text<T: Serialize>(message: &T) -> Bytes {
    serde_json::to_vec(message).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_told_apart_and_the_id_is_kept_as_written() {
        let request = Message::peek(
            br#"{"jsonrpc":"2.0","id":"7","method":"tools/call","params":{"name":"echo","x":1}}"#,
        );
        let request = request.expect("a message");
        assert_eq!(request.kind(), Some(Kind::Request));
        assert_eq!(request.id.map(RawValue::get), Some("\"7\""));
        assert_eq!(request.params().operation(request.method()), "tools/call echo");
        let note = Message::peek(br#"{"method":"notifications/initialized"}"#).expect("a message");
        assert_eq!(note.kind(), Some(Kind::Notification));
        let answer = Message::peek(br#"{"id":1.50,"result":{}}"#).expect("a message");
        assert_eq!(
            (answer.kind(), answer.id.map(RawValue::get)),
            (Some(Kind::Response), Some("1.50"))
        );
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (text, why) in [
            ("{", NoMessage::NotJson),
            ("nonsense", NoMessage::NotJson),
            ("[]", NoMessage::Batch),
            (r#" [{"id":1,"method":"ping"}]"#, NoMessage::Batch),
            ("{}", NoMessage::NotRpc),
            ("3", NoMessage::NotRpc),
            (r#"{"method":7}"#, NoMessage::NotRpc),
            (r#"{"id":1,"method":"x","result":{}}"#, NoMessage::NotRpc),
        ] {
            assert_eq!(Message::peek(text.as_bytes()).err(), Some(why), "{text}");
        }
    }

    #[test]
    fn a_call_that_two_readers_could_read_differently_is_no_message() {
        for params in [
            r#"{"name":"forbidden","uri":1}"#,
            r#"{"name":"allowed","name":"forbidden"}"#,
            r#"{"name":"allowed","n\u0061me":"forbidden"}"#,
            r#"{"name":"allowed","Name":"forbidden"}"#,
            r#"{"name":"allowed","name\u0000":"forbidden"}"#,
            r#"{"name":"allowed","Argumentſ":{}}"#,
            r#"{"NAME":"forbidden","name":"allowed"}"#,
            r#"{"name":"forbidden","protocolVersion":1}"#,
            r#"{"name":["forbidden"]}"#,
            r#"{"arguments":{}}"#,
            r#"["forbidden"]"#,
        ] {
            let call = format!(r#"{{"id":7,"method":"tools/call","params":{params}}}"#);
            let refused = Message::peek(call.as_bytes()).expect_err(params);
            let answer = String::from_utf8(refused.answer().to_vec()).expect("text");
            assert!(
                answer.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602"#),
                "{answer}"
            );
        }
        for call in [
            r#"{"method":"tools/call","params":{"name":"forbidden"}}"#,
            r#"{"id":null,"method":"tools/call","params":{"name":"forbidden"}}"#,
            r#"{"id":7,"method":"tools/call"}"#,
        ] {
            assert!(Message::peek(call.as_bytes()).is_err(), "{call}");
        }
        for call in [
            r#"{"id":7,"method":"tools/call","params":{"name":"a","method":"x","params":[]}}"#,
            r#"{"id":"7","method":"tools/call","params":{"name":"a","arguments":{"name":1,"uri":2},"vendor":3}}"#,
        ] {
            assert!(Message::peek(call.as_bytes()).is_ok(), "{call}");
        }
    }

    #[test]
    fn a_message_with_a_member_that_another_reader_takes_for_one_of_json_rpc_is_none() {
        for text in [
            r#"{"id":7,"method":"ping","Method":"tools/call","params":{"name":"forbidden"}}"#,
            r#"{"id":7,"method":"tools/call","params":{"name":"allowed"},"paramſ":{"name":"forbidden"}}"#,
            r#"{"id":7,"method":"tools/call","params":{"name":"allowed"},"params\u0000":{"name":"forbidden"}}"#,
            r#"{"id":7,"method":"ping","\u004dethod":"tools/call"}"#,
            r#"{"id":7,"ID":8,"result":{}}"#,
            r#"{"id":7,"result":{},"Result":{"tools":[]}}"#,
        ] {
            let refused = Message::peek(text.as_bytes()).expect_err(text);
            let answer = String::from_utf8(refused.answer().to_vec()).expect("text");
            assert!(
                answer.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600"#),
                "{answer}"
            );
        }
        for text in [
            r#"{"JSONRPC":"2.0","id":7,"method":"ping","x-method":"Method","identity":{"Id":1}}"#,
            r#"{"id":7,"method":"resources/read","params":{"uri":"a:b","URI":"c:d"}}"#,
        ] {
            assert!(Message::peek(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_we_answer_repeats_the_id_exactly() {
        let id = RawValue::from_string("\"a\\u0062\"".to_owned()).expect("JSON");
        assert_eq!(
            result(&id, &json!({})),
            r#"{"jsonrpc":"2.0","id":"a\u0062","result":{}}"#
        );
        assert_eq!(
            error(None, PARSE_ERROR, "no"),
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#
        );
    }
}

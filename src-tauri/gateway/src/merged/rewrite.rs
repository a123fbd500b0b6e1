//! Messages of one server as they read where all servers are one, and the other way round. What names nothing is passed
//! on as it came.

use bytes::Bytes;
use indexmap::IndexMap;
use omlx_mcp::ServerId;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::names;
use crate::message::{self, Id, Message};

/// An object whose members stay as they were written, but for those that are put in.
type Members<'a> = IndexMap<String, &'a RawValue>;

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    method: &'a str,
    params: Members<'a>,
}

/// The same request with another `member` in its parameters.
pub(super) fn request(seen: &Message<'_>, (member, value): (&str, &impl Serialize)) -> Option<Bytes> {
    let (id, params) = (seen.id?, seen.params?);
    let value = serde_json::value::to_raw_value(value).ok()?;
    let mut params: Members<'_> = serde_json::from_str(params.get()).ok()?;
    params.insert(member.to_owned(), &value);
    Some(message::text(&Request {
        jsonrpc: "2.0",
        id,
        method: seen.method(),
        params,
    }))
}

/// An answer of `server`, as the client may use it.
pub(super) fn answer(server: &ServerId, method: &str, text: Bytes) -> Bytes {
    // Most answers name no resource, and are not read twice.
    if memchr::memmem::find(&text, b"\"uri\"").is_none() {
        return text;
    }
    let member = match method {
        "tools/call" => "content",
        "prompts/get" => "messages",
        "resources/read" => "contents",
        _ => return text,
    };
    renamed(server, member, &text).unwrap_or(text)
}

fn renamed(server: &ServerId, member: &str, text: &[u8]) -> Option<Bytes> {
    let seen = Message::peek(text).ok()?;
    let (id, result) = (seen.id?, seen.result?);
    let mut result: Members<'_> = serde_json::from_str(result.get()).ok()?;
    let mut parts: Vec<Value> = serde_json::from_str(result.get(member)?.get()).ok()?;
    for part in &mut parts {
        match member {
            "contents" => prefix(server, part.get_mut("uri")),
            "messages" => part
                .get_mut("content")
                .into_iter()
                .for_each(|block| content(server, block)),
            _ => content(server, part),
        }
    }
    let parts = serde_json::value::to_raw_value(&parts).ok()?;
    result.insert(member.to_owned(), &parts);
    Some(message::result(id, &result))
}

/// A content block that names a resource, or has it within (MCP 2025-11-25, "Tool Result").
fn content(server: &ServerId, block: &mut Value) {
    match block["type"].as_str() {
        Some("resource_link") => prefix(server, block.get_mut("uri")),
        Some("resource") => prefix(server, block.pointer_mut("/resource/uri")),
        _ => {}
    }
}

fn prefix(server: &ServerId, uri: Option<&mut Value>) {
    if let Some(uri) = uri
        && let Some(own) = uri.as_str()
    {
        *uri = names::full_uri(server, own).into();
    }
}

/// An entry of a list, under the name or the address of all servers.
pub(super) fn entry(server: &ServerId, mut entry: Value) -> Option<Value> {
    let entry_of = entry.as_object_mut()?;
    for member in ["uri", "uriTemplate"] {
        if let Some(uri) = entry_of.get_mut(member) {
            prefix(server, Some(uri));
            return Some(entry);
        }
    }
    let name = names::full_name(server, entry_of.get("name")?.as_str()?);
    entry_of.insert("name".to_owned(), name.into());
    Some(entry)
}

/// What `server` asks, under another id. Where a person is asked, they are told by whom.
pub(super) fn question(server: &ServerId, id: &Id, seen: &Message<'_>) -> Bytes {
    let mut params = params_of(seen);
    if seen.method() == "elicitation/create"
        && let Some(said) = params["message"].as_str()
    {
        params["message"] = format!("{server}: {said}").into();
    }
    let mut text = json!({ "jsonrpc": "2.0", "id": id.raw(), "method": seen.method() });
    if seen.params.is_some() {
        text["params"] = params;
    }
    message::text(&text)
}

/// What `server` says by itself: log messages say by whom, and addresses are those of all servers.
pub(super) fn notice(server: &ServerId, seen: &Message<'_>, text: Bytes) -> Bytes {
    let mut params = params_of(seen);
    match seen.method() {
        "notifications/message" => {
            let logger = params["logger"]
                .as_str()
                .map(|logger| format!("{server}/{logger}"));
            params["logger"] = logger.unwrap_or_else(|| server.to_string()).into();
        }
        "notifications/resources/updated" => prefix(server, params.get_mut("uri")),
        _ => return text,
    }
    message::text(&json!({ "jsonrpc": "2.0", "method": seen.method(), "params": params }))
}

/// The parameters as a document; an empty one where there are none.
pub(super) fn params_of(seen: &Message<'_>) -> Value {
    let params = seen
        .params
        .and_then(|params| serde_json::from_str(params.get()).ok());
    params.filter(Value::is_object).unwrap_or_else(|| json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, text: &str) -> String {
        let server: ServerId = "demo".parse().expect("a name");
        let text = answer(&server, method, Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8(text.to_vec()).expect("text")
    }

    #[test]
    fn resources_within_an_answer_can_be_read_afterwards_and_all_else_stays_as_it_was_written() {
        let result = r#"{"jsonrpc":"2.0","id":"a","result":{"structuredContent":{"uri":1.50},"content":[{"type":"resource_link","uri":"a://b","name":"n"},{"type":"resource","resource":{"uri":"c:d","text":"x"}},{"type":"text","text":"\"uri\""}]}}"#;
        let expected = result
            .replace("a://b", "omlx://demo/a://b")
            .replace("c:d", "omlx://demo/c:d");
        assert_eq!(read("tools/call", result), expected);
        let read_result = r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"a:b","text":""}]}}"#;
        assert_eq!(
            read("resources/read", read_result),
            read_result.replace("a:b", "omlx://demo/a:b")
        );
        for untouched in [
            r#"{"id":1,"result":{"content":[{"type":"text","text":"hello"}]},"x":1}"#,
            r#"{"id":1,"error":{"code":1,"message":"\"uri\""}}"#,
        ] {
            assert_eq!(read("tools/call", untouched), untouched);
        }
    }

    #[test]
    fn an_answer_that_is_no_such_answer_is_passed_on_as_it_came() {
        for (method, result) in [
            ("resources/read", r#"{"contents":["uri",7,null,{"uri":7}]}"#),
            (
                "prompts/get",
                r#"{"messages":["uri",{"content":"uri"},{"content":["uri"]}]}"#,
            ),
            (
                "tools/call",
                r#"{"content":["uri",{"type":"resource","resource":"uri"}]}"#,
            ),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result},"x":"\"uri\""}}"#);
            assert!(read(method, &text).contains(result), "{text}");
        }
    }

    #[test]
    fn a_request_keeps_its_other_members_as_written() {
        let text = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"demo__a","arguments":{"n":1.50}}}"#;
        let seen = Message::peek(text).expect("a message");
        assert_eq!(
            request(&seen, ("name", &"a")).expect("an object"),
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":1.50}}}"#
        );
    }
}

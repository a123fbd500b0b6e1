//! Answering in a server's place while it is signed out, offline or locked: with what it last said about itself, and,
//! to a call, with what to do.

use omlx_mcp::{Action, Problem, ServerId, access::Refusal, connection::Era, handle::Server};
use serde_json::{Value, json, value::RawValue};

use bytes::Bytes;

use crate::message::{self, INTERNAL_ERROR, Message};

/// The versions of the session era, newest first (MCP "Lifecycle", "Version Negotiation").
const SESSION_VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The version of the stateless era.
pub(crate) const STATELESS_VERSION: &str = "2026-07-28";

/// All of them.
pub(crate) const VERSIONS: [&str; 5] = [
    STATELESS_VERSION,
    SESSION_VERSIONS[0],
    SESSION_VERSIONS[1],
    SESSION_VERSIONS[2],
    SESSION_VERSIONS[3],
];

/// The lists of which the last discovery keeps nothing. Of a server that is there, a hiccup must not look as if they were
/// empty.
pub(crate) const FORGOTTEN: [&str; 3] = ["prompts/list", "resources/list", "resources/templates/list"];

/// Says what keeps a server from being used, and what a person does about it, in plain sentences.
/// `command` is how our commands are typed.
pub(crate) fn sentence(command: &str, server: &ServerId, problem: &Problem) -> String {
    let name = server.as_str();
    let text = if problem.message.contains(name) {
        problem.message.clone()
    } else {
        format!("{name}: {}", problem.message)
    };
    let quoted = if name.contains(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)) {
        format!("'{}'", name.replace('\'', "'\\''"))
    } else {
        name.to_owned()
    };
    let mend = by_code(problem, (command, &quoted)).unwrap_or_else(|| match problem.action {
        Action::Connect | Action::Reauthenticate => {
            format!(
                "To sign in, run `{command} login {quoted}` in a terminal or open oMLX Connect; then call again."
            )
        }
        Action::Allow => {
            format!(
                "To allow it, run `{command} login {quoted}` in a terminal or open oMLX Connect; then call again."
            )
        }
        Action::Unlock => "Unlock the keychain, then call again.".to_owned(),
        Action::EditConfig | Action::EnterClient => {
            format!("`{command} status {quoted}` says what to correct, and so does oMLX Connect.")
        }
        Action::AskProvider => format!("`{command} doctor {quoted}` shows the evidence for whoever runs it."),
        Action::Retry => "It is tried again by itself.".to_owned(),
        Action::None => String::new(),
    });
    format!("{}. {mend}", text.trim_end_matches('.'))
        .trim_end()
        .to_owned()
}

/// What mends it where no action of the panel's does.
fn by_code(problem: &Problem, (command, quoted): (&str, &str)) -> Option<String> {
    Some(match problem.code.as_ref() {
        "paused" => format!(
            "They come back when somebody resumes them, with `{command} resume` in a terminal or in oMLX Connect; \
             then call again."
        ),
        "switched_off" => format!(
            "To switch it on, run `{command} enable {quoted}` in a terminal or open oMLX Connect; then call again."
        ),
        _ => return None,
    })
}

/// Says why a client may not have what it asked for, and what changes that.
pub(crate) fn refusal(command: &str, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Server { .. } | Refusal::Tool { .. } => {
            format!("{refusal}; `{command} access allow` changes that")
        }
        Refusal::ToolChanged { .. } => format!(
            "{refusal}; `{command} access review` shows both and `{command} access approve` lets it through"
        ),
        Refusal::Access(error) => error.to_string(),
    }
}

/// The result of a call that could not be made: an answer a model can read out to its user, not a broken protocol.
/// Where a person is needed, the app asks for one, too.
pub(crate) fn failed_call(server: &Server, problem: &Problem) -> Value {
    server.wanted();
    told_call(&sentence(server.command(), server.id(), problem))
}

/// The result of a call that was not made, for a reason.
pub(crate) fn told_call(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": true })
}

/// The error to any other request.
pub(crate) fn failed_request(id: &RawValue, server: &Server, problem: &Problem) -> Bytes {
    let error = json!({
        "code": INTERNAL_ERROR,
        "message": sentence(server.command(), server.id(), problem),
        "data": { "code": problem.code, "action": problem.action },
    });
    message::error_with(Some(id), &error)
}

/// The answer to a request that did not get through.
pub(crate) fn failure(id: &RawValue, method: &str, (server, problem): (&Server, &Problem)) -> Bytes {
    if method == "tools/call" {
        message::result(id, &failed_call(server, problem))
    } else {
        failed_request(id, server, problem)
    }
}

/// The answer to a request while there is nobody to pass it on to.
pub(crate) fn answer(server: &Server, seen: &Message<'_>, problem: &Problem) -> Option<Bytes> {
    let id = seen.id?;
    let era = era_of(seen);
    let body = match seen.method() {
        "initialize" => initialize(server, seen.params().protocol_version.as_deref()),
        "server/discover" => discover(server),
        "tools/list" => listed(json!({ "tools": server.remembered_tools() }), era),
        "prompts/list" => listed(json!({ "prompts": [] }), era),
        "resources/list" => listed(json!({ "resources": [] }), era),
        "resources/templates/list" => listed(json!({ "resourceTemplates": [] }), era),
        "ping" | "logging/setLevel" => json!({}),
        "tools/call" => complete(failed_call(server, problem), era),
        _ => return Some(failed_request(id, server, problem)),
    };
    Some(message::result(id, &body))
}

/// The era a request is of.
pub(crate) fn era_of(seen: &Message<'_>) -> Era {
    match seen.params().stateless_version() {
        Some(_) => Era::Stateless,
        None => Era::Session,
    }
}

/// `initialize`, as the server would, and with changing lists: they change when it is there again.
pub(crate) fn initialize(server: &Server, asked: Option<&str>) -> Value {
    let mut result = introduced(server);
    result["protocolVersion"] = version(asked).into();
    result
}

/// The version of the session era that is agreed on.
pub(crate) fn version(asked: Option<&str>) -> &'static str {
    let known = SESSION_VERSIONS
        .into_iter()
        .find(|version| asked == Some(version));
    known.unwrap_or(SESSION_VERSIONS[0])
}

/// `server/discover` (MCP 2026-07-28), valid for no time at all.
pub(crate) fn discover(server: &Server) -> Value {
    let mut result = introduced(server);
    result["supportedVersions"] = json!([STATELESS_VERSION]);
    listed(result, Era::Stateless)
}

fn introduced(server: &Server) -> Value {
    let said = server.introduction();
    let mut capabilities = match said.capabilities {
        Value::Object(capabilities) => capabilities,
        _ => serde_json::Map::new(),
    };
    capabilities.entry("tools").or_insert_with(|| json!({}));
    for list in ["tools", "prompts", "resources"] {
        if let Some(Value::Object(list)) = capabilities.get_mut(list) {
            list.insert("listChanged".to_owned(), true.into());
        }
    }
    let server_info = match said.server_info {
        Value::Object(info) => Value::Object(info),
        _ => json!({ "name": server.id().as_str(), "version": env!("CARGO_PKG_VERSION") }),
    };
    let mut result = json!({ "capabilities": capabilities, "serverInfo": server_info });
    if let Some(instructions) = said.instructions {
        result["instructions"] = instructions.into();
    }
    result
}

/// A list of the stateless era says how long it may be kept: not at all.
pub(crate) fn listed(mut list: Value, era: Era) -> Value {
    if era == Era::Stateless {
        list["ttlMs"] = 0.into();
        list["cacheScope"] = "private".into();
    }
    complete(list, era)
}

pub(crate) fn complete(mut result: Value, era: Era) -> Value {
    if era == Era::Stateless {
        result["resultType"] = "complete".into();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_says_what_to_do_in_one_plain_sentence() {
        let server: ServerId = "my notion".parse().expect("a name");
        let problem = Problem {
            code: "sign_in_needed".into(),
            message: "my notion asks for a sign-in".to_owned(),
            action: Action::Connect,
        };
        assert_eq!(
            sentence("omlx mcp", &server, &problem),
            "my notion asks for a sign-in. To sign in, run `omlx mcp login 'my notion'` in a terminal or open oMLX \
             Connect; then call again."
        );
    }

    #[test]
    fn a_refusal_names_the_command_that_changes_it_as_it_must_be_typed() {
        let [client, tool] = ["Cursor", "echo"].map(str::to_owned);
        let server: ServerId = "demo".parse().expect("a name");
        let refused = Refusal::Tool { client, server, tool };
        assert_eq!(
            refusal("omlx mcp --home /x", &refused),
            "'Cursor' may not use the tool 'demo__echo'; `omlx mcp --home /x access allow` changes that"
        );
    }

    #[test]
    fn what_rests_does_not_come_back_by_itself_and_who_brings_it_back_is_said() {
        let server: ServerId = "my notion".parse().expect("a name");
        let said = |code: &'static str, message: &str| {
            let problem = Problem {
                code: code.into(),
                message: message.to_owned(),
                action: Action::None,
            };
            sentence("omlx mcp", &server, &problem)
        };
        assert_eq!(
            said(
                "paused",
                "my notion is paused, as all servers of oMLX Connect are"
            ),
            "my notion is paused, as all servers of oMLX Connect are. They come back when somebody resumes them, with \
             `omlx mcp resume` in a terminal or in oMLX Connect; then call again."
        );
        assert_eq!(
            said("switched_off", "my notion is switched off"),
            "my notion is switched off. To switch it on, run `omlx mcp enable 'my notion'` in a terminal or open \
             oMLX Connect; then call again."
        );
    }
}

//! Entries as other clients' documentation shows them: `mcpServers`, `servers`, or a single one.

use omlx_mcp::{
    ServerId,
    config::{AuthBlock, NewEndpoint, NewServer, NewTransport, Start},
};
use serde_json::{Map, Value};

use crate::{command::edit::server_id, failure::Failure, output::text, tool_arguments};

type Object = Map<String, Value>;

/// The keys under which clients keep their servers.
const ROOTS: [&str; 3] = ["servers", "mcpServers", "context_servers"];

/// Every server of a pasted text. A single entry without a name takes `name`.
pub(super) fn servers(pasted: &str, name: Option<&str>) -> Result<Vec<(ServerId, NewServer)>, Failure> {
    let mut root = parsed(pasted)?;
    if let Some(Value::Object(servers)) = ROOTS.iter().find_map(|key| root.remove(*key)) {
        root = servers;
    }
    if root.contains_key("url") || root.contains_key("command") {
        let name = name.ok_or_else(|| Failure::usage("this entry has no name: omlx mcp add NAME"))?;
        return Ok(vec![(server_id(name)?, server(name, &root)?)]);
    }
    let found: Vec<_> = root
        .iter()
        .filter(|(key, _)| name.is_none_or(|name| name == key.as_str()))
        .collect();
    if found.is_empty() {
        return Err(Failure::usage("there is no server in it"));
    }
    found
        .into_iter()
        .map(|(name, entry)| named(name, entry))
        .collect()
}

/// An object, or what stands between its braces: documentation often shows only that.
fn parsed(pasted: &str) -> Result<Object, Failure> {
    let text = pasted.trim().trim_end_matches(',');
    let braced = if text.starts_with('"') {
        format!("{{{text}}}")
    } else {
        text.to_owned()
    };
    if braced.is_empty() {
        return Err(Failure::usage(
            "a URL, a command after --, or JSON on standard input is needed",
        ));
    }
    tool_arguments::object(&braced, "what was pasted").map_err(|error| Failure::usage(error.to_string()))
}

fn named(name: &str, entry: &Value) -> Result<(ServerId, NewServer), Failure> {
    let Value::Object(entry) = entry else {
        return Err(Failure::usage(format!(
            "'{}' is no server entry",
            text::line(name)
        )));
    };
    Ok((server_id(name)?, server(name, entry)?))
}

fn server(name: &str, entry: &Object) -> Result<NewServer, Failure> {
    let off = entry.get("enabled") == Some(&Value::Bool(false))
        || entry.get("disabled") == Some(&Value::Bool(true));
    let auth = entry
        .get("auth")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    Ok(NewServer {
        transport: transport(name, entry)?,
        auth: auth.into_iter().collect::<AuthBlock>(),
        start: if off { Start::Disabled } else { Start::Enabled },
    })
}

fn transport(name: &str, entry: &Object) -> Result<NewTransport, Failure> {
    let member = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(command) = member("command") {
        return Ok(NewTransport::Stdio {
            command,
            args: texts(entry.get("args")),
            env: pairs(entry.get("env")),
            cwd: member("cwd"),
        });
    }
    let Some(url) = member("url").or_else(|| member("serverUrl")) else {
        return Err(Failure::usage(format!(
            "'{}' has neither url nor command",
            text::line(name)
        )));
    };
    let endpoint = NewEndpoint {
        url,
        headers: pairs(entry.get("headers")),
    };
    let kind = member("transport").or_else(|| member("type"));
    Ok(match kind.as_deref() {
        Some("sse") => NewTransport::Sse(endpoint),
        _ => NewTransport::StreamableHttp(endpoint),
    })
}

fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(as_text)
        .collect()
}

fn pairs(map: Option<&Value>) -> Vec<(String, String)> {
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.map(|(key, value)| (key.clone(), as_text(value))).collect()
}

/// Numbers and booleans are often written without quotes.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pasted: &str, name: Option<&str>) -> Vec<(String, NewServer)> {
        let servers = servers(pasted, name).expect("understood");
        servers
            .into_iter()
            .map(|(id, server)| (id.to_string(), server))
            .collect()
    }

    fn remote(url: &str) -> NewServer {
        NewServer::new(NewTransport::StreamableHttp(NewEndpoint {
            url: url.to_owned(),
            headers: Vec::new(),
        }))
    }

    #[test]
    fn whole_configurations_are_understood_whatever_their_root_is_called() {
        let expected = vec![("a".to_owned(), remote("https://a.example/mcp"))];
        for pasted in [
            r#"{"mcpServers": {"a": {"type": "http", "url": "https://a.example/mcp"}}}"#,
            r#"{"servers": {"a": {"url": "https://a.example/mcp"}}, "inputs": []}"#,
            r#"{"a": {"url": "https://a.example/mcp"}}"#,
            r#""a": {"url": "https://a.example/mcp"},"#,
        ] {
            assert_eq!(read(pasted, None), expected, "{pasted}");
        }
    }

    #[test]
    fn a_single_entry_takes_the_name_it_is_given() {
        let pasted = r#"{"command": "npx", "args": ["-y", "x"], "env": {"N": 1}, "disabled": true}"#;
        let [(name, server)] = &read(pasted, Some("files"))[..] else {
            panic!("one server")
        };
        assert_eq!((name.as_str(), server.start), ("files", Start::Disabled));
        let expected = NewTransport::Stdio {
            command: "npx".to_owned(),
            args: vec!["-y".to_owned(), "x".to_owned()],
            env: vec![("N".to_owned(), "1".to_owned())],
            cwd: None,
        };
        assert_eq!(server.transport, expected);
        assert!(matches!(servers(pasted, None), Err(Failure::Usage { .. })));
    }

    #[test]
    fn only_the_named_server_of_several_is_taken() {
        let pasted = r#"{"mcpServers": {"a": {"url": "https://a.example"}, "b": {"type": "sse", "url": "https://b.example"}}}"#;
        assert_eq!(read(pasted, None).len(), 2);
        let [(name, server)] = &read(pasted, Some("b"))[..] else {
            panic!("one server")
        };
        assert_eq!(name, "b");
        assert!(matches!(server.transport, NewTransport::Sse(_)));
    }

    #[test]
    fn nonsense_is_refused() {
        for nonsense in ["", "[]", "{}", "{\"a\": 1}", "{\"a\": {}}", "x"] {
            assert!(
                matches!(servers(nonsense, None), Err(Failure::Usage { .. })),
                "{nonsense}"
            );
        }
    }
}

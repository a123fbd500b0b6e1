//! One small language to name requests, for counting them, holding them and spoiling them.
//!
//! A pattern is words separated by spaces, all of which must hold: a method (`POST`), a path (`/token`, or `/mcp*` for
//! all that starts so), and conditions: `rpc=tools/call` (JSON-RPC method), `tool=echo`, `status=401` (of the reply,
//! known once it was sent), `header=mcp-session-id` (present), `bearer=…` (that token), and any other `name=value` is a
//! query or form parameter, in which `+` stands for a space and a lone `*` for any value; `!name` means that there is
//! no such parameter. `*` names every request.

use crate::record::Call;

/// Which requests are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    method: Option<String>,
    path: Option<String>,
    conditions: Vec<(String, String)>,
    absent: Vec<String>,
}

impl Pattern {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &str) -> Self {
        let mut pattern = Self::default();
        for word in text.split_whitespace() {
            if word.starts_with('/') {
                pattern.path = Some(word.to_owned());
            } else if let Some(name) = word.strip_prefix('!') {
                pattern.absent.push(name.to_owned());
            } else if word.contains('=') {
                let conditions = url::form_urlencoded::parse(word.as_bytes());
                pattern.conditions.extend(conditions.into_owned());
            } else if word != "*" {
                pattern.method = Some(word.to_ascii_uppercase());
            }
        }
        pattern
    }

    /// Whether `call` is one of those meant.
    pub fn matches(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && self
                .path
                .as_ref()
                .is_none_or(|path| path_matches(path, &call.path))
            && self
                .conditions
                .iter()
                .all(|(name, value)| condition_holds(call, name, value))
            && self.absent.iter().all(|name| call.parameter(name).is_none())
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    }
}

fn condition_holds(call: &Call, name: &str, value: &str) -> bool {
    match name {
        "rpc" => call.rpc_method.as_deref() == Some(value),
        "tool" => call.tool.as_deref() == Some(value),
        "status" => call.status.is_some_and(|status| status.to_string() == value),
        "bearer" => call.credentials().is_some_and(|token| token.is(value)),
        "header" => call.header(value).is_some(),
        _ => call
            .parameter(name)
            .is_some_and(|recorded| value == "*" || recorded.is(value)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::record::{Arrival, Recorder};

    fn call() -> Call {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer t1".parse().expect("valid"));
        Recorder::new().arrived(&Arrival {
            method: "POST",
            path: "/token",
            headers: &headers,
            parameters: &[("scope".to_owned(), "a b".to_owned())],
            json: Some(&json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "echo"}})),
        })
    }

    #[test]
    fn every_word_of_a_pattern_must_hold() {
        for matching in [
            "",
            "*",
            "POST",
            "post /token",
            "/to*",
            "POST /token scope=a+b rpc=tools/call tool=echo",
            "bearer=t1 header=authorization",
            "/token scope=* !resource",
        ] {
            assert!(Pattern::parse(matching).matches(&call()), "{matching}");
        }
        for other in [
            "GET",
            "/tok",
            "/token/",
            "scope=a",
            "status=200",
            "bearer=t2",
            "header=x",
            "state=1",
            "state=*",
            "!scope",
        ] {
            assert!(!Pattern::parse(other).matches(&call()), "{other}");
        }
    }
}

//! Whose tools they are: a server's name says what the user calls it, its endpoint what it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::definition::hash_of;
use crate::{ServerId, config::Transport, handle::Handle};

/// The address or the program behind a server's name, as SHA-256: a program's arguments may be secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// What a query or a header field says is how one asks, and not whom.
    pub(crate) fn of(transport: &Transport) -> Self {
        let text = match transport {
            Transport::Stdio { command, args, .. } => {
                let words: Vec<&String> = std::iter::once(command).chain(args).collect();
                serde_json::to_string(&words).unwrap_or_default()
            }
            Transport::StreamableHttp { url, .. } | Transport::Sse { url, .. } => {
                format!("{}{}", url.origin().ascii_serialization(), url.path())
            }
        };
        Self(hash_of(&text))
    }
}

/// What each server is at present, where that is known.
#[derive(Clone, Default)]
pub(super) struct Endpoints(Option<Handle>);

impl Endpoints {
    pub(super) fn of(handle: &Handle) -> Self {
        Self(Some(handle.clone()))
    }

    pub(super) fn now(&self, server: &ServerId) -> Option<Endpoint> {
        let server = self.0.as_ref()?.server(server.as_str()).ok()?;
        Some(server.endpoint().clone())
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoints").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(url: &str) -> Endpoint {
        Endpoint::of(&Transport::StreamableHttp {
            url: url.parse().expect("a URL"),
            headers: http::HeaderMap::new(),
        })
    }

    fn program(words: &[&str]) -> Endpoint {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Endpoint::of(&Transport::Stdio {
            command: words[0].clone(),
            args: words[1..].to_vec(),
            env: Vec::new(),
            cwd: None,
        })
    }

    #[test]
    fn another_host_path_or_program_is_another_server_and_another_key_is_not() {
        let one = http("https://mcp.example/mcp");
        assert_eq!(one, http("https://mcp.example:443/mcp?key=1"));
        for other in [
            "https://mcp.example/other",
            "http://mcp.example/mcp",
            "https://evil.example/mcp",
        ] {
            assert_ne!(one, http(other), "{other}");
        }
        assert_ne!(program(&["npx", "a"]), program(&["npx", "b"]));
        assert_ne!(program(&["npx", "a b"]), program(&["npx", "a", "b"]));
    }
}

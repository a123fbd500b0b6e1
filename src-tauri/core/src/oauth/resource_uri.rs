//! The resource identifier of an MCP server (RFC 8707 §2, RFC 9728 §1.2).

use std::fmt;

use serde::Serialize;
use url::Url;

use super::endpoint::{Endpoint, EndpointError};

/// The exact `resource` string that is sent in authorization, token and refresh requests.
///
/// Authorization servers compare it byte by byte with what they know, so it is never rebuilt from a parsed URL:
/// `Url::to_string` adds a slash that the protected resource metadata did not have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ResourceUri(String);

impl ResourceUri {
    /// Accepts the identifier a server gives for itself, verbatim.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        Endpoint::parse(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The canonical identifier of a server that gives none: its URL without query and fragment, and without the
    /// slash that stands for an empty path (MCP, "Canonical Server URI").
    pub fn of_server(url: &Url) -> Self {
        let mut canonical = url.clone();
        canonical.set_query(None);
        canonical.set_fragment(None);
        let text = String::from(canonical);
        Self(if url.path() == "/" {
            text.trim_end_matches('/').to_owned()
        } else {
            text
        })
    }

    /// The identifier exactly as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this identifier covers `server`: same origin, and a path that is equal or a parent at a `/` border.
    ///
    /// RFC 9728 §3.3 makes a foreign identifier unusable; a stricter match would lock out the many servers that
    /// identify themselves by their origin.
    pub fn covers(&self, server: &Url) -> bool {
        let Ok(own) = Url::parse(&self.0) else {
            return false;
        };
        if own.origin() != server.origin() {
            return false;
        }
        let parent = own.path().trim_end_matches('/');
        match server.path().strip_prefix(parent) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(resource: &str, server: &str) -> bool {
        let server = Url::parse(server).expect("valid");
        ResourceUri::parse(resource).expect("valid").covers(&server)
    }

    #[test]
    fn a_resource_covers_itself_and_what_is_below_it() {
        assert!(covers("https://h.example", "https://h.example/mcp"));
        assert!(covers("https://h.example/mcp/", "https://h.example/mcp"));
        assert!(covers(
            "https://H.example:443/mcp",
            "https://h.example/mcp/v1?x=1"
        ));
    }

    #[test]
    fn a_resource_covers_neither_a_sibling_nor_another_origin() {
        assert!(!covers("https://h.example/mcp", "https://h.example/mcp2"));
        assert!(!covers("https://h.example/mcp/v1", "https://h.example/mcp"));
        assert!(!covers("https://h.example:8443/", "https://h.example/mcp"));
        assert!(!covers("https://evil.example/mcp", "https://h.example/mcp"));
    }

    #[test]
    fn the_text_is_sent_as_it_was_received() {
        assert_eq!(
            ResourceUri::parse("https://H.example:443")
                .map(|uri| uri.to_string())
                .as_deref(),
            Ok("https://H.example:443")
        );
    }

    #[test]
    fn a_server_without_metadata_is_identified_by_its_url() {
        let of = |url: &str| ResourceUri::of_server(&Url::parse(url).expect("valid")).to_string();
        assert_eq!(of("https://Mcp.example/"), "https://mcp.example");
        assert_eq!(of("https://mcp.example/mcp/?k=v#f"), "https://mcp.example/mcp/");
    }
}

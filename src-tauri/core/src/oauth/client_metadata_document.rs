//! Our client id metadata document (draft-ietf-oauth-client-id-metadata-document, MCP "Client ID Metadata Documents"):
//! a JSON document at an https URL that is the client identifier.
//!
//! `docs/client-metadata.json` is what has to be served at [`ADDRESS`]; a test keeps it equal to [`document`].

use serde_json::{Value, json};
use url::Url;

use super::{
    endpoint::{Endpoint, is_loopback},
    http::Http,
    timeline::Stage,
};
use crate::PRODUCT;

/// Where the document is meant to be served.
pub const ADDRESS: &str = "https://omlx.ai/connect/client-metadata.json";

/// Where the document is served: none as long as nobody has seen it there, because an authorization server that cannot
/// fetch it ends the sign-in on its own error page, without a way back (decision 0010).
pub const SERVED_AT: Option<&str> = None;

/// The redirect URIs of the document. Loopback ones match with any port (RFC 8252 §7.3).
pub const REDIRECT_URIS: [&str; 4] = [
    "ai.omlx.connect:/oauth/callback",
    "http://127.0.0.1/oauth/callback",
    "http://[::1]/oauth/callback",
    "http://localhost/oauth/callback",
];

/// The grant types of the document.
const GRANT_TYPES: [&str; 3] = [
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
];

/// The document for the URL it is served at, which it repeats as `client_id`.
pub fn document(client_id: &str) -> Value {
    json!({
        "client_id": client_id,
        "client_name": PRODUCT,
        "application_type": "native",
        "redirect_uris": REDIRECT_URIS,
        "grant_types": GRANT_TYPES,
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

/// The client identifier to use: `client_metadata_url` of the config file, else [`SERVED_AT`].
///
/// A URL that cannot be one (plain http, no path, a fragment) is not used, and the timeline says so.
pub(super) fn client_id(http: &Http, configured: Option<&Endpoint>) -> Option<String> {
    let Some(configured) = configured else {
        return SERVED_AT.map(str::to_owned);
    };
    let url = configured.as_url();
    if is_client_id(url) {
        return Some(url.as_str().to_owned());
    }
    http.note(
        Stage::Registration,
        "client_metadata_url is not used: it must be https with a path and without a fragment",
        "MCP: Client ID Metadata Documents",
    );
    None
}

fn is_client_id(url: &Url) -> bool {
    url.scheme() == "https" && url.path() != "/" && url.fragment().is_none()
}

/// Whether one of the document's redirect URIs stands for `redirect_uri`.
pub(super) fn covers(redirect_uri: &str) -> bool {
    let portless = Url::parse(redirect_uri).ok().and_then(|mut url| {
        let loopback = url.scheme() == "http" && is_loopback(&url);
        (loopback && url.set_port(None).is_ok()).then(|| String::from(url))
    });
    let wanted = portless.as_deref().unwrap_or(redirect_uri);
    REDIRECT_URIS.contains(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BUNDLE_ID;

    const PUBLISHED: &str = include_str!("../../../../docs/client-metadata.json");

    #[test]
    fn the_published_document_is_what_the_code_says() {
        let published: Value = serde_json::from_str(PUBLISHED).expect("JSON");
        assert_eq!(published, document(ADDRESS));
    }

    #[test]
    fn the_document_keeps_the_rules_of_mcp() {
        let published: Value = serde_json::from_str(PUBLISHED).expect("JSON");
        let client_id = published["client_id"].as_str().expect("a client_id");
        assert!(is_client_id(&Url::parse(client_id).expect("a URL")));
        assert!(published["client_name"].is_string());
        assert_eq!(published["application_type"], "native");
        assert_eq!(published["token_endpoint_auth_method"], "none");
        assert!(published.get("client_secret").is_none());
        assert!(SERVED_AT.is_none_or(|url| url == ADDRESS));
    }

    #[test]
    fn its_redirect_uris_are_the_deep_link_and_loopback() {
        for uri in REDIRECT_URIS {
            let url = Url::parse(uri).expect("a URL");
            assert!(url.scheme() == BUNDLE_ID || is_loopback(&url), "{uri}");
            assert!(covers(uri), "{uri}");
        }
    }

    #[test]
    fn any_port_is_covered_on_loopback_and_nothing_else_is() {
        assert!(covers("http://127.0.0.1:49152/oauth/callback"));
        assert!(covers("http://localhost:1/oauth/callback"));
        assert!(!covers("http://127.0.0.1:49152/other"));
        assert!(!covers("https://evil.example/oauth/callback"));
        assert!(!covers("ai.omlx.connect:/other"));
    }

    #[test]
    fn a_client_id_is_https_with_a_path() {
        for bad in [
            "http://localhost/x.json",
            "https://h.example/",
            "https://h.example/x#f",
        ] {
            assert!(!is_client_id(&Url::parse(bad).expect("a URL")), "{bad}");
        }
    }
}

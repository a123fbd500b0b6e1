//! Metadata documents at well-known URLs (RFC 8615): where they are, and whether what came back is one.
//!
//! | answer | means |
//! |---|---|
//! | 200 and a JSON object | the document |
//! | 200 and anything else, 3xx, 4xx | there is none here: go to the next place |
//! | 408, 429, 5xx, no answer | unknown: stop, try again later, never go on to a guess |

use http::StatusCode;
use serde_json::{Map, Value};
use url::Url;

use super::{
    discovery::DiscoveryError,
    endpoint::redacted,
    http::{Http, HttpRequest, HttpResponse},
};

/// A document, or none.
pub(super) type Document = Option<Map<String, Value>>;

/// Asks one well-known URL.
pub(super) async fn read(http: &Http, request: HttpRequest) -> Result<Document, DiscoveryError> {
    let (stage, shown) = (request.stage, redacted(request.endpoint.as_url()));
    let response = http.send(request).await?;
    if is_trouble(response.status) {
        return Err(DiscoveryError::Unavailable {
            url: shown,
            status: response.status.as_u16(),
        });
    }
    let document = object(&response);
    if document.is_none() {
        http.note(
            stage,
            format!("no metadata at {shown}: {}", because(&response)),
            "",
        );
    }
    Ok(document)
}

/// Whether a status says nothing about what is there, only that now is a bad time.
pub(super) fn is_trouble(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

fn object(response: &HttpResponse) -> Document {
    if response.status != StatusCode::OK {
        return None;
    }
    serde_json::from_slice(&response.body).ok()
}

fn because(response: &HttpResponse) -> &'static str {
    match response.status {
        StatusCode::OK => "what is there is not JSON",
        status if status.is_redirection() => "it redirects, which is not followed",
        _ => "nothing is there",
    }
}

/// `/.well-known/{suffix}` inserted between host and path (RFC 8414 §3.1, RFC 9728 §3.1).
pub(super) fn inserted(url: &Url, suffix: &str) -> Url {
    let path = if url.path() == "/" { "" } else { url.path() };
    at(url, &format!("/.well-known/{suffix}{path}"))
}

/// `/.well-known/{suffix}` appended to the path (OpenID Connect Discovery §4).
pub(super) fn appended(url: &Url, suffix: &str) -> Url {
    let path = url.path().trim_end_matches('/');
    at(url, &format!("{path}/.well-known/{suffix}"))
}

fn at(url: &Url, path: &str) -> Url {
    let mut located = url.clone();
    located.set_path(path);
    located.set_query(None);
    located.set_fragment(None);
    located
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn the_examples_of_rfc_8414_rfc_9728_and_openid_connect_discovery() {
        // RFC 8414 §3.1
        let issuer = url("https://example.com/issuer1");
        assert_eq!(
            inserted(&issuer, "oauth-authorization-server").as_str(),
            "https://example.com/.well-known/oauth-authorization-server/issuer1"
        );
        // OpenID Connect Discovery §4.1
        assert_eq!(
            appended(&issuer, "openid-configuration").as_str(),
            "https://example.com/issuer1/.well-known/openid-configuration"
        );
        // RFC 9728 §3.1
        assert_eq!(
            inserted(
                &url("https://resource.example.com/resource1"),
                "oauth-protected-resource"
            )
            .as_str(),
            "https://resource.example.com/.well-known/oauth-protected-resource/resource1"
        );
        assert_eq!(
            inserted(&url("https://resource.example.com/"), "oauth-protected-resource").as_str(),
            "https://resource.example.com/.well-known/oauth-protected-resource"
        );
    }

    #[test]
    fn a_query_is_not_sent_along() {
        assert_eq!(
            inserted(&url("https://h.example/mcp?key=s3cret#x"), "w").as_str(),
            "https://h.example/.well-known/w/mcp"
        );
    }
}

//! URLs received from servers, checked at the door.
//!
//! OAuth 2.1 §1.5 and the MCP specification demand https for every endpoint; plain http is accepted for loopback only,
//! where there is no network to listen on. Everything else (`javascript:`, `file:`, `data:` …) never becomes an
//! [`Endpoint`], so nothing behind this type needs to check again.

use std::{fmt, net::IpAddr};

use url::{Host, Url};

/// The longest URL accepted, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// An https URL, or an http URL on a loopback host; without user info.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Url);

/// Why a text received from a server is no endpoint. The text itself is not repeated: it may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL at all, or an absurdly long one.
    #[error("is not a URL")]
    NotAUrl,
    /// Neither https nor loopback http.
    #[error("is neither https nor on this machine")]
    Insecure,
    /// A user name or password in the URL.
    #[error("contains a user name or password")]
    UserInfo,
    /// A query or fragment where RFC 8414 §2 allows none.
    #[error("is not an issuer identifier, which has neither query nor fragment")]
    NotAnIssuer,
}

impl Endpoint {
    /// Checks a URL received from a server.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.len() > MAX_BYTES {
            return Err(EndpointError::NotAUrl);
        }
        Url::parse(text).map_err(|_| EndpointError::NotAUrl)?.try_into()
    }

    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL itself.
    pub fn into_url(self) -> Url {
        self.0
    }
}

impl TryFrom<Url> for Endpoint {
    type Error = EndpointError;

    fn try_from(url: Url) -> Result<Self, Self::Error> {
        match url.scheme() {
            "https" if url.has_host() => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(EndpointError::Insecure),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInfo);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// Whether a URL's host is this machine: an address in 127.0.0.0/8, `::1`, or `localhost` (RFC 6761 §6.3).
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// A URL fit to be logged and shown: no user info, no query values, no fragment.
///
/// Some servers carry their credential in the query; parameter names stay, values go.
pub fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that cannot hold a user name in the first place.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if url.query().is_some() {
        let names: Vec<_> = url.query_pairs().map(|(name, _)| format!("{name}=…")).collect();
        shown.set_query(None);
        return format!("{shown}?{}", names.join("&"));
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_http_are_endpoints() {
        for good in [
            "https://as.example/token",
            "http://127.0.0.1:4/t",
            "http://localhost/x",
            "http://[::1]:9/",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://as.example/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:,x",
            "ftp://127.0.0.1/",
        ] {
            assert_eq!(Endpoint::parse(bad), Err(EndpointError::Insecure), "{bad}");
        }
        assert_eq!(
            Endpoint::parse("http://localhost.evil.example/"),
            Err(EndpointError::Insecure)
        );
        assert_eq!(
            Endpoint::parse("https://user:pw@as.example/"),
            Err(EndpointError::UserInfo)
        );
        assert_eq!(Endpoint::parse("/token"), Err(EndpointError::NotAUrl));
    }

    #[test]
    fn a_shown_url_has_no_values() {
        let url = Url::parse("https://u:p@h.example/p?key=s3cret&b=2#frag").expect("valid");
        assert_eq!(redacted(&url), "https://h.example/p?key=…&b=…");
    }
}

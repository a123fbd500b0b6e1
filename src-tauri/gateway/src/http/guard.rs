//! Who may ask at all. A web page that has its name resolved to this machine is told from a program by Host and Origin
//! (MCP "Transports", "Security Warning"); a program from another user's by its key.

use http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority};
use omlx_mcp::Explain;
use url::{Host, Url};

use super::{
    reply::{self, Reply},
    router::Desk,
};
use crate::guest::Guest;

/// What every refusal for want of a key says of us.
pub(super) const REALM: &str = "realm=\"oMLX Connect\"";

/// Checks the names a request was sent under; the key comes after.
pub(super) fn check_names(headers: &HeaderMap) -> Result<(), Box<Reply>> {
    if !headers.get(header::HOST).is_some_and(is_here) {
        let sentence = "this gateway answers only under 127.0.0.1, [::1] and localhost";
        return Err(Box::new(forbidden("foreign_host", sentence)));
    }
    if headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|origin| !is_local_origin(origin))
    {
        let sentence = "web pages of other hosts may not use this gateway";
        return Err(Box::new(forbidden("foreign_origin", sentence)));
    }
    Ok(())
}

/// Who asks, by the key in `Authorization: Bearer`.
pub(super) fn admit(desk: &Desk, headers: &HeaderMap) -> Result<Guest, Box<Reply>> {
    let (lobby, command) = (&desk.lobby, desk.handle.command());
    let Some(presented) = headers.get(header::AUTHORIZATION) else {
        let sentence = format!(
            "a key is needed: `{command} use CLIENT` sets up a client that is known, and `{command} access add NAME` \
             makes a key for any other, to be sent as `Authorization: Bearer omlx_…`"
        );
        return Err(Box::new(unauthorized("key_missing", &sentence)));
    };
    let key = presented.to_str().ok().and_then(bearer);
    key.and_then(|key| lobby.admit(key)).ok_or_else(|| {
        if let Some(trouble) = lobby.trouble() {
            let (code, sentence) = (trouble.code(), trouble.to_string());
            return Box::new(reply::refusal(StatusCode::SERVICE_UNAVAILABLE, code, &sentence));
        }
        let sentence = format!(
            "this key opens nothing: it is wrong or was revoked; `{command} access list` shows the clients, and \
             `{command} access add NAME` makes a new key"
        );
        Box::new(unauthorized("key_unknown", &sentence))
    })
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn is_here(host: &HeaderValue) -> bool {
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let host = authority.host();
        let is_ours = matches!(host, "127.0.0.1" | "[::1]") || host.eq_ignore_ascii_case("localhost");
        is_ours && !authority.as_str().contains('@')
    })
}

fn is_local_origin(origin: &HeaderValue) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    origin.is_some_and(|origin| match origin.host() {
        _ if !matches!(origin.scheme(), "http" | "https") => false,
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

fn forbidden(code: &str, sentence: &str) -> Reply {
    reply::refusal(StatusCode::FORBIDDEN, code, sentence)
}

/// RFC 6750 §3: without a key no error is named.
fn unauthorized(code: &str, sentence: &str) -> Reply {
    let mut refusal = reply::refusal(StatusCode::UNAUTHORIZED, code, sentence);
    let challenge = if code == "key_missing" {
        format!("Bearer {REALM}")
    } else {
        format!("Bearer {REALM}, error=\"invalid_token\"")
    };
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).expect("a value"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a value"));
        }
        check_names(&headers).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "127.0.0.1:8719",
            "localhost:8719",
            "LOCALHOST",
            "[::1]:8719",
            "127.0.0.1",
        ] {
            assert!(checked(host, None), "{host}");
        }
        for host in [
            "evil.example:8719",
            "127.0.0.1.nip.io",
            "localhost.evil.example",
            "0.0.0.0:8719",
            "192.168.0.2",
            "",
            "a@127.0.0.1",
            "a@localhost",
        ] {
            assert!(!checked(host, None), "{host}");
        }
        assert!(check_names(&HeaderMap::new()).is_err());
    }

    #[test]
    fn only_pages_of_this_machine_may_ask() {
        for origin in ["http://localhost:6274", "http://127.0.0.1", "https://[::1]:3000"] {
            assert!(checked("localhost:1", Some(origin)), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost.evil.example",
            "file://",
            "chrome-extension://abc",
            "",
        ] {
            assert!(!checked("localhost:1", Some(origin)), "{origin}");
        }
    }
}

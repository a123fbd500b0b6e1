//! The redirect URIs an authorization server registered, which are not always those it was asked to.

use url::Url;

use super::{RegistrationError, Search};
use crate::oauth::endpoint::is_loopback;

/// The redirect URI to send where `wanted` is what we listen on: the registered form of it, or none when this client
/// has none that would reach us.
///
/// Identical text always does. On loopback another port does (RFC 8252 §7.3), and another name for this machine is
/// sent as it was registered, with our port.
pub fn registered_form(registered: &[String], wanted: &str) -> Option<String> {
    if registered.iter().any(|uri| uri == wanted) {
        return Some(wanted.to_owned());
    }
    let own = loopback(wanted)?;
    let mut forms = registered
        .iter()
        .filter_map(|uri| loopback(uri))
        .filter(|uri| uri.path() == own.path() && uri.query() == own.query());
    let same_host = forms.clone().find(|uri| uri.host() == own.host());
    let mut form = same_host.or_else(|| forms.next())?;
    form.set_port(own.port()).ok()?;
    Some(form.into())
}

/// Refuses a registration none of whose redirect URIs reaches us, and notes one that was rewritten.
pub(super) fn check(
    search: &Search<'_>,
    asked: &[String],
    registered: &[String],
) -> Result<(), RegistrationError> {
    if asked.iter().all(|uri| registered.contains(uri)) {
        return Ok(());
    }
    search.note(
        "the server registered other redirect URIs than asked",
        "RFC 7591 §3.2.1",
    );
    let usable = asked.iter().any(|uri| registered_form(registered, uri).is_some());
    usable
        .then_some(())
        .ok_or_else(|| RegistrationError::RedirectRejected {
            issuer: search.server().issuer.clone(),
            description: Some("it registered another one instead".to_owned()),
        })
}

/// Whether this is a loopback redirect URI, rather than one of a private-use scheme.
pub(super) fn is_http(uri: &str) -> bool {
    loopback(uri).is_some()
}

fn loopback(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    (url.scheme() == "http" && is_loopback(&url)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: &str = "http://127.0.0.1:49152/oauth/callback";

    fn form(registered: &[&str]) -> Option<String> {
        let registered: Vec<_> = registered.iter().map(|&uri| uri.to_owned()).collect();
        registered_form(&registered, WANTED)
    }

    #[test]
    fn what_was_registered_as_asked_is_sent_as_asked() {
        assert_eq!(form(&["https://x.example/", WANTED]).as_deref(), Some(WANTED));
    }

    #[test]
    fn a_loopback_uri_matches_with_any_port() {
        assert_eq!(
            form(&["http://127.0.0.1/oauth/callback"]).as_deref(),
            Some(WANTED)
        );
        assert_eq!(
            form(&["http://127.0.0.1:9/oauth/callback"]).as_deref(),
            Some(WANTED)
        );
    }

    #[test]
    fn another_name_for_this_machine_is_sent_as_registered() {
        let localhost = "http://localhost:49152/oauth/callback";
        assert_eq!(
            form(&["http://localhost/oauth/callback"]).as_deref(),
            Some(localhost)
        );
        let both = [
            "http://localhost/oauth/callback",
            "http://127.0.0.1/oauth/callback",
        ];
        assert_eq!(form(&both).as_deref(), Some(WANTED));
    }

    #[test]
    fn nothing_else_reaches_us() {
        for uri in [
            "https://127.0.0.1/oauth/callback",
            "http://127.0.0.1/callback",
            "http://evil.example/oauth/callback",
            "ai.omlx.connect:/oauth/callback",
            "",
        ] {
            assert_eq!(form(&[uri]), None, "{uri}");
        }
    }
}

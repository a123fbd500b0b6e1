//! The doors by which strangers' bytes come in, each as one function of bytes: what the targets in `fuzz/` and the
//! property tests below call. Each says what holds of anything that got through; none may panic, or keep more than it
//! was given.
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is what they are called to find"
)]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    clock::Clock,
    config::{Config, Environment, Format},
    network::{Network, NetworkSettings},
    oauth::{
        authorization::AuthorizationResponse,
        challenge::{self, BearerChallenge},
        endpoint::Endpoint,
        http::{Http, HttpResponse},
        issuer::Issuer,
        redirect, resource_metadata,
        server_metadata::{self, AuthorizationServerMetadata},
        timeline::Timeline,
        token,
    },
};

/// A byte that is no UTF-8 becomes a sign of three.
const LOSSY: usize = 3;

/// `WWW-Authenticate` fields, one a line.
pub fn challenge(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').take(64);
    let fields = lines.filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = fields.map(|field| (header::WWW_AUTHENTICATE, field)).collect();
    let kept: usize = challenge::parse(&headers).iter().map(size).sum();
    assert!(kept <= LOSSY * bytes.len(), "{kept} of {}", bytes.len());
    let bearer = BearerChallenge::from_headers(&headers).unwrap_or_default();
    let text = bearer.error_description.or(bearer.error).unwrap_or_default();
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn size(challenge: &challenge::Challenge) -> usize {
    let parameters = challenge.parameters.iter();
    let parameters: usize = parameters.map(|(name, value)| name.len() + value.len()).sum();
    challenge.scheme.len() + challenge.token68.as_ref().map_or(0, String::len) + parameters
}

/// Protected resource metadata that `https://h.example/mcp/v1` presents (RFC 9728).
pub fn resource_metadata(bytes: &[u8]) {
    let (Some(document), Ok(server)) = (object(bytes), Url::parse("https://h.example/mcp/v1")) else {
        return;
    };
    let Ok(metadata) = resource_metadata::admitted(document, &server) else {
        return;
    };
    assert!(metadata.resource.is_none_or(|resource| resource.covers(&server)));
    assert!(metadata.authorization_servers.len() <= 8);
    assert!(
        metadata
            .resource_name
            .is_none_or(|name| !name.contains(char::is_control))
    );
}

/// Metadata that `https://as.example` presents (RFC 8414).
pub fn server_metadata(bytes: &[u8]) {
    static HTTP: LazyLock<Option<Http>> = LazyLock::new(|| {
        let client = Network::new(&NetworkSettings::default()).and_then(|network| network.client());
        Some(Http::new(client.ok()?, Clock::system(), Timeline::default()))
    });
    let (Some(document), Some(http)) = (object(bytes), HTTP.as_ref()) else {
        return;
    };
    let Ok(issuer) = Issuer::parse("https://as.example") else {
        return;
    };
    if let Ok(metadata) = server_metadata::admitted(http, &issuer, document) {
        assert_eq!(metadata.issuer, issuer);
        assert!(endpoints(&metadata).all(is_safe));
    }
}

fn endpoints(metadata: &AuthorizationServerMetadata) -> impl Iterator<Item = &Endpoint> {
    [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.registration_endpoint,
        &metadata.revocation_endpoint,
        &metadata.introspection_endpoint,
        &metadata.userinfo_endpoint,
        &metadata.device_authorization_endpoint,
        &metadata.jwks_uri,
    ]
    .into_iter()
    .flatten()
}

/// OAuth 2.1 §1.5
fn is_safe(endpoint: &Endpoint) -> bool {
    let url = endpoint.as_url();
    match url.scheme() {
        "https" => true,
        "http" => crate::oauth::endpoint::is_loopback(url),
        _ => false,
    }
}

/// What a token endpoint answers (RFC 6749 §5), the first byte choosing the status.
pub fn token_response(bytes: &[u8]) {
    const STATUSES: [u16; 8] = [200, 201, 302, 400, 401, 422, 429, 503];
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let status = STATUSES[usize::from(*first) % STATUSES.len()];
    let response = HttpResponse {
        status: StatusCode::from_u16(status).unwrap_or_default(),
        headers: HeaderMap::new(),
        body: body.to_vec().into(),
    };
    match token::read(&response) {
        Ok(response) => {
            let token = response.access_token.secret();
            assert!((200..300).contains(&status) && token.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(token.len() <= body.len());
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.len() < 2000 && !told.contains(char::is_control), "{told:?}");
        }
    }
}

/// The request line of whoever connects to the redirect listener.
pub fn redirect_request(bytes: &[u8]) {
    if let Ok(line) = std::str::from_utf8(bytes)
        && let Some(query) = redirect::query_of(line)
    {
        assert!(query.len() <= line.len());
        authorization_response(query.as_bytes());
    }
}

/// An authorization response from the listener, a deep link or a clipboard (RFC 6749 §4.1.2).
pub fn authorization_response(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if AuthorizationResponse::parse(&text).is_ok() {
        assert!(text.len() <= 16 * 1024);
    }
}

/// A config file, as JSON and as YAML.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for format in [Format::Json, Format::Yaml] {
        let config = Config::parse(text, format, &Environment::of([]));
        assert!(config.servers.len() <= bytes.len());
    }
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A document of these members with values of every kind.
    fn document(members: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof![
            Just("https://h.example/mcp".to_owned()),
            Just("https://as.example".to_owned()),
            Just("http://127.0.0.1:9/x".to_owned()),
            Just("http://evil.example/".to_owned()),
            "(?s).{0,40}",
        ];
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
            prop::collection::vec(text, 0..12).prop_map(Value::from),
        ];
        let pairs = prop::collection::vec((prop::sample::select(members), value), 0..8);
        pairs.prop_map(|pairs| {
            let document: Map<_, _> = pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            Value::Object(document).to_string().into_bytes()
        })
    }

    proptest! {
        #[test]
        fn any_bytes_at_any_door_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            challenge(&bytes);
            resource_metadata(&bytes);
            server_metadata(&bytes);
            token_response(&bytes);
            redirect_request(&bytes);
            authorization_response(&bytes);
            config(&bytes);
        }

        #[test]
        fn any_resource_metadata_is_ours_or_refused(
            bytes in document(&["resource", "authorization_servers", "scopes_supported", "resource_name"])
        ) {
            resource_metadata(&bytes);
        }

        #[test]
        fn any_server_metadata_has_safe_endpoints_or_is_refused(
            bytes in document(&["issuer", "authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri"])
        ) {
            server_metadata(&bytes);
        }

        #[test]
        fn any_token_reply_is_a_token_or_an_error_that_can_be_shown(
            status in any::<u8>(),
            body in document(&["access_token", "token_type", "expires_in", "scope", "error", "error_description", "authed_user"])
        ) {
            token_response(&[&[status], body.as_slice()].concat());
        }

        #[test]
        fn any_request_line_is_an_answer_or_none(method in "GET|HEAD|POST|.{0,5}", target in "/[ -~]{0,200}", end in " HTTP/1.[01]|.{0,9}") {
            redirect_request(format!("{method} {target}{end}").as_bytes());
        }

        #[test]
        fn any_redirected_address_is_a_response_or_none(
            start in "ai.omlx.connect:/oauth/callback|http://127.0.0.1:1/oauth/callback|.{0,20}", query in "([a-z_]{1,8}=[ -~]{0,20}&){0,6}"
        ) {
            authorization_response(format!("{start}?{query}").as_bytes());
        }

        #[test]
        fn a_large_input_is_bounded(byte in any::<u8>(), size in 20_000_usize..200_000) {
            let bytes = vec![byte; size];
            challenge(&bytes);
            token_response(&bytes);
            redirect_request(&bytes);
            authorization_response(&bytes);
        }
    }
}

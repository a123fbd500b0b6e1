//! Servers of the 2025-03-26 revision, which are their own authorization server and publish nothing about resources.
//!
//! Entered only when every protected resource metadata URL surely has no document, never after a network failure or a
//! 5xx: the endpoints guessed here receive real codes and tokens.

use http::{HeaderName, HeaderValue};
use url::Url;

use super::DiscoveryError;
use crate::oauth::{
    endpoint::{Endpoint, redacted},
    http::{Http, HttpRequest},
    issuer::Issuer,
    server_metadata::{self, AuthorizationServerMetadata, Expected, MetadataOrigin},
    timeline::Stage,
    well_known,
};

/// MCP 2025-03-26 §2.3.1
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The revision whose rules these are.
const REVISION: HeaderValue = HeaderValue::from_static("2025-03-26");

/// The metadata at the server's origin, else the default endpoints there (MCP 2025-03-26 §2.3).
pub(super) async fn discover(
    http: &Http,
    server: &Url,
) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let origin = origin(server)?;
    http.note(
        Stage::ServerMetadata,
        format!("nobody names an authorization server, so {origin} may be its own"),
        "MCP 2025-03-26 §2.3.2",
    );
    let mut base = server.clone();
    base.set_path("/");
    let place = endpoint(server, well_known::inserted(&base, server_metadata::OAUTH))?;
    let mut request = HttpRequest::get(place, Stage::ServerMetadata);
    request.headers.insert(PROTOCOL_VERSION, REVISION);
    if let Some(metadata) = server_metadata::read(http, request, &Expected::origin(&origin)).await? {
        return Ok(metadata);
    }
    http.note(
        Stage::ServerMetadata,
        "it has no metadata either: its default endpoints are tried",
        "MCP 2025-03-26 §2.3.3",
    );
    let at = |path: &str| {
        let mut url = base.clone();
        url.set_path(path);
        url.set_query(None);
        url.set_fragment(None);
        endpoint(server, url).map(Some)
    };
    Ok(AuthorizationServerMetadata {
        authorization_endpoint: at("/authorize")?,
        token_endpoint: at("/token")?,
        registration_endpoint: at("/register")?,
        ..AuthorizationServerMetadata::bare(origin, MetadataOrigin::Legacy)
    })
}

/// The origin of a URL as an issuer identifier, without a slash.
pub(super) fn origin(url: &Url) -> Result<Issuer, DiscoveryError> {
    Issuer::parse(&url.origin().ascii_serialization()).map_err(|_| DiscoveryError::InsecureServer {
        server: redacted(url),
    })
}

fn endpoint(server: &Url, url: Url) -> Result<Endpoint, DiscoveryError> {
    Endpoint::try_from(url).map_err(|_| DiscoveryError::InsecureServer {
        server: redacted(server),
    })
}

//! OAuth 2.0 Protected Resource Metadata (RFC 9728): which authorization server guards an MCP server.

use serde::Deserialize;
use url::Url;

use super::{
    challenge::BearerChallenge,
    discovery::DiscoveryError,
    dpop::{Binding, ES256},
    endpoint::{Endpoint, EndpointError, redacted},
    http::{Http, HttpRequest},
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
    server_text,
    timeline::Stage,
    well_known,
    wire::{self, Flag, List, Text},
};

/// RFC 9728 §3
const SUFFIX: &str = "oauth-protected-resource";

/// The most authorization servers considered.
const MAX_SERVERS: usize = 8;

/// What a protected resource says about itself, checked to be about the server that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedResourceMetadata {
    /// `resource`, verbatim: it is compared byte by byte by authorization servers.
    pub resource: Option<ResourceUri>,
    /// `authorization_servers`, verbatim, in order of preference.
    pub authorization_servers: Vec<Issuer>,
    /// `scopes_supported`
    pub scopes_supported: Option<Scopes>,
    /// `resource_name`, fit to be shown.
    pub resource_name: Option<String>,
    /// `dpop_bound_access_tokens_required` and `dpop_signing_alg_values_supported`, as one statement.
    pub dpop: Binding,
}

/// Finds the metadata of `server`: where its challenge says, else at the path's well-known URL, else at the root's
/// (MCP "Protected Resource Metadata Discovery Requirements").
///
/// `Ok(None)` only when every place surely has none. A challenge that names a place without a document falls back to
/// the well-known ones: sentry-mcp#939 sent the wrong one first.
pub async fn discover(
    http: &Http,
    server: &Url,
    challenge: Option<&BearerChallenge>,
) -> Result<Option<ProtectedResourceMetadata>, DiscoveryError> {
    let named = challenge.and_then(|challenge| challenge.resource_metadata.as_deref());
    for place in places(http, server, named)? {
        let request = HttpRequest::get(place, Stage::ResourceMetadata);
        let Some(document) = well_known::read(http, request).await? else {
            continue;
        };
        let wire: Wire = wire::read(document);
        if wire.says_nothing() {
            http.note(
                Stage::ResourceMetadata,
                "the document is about something else",
                "RFC 9728 §3.2",
            );
            continue;
        }
        let metadata = wire.admit(server)?;
        note(http, &metadata);
        return Ok(Some(metadata));
    }
    http.note(
        Stage::ResourceMetadata,
        "the server publishes no protected resource metadata",
        "RFC 9728 §3",
    );
    Ok(None)
}

/// What `server` would be believed of a document it presents.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn admitted(
    document: serde_json::Map<String, serde_json::Value>,
    server: &Url,
) -> Result<ProtectedResourceMetadata, DiscoveryError> {
    wire::read::<Wire>(document).admit(server)
}

/// Where to look, in order and without doubles.
fn places(http: &Http, server: &Url, named: Option<&str>) -> Result<Vec<Endpoint>, DiscoveryError> {
    let mut places: Vec<_> = named.and_then(|text| usable(http, text)).into_iter().collect();
    let mut root = server.clone();
    root.set_path("/");
    for url in [
        well_known::inserted(server, SUFFIX),
        well_known::inserted(&root, SUFFIX),
    ] {
        let place = Endpoint::try_from(url).map_err(|_| DiscoveryError::InsecureServer {
            server: redacted(server),
        })?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

/// The URL of a challenge; a server behind a proxy may name its plain-http one, its https ones are asked instead.
fn usable(http: &Http, text: &str) -> Option<Endpoint> {
    let checked = Endpoint::parse(text);
    if let Err(cause) = &checked {
        let decision = format!("the challenge's resource_metadata is not used: it {cause}");
        http.note(Stage::Challenge, decision, "RFC 9728 §7.7");
    }
    checked.ok()
}

fn note(http: &Http, metadata: &ProtectedResourceMetadata) {
    let resource = metadata
        .resource
        .as_ref()
        .map_or("no resource", ResourceUri::as_str);
    http.note(
        Stage::ResourceMetadata,
        format!("the metadata is this server's own ({resource})"),
        "RFC 9728 §3.3",
    );
}

/// RFC 9728 §2
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    /// An array at GitLab (copilot-cli#4439).
    resource: List,
    authorization_servers: List,
    scopes_supported: List,
    resource_name: Text,
    dpop_bound_access_tokens_required: Flag,
    dpop_signing_alg_values_supported: List,
}

impl Wire {
    /// Whether this is some other JSON object, such as an error that came with 200.
    fn says_nothing(&self) -> bool {
        self.resource.0.is_none() && self.authorization_servers.0.is_none()
    }

    fn admit(self, server: &Url) -> Result<ProtectedResourceMetadata, DiscoveryError> {
        let dpop = self.dpop();
        let scopes = self.scopes_supported.0;
        Ok(ProtectedResourceMetadata {
            resource: own_resource(&self.resource.0.unwrap_or_default(), server)?,
            authorization_servers: issuers(&self.authorization_servers.0.unwrap_or_default(), server)?,
            scopes_supported: scopes.map(|scopes| Scopes::parse(&scopes.join(" "))),
            resource_name: self.resource_name.as_deref().and_then(server_text::name),
            dpop,
        })
    }

    fn dpop(&self) -> Binding {
        let algorithms = self
            .dpop_signing_alg_values_supported
            .0
            .as_deref()
            .unwrap_or_default();
        if self.dpop_bound_access_tokens_required.0 {
            Binding::Required
        } else if algorithms.iter().any(|algorithm| algorithm == ES256) {
            Binding::Offered
        } else {
            Binding::Unmentioned
        }
    }
}

/// The identifier that covers `server`, the most specific one of several; an error when there are only others.
fn own_resource(identifiers: &[String], server: &Url) -> Result<Option<ResourceUri>, DiscoveryError> {
    let Some(first) = identifiers.first() else {
        return Ok(None);
    };
    let own = identifiers
        .iter()
        .filter_map(|text| ResourceUri::parse(text).ok())
        .filter(|resource| resource.covers(server))
        .max_by_key(|resource| resource.as_str().len());
    own.map(Some).ok_or_else(|| DiscoveryError::ForeignResource {
        server: redacted(server),
        resource: server_text::name(first).unwrap_or_default(),
    })
}

/// The usable ones; an error when some were named and none is usable.
fn issuers(names: &[String], server: &Url) -> Result<Vec<Issuer>, DiscoveryError> {
    let mut cause: Option<EndpointError> = None;
    let mut issuers = Vec::new();
    for name in names.iter().take(MAX_SERVERS) {
        match Issuer::parse(name) {
            Ok(issuer) if !issuers.contains(&issuer) => issuers.push(issuer),
            Ok(_) => {}
            Err(error) => cause = cause.or(Some(error)),
        }
    }
    match cause {
        Some(cause) if issuers.is_empty() => Err(DiscoveryError::InvalidIssuer {
            server: redacted(server),
            cause,
        }),
        _ => Ok(issuers),
    }
}

#[cfg(test)]
mod tests;

//! Authorization Server Metadata (RFC 8414) and OpenID Connect Discovery: where an authorization server's endpoints are.

use serde::Deserialize;

use super::{
    discovery::DiscoveryError,
    endpoint::Endpoint,
    http::{Http, HttpRequest},
    issuer::Issuer,
    scope::Scopes,
    server_text,
    timeline::Stage,
    well_known,
    wire::{self, Flag, List, Text},
};

/// RFC 8414 §3
pub(super) const OAUTH: &str = "oauth-authorization-server";

/// OpenID Connect Discovery §4
const OPENID: &str = "openid-configuration";

/// What an authorization server says about itself, checked to be about the issuer that was asked.
///
/// Every endpoint is https or loopback; what is absent was absent, or could not be used and was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationServerMetadata {
    /// `issuer`, verbatim.
    pub issuer: Issuer,
    /// `authorization_endpoint`
    pub authorization_endpoint: Option<Endpoint>,
    /// `token_endpoint`
    pub token_endpoint: Option<Endpoint>,
    /// `registration_endpoint` (RFC 7591)
    pub registration_endpoint: Option<Endpoint>,
    /// `revocation_endpoint` (RFC 7009)
    pub revocation_endpoint: Option<Endpoint>,
    /// `introspection_endpoint` (RFC 7662)
    pub introspection_endpoint: Option<Endpoint>,
    /// `userinfo_endpoint` (OpenID Connect Core §5.3)
    pub userinfo_endpoint: Option<Endpoint>,
    /// `device_authorization_endpoint` (RFC 8628)
    pub device_authorization_endpoint: Option<Endpoint>,
    /// `jwks_uri`
    pub jwks_uri: Option<Endpoint>,
    /// `scopes_supported`
    pub scopes_supported: Option<Scopes>,
    /// `token_endpoint_auth_methods_supported`; absent means `client_secret_basic` (RFC 8414 §2).
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// `code_challenge_methods_supported` (RFC 7636); absent means no PKCE.
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// `grant_types_supported`
    pub grant_types_supported: Option<Vec<String>>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3)
    pub iss_parameter_supported: bool,
    /// `client_id_metadata_document_supported`
    pub client_id_metadata_document_supported: bool,
    /// `dpop_signing_alg_values_supported` (RFC 9449 §5.1)
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
    /// `authorization_grant_profiles_supported`
    pub authorization_grant_profiles_supported: Option<Vec<String>>,
    /// Where all this comes from.
    pub origin: MetadataOrigin,
}

/// Where metadata comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataOrigin {
    /// A document at a well-known URL.
    Discovered,
    /// No document: the default endpoints of the 2025-03-26 revision of MCP.
    Legacy,
    /// No document: the endpoints in the config file.
    Configured,
}

impl AuthorizationServerMetadata {
    /// Metadata without any content, for endpoints that come from elsewhere.
    pub fn bare(issuer: Issuer, origin: MetadataOrigin) -> Self {
        Self {
            issuer,
            authorization_endpoint: None,
            token_endpoint: None,
            registration_endpoint: None,
            revocation_endpoint: None,
            introspection_endpoint: None,
            userinfo_endpoint: None,
            device_authorization_endpoint: None,
            jwks_uri: None,
            scopes_supported: None,
            token_endpoint_auth_methods_supported: None,
            code_challenge_methods_supported: None,
            grant_types_supported: None,
            iss_parameter_supported: false,
            client_id_metadata_document_supported: false,
            dpop_signing_alg_values_supported: None,
            authorization_grant_profiles_supported: None,
            origin,
        }
    }
}

/// Reads the metadata of `issuer` from its well-known URLs, in the order MCP gives ("Authorization Server Metadata
/// Discovery").
pub async fn discover(http: &Http, issuer: &Issuer) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    let found = look(http, issuer, &Expected::exactly(issuer)).await?;
    found.ok_or_else(|| DiscoveryError::MetadataMissing {
        issuer: issuer.clone(),
    })
}

/// Looks at the well-known URLs of `location` for a document of the expected issuer; none when every place
/// surely has none.
///
/// Location and issuer differ only when the user pinned an issuer that the location does not carry.
pub(super) async fn look(
    http: &Http,
    location: &Issuer,
    expected: &Expected,
) -> Result<Option<AuthorizationServerMetadata>, DiscoveryError> {
    for place in places(location)? {
        let request = HttpRequest::get(place, Stage::ServerMetadata);
        if let Some(metadata) = read(http, request, expected).await? {
            return Ok(Some(metadata));
        }
    }
    Ok(None)
}

/// Reads one document; none when there is none.
pub(super) async fn read(
    http: &Http,
    request: HttpRequest,
    expected: &Expected,
) -> Result<Option<AuthorizationServerMetadata>, DiscoveryError> {
    let Some(document) = well_known::read(http, request).await? else {
        return Ok(None);
    };
    let wire: Wire = wire::read(document);
    if wire.says_nothing() {
        http.note(
            Stage::ServerMetadata,
            "the document is about something else",
            "RFC 8414 §3.2",
        );
        return Ok(None);
    }
    let metadata = wire.admit(http, expected)?;
    http.note(
        Stage::ServerMetadata,
        format!("the metadata is that of {}", metadata.issuer),
        "RFC 8414 §3.3",
    );
    Ok(Some(metadata))
}

/// What `issuer` would be believed of a document it presents.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn admitted(
    http: &Http,
    issuer: &Issuer,
    document: serde_json::Map<String, serde_json::Value>,
) -> Result<AuthorizationServerMetadata, DiscoveryError> {
    wire::read::<Wire>(document).admit(http, &Expected::exactly(issuer))
}

/// MCP: for an issuer with a path RFC 8414, OpenID inserted, OpenID appended; without one RFC 8414, OpenID.
fn places(issuer: &Issuer) -> Result<Vec<Endpoint>, DiscoveryError> {
    let invalid = |cause| DiscoveryError::InvalidEndpoint {
        issuer: issuer.clone(),
        member: "issuer",
        cause,
    };
    let endpoint = |url| Endpoint::try_from(url).map_err(invalid);
    let mut url = issuer.to_url().map_err(invalid)?;
    // RFC 8414 §3.1: a terminating slash is removed before the insertion.
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    let mut places = vec![
        endpoint(well_known::inserted(&url, OAUTH))?,
        endpoint(well_known::inserted(&url, OPENID))?,
    ];
    if !path.is_empty() {
        places.push(endpoint(well_known::appended(&url, OPENID))?);
    }
    Ok(places)
}

/// RFC 8414 §2
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    issuer: Text,
    authorization_endpoint: Text,
    token_endpoint: Text,
    registration_endpoint: Text,
    revocation_endpoint: Text,
    introspection_endpoint: Text,
    userinfo_endpoint: Text,
    device_authorization_endpoint: Text,
    jwks_uri: Text,
    scopes_supported: List,
    token_endpoint_auth_methods_supported: List,
    code_challenge_methods_supported: List,
    grant_types_supported: List,
    authorization_response_iss_parameter_supported: Flag,
    client_id_metadata_document_supported: Flag,
    dpop_signing_alg_values_supported: List,
    authorization_grant_profiles_supported: List,
}

impl Wire {
    /// Whether this is some other JSON object, such as an error that came with 200.
    fn says_nothing(&self) -> bool {
        let members = [&self.issuer, &self.authorization_endpoint, &self.token_endpoint];
        members.iter().all(|member| member.0.is_none())
    }

    fn admit(self, http: &Http, expected: &Expected) -> Result<AuthorizationServerMetadata, DiscoveryError> {
        let issuer = expected.check(self.issuer.as_deref().unwrap_or_default())?;
        // What a sign-in stands on is an error when it cannot be used; what only adds to it is left out.
        let needed = |member, text: &Text| needed(&issuer, member, text.as_deref());
        let extra = |member, text: &Text| extra(http, member, text.as_deref());
        let device = &self.device_authorization_endpoint;
        Ok(AuthorizationServerMetadata {
            authorization_endpoint: needed("authorization_endpoint", &self.authorization_endpoint)?,
            token_endpoint: needed("token_endpoint", &self.token_endpoint)?,
            registration_endpoint: needed("registration_endpoint", &self.registration_endpoint)?,
            device_authorization_endpoint: needed("device_authorization_endpoint", device)?,
            revocation_endpoint: extra("revocation_endpoint", &self.revocation_endpoint),
            introspection_endpoint: extra("introspection_endpoint", &self.introspection_endpoint),
            userinfo_endpoint: extra("userinfo_endpoint", &self.userinfo_endpoint),
            jwks_uri: extra("jwks_uri", &self.jwks_uri),
            scopes_supported: self
                .scopes_supported
                .0
                .map(|scopes| Scopes::parse(&scopes.join(" "))),
            token_endpoint_auth_methods_supported: self.token_endpoint_auth_methods_supported.0,
            code_challenge_methods_supported: self.code_challenge_methods_supported.0,
            grant_types_supported: self.grant_types_supported.0,
            iss_parameter_supported: self.authorization_response_iss_parameter_supported.0,
            client_id_metadata_document_supported: self.client_id_metadata_document_supported.0,
            dpop_signing_alg_values_supported: self.dpop_signing_alg_values_supported.0,
            authorization_grant_profiles_supported: self.authorization_grant_profiles_supported.0,
            origin: MetadataOrigin::Discovered,
            issuer,
        })
    }
}

/// Whose document is acceptable, by simple string comparison (RFC 8414 §3.3).
pub(super) struct Expected {
    issuer: Issuer,
    alternative: Option<Issuer>,
}

impl Expected {
    /// This issuer's and no other's.
    pub(super) fn exactly(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.clone(),
            alternative: None,
        }
    }

    /// That of an origin nobody named an issuer for: with or without the slash, since both stand for the same URL.
    pub(super) fn origin(origin: &Issuer) -> Self {
        Self {
            issuer: origin.clone(),
            alternative: Issuer::parse(&format!("{origin}/")).ok(),
        }
    }

    fn check(&self, found: &str) -> Result<Issuer, DiscoveryError> {
        let own = [Some(&self.issuer), self.alternative.as_ref()];
        let own = own.into_iter().flatten().find(|issuer| issuer.as_str() == found);
        own.cloned().ok_or_else(|| DiscoveryError::IssuerMismatch {
            expected: self.issuer.clone(),
            found: server_text::name(found).unwrap_or_else(|| "nobody".to_owned()),
        })
    }
}

fn needed(
    issuer: &Issuer,
    member: &'static str,
    text: Option<&str>,
) -> Result<Option<Endpoint>, DiscoveryError> {
    let endpoint = text.map(Endpoint::parse).transpose();
    endpoint.map_err(|cause| DiscoveryError::InvalidEndpoint {
        issuer: issuer.clone(),
        member,
        cause,
    })
}

fn extra(http: &Http, member: &str, text: Option<&str>) -> Option<Endpoint> {
    match Endpoint::parse(text?) {
        Ok(endpoint) => Some(endpoint),
        Err(cause) => {
            let decision = format!("the {member} is not used: it {cause}");
            http.note(Stage::ServerMetadata, decision, "OAuth 2.1 §1.5");
            None
        }
    }
}

#[cfg(test)]
mod tests;

//! What to ask the authorization server for: PKCE, `resource` and scope.

use super::{DiscoveryError, Search};
use crate::{
    config::{GrantType, ResourceChoice},
    oauth::{
        resource_metadata::ProtectedResourceMetadata,
        resource_uri::ResourceUri,
        scope::Scopes,
        server_metadata::{AuthorizationServerMetadata, MetadataOrigin},
        timeline::Stage,
    },
};

/// RFC 7636 §4.2
const S256: &str = "S256";

/// OpenID Connect Core §11; MCP allows it only where the authorization server lists it.
const OFFLINE_ACCESS: &str = "offline_access";

impl Search<'_> {
    /// MCP "Authorization Code Protection": no S256 in the metadata, no authorization.
    pub(super) fn check_pkce(&self, metadata: &AuthorizationServerMetadata) -> Result<(), DiscoveryError> {
        let methods = metadata.code_challenge_methods_supported.as_deref();
        if self.auth.grant != GrantType::AuthorizationCode || methods.is_some_and(|all| has(all, S256)) {
            return Ok(());
        }
        let because = match metadata.origin {
            MetadataOrigin::Discovered if !self.auth.assume_pkce => {
                return Err(DiscoveryError::PkceUnsupported {
                    issuer: metadata.issuer.clone(),
                });
            }
            MetadataOrigin::Discovered => "the config file says so",
            MetadataOrigin::Legacy => "the 2025-03-26 revision demands it",
            MetadataOrigin::Configured => "the endpoints come from the config file",
        };
        self.note(
            Stage::ServerMetadata,
            format!("PKCE with S256 is taken to be supported: {because}"),
            "MCP: Authorization Code Protection",
        );
        Ok(())
    }

    pub(super) fn resource(&self, metadata: Option<&ProtectedResourceMetadata>) -> Option<ResourceUri> {
        match &self.auth.resource {
            ResourceChoice::Omitted => {
                self.note(
                    Stage::Authorization,
                    "the config file says to send no resource",
                    "RFC 8707 §2",
                );
                None
            }
            ResourceChoice::Exact(resource) => Some(resource.clone()),
            ResourceChoice::Discovered => Some(
                metadata
                    .and_then(|metadata| metadata.resource.clone())
                    .unwrap_or_else(|| ResourceUri::of_server(self.server)),
            ),
        }
    }

    /// The scope of the config file, else of the challenge.
    pub(super) fn asked_scope(&self) -> Option<&Scopes> {
        let challenged = || self.challenge.and_then(|challenge| challenge.scope.as_ref());
        self.auth.scopes.as_ref().or_else(challenged)
    }

    /// MCP "Scope Selection Strategy": the challenge's, else all the resource supports, else none.
    pub(super) fn scope(
        &self,
        resource: Option<&ProtectedResourceMetadata>,
        metadata: &AuthorizationServerMetadata,
    ) -> Scopes {
        if let Some(scopes) = &self.auth.scopes {
            self.note(
                Stage::Authorization,
                format!("scope from the config file: {scopes}"),
                "",
            );
            return scopes.clone();
        }
        let supported = resource.and_then(|resource| resource.scopes_supported.as_ref());
        let (chosen, source) = match (self.asked_scope(), supported) {
            (Some(scopes), _) => (scopes.clone(), "the challenge"),
            (None, Some(scopes)) => (scopes.clone(), "all the server supports"),
            (None, None) => (Scopes::default(), "nobody"),
        };
        let scope = self.with_offline_access(chosen, metadata);
        let decision = if scope.is_empty() {
            "no scope is asked for".to_owned()
        } else {
            format!("scope from {source}: {scope}")
        };
        self.note(Stage::Authorization, decision, "MCP: Scope Selection Strategy");
        scope
    }

    /// Asks for a refresh token where the authorization server lists the scope for it, and only next to other scopes:
    /// alone it would replace the defaults that an omitted scope stands for.
    fn with_offline_access(&self, scope: Scopes, metadata: &AuthorizationServerMetadata) -> Scopes {
        let interactive = matches!(
            self.auth.grant,
            GrantType::AuthorizationCode | GrantType::DeviceCode
        );
        let listed = metadata.scopes_supported.as_ref();
        if interactive && !scope.is_empty() && listed.is_some_and(|listed| listed.contains(OFFLINE_ACCESS)) {
            scope.union(&Scopes::parse(OFFLINE_ACCESS))
        } else {
            scope
        }
    }
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|entry| entry == wanted)
}

//! Authorization server metadata (RFC 8414, OpenID Connect Discovery).

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::edited;
use crate::{
    fault::Fault,
    incoming::Incoming,
    options::{DpopBinding, ServerMetadataPlace},
    proof, reply,
    world::World,
};

/// The document at this request's path, if there is one.
pub(crate) fn find(world: &Arc<World>, incoming: &Incoming) -> Option<Response> {
    let there = {
        let options = world.options();
        let path = options.discovery.issuer_path.trim_end_matches('/');
        let places = options.discovery.server_metadata.iter();
        places
            .map(|place| well_known(*place, path))
            .any(|place| place == incoming.path)
    };
    if !there {
        return None;
    }
    let withheld = world.fault(incoming, |fault| {
        matches!(fault, Fault::NoServerMetadata).then_some(())
    });
    if withheld.is_some() {
        return None;
    }
    let edits = world.faults.take_all(&incoming.call, |fault| match fault {
        Fault::ServerMetadata(name, value) => Some((*name, value.clone())),
        _ => None,
    });
    Some(reply::json(200, &edited(document(world), edits)))
}

fn well_known(place: ServerMetadataPlace, path: &str) -> String {
    match place {
        ServerMetadataPlace::OAuth => format!("/.well-known/oauth-authorization-server{path}"),
        ServerMetadataPlace::OpenIdInserted => format!("/.well-known/openid-configuration{path}"),
        ServerMetadataPlace::OpenIdAppended => format!("{path}/.well-known/openid-configuration"),
    }
}

fn document(world: &World) -> Value {
    let options = world.options();
    let documents = !options.registration.documents.is_empty();
    let mut document = json!({
        "issuer": format!("{}{}", world.origin, options.discovery.issuer_path),
        "authorization_endpoint": world.url("/authorize"),
        "token_endpoint": world.url("/token"),
        "registration_endpoint": world.url("/register"),
        "revocation_endpoint": world.url("/revoke"),
        "introspection_endpoint": world.url("/introspect"),
        "userinfo_endpoint": world.url("/userinfo"),
        "device_authorization_endpoint": world.url("/device_authorization"),
        "jwks_uri": world.url("/jwks"),
        "scopes_supported": options.tokens.scopes.words(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "token_endpoint_auth_methods_supported": options.registration.auth_methods,
        "revocation_endpoint_auth_methods_supported": options.registration.auth_methods,
        "introspection_endpoint_auth_methods_supported": options.registration.auth_methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": documents,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["none"],
    });
    if options.dpop.binding != DpopBinding::Off {
        document["dpop_signing_alg_values_supported"] = json!([proof::ES256]);
    }
    document
}

/// The key set: empty, since nothing here is signed.
pub(crate) fn keys() -> Response {
    reply::json(200, &json!({"keys": []}))
}

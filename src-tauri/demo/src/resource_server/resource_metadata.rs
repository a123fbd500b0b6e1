//! Protected resource metadata (RFC 9728).

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::Face;
use crate::{
    authorization_server::edited,
    fault::Fault,
    incoming::Incoming,
    options::{DpopBinding, ResourceMetadataPlace},
    proof, reply,
    world::World,
};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The path at which a face's metadata is; none when there is none.
pub(crate) fn path(world: &World, face: Face) -> Option<String> {
    match (&world.options().discovery.resource_metadata, face) {
        (ResourceMetadataPlace::Nowhere, _) => None,
        (ResourceMetadataPlace::Root, Face::Mcp) => Some(WELL_KNOWN.to_owned()),
        (ResourceMetadataPlace::Elsewhere(path), Face::Mcp) => Some(path.clone()),
        _ => Some(format!("{WELL_KNOWN}{}", face.path())),
    }
}

/// The document at this request's path, if there is one.
pub(crate) fn find(world: &Arc<World>, incoming: &Incoming) -> Option<Response> {
    let face = Face::ALL
        .into_iter()
        .find(|face| path(world, *face).as_ref() == Some(&incoming.path))?;
    let withheld = world.fault(incoming, |fault| {
        matches!(fault, Fault::NoResourceMetadata).then_some(())
    });
    if withheld.is_some() {
        return None;
    }
    let edits = world.faults.take_all(&incoming.call, |fault| match fault {
        Fault::ResourceMetadata(name, value) => Some((*name, value.clone())),
        _ => None,
    });
    Some(reply::json(200, &edited(document(world, face), edits)))
}

fn document(world: &Arc<World>, face: Face) -> Value {
    let mut document = json!({
        "resource": face.resource(world),
        "authorization_servers": [world.authority().issuer()],
        "bearer_methods_supported": ["header"],
        "resource_name": "oMLX Demo",
    });
    if let Some(scopes) = &world.options().discovery.resource_scopes {
        document["scopes_supported"] = json!(scopes.words());
    }
    let binding = world.options().dpop.binding;
    if binding != DpopBinding::Off {
        document["dpop_signing_alg_values_supported"] = json!([proof::ES256]);
        document["dpop_bound_access_tokens_required"] = json!(binding == DpopBinding::Required);
    }
    document
}

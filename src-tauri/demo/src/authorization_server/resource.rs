//! Resource indicators (RFC 8707): every token is for one MCP endpoint.

use crate::{
    incoming::Parameters, options::ResourcePolicy, reply::OAuthError, resource_server::Face, world::World,
};

const UNKNOWN: OAuthError = OAuthError::new("invalid_target", "there is no such resource here");
const MISSING: OAuthError = OAuthError::new("invalid_target", "the resource parameter is missing");
const REFUSED: OAuthError = OAuthError::new("invalid_target", "the resource parameter is not supported");

/// The resource asked for; compared byte by byte.
pub(crate) fn requested(world: &World, parameters: &Parameters) -> Result<String, OAuthError> {
    let policy = world.options().tokens.resource;
    match (parameters.get("resource"), policy) {
        (Some(_), ResourcePolicy::Refused) => Err(REFUSED),
        (None, ResourcePolicy::Required) => Err(MISSING),
        (None, _) => Ok(Face::Mcp.resource(world)),
        (Some(asked), _) => {
            let known = Face::ALL.iter().any(|face| face.resource(world) == asked)
                || world.guests().iter().any(|guest| guest == asked);
            known.then(|| asked.to_owned()).ok_or(UNKNOWN)
        }
    }
}

/// Whether a token request names the resource that was granted.
pub(crate) fn unchanged(world: &World, parameters: &Parameters, granted: &str) -> Result<(), OAuthError> {
    let policy = world.options().tokens.resource;
    match (parameters.get("resource"), policy) {
        (Some(_), ResourcePolicy::Refused) => Err(REFUSED),
        (None, ResourcePolicy::Required) => Err(MISSING),
        (None, _) => Ok(()),
        (Some(asked), _) if asked == granted => Ok(()),
        (Some(_), _) => Err(OAuthError::new(
            "invalid_target",
            "not the resource that was granted",
        )),
    }
}

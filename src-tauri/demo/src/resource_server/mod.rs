//! The protected side: which endpoints there are, where their metadata is, and who may use them.

pub(crate) mod bearer;
pub(crate) mod resource_metadata;

use crate::world::World;

/// A protected endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Streamable HTTP.
    Mcp,
    /// The legacy HTTP+SSE transport; its messages go to another path and need the same token.
    Sse,
}

impl Face {
    pub(crate) const ALL: [Self; 2] = [Self::Mcp, Self::Sse];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Mcp => "/mcp",
            Self::Sse => "/sse",
        }
    }

    /// The resource identifier (RFC 8707 §2), verbatim.
    pub(crate) fn resource(self, world: &World) -> String {
        let given = match self {
            Self::Mcp => world.options().resource.clone(),
            Self::Sse => None,
        };
        given.unwrap_or_else(|| world.url(self.path()))
    }
}

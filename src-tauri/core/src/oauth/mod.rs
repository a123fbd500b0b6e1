//! Authorization, one file per RFC.
//!
//! | file | owns |
//! |---|---|
//! | `challenge` | `WWW-Authenticate` (RFC 9110 §11, RFC 6750 §3) |
//! | `resource_metadata` | which authorization server guards a resource (RFC 9728) |
//! | `server_metadata` | where its endpoints are (RFC 8414, OpenID Connect Discovery) |
//! | `discovery` | both together, and what was pinned |
//! | `registration` | becoming a client (RFC 7591, RFC 7592, client id metadata document) |
//! | `authorization` | the request in the browser and its response (RFC 6749 §4.1, 7636, 8707, 9207) |
//! | `device` | a code entered on another device (RFC 8628) |
//! | `redirect` | where the response comes back (RFC 8252) |
//! | `token` | the token endpoint (RFC 6749 §5) |
//! | `client_authentication` | proving who we are there (RFC 6749 §2.3) |
//! | `client_assertion` | the same with a key in place of a secret (RFC 7523 §2.2) |
//! | `client_credentials` | a token in the client's own name (RFC 6749 §4.4) |
//! | `jwt_bearer` | a token for somebody else's assertion (RFC 7523 §2.1) |
//! | `enterprise` | an assertion from the company's identity provider (RFC 8693) |
//! | `unattended` | these three as one |
//! | `refresh` | the only place that rotates a token (RFC 6749 §6) |
//! | `revocation` | signing out (RFC 7009) |
//! | `bearer` | presenting an access token (RFC 6750) |
//! | `dpop` | tokens bound to a key (RFC 9449) |
//! | `identity` | who is signed in |
//!
//! Every request goes through [`http::Http`], which bounds it, refuses redirects and plain http, and notes it in the
//! [`timeline::Timeline`].

pub mod authorization;
pub mod bearer;
pub mod challenge;
pub mod client;
mod client_assertion;
pub mod client_authentication;
mod client_credentials;
pub mod client_metadata_document;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod endpoint;
mod enterprise;
pub mod grant;
pub mod http;
pub mod identity;
pub mod issuer;
mod jwt_bearer;
pub mod redirect;
pub mod refresh;
mod refused;
pub mod registration;
pub mod resource_metadata;
pub mod resource_uri;
pub mod revocation;
pub mod scope;
pub mod secret_source;
pub mod server_metadata;
pub mod server_text;
pub mod signing_key;
pub mod timeline;
pub mod token;
pub mod unattended;

#[cfg(test)]
mod fake;
mod well_known;
mod wire;

#[cfg(test)]
pub(crate) mod testing;

//! Pages of this machine as clients, such as a local inspector: what a browser asks before it lets one of them send a
//! key, and what it wants to be told with every answer (Fetch Standard, "CORS protocol"). Pages of other hosts have been
//! refused before, and a key is asked for all the same.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::reply::{self, Reply};

/// For how long a browser need not ask again, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What a page may read of an answer besides its content.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After");

/// The answer to a browser that asks whether a page may send a request; none when nobody asks for that. It comes before
/// the key, which a browser does not send along.
pub(super) fn preflight(method: &Method, headers: &HeaderMap, allowed: &'static str) -> Option<Reply> {
    let asks = method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut answer = reply::empty(StatusCode::NO_CONTENT);
    let fields = answer.headers_mut();
    fields.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(allowed),
    );
    // Arguments travel in fields of any name (`Mcp-Param-*`), so those that are asked for are those that may be sent.
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    fields.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    Some(answer)
}

/// Lets the page that asked read the answer.
pub(super) fn let_read(mut answer: Reply, origin: HeaderValue) -> Reply {
    let fields = answer.headers_mut();
    fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    fields.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    fields.append(header::VARY, HeaderValue::from_static("Origin"));
    answer
}

//! Asking a server for its challenge, where a sign-in begins without one.

use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use url::Url;

use super::BearerChallenge;
use crate::oauth::{
    endpoint::Endpoint,
    http::{Http, HttpRequest},
    timeline::Stage,
};

/// What `server` answers to a request without a token; none when it lets anyone in, or cannot be asked.
///
/// A `ping`, because it changes nothing in either era: no session begins with it. The challenge may be the only place
/// that names the metadata (RFC 9728 §5.1), the scope or a wish for bound tokens.
pub async fn ask(http: &Http, server: &Url) -> Option<BearerChallenge> {
    let endpoint = Endpoint::try_from(server.clone()).ok()?;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let mut request = HttpRequest::json(endpoint, Stage::Challenge, &ping);
    let both = HeaderValue::from_static("application/json, text/event-stream");
    request.headers.insert(header::ACCEPT, both);
    let response = http.send(request).await.ok()?;
    if response.status != StatusCode::UNAUTHORIZED {
        return None;
    }
    BearerChallenge::from_headers(&response.headers)
}

//! What requests to MCP servers leave by.
//!
//! | server | by |
//! |---|---|
//! | on this machine, over plain http | `nearby`: neither TLS nor a proxy can stand in between |
//! | anywhere else | the client for the internet, with the user's certificates and proxies |
//!
//! A client for the internet asks for proxies, redirects and retries at every request, which on this machine costs more
//! than all the rest of a request's way. No redirect is followed by either.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response,
    header::{ACCEPT, HOST, USER_AGENT},
};
use http_body_util::Full;
use reqwest::ResponseBuilderExt;
use url::Url;

use super::{
    fault::HttpFault,
    nearby::{Address, Answer, Nearby},
};
use crate::network;

const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const OURS: HeaderValue = HeaderValue::from_static(network::USER_AGENT);

/// Carries requests; cheap to clone, and the connections are everybody's.
#[derive(Clone, Debug)]
pub struct Carrier {
    internet: reqwest::Client,
    nearby: Nearby,
}

/// One request, as it leaves.
pub(super) struct Parcel<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    /// The same place, where it is on this machine.
    pub(super) address: Option<&'a Address>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl From<reqwest::Client> for Carrier {
    fn from(internet: reqwest::Client) -> Self {
        Self {
            internet,
            nearby: Nearby::default(),
        }
    }
}

impl Carrier {
    /// Sends a request; the head of the answer.
    pub(super) async fn send(&self, parcel: Parcel<'_>) -> Result<reqwest::Response, HttpFault> {
        let url = parcel.url;
        if let Some(address) = parcel.address {
            let request = nearby_request(parcel, address);
            let sent = self.nearby.send(address, request).await;
            return match sent {
                Ok(answer) => Ok(answered(answer, url)),
                Err(lost) => Err(HttpFault::nearby(lost, url)),
            };
        }
        let mut request = reqwest::Request::new(parcel.method.clone(), url.clone());
        *request.headers_mut() = parcel.headers;
        if !parcel.body.is_empty() {
            *request.body_mut() = Some(parcel.body.into());
        }
        let sent = self.internet.execute(request).await;
        sent.map_err(|error| HttpFault::network(&error, url))
    }
}

fn nearby_request(parcel: Parcel<'_>, address: &Address) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(parcel.body));
    *request.method_mut() = parcel.method.clone();
    *request.uri_mut() = address.target.clone();
    *request.headers_mut() = parcel.headers;
    request.headers_mut().insert(HOST, address.authority.clone());
    for (name, value) in [(ACCEPT, ANYTHING), (USER_AGENT, OURS)] {
        request.headers_mut().entry(name).or_insert(value);
    }
    request
}

/// The answer in the form that both ways have in common.
fn answered(answer: Response<Answer>, url: &Url) -> reqwest::Response {
    let (mut head, body) = answer.into_parts();
    // The one way to name the URL of a response that was not made by the client for the internet.
    if let Ok(named) = Response::builder().url(url.clone()).body(()) {
        head.extensions.extend(named.into_parts().0.extensions);
    }
    Response::from_parts(head, reqwest::Body::wrap(body)).into()
}

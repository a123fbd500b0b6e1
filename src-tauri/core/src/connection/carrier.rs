//! What requests to MCP servers leave by.
//!
//! | server | by |
//! |---|---|
//! | on this machine, over plain http | hyper alone: neither TLS nor a proxy can stand in between |
//! | anywhere else | the client for the internet, with the user's certificates and proxies |
//!
//! A client for the internet asks for proxies, redirects and retries at every request, which on this machine costs more
//! than all the rest of a request's way. No redirect is followed by either.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, USER_AGENT},
};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use reqwest::ResponseBuilderExt;
use url::Url;

use super::fault::HttpFault;
use crate::{network, oauth::endpoint::is_loopback};

/// For how long one that is not used is kept.
const IDLE: Duration = Duration::from_secs(90);

const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const OURS: HeaderValue = HeaderValue::from_static(network::USER_AGENT);

/// Carries requests; cheap to clone, and the connections are everybody's.
#[derive(Clone, Debug)]
pub struct Carrier {
    internet: reqwest::Client,
    nearby: Client<HttpConnector, Full<Bytes>>,
}

/// One request, as it leaves.
pub(super) struct Parcel<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl From<reqwest::Client> for Carrier {
    fn from(internet: reqwest::Client) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(network::CONNECT_TIMEOUT));
        let nearby = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { internet, nearby }
    }
}

impl Carrier {
    /// Sends a request; the head of the answer.
    pub(super) async fn send(&self, parcel: Parcel<'_>) -> Result<reqwest::Response, HttpFault> {
        let url = parcel.url;
        if url.scheme() == "http"
            && is_loopback(url)
            && let Ok(uri) = url.as_str().parse()
        {
            return self.send_nearby(parcel, uri).await;
        }
        let mut request = reqwest::Request::new(parcel.method.clone(), url.clone());
        *request.headers_mut() = parcel.headers;
        if !parcel.body.is_empty() {
            *request.body_mut() = Some(parcel.body.into());
        }
        let sent = self.internet.execute(request).await;
        sent.map_err(|error| HttpFault::network(&error, url))
    }

    async fn send_nearby(&self, parcel: Parcel<'_>, uri: Uri) -> Result<reqwest::Response, HttpFault> {
        let mut request = Request::new(Full::new(parcel.body));
        *request.method_mut() = parcel.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = parcel.headers;
        for (name, value) in [(ACCEPT, ANYTHING), (USER_AGENT, OURS)] {
            request.headers_mut().entry(name).or_insert(value);
        }
        let sent = self.nearby.request(request).await;
        let answer = sent.map_err(|error| HttpFault::nearby(&error, parcel.url))?;
        Ok(answered(answer, parcel.url))
    }
}

/// The answer in the form that both ways have in common.
fn answered(answer: http::Response<hyper::body::Incoming>, url: &Url) -> reqwest::Response {
    let (mut head, body) = answer.into_parts();
    // The one way to name the URL of a response that was not made by the client for the internet.
    if let Ok(named) = http::Response::builder().url(url.clone()).body(()) {
        head.extensions.extend(named.into_parts().0.extensions);
    }
    http::Response::from_parts(head, reqwest::Body::wrap(body)).into()
}

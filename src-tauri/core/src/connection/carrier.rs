//! What requests to MCP servers leave by.
//!
//! | server | by |
//! |---|---|
//! | on this machine, over plain http | `omlx_nearby`: neither TLS nor a proxy can stand in between |
//! | anywhere else | the client for the internet, with the user's certificates and proxies |
//!
//! No redirect is followed by either.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use omlx_nearby::{Address, Nearby};
use url::Url;

use super::fault::HttpFault;
use crate::network;

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
            nearby: Nearby::new(OURS, network::CONNECT_TIMEOUT),
        }
    }
}

impl Carrier {
    /// Sends a request; the head of the answer.
    pub(super) async fn send(&self, parcel: Parcel<'_>) -> Result<reqwest::Response, HttpFault> {
        let url = parcel.url;
        if let Some(address) = parcel.address {
            let head = (parcel.method, parcel.headers);
            let sent = self.nearby.send(address, head, parcel.body).await;
            return sent.map_err(|lost| HttpFault::nearby(lost, url));
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

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, HeaderValue, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use reqwest::ResponseBuilderExt;
use tokio::net::TcpStream;
use url::{Host, Position, Url};

/// A place on this machine, made out once for many requests.
#[derive(Clone, Debug)]
pub struct Address {
    /// As the `Host` field names it.
    pub(crate) authority: HeaderValue,
    /// Path and query.
    pub(crate) target: Uri,
    /// What names the URL of an answer from there.
    pub(crate) named: Extensions,
    pub(crate) places: Vec<SocketAddr>,
}

impl Address {
    /// Where a URL leads to over plain http; none when that is not this machine. `localhost` is never looked up
    /// (RFC 6761 §6.3).
    pub fn of(url: &Url) -> Option<Self> {
        if url.scheme() != "http" {
            return None;
        }
        let here: Vec<IpAddr> = match url.host()? {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => {
                vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
            }
            Host::Domain(_) => return None,
        };
        let port = url.port_or_known_default()?;
        here.iter().all(IpAddr::is_loopback).then_some(Self {
            authority: HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).ok()?,
            target: url[Position::BeforePath..Position::AfterQuery].parse().ok()?,
            named: named(url)?,
            places: here.into_iter().map(|here| SocketAddr::new(here, port)).collect(),
        })
    }

    pub(crate) async fn connect(&self, patience: Duration) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = tokio::time::timeout(patience, TcpStream::connect(self.places.as_slice()));
        let stream = stream.await.map_err(|_| io::ErrorKind::TimedOut)??;
        // Small requests must not wait for more; a system that cannot do without is slower, and works.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // How it ends is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// The one way to name the URL of a response that was not made by reqwest.
fn named(url: &Url) -> Option<Extensions> {
    let response = Response::builder().url(url.clone()).body(()).ok()?;
    Some(response.into_parts().0.extensions)
}

//! Connections to servers on this machine, over plain http: kept for the next request, and used for one at a time
//! (RFC 9112 §9.3). A client for any server looks for a connection and opens one at the same time at every request,
//! which on this machine costs more than the request.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Position, Url};

use crate::{network, oauth::endpoint::is_loopback};

/// For how long a connection that is not used is kept.
const IDLE: Duration = Duration::from_secs(90);

/// How many unused ones are kept for one address.
const KEPT: usize = 64;

/// How long a connection may take to be done with its last answer.
const TIDYING: Duration = Duration::from_millis(50);

type Sender = SendRequest<Full<Bytes>>;

/// A place on this machine, made out once for many requests.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// As the `Host` field names it.
    pub(super) authority: HeaderValue,
    /// Path and query.
    pub(super) target: Uri,
    places: Vec<SocketAddr>,
}

impl Address {
    /// Where a URL leads to over plain http; none when that is not this machine. `localhost` is never looked up
    /// (RFC 6761 §6.3).
    pub(super) fn of(url: &Url) -> Option<Self> {
        if url.scheme() != "http" || !is_loopback(url) {
            return None;
        }
        let port = url.port_or_known_default()?;
        let here: Vec<IpAddr> = match url.host()? {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(_) => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
        };
        Some(Self {
            authority: HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).ok()?,
            target: url[Position::BeforePath..Position::AfterQuery].parse().ok()?,
            places: here.into_iter().map(|here| SocketAddr::new(here, port)).collect(),
        })
    }

    async fn connect(&self) -> io::Result<Sender> {
        let stream = tokio::time::timeout(
            network::CONNECT_TIMEOUT,
            TcpStream::connect(self.places.as_slice()),
        );
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

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// Nobody was reached.
    Unreached(io::Error),
    /// Somebody was, and the connection broke.
    Interrupted(hyper::Error),
}

/// The connections that are kept; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Nearby(Arc<Mutex<HashMap<HeaderValue, Vec<Idle>>>>);

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

impl Nearby {
    /// Sends a request; the head of the answer. One that a kept connection could not take any more goes over the next.
    pub(super) async fn send(
        &self,
        address: &Address,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Answer>, Lost> {
        loop {
            let (mut sender, is_new) = match self.kept(address).await {
                Some(kept) => (kept, false),
                None => (address.connect().await.map_err(Lost::Unreached)?, true),
            };
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let lent = (self.clone(), address.authority.clone(), sender);
                    return Ok(answer.map(|body| Answer::new(body, lent)));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(Lost::Interrupted(error.into_error())),
                },
            }
        }
    }

    /// A connection that is there already, and can take a request.
    async fn kept(&self, address: &Address) -> Option<Sender> {
        loop {
            let mut sender = self.idle(&address.authority)?;
            if sender.is_ready() {
                return Some(sender);
            }
            if let Ok(Ok(())) = tokio::time::timeout(TIDYING, sender.ready()).await {
                return Some(sender);
            }
        }
    }

    fn idle(&self, authority: &HeaderValue) -> Option<Sender> {
        let mut all = self.all();
        let kept = all.get_mut(authority)?;
        while let Some(idle) = kept.pop() {
            if idle.since.elapsed() >= IDLE {
                // The others are older still.
                kept.clear();
            } else if !idle.sender.is_closed() {
                return Some(idle.sender);
            }
        }
        all.remove(authority);
        None
    }

    fn keep(&self, authority: HeaderValue, sender: Sender) {
        let mut all = self.all();
        let kept = all.entry(authority).or_default();
        if kept.len() < KEPT {
            let since = Instant::now();
            kept.push(Idle { sender, since });
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<HeaderValue, Vec<Idle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer. Once it has been read to its end, its connection is kept; one that is not is closed.
pub(super) struct Answer {
    body: Incoming,
    lent: Option<(Nearby, HeaderValue, Sender)>,
}

impl Answer {
    fn new(body: Incoming, lent: (Nearby, HeaderValue, Sender)) -> Self {
        let mut answer = Self {
            body,
            lent: Some(lent),
        };
        if answer.body.is_end_stream() {
            answer.give_back();
        }
        answer
    }

    fn give_back(&mut self) {
        if let Some((nearby, authority, sender)) = self.lent.take()
            && !sender.is_closed()
        {
            nearby.keep(authority, sender);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Err(_)) => self.lent = None,
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            _ => self.give_back(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;

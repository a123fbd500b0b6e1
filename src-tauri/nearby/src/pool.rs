use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request,
    header::{ACCEPT, HOST, USER_AGENT},
};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use tokio::time::Instant;

use crate::{address::Address, answer::Answer};

/// For how long a connection that is not used is kept.
const IDLE: Duration = Duration::from_secs(90);

/// How many unused ones are kept for one address.
const KEPT: usize = 64;

/// How long a connection may take to be done with its last answer.
const TIDYING: Duration = Duration::from_millis(50);

const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

pub(crate) type Sender = SendRequest<Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug)]
pub enum Lost {
    /// Nobody was reached.
    Unreached(io::Error),
    /// Somebody was, and the connection broke.
    Interrupted(hyper::Error),
}

/// Sends requests, and keeps their connections; cheap to clone.
#[derive(Clone, Debug)]
pub struct Nearby(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    user_agent: HeaderValue,
    connect_timeout: Duration,
    unused: Mutex<Unused>,
}

#[derive(Debug, Default)]
struct Unused {
    /// By authority, the newest last.
    kept: HashMap<HeaderValue, Vec<Idle>>,
    /// Somebody comes by and closes what was not used for long.
    is_swept: bool,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

impl Nearby {
    /// Says who asks in `User-Agent`, and waits that long for a connection.
    pub fn new(user_agent: HeaderValue, connect_timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            user_agent,
            connect_timeout,
            unused: Mutex::default(),
        }))
    }

    /// Sends a request; the head of the answer, whose body is the caller's to read and to bound. `Accept` and
    /// `User-Agent` are added where they are missing.
    ///
    /// A request that a kept connection could not take any more goes over the next; none is ever sent twice.
    pub fn send<'a>(
        &'a self,
        address: &'a Address,
        head: (&'a Method, HeaderMap),
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<reqwest::Response, Lost>> + Send + 'a>> {
        // In a box, because an async function is compiled where it is polled, which is for size.
        Box::pin(self.sent(address, head, body))
    }

    async fn sent(
        &self,
        address: &Address,
        (method, fields): (&Method, HeaderMap),
        body: Bytes,
    ) -> Result<reqwest::Response, Lost> {
        let request = self.request(address, (method, fields), body);
        let (answer, sender) = self.exchange(address, request).await?;
        let (mut head, body) = answer.into_parts();
        head.extensions.extend(address.named.clone());
        let body = Answer::new(body, (self.clone(), address.authority.clone(), sender));
        Ok(http::Response::from_parts(head, reqwest::Body::wrap(body)).into())
    }

    fn request(
        &self,
        address: &Address,
        (method, mut fields): (&Method, HeaderMap),
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        // A name of the user's own stands: what answers at this address may serve several.
        fields.entry(HOST).or_insert_with(|| address.authority.clone());
        fields.entry(ACCEPT).or_insert(ANYTHING);
        let user_agent = || self.0.user_agent.clone();
        fields.entry(USER_AGENT).or_insert_with(user_agent);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = address.target.clone();
        *request.headers_mut() = fields;
        request
    }

    async fn exchange(
        &self,
        address: &Address,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(http::Response<Incoming>, Sender), Lost> {
        loop {
            let kept = self.kept(address).await;
            let is_new = kept.is_none();
            let mut sender = match kept {
                Some(kept) => kept,
                None => self.connect(address).await?,
            };
            match sender.try_send_request(request).await {
                Ok(answer) => return Ok((answer, sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(Lost::Interrupted(error.into_error())),
                },
            }
        }
    }

    async fn connect(&self, address: &Address) -> Result<Sender, Lost> {
        let connected = address.connect(self.0.connect_timeout).await;
        connected.map_err(Lost::Unreached)
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
        let mut all = self.0.unused();
        let kept = all.kept.get_mut(authority)?;
        while let Some(idle) = kept.pop() {
            if idle.since.elapsed() >= IDLE {
                // The others are older still.
                kept.clear();
            } else if !idle.sender.is_closed() {
                return Some(idle.sender);
            }
        }
        all.kept.remove(authority);
        None
    }

    pub(crate) fn keep(&self, authority: HeaderValue, sender: Sender) {
        let mut all = self.0.unused();
        let kept = all.kept.entry(authority).or_default();
        if kept.len() < KEPT {
            let since = Instant::now();
            kept.push(Idle { sender, since });
        }
        if !std::mem::replace(&mut all.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }

    /// Whether no connection waits for its next request.
    #[cfg(test)]
    pub(crate) fn keeps_nothing(&self) -> bool {
        self.0.unused().kept.is_empty()
    }
}

impl Inner {
    fn unused(&self) -> MutexGuard<'_, Unused> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what was not used for long, until nothing is left: a server may have a thread for each connection.
async fn sweep(pool: Weak<Inner>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut all = pool.unused();
        all.kept.retain(|_, kept| {
            kept.retain(|idle| idle.since.elapsed() < IDLE && !idle.sender.is_closed());
            !kept.is_empty()
        });
        if all.kept.is_empty() {
            all.is_swept = false;
            return;
        }
    }
}

//! One browser connection: read the request line, ask whose answer it is, show a page, close.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
};

use super::{Answer, Arrival, page::Page};
use crate::{
    clock::Clock,
    oauth::authorization::{AuthorizationResponse, Verdict},
};

/// The most bytes kept of one request; the request line must fit.
const MAX_BYTES: usize = 8 * 1024;

/// The most bytes read and thrown away after the page was sent, such as the cookies of other programs on `localhost`.
const MAX_WASTE: usize = 256 * 1024;

/// The time one connection has for its request, and again for taking its page.
const TIME: Duration = Duration::from_secs(5);

/// The most connections at once; beyond it the oldest is dropped, so that idle ones cannot keep the browser out.
const MAX_CONNECTIONS: usize = 16;

/// The pause after a failed `accept`, which otherwise fails again at once (no file descriptors left).
const PAUSE: Duration = Duration::from_millis(50);

/// What a connection needs to know.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) path: String,
    pub(super) arrived: mpsc::Sender<Arrival>,
    pub(super) clock: Clock,
}

/// Accepts connections for as long as the listener lives.
pub(super) async fn welcome(listener: TcpListener, door: Door) {
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        by_age.retain(|connection| !connection.is_finished());
        if by_age.len() >= MAX_CONNECTIONS
            && let Some(oldest) = by_age.pop_front()
        {
            oldest.abort();
        }
        by_age.push_back(connections.spawn(serve(stream, door.clone())));
    }
}

async fn serve(mut stream: TcpStream, door: Door) {
    let Some(line) = within(&door.clock, request_line(&mut stream)).await else {
        return;
    };
    let (page, answer) = door.page_for(line.as_deref()).await;
    let head_only = line.as_deref().is_some_and(|line| line.starts_with("HEAD "));
    let (head, body) = page.response();
    let response = if head_only { head } else { head + &body };
    let _ = within(&door.clock, stream.write_all(response.as_bytes())).await;
    drop(answer);
    let _ = within(&door.clock, linger(&mut stream)).await;
}

async fn within<T>(clock: &Clock, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = clock.sleep(TIME) => None,
    }
}

/// The first line; none when there is no whole one, or it is no text.
async fn request_line(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::with_capacity(1024);
    loop {
        if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(&read[..end]).ok()?;
            return Some(line.trim_end().to_owned());
        }
        let left = MAX_BYTES - read.len();
        let more = (&mut *stream).take(left as u64).read_buf(&mut read).await.ok()?;
        if more == 0 {
            return None;
        }
    }
}

/// Closing with unread bytes would reset the connection and take the page with it, so they are read first.
async fn linger(stream: &mut TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut waste = [0; 4096];
    let mut left = MAX_WASTE;
    while let Ok(read @ 1..) = stream.read(&mut waste).await {
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

impl Door {
    /// The page for a request, and what is dropped once it was shown.
    async fn page_for(&self, line: Option<&str>) -> (Page, Option<Answer>) {
        let Some(target) = line.and_then(Target::parse) else {
            return (Page::BadRequest, None);
        };
        if target.path != self.path {
            return (Page::NotFound, None);
        }
        match target.method {
            "GET" => self.page_for_response(target.query).await,
            // Link scanners and previews look before the person does; they must not use the answer up.
            "HEAD" => (Page::Foreign, None),
            _ => (Page::MethodNotAllowed, None),
        }
    }

    async fn page_for_response(&self, query: &str) -> (Page, Option<Answer>) {
        let Ok(response) = AuthorizationResponse::parse(query) else {
            return (Page::Foreign, None);
        };
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.arrived.send(Arrival { response, answer }).await.ok()?;
            answered.await.ok()
        };
        match within(&self.clock, asked).await {
            Some(Some(answer)) => (answer.verdict.into(), Some(answer)),
            Some(None) => (Page::Again, None),
            None => (Page::Foreign, None),
        }
    }
}

impl From<Verdict> for Page {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Granted => Self::Granted,
            Verdict::Refused => Self::Refused,
            Verdict::Foreign => Self::Foreign,
        }
    }
}

/// An HTTP/1 request line in origin form (RFC 9112 §3.2.1).
struct Target<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
}

/// The query of a request line; none when it is no request line.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn query_of(line: &str) -> Option<&str> {
    Target::parse(line).map(|target| target.query)
}

impl<'a> Target<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.split(' ');
        let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Self { method, path, query })
    }
}

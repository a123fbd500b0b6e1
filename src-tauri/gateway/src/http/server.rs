//! The port, the connections on it, and their end.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use omlx_mcp::{
    Action, Explain,
    access::{Access, GATEWAY_PORT},
    handle::Handle,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    crowd::{Crowd, Seat},
    holder,
    newer::Newer,
    router::{self, Desk},
    sessions::Sessions,
};
use crate::guest::Lobby;

/// How long a request's head may take, and how long a connection may wait for the next one.
const HEAD: Duration = Duration::from_secs(30);

/// How long a client may take no byte of what is sent to it.
const STALL: Duration = Duration::from_mins(1);

/// How long requests under way may take once the gateway is asked to end.
const GRACE: Duration = Duration::from_secs(3);

/// How long to wait after a failed accept: as a rule there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The port on both loopback addresses; 0 for any free one.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { port: GATEWAY_PORT }
    }
}

/// The gateway cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Somebody else listens there.
    #[error("port {port} is in use{}", by(.holder.as_deref()))]
    PortInUse {
        /// Which port.
        port: u16,
        /// Who, as far as it can be found out.
        holder: Option<String>,
    },
    /// We do, in another process.
    #[error("oMLX Connect lends the servers on port {port} already{}", in_words(.holder.as_deref()))]
    LentAlready {
        /// Which port.
        port: u16,
        /// Which process, as far as it can be found out.
        holder: Option<String>,
    },
    /// The operating system does not let us listen.
    #[error("port {port} cannot be listened on: {kind}")]
    CannotListen {
        /// Which port.
        port: u16,
        /// What kind of failure.
        kind: io::ErrorKind,
    },
}

fn by(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

fn in_words(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |holder| format!(": {holder}"))
}

impl Explain for GatewayError {
    fn code(&self) -> &'static str {
        match self {
            Self::PortInUse { .. } => "port_in_use",
            Self::LentAlready { .. } => "lent_already",
            Self::CannotListen { .. } => "cannot_listen",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::LentAlready { .. } => Action::None,
            Self::PortInUse { .. } | Self::CannotListen { .. } => Action::Retry,
        }
    }
}

/// A running gateway; it ends with [`Gateway::stop`], or when dropped without being waited for.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// Listens, and lends the servers of `handle` to the clients that `access` knows.
    pub async fn start(handle: Handle, access: Access, settings: Settings) -> Result<Self, GatewayError> {
        let listeners = listen(settings.port).await?;
        let port = listeners.first().and_then(|listener| listener.local_addr().ok());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let desk = Arc::new(Desk {
            handle,
            lobby: Lobby::open(access),
            sessions: Sessions::default(),
            newer: Newer::default(),
            stop: stop.clone(),
        });
        let crowd = Crowd::default();
        for listener in listeners {
            let accepting = Accepting {
                listener,
                desk: Arc::clone(&desk),
                crowd: crowd.clone(),
                tasks: tasks.clone(),
            };
            tasks.spawn(accepting.run());
        }
        tasks.spawn(async move { tokio::join!(desk.sessions.tend(&desk.stop), desk.newer.tend(&desk.stop)) });
        Ok(Self {
            port: port.map_or(settings.port, |address| address.port()),
            stop,
            tasks,
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients are pointed to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Takes no more requests, gives those under way a moment, and ends every session.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Both loopback addresses with one port; the newer one only where the machine has it.
async fn listen(port: u16) -> Result<Vec<TcpListener>, GatewayError> {
    let failed = async |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let (is_ours, holder) = tokio::join!(holder::is_ours(port), holder::of(port));
            if is_ours {
                GatewayError::LentAlready { port, holder }
            } else {
                GatewayError::PortInUse { port, holder }
            }
        }
        kind => GatewayError::CannotListen { port, kind },
    };
    let first = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(first) => first,
        Err(error) => return Err(failed(error).await),
    };
    let taken = first.local_addr().map_or(port, |address| address.port());
    match TcpListener::bind((Ipv6Addr::LOCALHOST, taken)).await {
        Ok(second) => Ok(vec![first, second]),
        // Whoever asks for localhost may be led there: it must not be somebody else.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && port != 0 => Err(failed(error).await),
        Err(_) => Ok(vec![first]),
    }
}

struct Accepting {
    listener: TcpListener,
    desk: Arc<Desk>,
    crowd: Crowd,
    tasks: TaskTracker,
}

impl Accepting {
    async fn run(self) {
        loop {
            let accepted = tokio::select! {
                () = self.desk.stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => self.take(stream, from),
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, from: SocketAddr) {
        if !from.ip().is_loopback() {
            return;
        }
        // Small answers must not wait for more; a system that cannot do without is slower, and works.
        let _ = stream.set_nodelay(true);
        let seat = Arc::new(self.crowd.enter());
        self.tasks
            .spawn(serve(Bounded::new(stream, STALL), seat, Arc::clone(&self.desk)));
    }
}

async fn serve(stream: Bounded, seat: Arc<Seat>, desk: Arc<Desk>) {
    let stop = desk.stop.clone();
    let place = Arc::clone(&seat);
    let service = service_fn(move |request| {
        let (desk, seat) = (Arc::clone(&desk), Arc::clone(&seat));
        async move { Ok::<_, std::convert::Infallible>(router::answer(desk, seat, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // Whatever ends a connection has been told to the client, or cannot be.
        _ = connection.as_mut() => return,
        () = place.left() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(GRACE, connection).await;
}

/// A connection that is closed when its reader takes nothing for too long.
struct Bounded {
    stream: TcpStream,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    fn new(stream: TcpStream, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stalled: None,
        }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    /// Both ends of a connection; ours is bounded.
    async fn connected() -> (Bounded, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
        (
            Bounded::new(ours.expect("accepted").0, LIMIT),
            theirs.expect("connected"),
        )
    }

    #[tokio::test]
    async fn a_client_that_takes_no_byte_is_cut_off() {
        let (mut ours, _theirs) = connected().await;
        let flood = async {
            loop {
                if let Err(error) = ours.write_all(&[b'x'; 8 * 1024]).await {
                    return error.kind();
                }
            }
        };
        assert_eq!(flood.await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_takes_little_at_a_time_is_not() {
        let (mut ours, mut theirs) = connected().await;
        let began = Instant::now();
        let taking = async {
            let mut taken = vec![0; 256 * 1024];
            while began.elapsed() < 3 * LIMIT {
                theirs.read_exact(&mut taken).await.expect("there is more");
            }
        };
        let flood = async {
            loop {
                if let Err(error) = ours.write_all(&[b'x'; 8 * 1024]).await {
                    return error.kind();
                }
            }
        };
        tokio::select! {
            () = taking => {}
            error = flood => panic!("{error}"),
        }
    }
}

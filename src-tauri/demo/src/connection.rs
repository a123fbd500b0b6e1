//! TCP connections that can be cut at any moment, which is how a server looks that crashed.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// How long to wait after a failed accept: as a rule there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One connection, to be cut.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<WireState>);

#[derive(Debug, Default)]
struct WireState {
    cut: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

impl Wire {
    /// Breaks the connection; what was not sent yet is lost.
    pub(crate) fn cut(&self) {
        self.0.cut();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }
}

impl WireState {
    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

/// All open connections of one demo.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wires(Arc<Mutex<Vec<Weak<WireState>>>>);

impl Wires {
    fn open(&self) -> Wire {
        let state = Arc::new(WireState::default());
        let mut wires = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wires.retain(|wire| wire.strong_count() > 0);
        wires.push(Arc::downgrade(&state));
        Wire(state)
    }

    pub(crate) fn cut_all(&self) {
        let wires = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for wire in wires.iter().filter_map(Weak::upgrade) {
            wire.cut();
        }
    }
}

/// Accepts connections that can be cut.
#[derive(Debug)]
pub(crate) struct CuttableListener {
    pub(crate) listener: TcpListener,
    pub(crate) wires: Wires,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                // Without it a small reply waits for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                let wire = self.wires.open();
                return (CuttableStream { stream, wire }, address);
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().wire.clone()
    }
}

/// A connection that can be cut.
#[derive(Debug)]
pub(crate) struct CuttableStream {
    stream: TcpStream,
    wire: Wire,
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let state = Arc::clone(&self.wire.0);
        *state.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        state.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wire.0.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.0.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

//! Where messages to a client go, one after the other, each of them whole: a message is never broken into by another,
//! and one that is large is passed on while it still arrives.

use std::{pin::Pin, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{Mutex, OwnedMutexGuard, mpsc},
};

use crate::{message::Id, scan::Scan};

/// Up to here a message is put together before it is passed on, in bytes.
const TOGETHER: usize = 64 * 1024;

/// The largest message that is put together for a reader who takes only whole ones, in bytes.
pub(crate) const MAX_WHOLE: usize = 64 * 1024 * 1024;

/// Nobody reads any more, or what was said is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutletError {
    #[error("nobody reads any more")]
    Gone,
    #[error("the message is too large")]
    TooLarge,
}

type Lines = Arc<Mutex<Writer>>;

/// A stream of lines.
pub(crate) struct Writer {
    stream: Pin<Box<dyn AsyncWrite + Send + Sync>>,
    /// The last line has no end yet.
    within: bool,
}

/// A way to the client; cheap to clone.
#[derive(Clone)]
pub(crate) enum Outlet {
    /// Lines on a stream (MCP "stdio").
    Lines(Lines),
    /// Whole messages to another task.
    Queue(mpsc::Sender<Bytes>),
}

/// One message that may still be arriving.
pub(crate) struct Passing<'a> {
    outlet: &'a Outlet,
    start: BytesMut,
    line: Option<OwnedMutexGuard<Writer>>,
    /// Up to here it is put together before it is passed on, in bytes.
    together: usize,
    /// The answer that is waited for; anything may come where there is none.
    id: Option<&'a Id>,
    /// Looks at what is passed on already.
    scan: Option<Box<Scan>>,
}

impl Outlet {
    /// Lines on `stream`.
    pub(crate) fn lines(stream: impl AsyncWrite + Send + Sync + 'static) -> Self {
        Self::Lines(Arc::new(Mutex::new(Writer {
            stream: Box::pin(stream),
            within: false,
        })))
    }

    /// Passes on a whole message.
    pub(crate) async fn send(&self, message: impl AsRef<[u8]>) -> Result<(), OutletError> {
        let mut passing = self.pass();
        passing.push(message.as_ref()).await?;
        passing.finish().await
    }

    /// Whether it is known that nobody reads any more; on a stream only writing shows it.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Lines(_) => false,
            Self::Queue(queue) => queue.is_closed(),
        }
    }

    /// Begins a message.
    pub(crate) fn pass(&self) -> Passing<'_> {
        Passing {
            outlet: self,
            start: BytesMut::new(),
            line: None,
            together: TOGETHER,
            id: None,
            scan: None,
        }
    }

    /// Begins a message that may be the answer to this id; the answer to another one never becomes whole.
    pub(crate) fn pass_for<'a>(&'a self, id: &'a Id) -> Passing<'a> {
        Passing {
            id: Some(id),
            ..self.pass()
        }
    }

    /// Begins a message that is not passed on before it is whole.
    pub(crate) fn pass_whole(&self) -> Passing<'_> {
        Passing {
            together: usize::MAX,
            ..self.pass()
        }
    }
}

impl Passing<'_> {
    /// Adds to the message.
    pub(crate) async fn push(&mut self, bytes: &[u8]) -> Result<(), OutletError> {
        if let Some(line) = &mut self.line {
            let length = self.scan.as_mut().map_or(bytes.len(), |scan| scan.push(bytes));
            return write(line, &bytes[..length]).await;
        }
        self.start.extend_from_slice(bytes);
        match self.outlet {
            Outlet::Lines(stream) if self.start.len() > self.together => {
                let line = self.line.insert(new_line(stream).await?);
                let start = std::mem::take(&mut self.start);
                let length = match self.id {
                    Some(id) => self.scan.insert(Box::new(Scan::of(id))).push(&start),
                    None => start.len(),
                };
                write(line, &start[..length]).await
            }
            _ if self.start.len() > MAX_WHOLE => Err(OutletError::TooLarge),
            _ => Ok(()),
        }
    }

    /// What is there of the message, unless it is too large to be seen whole.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        self.line.is_none().then_some(&*self.start)
    }

    /// Whether what was passed on while it arrived was the answer that is waited for.
    pub(crate) fn is_answer(&self) -> bool {
        self.scan.as_deref().is_some_and(Scan::is_answer)
    }

    /// Ends the message. One without any content is none.
    pub(crate) async fn finish(self) -> Result<(), OutletError> {
        match (self.line, self.outlet) {
            (Some(mut line), _) => line.write(b"\n").await,
            (None, _) if self.start.trim_ascii().is_empty() => Ok(()),
            (None, Outlet::Lines(stream)) => {
                let mut message = self.start;
                flatten(&mut message);
                message.extend_from_slice(b"\n");
                new_line(stream).await?.write(&message).await
            }
            (None, Outlet::Queue(queue)) => {
                let sent = queue.send(self.start.freeze()).await;
                sent.map_err(|_| OutletError::Gone)
            }
        }
    }

    /// Gives up a message that will never be whole. What was already passed on of it is left as a line of its own, which
    /// no reader takes for a message.
    pub(crate) async fn abandon(self) -> Result<(), OutletError> {
        match self.line {
            Some(mut line) => line.write(b"\n").await,
            None => Ok(()),
        }
    }
}

async fn write(line: &mut Writer, bytes: &[u8]) -> Result<(), OutletError> {
    if memchr::memchr2(b'\n', b'\r', bytes).is_none() {
        return line.write(bytes).await;
    }
    let mut flat = BytesMut::from(bytes);
    flatten(&mut flat);
    line.write(&flat).await
}

/// Line ends in JSON can only stand between its tokens, where a space does as well.
fn flatten(bytes: &mut [u8]) {
    for byte in bytes {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// The stream for one message. A writer that was stopped in the middle of a line has left it open: it is ended first, and
/// no reader takes it for a message.
async fn new_line(lines: &Lines) -> Result<OwnedMutexGuard<Writer>, OutletError> {
    let mut line = Arc::clone(lines).lock_owned().await;
    if line.within {
        line.write(b"\n").await?;
    }
    Ok(line)
}

impl Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), OutletError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = self.stream.write(rest).await.unwrap_or(0);
            let (written, left) = rest.split_at(length);
            let last = *written.last().ok_or(OutletError::Gone)?;
            self.within = last != b'\n';
            rest = left;
        }
        self.stream.flush().await.map_err(|_| OutletError::Gone)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_message_is_one_line_however_it_was_written() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let outlet = Outlet::lines(ours);
        outlet.send("{\n  \"a\": 1\r\n}").await.expect("read");
        outlet.send("").await.expect("read");
        drop(outlet);
        let mut read = String::new();
        theirs.read_to_string(&mut read).await.expect("text");
        assert_eq!(read, "{   \"a\": 1  }\n");
    }

    #[tokio::test]
    async fn a_large_message_is_passed_on_before_it_has_ended_and_nothing_comes_in_between() {
        let (ours, mut theirs) = tokio::io::duplex(16 * TOGETHER);
        let outlet = Outlet::lines(ours);
        let mut large = outlet.pass();
        large.push(&vec![b'x'; TOGETHER + 1]).await.expect("read");
        let mut first = vec![0; TOGETHER + 1];
        theirs.read_exact(&mut first).await.expect("there already");
        let second = outlet.clone();
        let other = tokio::spawn(async move { second.send("{}").await });
        large.push(b"end").await.expect("read");
        large.finish().await.expect("read");
        other.await.expect("no panic").expect("read");
        let mut rest = [0; 7];
        theirs.read_exact(&mut rest).await.expect("text");
        assert_eq!(&rest, b"end\n{}\n");
    }

    #[tokio::test]
    async fn a_writer_that_is_stopped_in_the_middle_of_a_line_spoils_no_other_message() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let outlet = Outlet::lines(ours);
        for message in ["{\"stopped\":1}", "{\"never begun\":1}"] {
            let stopped = outlet.send(message).now_or_never();
            assert!(stopped.is_none(), "{message} is written already");
        }
        let reading = tokio::spawn(async move {
            let mut read = String::new();
            theirs.read_to_string(&mut read).await.map(|_| read)
        });
        outlet.send("{}").await.expect("read");
        let mut large = outlet.pass();
        large.push(&vec![b'x'; TOGETHER + 1]).await.expect("read");
        drop(large);
        outlet.send("[]").await.expect("read");
        drop(outlet);
        let read = reading.await.expect("no panic").expect("text");
        let whole = format!("{{\"stoppe\n{{}}\n{}\n[]\n", "x".repeat(TOGETHER + 1));
        assert!(read == whole, "{} bytes", read.len());
    }

    #[tokio::test]
    async fn nobody_reading_is_an_error_and_not_a_panic() {
        let (ours, theirs) = tokio::io::duplex(8);
        drop(theirs);
        assert_eq!(Outlet::lines(ours).send("{}").await, Err(OutletError::Gone));
    }
}

//! A program of the client's own, started for it alone: messages are lines both ways (MCP "stdio").

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use omlx_mcp::connection::transport::stdio::{Program, Speaking, StdioFault};
use tokio::{
    io::AsyncWriteExt,
    process::ChildStdin,
    sync::{mpsc, oneshot},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{fault::Unanswered, waiting::Waiting};
use crate::{
    lines::{Line, Lines},
    message::Id,
    outlet::{MAX_WHOLE, Outlet},
};

/// How many lines wait for a program to read them before the next one waits, too.
const WAITING: usize = 16;

/// How long a program may take to end by itself before others end it.
const LEAVING: Duration = Duration::from_millis(500);

/// How long a program that reads no more may go on to answer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// One client's program; it ends when this is dropped.
pub(crate) struct ProgramWire {
    input: mpsc::Sender<Written>,
    shared: Arc<Shared>,
    /// Holds the program.
    reading: AbortOnDropHandle<()>,
}

/// What is written next.
enum Written {
    /// A line, and who wants to know that it was written.
    Line(Vec<u8>, Option<oneshot::Sender<()>>),
    /// Nothing any more.
    End,
}

#[derive(Default)]
struct Shared {
    waiting: Waiting,
    fault: OnceLock<StdioFault>,
    /// Its output has ended.
    over: CancellationToken,
}

impl ProgramWire {
    /// Passes on what `program` says from now on, but for answers.
    pub(crate) fn new(program: Program, out: Outlet) -> Self {
        let shared = Arc::new(Shared::default());
        let (stdin, speaking) = program.split();
        let reading = tokio::spawn(read(speaking, out, Arc::clone(&shared)));
        let (input, lines) = mpsc::channel(WAITING);
        tokio::spawn(write((stdin, lines), Arc::clone(&shared)));
        Self {
            input,
            shared,
            reading: AbortOnDropHandle::new(reading),
        }
    }

    /// Whether the program has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.reading.is_finished()
    }

    /// Passes on a request, and waits for its answer.
    pub(crate) async fn ask(&self, text: &[u8], id: Id) -> Result<Bytes, Unanswered> {
        let wait = self.shared.waiting.begin(id);
        self.say(text, None).await?;
        wait.answer().await.ok_or_else(|| self.fault())
    }

    /// Passes on what awaits no answer.
    pub(crate) async fn tell(&self, text: &[u8]) -> Result<(), Unanswered> {
        let (done, written) = oneshot::channel();
        self.say(text, Some(done)).await?;
        written.await.map_err(|_| self.fault())
    }

    async fn say(&self, text: &[u8], done: Option<oneshot::Sender<()>>) -> Result<(), Unanswered> {
        let flat = |byte: &u8| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                *byte
            }
        };
        let mut line: Vec<u8> = text.iter().map(flat).collect();
        line.push(b'\n');
        let sent = self.input.send(Written::Line(line, done)).await;
        sent.map_err(|_| self.fault())
    }

    /// Closes its input (MCP "stdio", "Shutdown"), and gives it a moment to read what was said last.
    pub(crate) async fn end(&self) {
        if self.input.send(Written::End).await.is_ok() {
            let _ = tokio::time::timeout(LEAVING, self.shared.over.cancelled()).await;
        }
    }

    fn fault(&self) -> Unanswered {
        match self.shared.fault.get() {
            Some(fault) => Unanswered::Program(fault.clone()),
            None => Unanswered::BrokenOff,
        }
    }
}

/// Writes one line after the other, each of them to its end: whoever gives up a request must not leave half of it there.
async fn write((mut stdin, mut lines): (ChildStdin, mpsc::Receiver<Written>), shared: Arc<Shared>) {
    while let Some(Written::Line(line, done)) = lines.recv().await {
        let sent: std::io::Result<()> = async {
            stdin.write_all(&line).await?;
            stdin.flush().await
        }
        .await;
        if sent.is_err() {
            break;
        }
        if let Some(done) = done {
            // Whoever said it may have gone.
            let _ = done.send(());
        }
    }
    // It reads no more, and whoever says something is told so.
    drop((stdin, lines));
    if shared.waiting.is_empty() {
        return;
    }
    // Why it reads no more is known once its output has ended, as it mostly does, too.
    tokio::time::sleep(LAST_WORDS).await;
    shared.waiting.close();
}

async fn read(mut program: Speaking, out: Outlet, shared: Arc<Shared>) {
    let mut lines = Lines::new(&mut program.output, MAX_WHOLE);
    while let Ok(Some(line)) = lines.next().await {
        let Line::Whole(text) = line else {
            tracing::warn!("the program wrote a line that is longer than accepted");
            continue;
        };
        if !looks_like_a_message(&text) {
            tracing::debug!("the program wrote something else than MCP to its standard output");
            continue;
        }
        if shared.waiting.leaves(&text) && out.send(&text).await.is_err() {
            return;
        }
    }
    if let Some(fault) = program.fault_soon().await {
        // Only this task writes it, once.
        let _ = shared.fault.set(fault);
    }
    shared.waiting.close();
    shared.over.cancel();
}

/// Some programs greet on their standard output.
fn looks_like_a_message(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

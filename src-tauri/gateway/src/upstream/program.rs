//! A program of the client's own, started for it alone: messages are lines both ways (MCP "stdio").

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use omlx_mcp::connection::transport::stdio::{Program, Speaking, StdioFault};
use tokio::{io::AsyncWriteExt, process::ChildStdin, sync::Mutex};
use tokio_util::task::AbortOnDropHandle;

use super::{fault::Unanswered, waiting::Waiting};
use crate::{
    lines::{Line, Lines},
    message::Id,
    outlet::{MAX_WHOLE, Outlet},
};

/// One client's program; it ends when this is dropped.
pub(crate) struct ProgramWire {
    input: Mutex<ChildStdin>,
    shared: Arc<Shared>,
    /// Holds the program.
    reading: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    waiting: Waiting,
    fault: OnceLock<StdioFault>,
}

impl ProgramWire {
    /// Passes on what `program` says from now on, but for answers.
    pub(crate) fn new(program: Program, out: Outlet) -> Self {
        let shared = Arc::new(Shared::default());
        let (input, speaking) = program.split();
        let reading = tokio::spawn(read(speaking, out, Arc::clone(&shared)));
        Self {
            input: Mutex::new(input),
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
        self.tell(text).await?;
        wait.answer().await.ok_or_else(|| self.fault())
    }

    /// Passes on what awaits no answer.
    pub(crate) async fn tell(&self, text: &[u8]) -> Result<(), Unanswered> {
        let flat = |byte: &u8| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                *byte
            }
        };
        let mut line: Vec<u8> = text.iter().map(flat).collect();
        line.push(b'\n');
        let mut input = self.input.lock().await;
        let sent: std::io::Result<()> = async {
            input.write_all(&line).await?;
            input.flush().await
        }
        .await;
        sent.map_err(|_| self.fault())
    }

    fn fault(&self) -> Unanswered {
        match self.shared.fault.get() {
            Some(fault) => Unanswered::Program(fault.clone()),
            None => Unanswered::BrokenOff,
        }
    }
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
}

/// Some programs greet on their standard output.
fn looks_like_a_message(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

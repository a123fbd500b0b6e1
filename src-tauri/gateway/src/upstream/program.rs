//! A program of the client's own, started for it alone: messages are lines both ways (MCP "stdio").

use std::sync::Arc;

use bytes::Bytes;
use omlx_mcp::connection::transport::stdio::{Program, Speaking};
use tokio::{io::AsyncWriteExt, process::ChildStdin, sync::Mutex};
use tokio_util::task::AbortOnDropHandle;

use super::{fault::Unanswered, waiting::Waiting};
use crate::{
    lines::{Line, Lines},
    message::{self, INTERNAL_ERROR, Id},
    outlet::{MAX_WHOLE, Outlet},
};

/// One client's program; it ends when this is dropped.
pub(crate) struct ProgramWire {
    input: Mutex<ChildStdin>,
    waiting: Arc<Waiting>,
    /// Holds the program.
    reading: AbortOnDropHandle<()>,
}

impl ProgramWire {
    /// Passes on what `program` says from now on.
    pub(crate) fn new(program: Program, out: Outlet) -> Self {
        let waiting = Arc::new(Waiting::default());
        let (input, speaking) = program.split();
        let reading = tokio::spawn(read(speaking, out, Arc::clone(&waiting)));
        Self {
            input: Mutex::new(input),
            waiting,
            reading: AbortOnDropHandle::new(reading),
        }
    }

    /// Whether every request has been answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the program has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.reading.is_finished()
    }

    /// Asks for ourselves.
    pub(crate) async fn ask(&self, text: &[u8], id: Id) -> Result<Bytes, Unanswered> {
        let answer = self.waiting.asked_by_us(id);
        self.send(text, None).await?;
        answer.await.map_err(|_| Unanswered::BrokenOff)
    }

    /// Passes on a message; the answer to a request comes by itself, an error of ours included should the program end.
    pub(crate) async fn send(&self, text: &[u8], request: Option<Id>) -> Result<(), Unanswered> {
        if let Some(id) = request.clone() {
            self.waiting.asked(id);
        }
        let mut line = Vec::with_capacity(text.len() + 1);
        line.extend(text.iter().map(|byte| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                *byte
            }
        }));
        line.push(b'\n');
        let mut input = self.input.lock().await;
        let sent = async {
            input.write_all(&line).await?;
            input.flush().await
        };
        if sent.await.is_err() && request.is_none_or(|id| self.waiting.forget(&id)) {
            return Err(Unanswered::BrokenOff);
        }
        Ok(())
    }
}

async fn read(mut program: Speaking, out: Outlet, waiting: Arc<Waiting>) {
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
        if !waiting.came(&text) {
            continue;
        }
        if out.send(&text).await.is_err() {
            return;
        }
    }
    let why = match program.fault_soon().await {
        Some(fault) => fault.to_string(),
        None => Unanswered::BrokenOff.to_string(),
    };
    for id in waiting.all() {
        let answer: Bytes = message::error(Some(&id.raw()), INTERNAL_ERROR, &why);
        if out.send(answer).await.is_err() {
            return;
        }
    }
}

/// Some programs greet on their standard output.
fn looks_like_a_message(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

//! Asking a stdio server which era it speaks, without a process for each guess.
//!
//! `server/discover` goes out first; a server that does not answer in time is treated as one of the session era
//! (MCP 2026-07-28, "Backward compatibility"). It may still answer later, while it is already being initialized, so
//! what arrives for an abandoned probe is dropped here.

use std::time::Duration;

use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, ClientRequest, ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::time::Instant;

/// What an unanswered probe ends with; no server sends it, being outside JSON-RPC's reserved range.
pub(crate) const UNANSWERED: ErrorCode = ErrorCode(-1);

/// A transport whose unanswered probe becomes an error after a while.
pub(crate) struct Probed<T> {
    inner: T,
    patience: Duration,
    probe: Probe,
}

enum Probe {
    NotSent,
    Waiting { id: RequestId, until: Instant },
    Over { id: RequestId },
}

impl<T> Probed<T> {
    pub(crate) fn new(inner: T, patience: Duration) -> Self {
        Self {
            inner,
            patience,
            probe: Probe::NotSent,
        }
    }

    fn note(&mut self, message: &ClientJsonRpcMessage) {
        let ClientJsonRpcMessage::Request(request) = message else {
            return;
        };
        match (&request.request, &self.probe) {
            (ClientRequest::DiscoverRequest(_), _) => {
                self.probe = Probe::Waiting {
                    id: request.id.clone(),
                    until: Instant::now() + self.patience,
                };
            }
            (_, Probe::Waiting { id, .. }) => self.probe = Probe::Over { id: id.clone() },
            _ => {}
        }
    }

    /// Ends the wait, and says so to whoever is waiting.
    fn abandon(&mut self, id: RequestId) -> ServerJsonRpcMessage {
        self.probe = Probe::Over { id: id.clone() };
        let error = ErrorData::new(UNANSWERED, "server/discover was not answered in time", None);
        ServerJsonRpcMessage::error(error, Some(id))
    }

    /// Whether a message belongs to a probe that is over.
    fn is_late(&self, message: &ServerJsonRpcMessage) -> bool {
        let Probe::Over { id } = &self.probe else {
            return false;
        };
        match message {
            ServerJsonRpcMessage::Response(response) => response.id == *id,
            ServerJsonRpcMessage::Error(error) => error.id.as_ref() == Some(id),
            _ => false,
        }
    }

    fn settle(&mut self, message: &ServerJsonRpcMessage) {
        let answers = match (&self.probe, message) {
            (Probe::Waiting { id, .. }, ServerJsonRpcMessage::Response(response)) => response.id == *id,
            (Probe::Waiting { id, .. }, ServerJsonRpcMessage::Error(error)) => {
                error.id.as_ref().is_none_or(|answered| answered == id)
            }
            _ => false,
        };
        if answers {
            self.probe = Probe::NotSent;
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Probed<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.note(&item);
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            let message = match &self.probe {
                Probe::Waiting { id, until } => {
                    let id = id.clone();
                    match tokio::time::timeout_at(*until, self.inner.receive()).await {
                        Ok(message) => message?,
                        Err(_) => return Some(self.abandon(id)),
                    }
                }
                _ => self.inner.receive().await?,
            };
            if !self.is_late(&message) {
                self.settle(&message);
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

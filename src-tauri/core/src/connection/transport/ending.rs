//! Learning that a connection has ended, and that nothing of it is left.

use rmcp::{
    RoleClient,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::Transport,
};
use tokio::sync::watch;

/// A transport that tells when it has been closed.
pub(crate) struct Watched<T> {
    inner: T,
    ended: watch::Sender<bool>,
}

/// Waits for the end of a connection; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ended(watch::Receiver<bool>);

impl<T> Watched<T> {
    pub(crate) fn new(inner: T) -> (Self, Ended) {
        let ended = watch::Sender::new(false);
        let receiver = ended.subscribe();
        (Self { inner, ended }, Ended(receiver))
    }
}

impl Ended {
    /// Returns when the connection has been closed, from whichever side, and cleaned up.
    pub async fn wait(&self) {
        // A sender that is gone without a word has ended too.
        let _ = self.0.clone().wait_for(|ended| *ended).await;
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Watched<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    fn receive(&mut self) -> impl Future<Output = Option<ServerJsonRpcMessage>> + Send {
        self.inner.receive()
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        let outcome = self.inner.close().await;
        self.ended.send_replace(true);
        outcome
    }
}

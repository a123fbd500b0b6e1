//! What a server may ask of us, and what becomes of its notifications.
//!
//! A capability is declared only when something here really handles it: elicitation with a handler set, nothing else.
//! Roots and sampling are deprecated (MCP 2026-07-28) and not offered.
#![expect(
    deprecated,
    reason = "rmcp marks logging as deprecated by MCP 2026-07-28; older servers still send it"
)]

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationCapability, ErrorData, Implementation, LoggingMessageNotificationParam, ProtocolVersion,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::Value;
use tokio::sync::watch;

use super::server_log::{LogSource, ServerLog};
use crate::PRODUCT;

/// `clientInfo.name`.
pub const CLIENT_NAME: &str = "omlx-connect";

/// Asks the user what a server wants to know (MCP "Elicitation").
pub trait Elicit: fmt::Debug + Send + Sync {
    /// Which kinds are handled; declared to the server.
    fn capability(&self) -> ElicitationCapability;

    /// Asks; the server is told what comes of it.
    fn elicit(&self, request: ElicitRequestParams) -> BoxFuture<'_, ElicitResult>;
}

/// Our side of the protocol for one server; cheap to clone.
#[derive(Clone)]
pub struct Handler {
    inner: Arc<Inner>,
    version: ProtocolVersion,
}

struct Inner {
    log: ServerLog,
    tools_changed: watch::Sender<u64>,
    elicit: Option<Arc<dyn Elicit>>,
}

impl Handler {
    /// A handler that passes elicitations on; without anyone to pass them to, it declines them.
    pub fn new(log: ServerLog, elicit: Option<Arc<dyn Elicit>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                log,
                tools_changed: watch::Sender::new(0),
                elicit,
            }),
            version: ProtocolVersion::LATEST_WITH_INITIALIZE,
        }
    }

    /// The same handler, asking for another version in `initialize`.
    pub(crate) fn speaking(&self, version: ProtocolVersion) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            version,
        }
    }

    /// Counts `notifications/tools/list_changed`; many in a row wake a watcher once.
    pub fn tools_changed(&self) -> watch::Receiver<u64> {
        self.inner.tools_changed.subscribe()
    }

    /// Wakes those who watch for changed tools.
    pub(crate) fn note_tools_changed(&self) {
        self.inner
            .tools_changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = self.inner.elicit.as_ref().map(|elicit| elicit.capability());
        let client = Implementation::new(CLIENT_NAME, env!("CARGO_PKG_VERSION")).with_title(PRODUCT);
        ClientConfig::new(capabilities, client).with_protocol_version(self.version.clone())
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        match &self.inner.elicit {
            Some(elicit) => Ok(elicit.elicit(request).await),
            None => Ok(ElicitResult::new(ElicitationAction::Decline)),
        }
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.note_tools_changed();
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let text = match &params.data {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let level = format!("{:?}", params.level).to_lowercase();
        self.inner
            .log
            .push(LogSource::Message, &format!("{level}: {text}"));
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("elicitation", &self.inner.elicit.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use jiff::Timestamp;
    use rmcp::model::FormElicitationCapability;

    use super::*;
    use crate::clock::Clock;

    #[derive(Debug)]
    struct Accepting;

    impl Elicit for Accepting {
        fn capability(&self) -> ElicitationCapability {
            ElicitationCapability::new().with_form(FormElicitationCapability::default())
        }

        fn elicit(&self, _request: ElicitRequestParams) -> BoxFuture<'_, ElicitResult> {
            std::future::ready(ElicitResult::new(ElicitationAction::Accept)).boxed()
        }
    }

    fn log() -> ServerLog {
        ServerLog::new(Clock::manual(Timestamp::UNIX_EPOCH).0)
    }

    #[test]
    fn only_what_is_handled_is_declared() {
        let plain = serde_json::to_value(Handler::new(log(), None).get_info().capabilities).expect("JSON");
        assert_eq!(plain, serde_json::json!({}));
        let asking = Handler::new(log(), Some(Arc::new(Accepting)));
        let asking = serde_json::to_value(asking.get_info().capabilities).expect("JSON");
        assert_eq!(asking, serde_json::json!({"elicitation": {"form": {}}}));
    }

    #[test]
    fn we_say_who_we_are() {
        let client = Handler::new(log(), None).get_info().client_info;
        assert_eq!(
            (client.name.as_str(), client.title.as_deref()),
            (CLIENT_NAME, Some(PRODUCT))
        );
    }

    #[tokio::test]
    async fn many_changes_wake_a_watcher_once() {
        let handler = Handler::new(log(), None);
        let mut changed = handler.tools_changed();
        handler.note_tools_changed();
        handler.clone().note_tools_changed();
        changed.changed().await.expect("the handler lives");
        assert!(changed.changed().now_or_never().is_none());
    }
}

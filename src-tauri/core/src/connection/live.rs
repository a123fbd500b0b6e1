//! An open connection with its tools, lent to whoever calls, and listened to by its owner.

use std::sync::Arc;

use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, Tool};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::{
    authorized_http::{AuthorizedHttp, Refusal},
    call::CallError,
    era::Era,
    open::Opened,
};
use crate::{clock::Clock, config::ServerConfig};

/// What is there while a server is connected. Dropping the last reference ends the connection.
#[derive(Clone)]
pub(crate) struct Live {
    pub(super) opened: Arc<Opened>,
    pub(super) tools: Arc<[Tool]>,
}

/// What an owner hears of its open connection.
pub(super) enum Heard {
    /// It ended without being asked to.
    Closed,
    /// Nobody answers where it leads any more.
    Lost,
    /// A request was refused.
    Refused(Arc<Refusal>),
    /// The tools are not what they were.
    ToolsChanged,
}

/// The owner's ear on one connection; nothing that happens between two listenings is missed.
pub(super) struct Ear {
    opened: Arc<Opened>,
    refusals: Option<watch::Receiver<Option<Arc<Refusal>>>>,
    unreached: Option<watch::Receiver<u64>>,
    tools: watch::Receiver<u64>,
    _listening: AbortOnDropHandle<()>,
}

impl Live {
    /// Calls a tool.
    pub(crate) async fn call(
        &self,
        config: &ServerConfig,
        tool: &str,
        arguments: JsonObject,
    ) -> Result<CallToolResult, CallError> {
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        self.opened.call(call, config.timeout).await
    }

    pub(super) fn era(&self) -> Era {
        self.opened.era
    }
}

impl Ear {
    pub(super) fn on(opened: &Arc<Opened>, clock: &Clock) -> Self {
        let (listener, clock) = (Arc::clone(opened), clock.clone());
        Self {
            _listening: AbortOnDropHandle::new(tokio::spawn(async move { listener.listen(&clock).await })),
            opened: Arc::clone(opened),
            refusals: opened.http.as_ref().map(AuthorizedHttp::refusals),
            unreached: opened.http.as_ref().map(AuthorizedHttp::unreached),
            tools: opened.service.service().tools_changed(),
        }
    }

    /// Waits for the next thing the owner should know; for ever while there is no connection.
    pub(super) async fn hear(ear: Option<&mut Self>) -> Heard {
        let Some(Self {
            opened,
            refusals,
            unreached,
            tools,
            ..
        }) = ear
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            () = closed(opened) => Heard::Closed,
            refusal = next_refusal(refusals.as_mut()) => Heard::Refused(refusal),
            () = lost(unreached.as_mut()) => Heard::Lost,
            Ok(()) = tools.changed() => Heard::ToolsChanged,
        }
    }
}

async fn next_refusal(refusals: Option<&mut watch::Receiver<Option<Arc<Refusal>>>>) -> Arc<Refusal> {
    let Some(refusals) = refusals else {
        return std::future::pending().await;
    };
    while refusals.changed().await.is_ok() {
        if let Some(refusal) = refusals.borrow_and_update().clone() {
            return refusal;
        }
    }
    std::future::pending().await
}

async fn lost(unreached: Option<&mut watch::Receiver<u64>>) {
    if let Some(unreached) = unreached
        && unreached.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

async fn closed(opened: &Opened) {
    opened.ended().wait().await;
}

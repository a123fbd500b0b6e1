//! An open connection with its tools, lent to whoever calls, and listened to by its owner.

use std::sync::Arc;

use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, Tool};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::{
    authorized_http::{AuthorizedHttp, Refusal},
    call::CallError,
    era::Era,
    link::{Introduction, Link},
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
    /// None where the connection is others' own, and only what they are refused is heard.
    opened: Option<Arc<Opened>>,
    refusals: Option<watch::Receiver<Option<Arc<Refusal>>>>,
    unreached: Option<watch::Receiver<u64>>,
    tools: Option<watch::Receiver<u64>>,
    _listening: Option<AbortOnDropHandle<()>>,
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

    /// The same server, lent.
    pub(super) fn link(&self) -> Link {
        match &self.opened.http {
            Some(http) => Link::Http {
                http: http.clone(),
                era: self.opened.era,
            },
            None => Link::Program,
        }
    }

    /// What the server said about itself.
    pub(super) fn introduction(&self) -> Option<Introduction> {
        let info = self.opened.peer().peer_info()?;
        Some(Introduction {
            capabilities: serde_json::to_value(&info.capabilities).ok()?,
            server_info: serde_json::to_value(&info.server_info).ok()?,
            instructions: info.instructions.clone(),
        })
    }
}

impl Ear {
    pub(super) fn on(opened: &Arc<Opened>, clock: &Clock) -> Self {
        let (listener, clock) = (Arc::clone(opened), clock.clone());
        Self {
            _listening: Some(AbortOnDropHandle::new(tokio::spawn(async move {
                listener.listen(&clock).await;
            }))),
            opened: Some(Arc::clone(opened)),
            refusals: opened.http.as_ref().map(AuthorizedHttp::refusals),
            unreached: opened.http.as_ref().map(AuthorizedHttp::unreached),
            tools: Some(opened.service.service().tools_changed()),
        }
    }

    /// On what is lent without having been opened here.
    pub(super) fn on_lent(link: &Link) -> Self {
        let http = match link {
            Link::Http { http, .. } => Some(http),
            Link::Program => None,
        };
        Self {
            _listening: None,
            opened: None,
            refusals: http.map(AuthorizedHttp::refusals),
            unreached: http.map(AuthorizedHttp::unreached),
            tools: None,
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
            () = closed(opened.as_deref()) => Heard::Closed,
            refusal = next_refusal(refusals.as_mut()) => Heard::Refused(refusal),
            () = next(unreached.as_mut()) => Heard::Lost,
            () = next(tools.as_mut()) => Heard::ToolsChanged,
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

/// Waits until a counter has moved; for ever where there is none.
async fn next(counter: Option<&mut watch::Receiver<u64>>) {
    if let Some(counter) = counter
        && counter.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

async fn closed(opened: Option<&Opened>) {
    match opened {
        Some(opened) => opened.ended().wait().await,
        None => std::future::pending().await,
    }
}

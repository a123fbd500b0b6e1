//! One attempt to connect: token, transport, tools. Runs as a task of its own and decides nothing.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    authorized_http::{AuthorizedHttp, Refusal},
    call::CallError,
    client_handler::Handler,
    guarded::{Guarded, Unready},
    link::Link,
    live::Live,
    open::{self, OpenContext, OpenError, Opened},
    owner::{Note, Owner},
    state::Input,
    token_source::{AnonymousTokens, TokenSource},
};
use crate::{
    Explain, Problem,
    config::{ServerConfig, Transport},
};

/// How an attempt ended.
pub(super) enum Ended {
    /// Connected, tools listed.
    Discovered(Live),
    /// Nothing was asked of the server: whoever borrows it does.
    Lent(Link),
    /// 401 or 403.
    Refused(Arc<Refusal>),
    /// The grant, the keychain or the entry keeps it from working.
    Stuck(Box<Input>),
    /// Something is away; try again.
    Unavailable {
        problem: Problem,
        retry_after: Option<Duration>,
    },
}

impl Ended {
    fn stuck(input: Input) -> Self {
        Self::Stuck(Box::new(input))
    }
}

/// What an attempt needs of its owner.
pub(super) struct Attempt {
    config: Arc<ServerConfig>,
    guarded: Option<Guarded>,
    context: OpenContext,
    noting: mpsc::UnboundedSender<Note>,
    /// Whether the server may be lent without being asked first.
    unasked: bool,
}

impl Attempt {
    pub(super) fn of(owner: &Owner) -> Self {
        let tokens: Arc<dyn TokenSource> = match &owner.guarded {
            Some(guarded) => Arc::clone(&guarded.tokens) as _,
            None => Arc::new(AnonymousTokens),
        };
        let context = OpenContext {
            client: owner.shared.client.clone(),
            tokens,
            remembered_era: owner.era,
            log: owner.log.clone(),
            handler: Handler::new(owner.log.clone(), owner.shared.elicit.clone()),
            login_path: owner.shared.login_path.clone(),
        };
        Self {
            config: Arc::clone(&owner.config),
            guarded: owner.guarded.clone(),
            context,
            noting: owner.noting.clone(),
            unasked: owner.may_lend_unasked(),
        }
    }

    pub(super) async fn run(self) -> Ended {
        if let Some(guarded) = &self.guarded
            && let Err(unready) = guarded.ready().await
        {
            return unready.into();
        }
        if let Some(link) = self.link() {
            return Ended::Lent(link);
        }
        let opened = match open::open(&self.config, &self.context).await {
            Ok(opened) => opened,
            Err(error) => return error.into(),
        };
        let provider = opened.server.display_name().map(str::to_owned);
        // The owner is gone only when the process ends.
        let _ = self.noting.send(Note::TransportConnected { provider });
        list(Arc::new(opened), self.config.timeout).await
    }
}

impl Attempt {
    /// The server as it can be lent without a request.
    fn link(&self) -> Option<Link> {
        let era = self.context.remembered_era;
        match &self.config.transport {
            _ if !self.unasked => None,
            Transport::Stdio { .. } => Some(Link::Program),
            Transport::StreamableHttp { url, headers } | Transport::Sse { url, headers } => {
                let tokens = Arc::clone(&self.context.tokens);
                let client = self.context.client.clone();
                Some(Link::Http {
                    http: AuthorizedHttp::new(client, url.clone(), headers.clone(), tokens),
                    era: era?,
                })
            }
        }
    }
}

/// Lists the tools of an open connection: the end of an attempt, and what a change of tools leads to.
pub(super) async fn list(opened: Arc<Opened>, limit: Duration) -> Ended {
    match opened.tools(limit).await {
        Ok(tools) => Ended::Discovered(Live {
            opened,
            tools: tools.into(),
        }),
        Err(error) => error.into(),
    }
}

impl From<CallError> for Ended {
    fn from(error: CallError) -> Self {
        match error.refusal() {
            Some(refusal) => Self::Refused(Arc::clone(refusal)),
            None if error.is_transient() => Self::Unavailable {
                problem: error.problem(),
                retry_after: error.retry_after(),
            },
            None => Self::stuck(Input::Failed(error.problem())),
        }
    }
}

impl From<Unready> for Ended {
    fn from(unready: Unready) -> Self {
        match unready {
            Unready::Ended(problem) => Self::stuck(Input::RefreshRejected(problem)),
            Unready::Locked(problem) => Self::stuck(Input::KeychainLocked(problem)),
            Unready::Unavailable { problem, retry_after } => Self::Unavailable { problem, retry_after },
        }
    }
}

impl From<OpenError> for Ended {
    fn from(error: OpenError) -> Self {
        match error.refusal() {
            Some(refusal) => Self::Refused(Arc::clone(refusal)),
            None if error.is_transient() => Self::Unavailable {
                problem: error.problem(),
                retry_after: error.retry_after(),
            },
            None => Self::stuck(Input::Failed(error.problem())),
        }
    }
}

//! The gateway of the app: started with it, on the port that was chosen, and told to the panel; where it cannot be, the
//! app is there all the same.

use std::{num::NonZeroU16, time::Duration};

use omlx_gateway::{Gateway, GatewayError};
use omlx_mcp::{Explain as _, Problem, access::Access, handle::Handle, settings::Settings};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

/// How often a port that another program has is tried again: a terminal may have been lending, and be done.
const AGAIN: Duration = Duration::from_secs(30);

/// How long a change of the port may take before it is let be.
const SETTLE: Duration = Duration::from_secs(5);

/// How the gateway is.
#[derive(Clone, Debug)]
struct Standing {
    port: NonZeroU16,
    url: Result<String, Problem>,
}

/// The gateway, and the one task that owns it.
#[derive(Debug)]
pub(crate) struct Lending {
    standing: watch::Receiver<Option<Standing>>,
    stop: CancellationToken,
}

impl Lending {
    /// Lends the servers to other clients from now on. Needs a Tokio runtime.
    pub(crate) fn begin(handle: &Handle, access: &Access, chosen: watch::Receiver<Settings>) -> Self {
        let (telling, standing) = watch::channel(None);
        let stop = CancellationToken::new();
        let owner = Owner {
            handle: handle.clone(),
            access: access.clone().lending(handle),
            chosen,
            telling,
            stop: stop.clone(),
        };
        tokio::spawn(owner.run());
        Self { standing, stop }
    }

    /// Where other clients find the servers; the problem where they cannot.
    pub(crate) fn url(&self) -> Option<Result<String, Problem>> {
        self.standing
            .borrow()
            .as_ref()
            .map(|standing| standing.url.clone())
    }

    /// Waits until it listens on `port`, or is known not to.
    pub(crate) async fn settled(&self, port: NonZeroU16) {
        let mut standing = self.standing.clone();
        let there =
            standing.wait_for(|standing| standing.as_ref().is_some_and(|standing| standing.port == port));
        // A gateway that dawdles keeps nobody from the settings.
        let _ = timeout(SETTLE, there).await;
    }

    /// Ends it, with the requests under way.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        let mut standing = self.standing.clone();
        while standing.changed().await.is_ok() {}
    }
}

struct Owner {
    handle: Handle,
    access: Access,
    chosen: watch::Receiver<Settings>,
    telling: watch::Sender<Option<Standing>>,
    stop: CancellationToken,
}

impl Owner {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let port = self.chosen.borrow_and_update().gateway_port;
            let gateway = self.start(port).await;
            self.until_due(port, gateway.as_ref()).await;
            if let Some(gateway) = gateway {
                gateway.stop().await;
            }
        }
    }

    async fn start(&self, port: NonZeroU16) -> Option<Gateway> {
        let settings = omlx_gateway::Settings { port: port.get() };
        let started = Gateway::start(self.handle.clone(), self.access.clone(), settings).await;
        let url = started.as_ref().map(Gateway::url).map_err(GatewayError::problem);
        if let Err(problem) = &url {
            tracing::warn!(code = %problem.code, "the gateway could not be started: {}", problem.message);
        }
        self.telling.send_replace(Some(Standing { port, url }));
        started.ok()
    }

    /// Until another port is chosen, a port that was taken is worth another try, or the app ends.
    async fn until_due(&mut self, port: NonZeroU16, gateway: Option<&Gateway>) {
        let another = async {
            let another = self.chosen.wait_for(|settings| settings.gateway_port != port);
            if another.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let again = async {
            match gateway {
                Some(_) => std::future::pending().await,
                None => tokio::time::sleep(AGAIN).await,
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = another => {}
            () = again => {}
        }
    }
}

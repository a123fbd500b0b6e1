//! Opening a connection: the right transport, the right era, with as few requests as that takes.

mod fault;
mod http;
mod stdio;

use std::{fmt, sync::Arc};

use rmcp::{
    RoleClient,
    model::ServerPeerInfo,
    service::{Peer, RunningService},
};

pub use self::fault::OpenError;
pub(super) use self::fault::http_fault;
use super::{
    authorized_http::AuthorizedHttp,
    carrier::Carrier,
    client_handler::Handler,
    era::Era,
    login_path::LoginPath,
    server_log::ServerLog,
    token_source::TokenSource,
    transport::{ending::Ended, stdio::ExitWatch},
};
use crate::{
    config::{ServerConfig, Transport},
    oauth::server_text::name,
};

type Service = RunningService<RoleClient, Handler>;

/// What opening a connection needs besides the entry in the config file.
#[derive(Clone)]
pub struct OpenContext {
    /// Redirects must be off.
    pub client: Carrier,
    /// The token of every request.
    pub tokens: Arc<dyn TokenSource>,
    /// What was found out last time.
    pub remembered_era: Option<Era>,
    /// Where the server's own words go.
    pub log: ServerLog,
    /// Our side of the protocol.
    pub handler: Handler,
    /// Where PATH comes from when the app was started from the desktop; none on the command line.
    pub login_path: Option<LoginPath>,
}

/// An open connection; it closes when dropped, without being waited for.
pub struct Opened {
    pub(super) service: Service,
    pub(super) ended: Ended,
    /// To be remembered.
    pub era: Era,
    /// Who answered.
    pub server: ServerIdentity,
    /// The HTTP side, for refusals and for forwarding; none for stdio.
    pub http: Option<AuthorizedHttp>,
    /// How the child process ended; none for HTTP.
    pub exit: Option<ExitWatch>,
}

/// What a server calls itself; bounded, fit to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerIdentity {
    /// `serverInfo.name`
    pub name: Option<String>,
    /// `serverInfo.title`
    pub title: Option<String>,
    /// `serverInfo.version`
    pub version: Option<String>,
}

/// Connects to a server. Each step has the entry's time-out; a 401 or 403 at any of them ends it.
pub async fn open(server: &ServerConfig, context: &OpenContext) -> Result<Opened, OpenError> {
    match &server.transport {
        Transport::Stdio { .. } => stdio::open(server, context).await,
        Transport::StreamableHttp { url, headers } | Transport::Sse { url, headers } => {
            let http = AuthorizedHttp::new(
                context.client.clone(),
                url.clone(),
                headers.clone(),
                Arc::clone(&context.tokens),
            );
            http::open(server, context, http).await
        }
    }
}

impl Opened {
    fn new((service, ended): (Service, Ended), era: Era) -> Self {
        let server = service
            .peer_info()
            .map(|info| ServerIdentity::of(&info))
            .unwrap_or_default();
        Self {
            service,
            ended,
            era,
            server,
            http: None,
            exit: None,
        }
    }

    /// rmcp's side of the connection, for what has no method here.
    pub fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    /// Tells when the connection has ended, from whichever side.
    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Ends the connection and waits until nothing is left of it: the session deleted, the child process gone.
    pub async fn close(&self) {
        self.service.cancellation_token().cancel();
        self.ended.wait().await;
    }
}

impl ServerIdentity {
    fn of(info: &ServerPeerInfo) -> Self {
        let Some(server) = &info.server_info else {
            return Self::default();
        };
        Self {
            name: name(&server.name),
            title: server.title.as_deref().and_then(name),
            version: name(&server.version),
        }
    }

    /// The title, else the name.
    pub fn display_name(&self) -> Option<&str> {
        self.title.as_deref().or(self.name.as_deref())
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("era", &self.era)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod demo_tests;
#[cfg(test)]
mod tests;

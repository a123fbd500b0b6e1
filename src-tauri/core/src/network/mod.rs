//! How this process reaches the network: one TLS configuration, the system's proxy, and no redirects.
//!
//! Two kinds of client come out of a [`Network`]. [`Network::client`] goes wherever the *user* pointed: MCP traffic.
//! [`Network::http`] goes where *servers* point, which is what authorization is made of, and therefore asks an
//! [`AddressGuard`] first. A client never follows a redirect: every hop would have to be checked again, with
//! credentials at stake (MCP security best practices, "Server-Side Request Forgery").

mod guard;
mod proxy;
mod reach;
mod tls;

use std::{path::PathBuf, time::Duration};

pub use guard::{AddressGuard, PrivateAddress};
pub use reach::Reach;
pub(crate) use tls::{
    failure as tls_failure, failure_in as tls_failure_in, wants_certificate as wants_tls_certificate,
};

use self::{guard::GuardedResolver, proxy::Proxies};
use crate::{
    Action, Explain,
    clock::Clock,
    oauth::{http::Http, timeline::Timeline},
};

/// Who we are to every server.
pub const USER_AGENT: &str = concat!("omlx-connect/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a user may set about the network; everything has a default that is right on most machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// PEM certificates to trust on top of the operating system's.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with a client certificate, its chain and its private key (mutual TLS, RFC 8446 §4.4.2).
    pub client_certificate: Option<PathBuf>,
    /// Where requests go through.
    pub proxy: ProxyChoice,
    /// How long a connection may take to come about, TLS included.
    pub connect_timeout: Duration,
    /// Whether a public server may name a private authorization server.
    pub private_addresses: PrivateAddresses,
}

/// Whether requests go through a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// What the environment (`HTTPS_PROXY`, `NO_PROXY` …) or the operating system says; never for loopback.
    #[default]
    System,
    /// Always directly.
    Direct,
}

/// Whether addresses that servers name may be private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// Only as private as the MCP server itself is.
    #[default]
    Guarded,
    /// Everywhere.
    Allowed,
}

/// The network cannot be used as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The extra certificate authorities cannot be used.
    #[error("the certificate authority file {} {cause}", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// One plain phrase.
        cause: &'static str,
    },
    /// The client certificate cannot be used.
    #[error("the client certificate file {} {cause}", path.display())]
    ClientCertificate {
        /// Which file.
        path: PathBuf,
        /// One plain phrase.
        cause: &'static str,
    },
    /// TLS or the client itself could not be set up.
    #[error("secure connections cannot be set up: {cause}")]
    Setup {
        /// One plain phrase.
        cause: String,
    },
}

/// The network as set up once for this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Network {
    tls: rustls::ClientConfig,
    proxies: Proxies,
    connect_timeout: Duration,
    private_addresses: PrivateAddresses,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            proxy: ProxyChoice::default(),
            connect_timeout: CONNECT_TIMEOUT,
            private_addresses: PrivateAddresses::default(),
        }
    }
}

impl NetworkSettings {
    /// Reads `OMLX_CONNECT_CA_FILE`, `OMLX_CONNECT_CLIENT_CERTIFICATE` and `OMLX_CONNECT_PRIVATE_ADDRESSES=allow`.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let file = |name| env(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let private_addresses = match env("OMLX_CONNECT_PRIVATE_ADDRESSES").as_deref() {
            Some("allow") => PrivateAddresses::Allowed,
            _ => PrivateAddresses::Guarded,
        };
        Self {
            ca_file: file("OMLX_CONNECT_CA_FILE"),
            client_certificate: file("OMLX_CONNECT_CLIENT_CERTIFICATE"),
            private_addresses,
            ..Self::default()
        }
    }
}

impl Network {
    /// Reads the files and proxy settings that were chosen, once. The operating system's trust store is read at the first
    /// https connection.
    pub fn new(settings: &NetworkSettings) -> Result<Self, NetworkError> {
        Ok(Self {
            tls: tls::configure(settings)?,
            proxies: Proxies::new(settings.proxy),
            connect_timeout: settings.connect_timeout,
            private_addresses: settings.private_addresses,
        })
    }

    /// A client for the addresses the user wrote: MCP traffic.
    pub fn client(&self) -> Result<reqwest::Client, NetworkError> {
        built(self.builder())
    }

    /// The authorization client of one server entry, `guard` being [`AddressGuard::of`] that entry.
    ///
    /// Keep the result for the life of the entry, it pools connections.
    pub fn http(&self, guard: AddressGuard, clock: Clock, timeline: Timeline) -> Result<Http, NetworkError> {
        let guard = match self.private_addresses {
            PrivateAddresses::Guarded => guard,
            PrivateAddresses::Allowed => AddressGuard::open(),
        };
        let resolver = GuardedResolver::new(guard.clone(), self.proxies.hosts());
        let client = built(self.builder().dns_resolver(resolver))?;
        Ok(Http::new(client, clock, timeline).guarded(guard))
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .user_agent(USER_AGENT);
        self.proxies.apply(builder)
    }
}

/// A client for the addresses the user wrote; [`Network`] when more than one is needed.
pub fn client(settings: &NetworkSettings) -> Result<reqwest::Client, NetworkError> {
    Network::new(settings)?.client()
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, NetworkError> {
    builder.build().map_err(|error| NetworkError::Setup {
        cause: crate::oauth::http::root_cause(&error),
    })
}

impl Explain for NetworkError {
    fn code(&self) -> &'static str {
        match self {
            Self::CaFile { .. } => "ca_file_unusable",
            Self::ClientCertificate { .. } => "client_certificate_unusable",
            Self::Setup { .. } => "tls_setup_failed",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::CaFile { .. } | Self::ClientCertificate { .. } => Action::EditConfig,
            Self::Setup { .. } => Action::Retry,
        }
    }
}

#[cfg(test)]
mod tests;
